/** `frond worker`: functions on the work of a Master, which may come late, go, and come back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Master } from '../../src/cluster/roles/master.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { frond } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { Modules, Service, TOOLS } from '../support/service.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';

const ANY = 'tcp://127.0.0.1:*';

let modules: Modules;
let functions: string;

beforeAll(async () => {
  modules = await Modules.make();
  functions = await modules.write('functions.mjs', `${TOOLS} export default functions;`);
});

afterAll(() => modules[Symbol.asyncDispose]());

function startMaster(dbAddress = ANY): Promise<Master> {
  return Master.start({
    transport: zeromq(),
    name: 'chief',
    dbAddress,
    pullAddress: ANY,
    pubAddress: ANY,
    workerPullAddress: ANY,
    workerPushAddress: ANY,
    loggingLevel: 'silent',
  });
}

const call = async (db: string, ...args: string[]) => {
  const { stdout } = await frond(['eval', ...args, '--db', db]);
  return stdout.toString();
};

describe('--threads', () => {
  test('runs the functions in threads, and says which there are', async () => {
    await using master = await startMaster();
    const file = await modules.write(
      'threaded.mjs',
      `import { isMainThread } from 'node:worker_threads';
       export default { where: () => new TextEncoder().encode(isMainThread ? 'main' : 'a thread') };`,
    );
    await using worker = new Service(['worker', file, '--threads', '2', '--db', master.dbAddress, '--json']);
    expect(await worker.up()).toMatchObject({ functions: ['echo', 'where'] });
    expect(await call(master.dbAddress, 'chief.where', '')).toBe('a thread');
    expect(await worker.end()).toBe(0);
  });

  test.each(['0', '1.5', 'many'])('must not be %j', async (threads) => {
    const ended = await frond(['worker', functions, `--threads=${threads}`, '--db', 'tcp://127.0.0.1:1']);
    expectFailure(ended, 2, /--threads must be auto or a whole number from 1 to 256/);
  });
});

describe('its Master', () => {
  test('is found, said, and worked for; at the end it says how much it did, and the exit code is 0', async () => {
    await using master = await startMaster();
    await using worker = new Service(['worker', functions, '--name', 'bee'], { FROND_DB: master.dbAddress });
    expect(await worker.line(0)).toBe('worker bee works for chief; Ctrl-C ends it');
    expect(await worker.line(1)).toBe(`  db_address  ${master.dbAddress}`);
    expect(await worker.line(2)).toBe('  functions   echo, upper, slow, never, bad');
    expect(await call(master.dbAddress, 'chief.upper', 'hello')).toBe('HELLO');
    expect(await worker.end('SIGINT')).toBe(0);
    expect(await worker.line(3)).toMatch(/^bee: 1 received · 1 answered · 0 failed · [\d.:]+( ms| s)?$/);
    expect((await worker.stderr).toString()).toBe('');
  });

  test('may come later', async () => {
    const db = await freeAddress();
    await using worker = new Service(['worker', functions, '--db', db, '--json']);
    expect(JSON.parse(await worker.error(/waiting/))).toEqual({
      log: { level: 'warning', message: 'waiting for the Master', db },
    });
    await using _ = await startMaster(db);
    expect(await worker.up()).toEqual({
      role: 'worker',
      name: expect.stringMatching(/^[^\s.]+-\d+$/),
      addresses: { db_address: db },
      functions: ['echo', 'upper', 'slow', 'never', 'bad'],
      master: 'chief',
    });
  });

  test('may go and come back, at other addresses but this one', async () => {
    const first = await startMaster();
    const db = first.dbAddress;
    await using worker = new Service(['worker', functions, '--db', db, '--json']);
    await worker.up();
    expect(await call(db, 'chief.upper', 'a')).toBe('A');
    await first.close();
    await worker.error(/the Master is gone; waiting for it/);
    await using _ = await startMaster(db);
    await worker.error(/the Master is back/);
    expect(await call(db, 'chief.upper', 'b')).toBe('B');
    expect(await worker.end()).toBe(0);
    expect(JSON.parse(await worker.line(1))).toMatchObject({
      ended: { role: 'worker', counters: { received: 2, answered: 2, failed: 0, inFlight: 0 } },
    });
  });

  test('gets the answer to a call that is under way at SIGTERM', async () => {
    await using master = await startMaster();
    await using worker = new Service(['worker', functions, '--db', master.dbAddress, '--json']);
    await worker.up();
    const answer = call(master.dbAddress, 'chief.slow', 'patience');
    await worker.error(/begun/);
    expect(await worker.end()).toBe(0);
    expect(await answer).toBe('patience');
  });

  test('is not waited for longer than --timeout', async () => {
    const args = ['worker', functions, '--db', 'tcp://127.0.0.1:1', '--timeout', '300'];
    expectFailure(await frond(args), 3, /^frond: TIMEOUT: no answer from the server at \S+ within 300 ms/);
  });

  test('must have workers', async () => {
    await using server = await startServer();
    const ended = await frond(['worker', functions, '--db', server.dbAddress]);
    expectFailure(
      ended,
      5,
      /^frond: WRONG_SERVER: server "test" at \S+ has no workers: it is not a Master or Hub\n {2}try: frond inspect/,
    );
  });
});

test('a definition says more: concurrency, where the Master is, what it is called; options say it over again', async () => {
  await using master = await startMaster();
  const file = await modules.write(
    'definition.mjs',
    `${TOOLS} export default async () => ({ role: 'worker', name: 'own', dbAddress: '${master.dbAddress}', concurrency: 4, functions });`,
  );
  await using own = new Service(['worker', file, '--json']);
  expect((await own.up()).name).toBe('own');
  // One after another, the second would wait for the first, which never ends.
  const controller = new AbortController();
  const never = new Service(['eval', 'chief.never', 'x', '--db', master.dbAddress]);
  controller.signal.addEventListener('abort', () => never.child.kill('SIGKILL'));
  await own.error(/begun/);
  expect(await call(master.dbAddress, 'chief.upper', 'x')).toBe('X');
  controller.abort();
  await never[Symbol.asyncDispose]();
  await using other = new Service(['worker', file, '--json', '--name', 'other']);
  expect((await other.up()).name).toBe('other');
});

test('SIGINT while it waits ends it as any command, and a second one at once whatever is under way', async () => {
  await using waiting = new Service(['worker', functions, '--db', 'tcp://127.0.0.1:1']);
  await waiting.error(/waiting/);
  expect(await waiting.end('SIGINT')).toBe(130);

  const master = await startMaster();
  await using worker = new Service(['worker', functions, '--db', master.dbAddress, '--drain', 'inf']);
  await worker.line(0);
  const caller = new Service(['eval', 'chief.never', 'x', '--db', master.dbAddress]);
  await worker.error(/begun/);
  worker.child.kill('SIGINT');
  await worker.error(/finishing 1 under way/);
  expect(await worker.end('SIGINT')).toBe(130);
  await caller[Symbol.asyncDispose]();
  await master.close({ timeout: 0 });
});

test.each([
  [
    'no object',
    '5',
    /MODULE: ".*" must export an object of functions, or \{ role: 'worker', functions, … \}, not 5/,
  ],
  ['no functions', '{}', /MODULE: ".*" exports no functions\n {2}try: write: export default \{ upper: /],
  [
    'no function',
    '{ upper: 1 }',
    /MODULE: ".*": worker: functions\.upper must be a function, or what fn\(…\) makes, not 1/,
  ],
  [
    'another role',
    "{ role: 'server' }",
    /MODULE: ".*" exports a role "server", but frond worker runs workers\n {2}try: frond serve "/,
  ],
  [
    'several',
    '[{ a() {} }, { b() {} }]',
    /MODULE: ".*" exports a list, but frond worker runs a single worker\n {2}try: frond serve/,
  ],
  [
    'a key there is not',
    '{ functions: { a() {} }, concurency: 2 }',
    /a worker has no concurency; did you mean concurrency\?/,
  ],
] as const)('a module of %s is refused', async (name, gift, error) => {
  const file = await modules.write(`${name.replaceAll(' ', '-')}.mjs`, `export default ${gift};`);
  expectFailure(await frond(['worker', file, '--db', 'tcp://127.0.0.1:1']), 2, error);
});

test('no address at all, and a file that is missing', async () => {
  expectFailure(
    await frond(['worker', functions]),
    2,
    /^frond: USAGE: the address of the Master is missing: give --db ADDRESS/,
  );
  expectFailure(
    await frond(['worker', '/nowhere.mjs', '--db', 'tcp://a:1']),
    2,
    /^frond: INPUT: "\/nowhere\.mjs"/,
  );
});
