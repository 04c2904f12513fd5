/** Functions in threads: what they give, what happens when they misbehave, and what stays free meanwhile. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { Master, Server, Worker } from '../../../src/cluster/index.ts';
import type { CallProgress } from '../../../src/index.ts';
import type { Logger } from '../../../src/logging.ts';
import { memory } from '../../../transports/memory/index.ts';
import { zmtp } from '../../../transports/zmtp/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { type TestRole, testCluster } from '../../support/test-cluster.ts';
import { until, within } from '../../support/wait.ts';

const module = new URL('./functions.mjs', import.meta.url);
const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

/** Milliseconds that a call may take, with the start of other threads. */
const LIMIT = 15_000;

interface Line {
  readonly message: string;
  readonly fields: object | undefined;
}

function recorder(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const take = (message: string, fields?: object) => void lines.push({ message, fields });
  return { lines, logger: { debug: take, info: take, warning: take, error: take } };
}

async function openServer(options: object = {}) {
  const { start, connect } = cluster();
  const server = await start<Server>({ role: 'server', name: 's', module, threads: 1, ...options });
  const client = await connect({ dbAddress: server.dbAddress });
  const call = async (name: string, payload = '') =>
    textOf(await client.eval(`s.${name}`, bytes(payload), { timeout: LIMIT }));
  return { server, client, call };
}

async function openWorker(options: object = {}, masterOptions: object = {}) {
  const { start, connect } = cluster();
  const master = await start<Master>({ role: 'master', name: 'm', ...masterOptions });
  const { dbAddress } = master;
  const worker = await start<Worker>({ role: 'worker', dbAddress, module, threads: 2, ...options });
  const client = await connect({ dbAddress });
  const call = async (name: string, payload = '') =>
    textOf(await client.eval(`m.${name}`, bytes(payload), { timeout: LIMIT }));
  return { master, worker, client, call, start, dbAddress };
}

describe('a function in a thread', () => {
  it.each([
    ['a server', openServer, 's'],
    ['a worker', openWorker, 'm'],
  ] as const)('of %s says how far it is to a caller that listens', async (_role, open, name) => {
    const { client } = await open();
    const heard: string[] = [];
    const onProgress = ({ done, total, note }: CallProgress) => heard.push(`${done}/${total} ${note}`);
    const timeout = LIMIT;
    expect(textOf(await client.eval(`${name}.tells`, bytes('x'), { onProgress, timeout }))).toBe('x');
    expect(heard[0]).toBe('0/100 x');
    expect(heard.at(-1)).toBe('100/100 x');
    heard.length = 0;
    // A value that is not the last comes without another one behind it.
    const waiting = client.eval(`${name}.tellsAndWaits`, bytes(''), { onProgress, timeout });
    const stopped = expect(waiting).rejects.toBeDefined();
    await within(
      LIMIT,
      until(() => heard.includes('2/undefined undefined')),
      'the second value',
    );
    await client.close({ timeout: 0 });
    await stopped;
  });

  it('runs there, with the context of its call', async () => {
    const { server, client, call } = await openServer();
    expect(await call('upper', 'hello')).toBe('HELLO');
    expect(await call('where')).toMatch(/^thread \d+$/);
    expect(textOf(await client.eval('s.context', bytes(''), { cache: 'mine' }))).toBe('s s.context mine');
    expect(server.functionNames).toContain('upper');
    expect(server.functionNames[0]).toBe('echo');
  });

  it('is offered beside functions that run where the role runs', async () => {
    const functions = { here: () => bytes('here') };
    const { call } = await openServer({ functions });
    expect([await call('here'), await call('upper', 'there')]).toEqual(['here', 'THERE']);
  });

  it('gives several results, each when it is there, no more than are read', async () => {
    const { client } = await openServer();
    for (const [name, count] of [
      ['count', 100],
      ['slowly', 40],
    ] as const) {
      const answers = await client.eval(`s.${name}`, bytes(String(count)), { messages: count });
      expect(answers.map(textOf)).toEqual(Array.from({ length: count }, (_, i) => String(i)));
    }
    expect((await client.eval('s.list', bytes(''), { messages: 2 })).map(textOf)).toEqual(['a', 'b']);
  });

  it('gets and gives bytes of any size and kind', async () => {
    const { client, call } = await openServer();
    for (const size of [0, 1, 4_095, 4_096, 1_048_576]) {
      const payload = new Uint8Array(size).fill(5);
      expect(Buffer.compare(await client.eval('s.same', payload), payload)).toBe(0);
      // It was given to the server, not taken from the caller.
      expect(payload).toHaveLength(size);
    }
    expect(await call('part', 'abc')).toBe('bc');
    expect(await client.eval('s.shared', bytes(''))).toEqual(new Uint8Array(8).fill(9));
    expect(await client.eval('s.wasm', bytes(''))).toHaveLength(65_536);
  });

  it('is told that large results are given away', async () => {
    const { client, call } = await openServer();
    expect(await client.eval('s.kept', bytes(''))).toHaveLength(100_000);
    await expect(call('kept')).rejects.toMatchObject({
      code: 'REMOTE',
      message: expect.stringContaining('return a copy'),
    });
  });

  it.each([
    ['throws', 'RangeError', 'too far'],
    ['throwsOdd', undefined, 'an error that cannot be read'],
    ['nothing', 'NoResult', 'returned undefined'],
    ['wrong', 'TypeError', 'returned "a string"'],
    ['uncloneable', 'TypeError', 'cannot leave its thread'],
    ['reserved', 'PalmError', 'name'],
  ])('that %s fails its own call alone', async (name, remoteName, text) => {
    const { call } = await openServer();
    await expect(call(name)).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName,
      message: expect.stringContaining(text),
    });
    expect(await call('upper', 'on')).toBe('ON');
  });

  it('has the cache of its server, under the session of its caller', async () => {
    const { start, connect } = cluster();
    const { dbAddress } = await start<Server>({ role: 'server', name: 's', module, threads: 1 });
    const client = await connect({ dbAddress, session: 'mine/' });
    expect(textOf(await client.eval('s.keeps', bytes('key')))).toBe('mine/key 2,3 true undefined');
  });

  it("writes to its server's logger", async () => {
    const { lines, logger } = recorder();
    const { call } = await openServer({ logger, loggingLevel: 'info' });
    await call('says', 'hello');
    expect(lines).toContainEqual({ message: 'from a thread', fields: { said: 'hello' } });
    expect(lines).toContainEqual({ message: 'odd', fields: undefined });
  });
});

describe('what computes in a thread', () => {
  it('holds nothing else up: others are answered, and its worker is not taken for dead', async () => {
    const { client, call, worker } = await openWorker({}, { heartbeat: 100, workerTimeout: 300 });
    const endless = call('forever').catch((error) => error);
    await until(() => worker.counters.inFlight === 1);
    const end = performance.now() + 1_000;
    let count = 0;
    // A worker that is taken for dead gets the endless call again, for the thread that answers these.
    while (performance.now() < end) {
      for await (const _ of client.map('m.upper', Array(50).fill(bytes('x')), { timeout: LIMIT })) count++;
    }
    expect(count).toBeGreaterThanOrEqual(50);
    expect(worker.counters).toMatchObject({ inFlight: 1, failed: 0, received: count + 1 });
    await worker.close({ timeout: 0 });
    void endless;
  });

  it('answers heartbeats of ZeroMQ meanwhile', async () => {
    const own = testGround();
    await using master = await own.master({ heartbeat: 100, workerTimeout: 300 });
    await using worker = await own.worker(master.dbAddress);
    await using client = await own.client(master.dbAddress);
    const long = client.eval('m.compute', bytes('1500'), { timeout: LIMIT });
    expect(textOf(await client.eval('m.upper', bytes('x'), { timeout: LIMIT }))).toBe('X');
    expect(textOf(await long)).toBe('1500');
    expect(worker.counters).toMatchObject({ answered: 2, failed: 0 });
  });

  it('uses as many threads as there are calls', async () => {
    const { client } = await openWorker({ threads: 2 });
    const started = await Promise.all(
      Array.from({ length: 2 }, () => client.eval('m.where', bytes(''), { timeout: LIMIT })),
    );
    expect(started).toHaveLength(2);
    const names = new Set<string>();
    for await (const name of client.map('m.where', Array(200).fill(bytes('')))) names.add(textOf(name));
    expect(names.size).toBe(2);
  });
});

describe('a thread that ends', () => {
  it.each([
    ['exits', 'exit code 3'],
    ['fails', 'nobody catches this'],
  ])('because a function %s is tried three times, and then is one failed call', async (name, text) => {
    const { lines, logger } = recorder();
    const { call } = await openServer({ logger, loggingLevel: 'warning' });
    await expect(call(name)).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName: 'ThreadDied',
      message: expect.stringContaining(text),
    });
    expect(lines.filter(({ message }) => message.startsWith('a thread has ended'))).toHaveLength(3);
    expect(await call('upper', 'on')).toBe('ON');
  });

  it('because it needs more memory than it may', async () => {
    const { call } = await openServer({ threadMemory: 16 * 1_048_576 });
    await expect(call('greedy')).rejects.toMatchObject({ remoteName: 'ThreadDied' });
    expect(await call('upper', 'on')).toBe('ON');
  });

  it('has its call run in another, with the payload that came', async () => {
    const { call } = await openServer();
    expect(await call('exitsOnce', 'some key')).toBe('second');
  });

  it('has its call run in another of a worker, too', async () => {
    const { call, master } = await openWorker();
    expect(await call('exitsOnce', 'some key')).toBe('second');
    expect(master.counters).toMatchObject({ failed: 0 });
  });

  it('amid results loses none and doubles none', async () => {
    const { client } = await openServer();
    const answers = await client.eval('s.exitsAmid', bytes('amid'), { messages: 6, timeout: LIMIT });
    expect(answers.map(textOf)).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('takes the calls beside the guilty one with it, which are answered by others', async () => {
    const { client, call } = await openServer({ concurrency: 4 });
    const others = Array.from({ length: 3 }, () => client.eval('s.slowly', bytes('50'), { messages: 50 }));
    await expect(call('exits')).rejects.toMatchObject({ remoteName: 'ThreadDied' });
    const answers = await within(LIMIT, Promise.all(others.map((one) => one.catch((error) => error))));
    // Each of them may have been in three threads that the guilty call ended.
    for (const one of answers) {
      if (one instanceof Error) expect(one).toMatchObject({ remoteName: 'ThreadDied' });
      else expect(one).toHaveLength(50);
    }
  });
});

describe('closing', () => {
  it('gives calls in threads their time, tells them, and ends them then', async () => {
    const { server, call } = await openServer({ threadGrace: 50 });
    const computing = call('compute', '400');
    await until(() => server.counters.inFlight === 1);
    await server.close({ timeout: 10_000 });
    expect(await computing).toBe('400');
  });

  it('ends threads that compute without an end', async () => {
    const { server, call } = await openServer({ concurrency: 2 });
    const gone = call('forever').catch((error) => error);
    await until(() => server.counters.inFlight === 1);
    await within(5_000, server.close({ timeout: 100 }));
    expect(await gone).toBeInstanceOf(Error);
  });

  it('ends those of a worker', async () => {
    const { worker, call } = await openWorker();
    const gone = call('forever').catch((error) => error);
    await until(() => worker.counters.inFlight === 1);
    await within(5_000, worker.close({ timeout: 100 }));
    void gone;
  });
});

describe('refused at the start', () => {
  const refused = async (options: object, text: string | RegExp) => {
    const { start } = cluster();
    for (const role of ['server', 'worker'] as const) {
      const own = role === 'worker' ? { dbAddress: 'memory://nowhere' } : { name: 's' };
      const starting = start({ role, ...own, ...options } as TestRole);
      await expect(within(LIMIT, starting), role).rejects.toMatchObject({
        code: 'INVALID_CALL',
        message: expect.stringMatching(text),
      });
    }
  };
  const code = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 257, 'many', '4', null])(
    'threads: %s',
    async (threads) => {
      await refused({ module, threads }, "threads must be 'auto' or a whole number from 1 to 256");
    },
  );

  it('threads without a module', async () => {
    await refused({ threads: 2 }, 'threads is for the functions of a module');
    await refused({ threadGrace: 2 }, 'threadGrace is for the functions of a module');
  });

  it.each(['./functions.mjs', '', 5, {}])('the module %s, which is not a URL', async (own) => {
    await refused({ module: own }, 'module must be an absolute URL');
  });

  it('memory and time that are none', async () => {
    await refused({ module, threadMemory: 5 }, 'threadMemory');
    await refused({ module, threadGrace: -1 }, 'threadGrace');
  });

  it.each([
    ['is not there', new URL('./missing.mjs', import.meta.url).href, /missing\.mjs/],
    ['throws', code('throw new RangeError("not today")'), /RangeError: not today/],
    ['has an error of syntax', code('export default {'), /SyntaxError/],
    ['exports nothing', code(''), /exports no functions, but nothing/],
    ['exports constants alone', code('export const limit = 5'), /exports no functions, but limit/],
    ['exports an empty object', code('export default {}'), /has no functions/],
    [
      'exports what is not a function',
      code('export default { upper: 5 }'),
      /has upper, which is not a function/,
    ],
    ['exports a list', code('export default [() => {}]'), /not an object of functions/],
    ['exports a function that throws', code('export default () => { throw new Error("no") }'), /no/],
    ['has a name that no call can have', code("export default { 'a.b': () => {} }"), /names without dots/],
    ['ends its process', code('process.exit(7)'), /exit code 7/],
  ])('a module that %s', async (_what, url, text) => {
    await refused({ module: url, threads: 1 }, text);
  });

  it('not a module with named functions', async () => {
    const own = code('export const limit = 5; export function same(payload) { return payload; }');
    const { call, server } = await openServer({ module: own });
    expect(await call('same', 'hello')).toBe('hello');
    expect(server.functionNames).toEqual(['echo', 'same']);
  });

  it('not a module whose default export gives them, or has them among the options of a role', async () => {
    const own = code(
      'export default async () => ({ role: "worker", functions: { same: (payload) => payload } })',
    );
    const { call } = await openServer({ module: own });
    expect(await call('same', 'hello')).toBe('hello');
  });

  it('not a module of definitions, each of which gives its function', async () => {
    const own = code(`
      const definition = { kind: 'one', [Symbol.for('frond.function')]: async () => (payload) => payload };
      export const images = { same: definition };
    `);
    const { call, server } = await openServer({ module: own });
    expect(await call('same', 'hello')).toBe('hello');
    expect(server.functionNames).toEqual(['echo', 'same']);
  });
});

describe('a module of definitions', () => {
  let folder = '';
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return pathToFileURL(path);
  };

  it('runs them by the code of the frond that it uses itself', async () => {
    folder = await mkdtemp(join(tmpdir(), 'frond-threads-'));
    const own = await write(
      'images.mjs',
      'export const images = { area: { kind: "one", input: {}, output: {}, run: (input) => input * 2 } };',
    );
    const { start } = cluster();
    const options = { role: 'server', name: 's', module: own, threads: 1 } as const;
    await expect(start<Server>(options)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining('area is a definition'),
    });
    await write(
      'node_modules/frond/package.json',
      '{ "name": "frond", "exports": { "./cluster": "./cluster.cjs" } }',
    );
    await write(
      'node_modules/frond/cluster.cjs',
      `exports.asPalmFunction = ({ run }) => (payload) =>
         new TextEncoder().encode(run(Number(new TextDecoder().decode(payload))));`,
    );
    const { call } = await openServer({ module: own });
    expect(await call('area', '21')).toBe('42');
  });

  it.each([
    ['says what it takes', '() => ({ name: "other", kind: "one" })', { name: 'area', kind: 'one' }],
    ['throws', '() => { throw 5; }', { name: 'area' }],
    ['says what JSON cannot say', '() => ({ large: 5n })', { name: 'area' }],
    ['says nothing', '() => undefined', { name: 'area' }],
    ['is of an older frond', 'undefined', { name: 'area' }],
  ])('is told of as far as the code %s', async (what, describes, told) => {
    folder ||= await mkdtemp(join(tmpdir(), 'frond-threads-'));
    const project = `${what.replaceAll(' ', '-')}`;
    const module = await write(
      `${project}/images.mjs`,
      'export default { area: { input: {}, output: {}, run: () => 1 }, plain: (payload) => payload };',
    );
    const exports = '{ "name": "frond", "exports": { "./cluster": "./cluster.cjs" } }';
    await write(`${project}/node_modules/frond/package.json`, exports);
    await write(
      `${project}/node_modules/frond/cluster.cjs`,
      `exports.asPalmFunction = () => (payload) => payload; exports.describeFunction = ${describes};`,
    );
    const { client, call } = await openServer({ module });
    const said = JSON.parse(textOf((await client.get('frond_functions')) as Uint8Array));
    expect(said).toEqual([{ name: 'echo' }, told, { name: 'plain' }]);
    expect(await call('area', 'x')).toBe('x');
  });
});

/** Roles over ZeroMQ, which the test closes itself. */
function testGround() {
  const transport = zmtp();
  const any = 'tcp://127.0.0.1:*';
  const quiet = { transport, loggingLevel: 'silent' } as const;
  return {
    master: async (options: object) => {
      const { Master } = await import('../../../src/cluster/index.ts');
      const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
      const work = { workerPullAddress: any, workerPushAddress: any };
      return Master.start({ ...quiet, name: 'm', ...addresses, ...work, ...options });
    },
    worker: async (dbAddress: string) => {
      const { Worker } = await import('../../../src/cluster/index.ts');
      return Worker.start({ ...quiet, dbAddress, module, threads: 2 });
    },
    client: async (dbAddress: string) => {
      const { Client } = await import('../../../src/index.ts');
      return Client.connect({ ...quiet, dbAddress });
    },
  };
}
