/** What TypeScript makes of the package as it is installed, with the libraries' own declarations checked too. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../..');

const COMPILERS = [
  ['TypeScript 5.9', join(import.meta.dirname, 'node_modules/typescript/bin/tsc')],
  ['TypeScript 7', join(root, 'node_modules/typescript/bin/tsc')],
] as const;

/** What every project may use. */
const CLIENT = `
  import { Client, json, PalmError, text, type ConnectOptions } from 'frond';
  import { MemoryStore, Server, type PalmFunction } from 'frond/cluster';
  import { memory } from 'frond/memory';
  import { websocket, type WebsocketOptions } from 'frond/websocket';
  const relayed: WebsocketOptions = { token: async () => 'secret' };
  const options: ConnectOptions = { transport: websocket('ws://127.0.0.1/', relayed), serverName: 's' };
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
    new MemoryStore();
    memory();
    new Blob([one, ...three]);
    await client.close();
    return new PalmError('LOST', String(count.words)).code;
  }`;

/** What projects for Node use besides. */
const NATIVE = `
  import { createServer } from 'node:http';
  import { createRelay, type Relay, type RelayOptions } from 'frond/relay';
  import { zeromq } from 'frond/zeromq';
  const grants: RelayOptions['anonymous'] = { servers: ['s'], functions: ['s.*'] };
  export async function relay(): Promise<void> {
    const transport = zeromq({ curve: { serverKey: '' } });
    await using relay: Relay = await createRelay({ server: createServer(), transport, servers: {}, anonymous: grants });
    // @ts-expect-error a relay is of a server
    await createRelay({ transport, servers: {} });
    relay.connections.toFixed();
  }`;

async function faultsOf(compiler: string, folder: string, file: string, code: string, options: object) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), code);
  const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, ...options };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  const { stdout, stderr } = await run(process.execPath, [compiler, '-p', '.'], { cwd: folder });
  return `${stdout}${stderr}`;
}

describe.each(COMPILERS)('%s', (name, compiler) => {
  const project = (installed: string, ...parts: readonly string[]) =>
    join(installed, ['types', name, ...parts].join('-').replaceAll(' ', '-'));

  it.each([
    ['bundler', 'ESNext', 'use.ts'],
    ['node16', 'Node16', 'use.ts'],
    ['nodenext', 'NodeNext', 'use.ts'],
    ['node16', 'Node16', 'use.cts'],
    ['nodenext', 'NodeNext', 'use.cts'],
  ])(
    'has types for every entry in Node: moduleResolution %s, module %s, %s',
    async (moduleResolution, module, file) => {
      const { folder } = inject('full');
      const options = { module, moduleResolution, target: 'ES2022', types: ['node'] };
      const own = project(folder, module, file);
      expect(await faultsOf(compiler, own, file, CLIENT + NATIVE, options)).toBe('');
    },
  );

  it.each([
    ['bundler', 'ESNext'],
    ['nodenext', 'NodeNext'],
  ])(
    'has types for a page, which has none but those of browsers: moduleResolution %s',
    async (moduleResolution, module) => {
      const { folder } = inject('bare');
      // As Vite's own templates have it.
      const lib = ['ES2022', 'DOM', 'DOM.Iterable'];
      const options = { module, moduleResolution, target: 'ES2022', lib, types: [] };
      expect(await faultsOf(compiler, project(folder, module), 'use.ts', CLIENT, options)).toBe('');
    },
  );

  it('needs neither zeromq nor ws to know the types of what uses them', async () => {
    const { folder } = inject('bare');
    const node = join(inject('full').folder, 'node_modules/@types');
    const options = { module: 'NodeNext', target: 'ES2022', typeRoots: [node], types: ['node'] };
    expect(await faultsOf(compiler, project(folder, 'native'), 'use.ts', CLIENT + NATIVE, options)).toBe('');
  });
});
