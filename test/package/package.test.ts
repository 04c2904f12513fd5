/** What someone gets who installs the package: `npm pack`, unpacked beside its dependencies. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PackedProject, packProject, root } from './packed.ts';

const run = promisify(execFile);

let project: PackedProject;

beforeAll(async () => {
  project = await packProject();
});

afterAll(() => project?.remove());

const tour = `
  const any = 'tcp://127.0.0.1:*';
  const server = await Server.start({ transport: zeromq(), name: 's', dbAddress: any, pullAddress: any, pubAddress: any,
    loggingLevel: 'silent' });
  const client = await Client.connect({ transport: zeromq(), serverName: 's', dbAddress: server.dbAddress });
  const inPage = memory();
  console.log(await client.with(text()).eval('s.echo', 'hello'), typeof inPage.open);
  await client.close();
  await server.close();`;

describe('the package', () => {
  it('runs in Node as ESM', async () => {
    const imports = `import { Client, text } from 'frond'; import { Server } from 'frond/cluster';
      import { memory } from 'frond/memory'; import { zeromq } from 'frond/zeromq';`;
    expect(await project.node('esm.mjs', imports + tour)).toBe('hello function');
  });

  it('runs in Node with require', async () => {
    const requires = `const { Client, text } = require('frond'); const { Server } = require('frond/cluster');
      const { memory } = require('frond/memory'); const { zeromq } = require('frond/zeromq');`;
    expect(await project.node('cjs.cjs', `${requires} (async () => {${tour}})();`)).toBe('hello function');
  });

  it('names the package that is missing, and the command that installs it', async () => {
    project.unlink('zeromq');
    try {
      const code = `import { zeromq } from 'frond/zeromq';
        await zeromq().open().catch((error) => console.log(error.code, error.message));`;
      expect(await project.node('missing.mjs', code)).toMatch(/^INVALID_CALL .*npm install zeromq/);
      expect(
        await project.node('core.mjs', `import { Client } from 'frond'; console.log(typeof Client);`),
      ).toBe('function');
    } finally {
      project.link('zeromq');
    }
  });

  it('names ws when that is missing, for the relay, and for the client where the platform has no WebSocket', async () => {
    project.unlink('ws');
    try {
      const code = `import { createServer } from 'node:http';
        import { memory } from 'frond/memory'; import { createRelay } from 'frond/relay'; import { websocket } from 'frond/websocket';
        delete globalThis.WebSocket;
        const told = (error) => console.log(error.code, error.message);
        await createRelay({ server: createServer(), transport: memory(), servers: {} }).catch(told);
        await websocket('ws://127.0.0.1:1/').open().catch(told);`;
      const lines = (await project.node('no-ws.mjs', code)).split('\n');
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line).toMatch(/^INVALID_CALL .*npm install ws/);
    } finally {
      project.link('ws');
    }
  });

  it.each([
    ['bundler', 'ESNext', 'use.ts'],
    ['node16', 'Node16', 'use.ts'],
    ['nodenext', 'NodeNext', 'use.ts'],
    ['node16', 'Node16', 'use.cts'],
    ['nodenext', 'NodeNext', 'use.cts'],
  ])('has types for every entry: %s resolution, module %s, %s', async (moduleResolution, module, file) => {
    const code = `
      import { Client, json, PalmError, text, type ConnectOptions } from 'frond';
      import { MemoryStore, Server, type PalmFunction } from 'frond/cluster';
      import { memory } from 'frond/memory';
      import { createRelay, type Relay, type RelayOptions } from 'frond/relay';
      import { websocket, type WebsocketOptions } from 'frond/websocket';
      import { zeromq } from 'frond/zeromq';
      const relayed: WebsocketOptions = { token: async () => 'secret' };
      const grants: RelayOptions['anonymous'] = { servers: ['s'], functions: ['s.*'] };
      const relay: Relay | undefined = undefined;
      const options: ConnectOptions = { transport: zeromq(), dbAddress: 'tcp://127.0.0.1:5555' };
      const upper: PalmFunction = (payload) => payload;
      export async function use(): Promise<string> {
        const client: Client = await Client.connect(options);
        const one: Uint8Array<ArrayBuffer> = await client.eval('s.f', new Uint8Array(1));
        const three: Uint8Array<ArrayBuffer>[] = await client.eval('s.f', one, { messages: 3 });
        const words: string = await client.with(text()).eval(['s.f', 't.g'], 'x');
        const count: { words: number } = await client.with(json<string[], { words: number }>()).eval('s.f', [words]);
        for await (const result of client.with(text()).job('s.f', ['a'], { messages: 1 })) result.toUpperCase();
        // @ts-expect-error text is no payload
        await client.eval('s.f', 'text');
        // @ts-expect-error the memory transport is one that binds, a client's need not be
        await Server.start({ transport: 5, name: 's', functions: { upper } });
        new MemoryStore(); memory(); new Blob([one, ...three]);
        await Client.connect({ transport: websocket('ws://127.0.0.1/', relayed), serverName: 's' });
        void [createRelay, grants, relay];
        return new PalmError('LOST', String(count.words)).code;
      }`;
    writeFileSync(join(project.folder, file), code);
    const options = {
      module,
      moduleResolution,
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.AsyncIterable'],
      strict: true,
      noEmit: true,
      types: ['node'],
    };
    writeFileSync(
      join(project.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: [file] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const outcome = await run(process.execPath, [tsc, '-p', project.folder], { cwd: project.folder }).catch(
      (error) => error,
    );
    expect(outcome.stdout).toBe('');
  });

  it('has a command', async () => {
    const { stdout } = await run(process.execPath, [
      join(project.folder, 'node_modules/frond/dist/node/cli.js'),
      '--version',
    ]);
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('brings no dependency, and the terms of what is in its bundles', () => {
    const own = join(project.folder, 'node_modules/frond');
    expect(JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')).dependencies).toBeUndefined();
    expect(readFileSync(join(own, 'dist/THIRD_PARTY_LICENSES.txt'), 'utf8')).toMatch(
      /msgpackr[\s\S]*MIT[\s\S]*nanoid/,
    );
  });
});

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
