/** What TypeScript makes of the package as it is installed, with the libraries' own declarations checked too. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
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
  import { bytes, float64, fn, functions, pipeline, remote } from 'frond/functions';
  import { memory } from 'frond/memory';
  import { websocket, type WebsocketOptions } from 'frond/websocket';
  const relayed: WebsocketOptions = { token: async () => 'secret' };
  const options: ConnectOptions = { transport: websocket('ws://127.0.0.1/', relayed), serverName: 's' };
  const upper: PalmFunction = (payload) => payload;
  const images = functions({
    resize: fn({ input: json<{ url: string; width?: number }>(), output: bytes() }, ({ url }) => new Uint8Array(url.length)),
    sum: fn({ input: float64(), output: json<number>() }, (list) => list.reduce((a, b) => a + b, 0)),
    count: fn({ input: bytes(), output: json<number>() }, async function* (payload) {
      yield payload.length;
    }),
  });
  export async function typed(client: Client): Promise<number> {
    const { resize, sum, count } = remote<typeof images>(client, 'images');
    const png: Uint8Array<ArrayBuffer> = await resize({ url: 'x' }, { timeout: undefined });
    // @ts-expect-error a field that is not there
    await resize({ url: 'x', widht: 3 });
    // @ts-expect-error stages that do not fit
    pipeline(sum, resize);
    for await (const length of count(png)) length.toFixed();
    return sum(new Float64Array(2));
  }
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
  import { nats } from 'frond/nats';
  import { zeromq } from 'frond/zeromq';
  import { zmtp } from 'frond/zmtp';
  const grants: RelayOptions['anonymous'] = { servers: ['s'], functions: ['s.*'] };
  export async function relay(): Promise<void> {
    const transport = zeromq({ curve: { serverKey: '' } });
    zmtp({ maxMessageSize: 1_000 }).checkAddress('tcp://127.0.0.1:1');
    nats({ cluster: 'c' }).checkAddress('nats:s');
    await using relay: Relay = await createRelay({ server: createServer(), transport, servers: {}, anonymous: grants });
    // @ts-expect-error a relay is of a server
    await createRelay({ transport, servers: {} });
    relay.connections.toFixed();
  }`;

/** What projects with `exactOptionalPropertyTypes` are told besides. */
const EXACT = `
  export async function exact(client: Client): Promise<void> {
    const { resize } = remote<typeof images>(client, 'images');
    // @ts-expect-error an optional field is left out, and not undefined
    await resize({ url: 'x', width: undefined });
  }`;

interface Project {
  /** What it is for, and the name of its folder. */
  readonly name: string;
  readonly within: 'bare' | 'full';
  readonly file: 'use.ts' | 'use.cts';
  readonly code: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const inNode = (moduleResolution: string, module: string, file: Project['file'] = 'use.ts'): Project => ({
  name: `Node, moduleResolution ${moduleResolution}, ${file}`,
  within: 'full',
  file,
  code: CLIENT + NATIVE + EXACT,
  options: { moduleResolution, module, types: ['node'], exactOptionalPropertyTypes: true },
});

/** As Vite's own templates have it: with no types but those of browsers. */
const inPage = (moduleResolution: string, module: string): Project => ({
  name: `a page, moduleResolution ${moduleResolution}`,
  within: 'bare',
  file: 'use.ts',
  code: CLIENT,
  options: { moduleResolution, module, lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [] },
});

const PROJECTS: readonly Project[] = [
  inNode('bundler', 'ESNext'),
  inNode('node16', 'Node16'),
  inNode('nodenext', 'NodeNext'),
  inNode('node16', 'Node16', 'use.cts'),
  inNode('nodenext', 'NodeNext', 'use.cts'),
  inPage('bundler', 'ESNext'),
  inPage('nodenext', 'NodeNext'),
  {
    name: 'Node, where neither zeromq nor ws nor nats.js is installed',
    within: 'bare',
    file: 'use.ts',
    code: CLIENT + NATIVE,
    options: {
      module: 'NodeNext',
      typeRoots: [join(inject('full').folder, 'node_modules/@types')],
      types: ['node'],
    },
  },
];

const folderOf = ({ name }: Project) => name.replace(/[^\w.]+/g, '-');

/** Writes the project, and gives where it is. */
function write(compiler: string, project: Project): string {
  const { within, file, code, options } = project;
  const folder = join(inject(within).folder, compiler.replaceAll(' ', '-'), folderOf(project));
  mkdirSync(folder, { recursive: true });
  const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022', ...options };
  writeFileSync(join(folder, file), code);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  return folder;
}

describe.each(COMPILERS)('%s knows all types', (name, compiler) => {
  let faults: readonly string[] = [];

  beforeAll(async () => {
    const folders = PROJECTS.map((project) => write(name, project));
    // All in one process, which reads the libraries once.
    const { stdout, stderr } = await run(process.execPath, [compiler, '-b', ...folders], {
      cwd: inject('full').folder,
      timeout: 150_000,
    });
    faults = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  }, 160_000);

  it.each(PROJECTS.map((project) => [project.name, project] as const))('%s', (_, project) => {
    const others = PROJECTS.filter((one) => one !== project).map((one) => `/${folderOf(one)}/`);
    // What is wrong in frond itself is wrong for each.
    expect(faults.filter((line) => !others.some((other) => line.includes(other)))).toEqual([]);
  });
});
