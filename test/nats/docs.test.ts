/** The code of the page about NATS runs, and prints what its comments say. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf, wholeOf } from '../support/docs.ts';
import { NatsServer, NODE_CONFIG } from '../support/nats-server.ts';

const root = resolve(import.meta.dirname, '../..');
const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
const paths: Readonly<Record<string, readonly string[]>> = compilerOptions.paths;

let server: NatsServer;
const folder = mkdtempSync(join(tmpdir(), 'frond-nats-docs-'));
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** The code with its imports from this checkout, at this server. */
function settled(code: string): string {
  const file = (name: string) => paths[name]?.[0] ?? `transports/${name.slice('frond/'.length)}/index.ts`;
  const here = (name: string) => pathToFileURL(join(root, file(name))).href;
  return code
    .replace(/from '(frond[\w/]*)'/g, (_, name) => `from '${here(name)}'`)
    .replace("servers: 'nats://127.0.0.1:4222'", `servers: '${server.url}'`)
    .replaceAll('nats()', `nats({ servers: '${server.url}' })`);
}

const blocks = blocksOf('docs/guide/nats.md').filter(({ language }) => language === 'ts');

it.each(blocks.map((block) => [block.index, block] as const))('block %i', async (index, block) => {
  const file = join(folder, `block${index}.mts`);
  writeFileSync(file, settled(wholeOf(block)));
  const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
  const printed = await new Promise<string>((done) =>
    execFile(process.execPath, ['--import', loader, file], { timeout: 30_000 }, (_, stdout, stderr) =>
      done(stdout + stderr),
    ),
  );
  const said = [...block.text.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => text);
  const lines = printed.split('\n').filter((line) => line !== '' && !line.startsWith('frond '));
  expect(lines.join(' ')).toBe(said.join(' '));
});

it('has the configuration of a node as the tests of three nodes run it', () => {
  const shown = blocksOf('docs/guide/nats.md').map(({ text }) => text.trim());
  expect(shown).toContain(readFileSync(NODE_CONFIG, 'utf8').trim());
});

it('has five examples', () => {
  expect(blocks).toHaveLength(5);
});
