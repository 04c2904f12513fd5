/** The browser bundle as it is packed. What an installed package does is in test/install. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PackedProject, packProject, root } from '../support/packed.ts';

let project: PackedProject;

beforeAll(async () => {
  project = await packProject();
});

afterAll(() => project?.remove());

describe('the browser bundle', () => {
  const folder = join(root, 'dist/browser');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.js'),
  );

  it('needs nothing else: no import by name, no Node built-in', () => {
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const text = readFileSync(join(folder, file), 'utf8');
      const specifiers = [...text.matchAll(/(?:from|import)\s*\(?["']([^"']+)["']/g)].map(
        (match) => match[1] ?? '',
      );
      expect(specifiers.filter((own) => !own.startsWith('.'))).toEqual([]);
      expect(/['"](zeromq|node:)/.test(text)).toBe(false);
    }
  });

  it('runs with no Node global at all', async () => {
    const code = `
      for (const name of ['Buffer', 'process', 'setImmediate', 'global']) delete globalThis[name];
      const { Client, text } = await import('./node_modules/frond/dist/browser/index.js');
      const { Server } = await import('./node_modules/frond/dist/browser/cluster.js');
      const { memory } = await import('./node_modules/frond/dist/browser/memory.js');
      const transport = memory();
      const server = await Server.start({ transport, name: 's', dbAddress: 'memory://*', pullAddress: 'memory://*',
        pubAddress: 'memory://*', loggingLevel: 'silent' });
      const client = await Client.connect({ transport, dbAddress: server.dbAddress });
      const results = [];
      for await (const result of client.with(text()).job('s.echo', ['a', 'b'], { messages: 2 })) results.push(result);
      console.log(results.join());
      await client.close();
      await server.close();
      setTimeout(() => exit(0), 50);`;
    expect(await project.node('browser.mjs', `const exit = process.exit.bind(process); ${code}`)).toBe('a,b');
  });
});
