/** `frond inspect`: what a server is and how it is doing, frond's or pylm's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ratesOf } from '../../cli/inspect/snapshot.ts';
import { age } from '../../cli/inspect/text.ts';
import { Client } from '../../src/client/client.ts';
import { Master } from '../../src/cluster/roles/master.ts';
import { Pipeline } from '../../src/cluster/roles/pipeline.ts';
import { Server } from '../../src/cluster/roles/server.ts';
import { Worker } from '../../src/cluster/roles/worker.ts';
import { bytes as asBytes, text as asText, float64, fn } from '../../src/functions/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { exitOf, frond, objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { freeAddress } from '../support/ports.ts';
import { startRawServer } from '../support/raw-server.ts';
import { Service } from '../support/service.ts';
import { startServer } from '../support/tcp-server.ts';
import { eventually } from '../support/wait.ts';
import { expectFailure } from './failure.ts';

const ANY = 'tcp://127.0.0.1:*';
const silent = { transport: zeromq(), loggingLevel: 'silent' } as const;

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

const inspect = async (...args: string[]) => {
  const { code, stdout, stderr } = await here(['inspect', ...args]);
  return { code, text: stdout.toString(), stderr };
};

async function lookAt(address: string): Promise<unknown> {
  const { code, text } = await inspect(address, '--json');
  expect(code).toBe(0);
  const [look, ...others] = objectsOf(text);
  expect(others).toEqual([]);
  return look;
}

describe('a frond', () => {
  test('Server: its role, addresses, functions and counters', async () => {
    const own = await startServer();
    const client = await Client.connect({ ...silent, dbAddress: own.dbAddress });
    await client.eval('test.upper', bytes('x'));
    await client.eval('test.odd', bytes('2')).catch(() => {});
    const { code, stdout, stderr } = await frond(['inspect'], { env: { FROND_DB: own.dbAddress } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.toString().split('\n')).toEqual([
      expect.stringMatching(/^test: a frond Server, up \d+ s$/),
      '',
      `  db_address    ${own.dbAddress}`,
      `  pull_address  ${own.pullAddress}`,
      `  pub_address   ${own.pubAddress}`,
      '',
      '  functions     echo, upper, flip, odd, zero, cache, never',
      '',
      '  received      2',
      '  answered      2',
      '  failed        1',
      '  ended here    0',
      '  dropped       0',
      '  in flight     0',
      '',
    ]);
    expect(await lookAt(own.dbAddress)).toEqual({
      implementation: 'frond',
      role: 'Server',
      name: 'test',
      addresses: { db_address: own.dbAddress, pull_address: own.pullAddress, pub_address: own.pubAddress },
      functions: ['echo', 'upper', 'flip', 'odd', 'zero', 'cache', 'never'],
      offers: ['echo', 'upper', 'flip', 'odd', 'zero', 'cache', 'never'].map((name) => ({ name })),
      uptime: expect.any(Number),
      counters: { received: 2, answered: 2, failed: 1, ended: 0, cancelled: 0, dropped: 0, inFlight: 0 },
      workers: null,
      pushedWorkers: null,
      losses: null,
    });
    await client.close();
    await own.close();
  });

  test('Master: its workers, what they hold, and that there are none', async () => {
    await using master = await Master.start({
      ...silent,
      name: 'chief',
      dbAddress: ANY,
      pullAddress: ANY,
      pubAddress: ANY,
      workerPullAddress: ANY,
      workerPushAddress: ANY,
    });
    expect((await inspect(master.dbAddress)).text).toMatch(/^ {2}workers +none: calls wait for a worker$/m);
    await using _ = await Worker.start({ ...silent, name: 'bee', dbAddress: master.dbAddress });
    // It works before its Master has heard what it offers.
    await eventually(async () => /functions +echo/.test((await inspect(master.dbAddress)).text));
    const { text } = await inspect(master.dbAddress);
    expect(text).toMatch(/^chief: a frond Master, up /);
    expect(text).toMatch(/^ {2}functions +echo$/m);
    expect(text).toMatch(/^ {2}workers +1 asks for work\n +bee holds 0, last seen [\d.]+ m?s ago$/m);
    expect(await lookAt(master.dbAddress)).toMatchObject({
      role: 'Master',
      functions: ['echo'],
      workers: [{ name: 'bee', holds: 0, silent: expect.any(Number) }],
      pushedWorkers: 0,
      losses: { workers: 0, redelivered: 0, givenUp: 0 },
    });
  });

  test('Server with types: what its functions take and give', async () => {
    const size = z.object({ w: z.number(), unit: z.string().optional() });
    await using typed = await Server.start({
      ...silent,
      name: 'shop',
      dbAddress: ANY,
      functions: {
        plain: (payload) => payload,
        area: fn({ input: size, output: float64(), errors: { GONE: size } }, () => new Float64Array()),
        lines: fn(
          { input: asBytes(), output: asText(), description: 'Reads \u001b[31mit.' },
          async function* () {
            yield '';
          },
        ),
      },
    });
    const { code, text } = await inspect(typed.dbAddress);
    expect(code).toBe(0);
    expect(text.split('\n').slice(6, 14)).toEqual([
      '  functions     echo, plain, area, lines',
      '',
      '  area          JSON { "w": number; "unit"?: string } → float64',
      '                fails with GONE JSON { "w": number; "unit"?: string }',
      '  lines         Uint8Array → several text',
      '                Reads \\u001b[31mit.',
      '',
      expect.stringMatching(/^ {2}received/),
    ]);
    expect(await lookAt(typed.dbAddress)).toMatchObject({
      offers: [
        { name: 'echo' },
        { name: 'plain' },
        { name: 'area', input: { codec: 'JSON', schema: { required: ['w'] } }, output: { codec: 'float64' } },
        { name: 'lines', kind: 'many', description: 'Reads \u001b[31mit.' },
      ],
    });
  });

  test('Master: what its workers offer, and that they differ', async () => {
    await using master = await Master.start({ ...silent, name: 'chief', dbAddress: ANY });
    const { dbAddress } = master;
    const versions = [asText(), float64()].map((input) => ({ f: fn({ input, output: asText() }, () => '') }));
    await using _first = await Worker.start({ ...silent, dbAddress, functions: versions[0] });
    await using _second = await Worker.start({ ...silent, dbAddress, functions: versions[1] });
    await eventually(async () => (await inspect(dbAddress)).text.includes('2 versions'));
    const { text } = await inspect(dbAddress);
    expect(text).toMatch(/^ {2}functions +echo, f$/m);
    expect(text).toMatch(/^ {2}f +what its versions differ in → text \(2 versions\)$/m);
  });

  test('Pipeline, whose address --db says', async () => {
    const subAddress = await freeAddress();
    const own = { name: 'second', dbAddress: ANY, subAddress, pubAddress: ANY, previous: 'first' };
    await using pipeline = await Pipeline.start({ ...silent, ...own });
    const { text } = await inspect('--db', pipeline.dbAddress);
    expect(text).toMatch(/^second: a frond Pipeline, up /);
    expect(text).toContain(`sub_address  ${subAddress}`);
  });
});

describe('a pylm', () => {
  const none = { pull_address: '', pub_address: '' };
  test.each([
    ['Server', {}],
    ['Master', { worker_push_address: 'tcp://a:1', worker_pull_address: 'tcp://a:2' }],
    ['Hub', { ...none, sub_address: 'tcp://a:1', worker_push_address: 'tcp://a:2' }],
    ['Pipeline', { ...none, sub_address: 'tcp://a:1' }],
    ['Sink', { ...none, sub_address_0: 'tcp://a:1', sub_address_1: 'tcp://a:2' }],
    ['server', none],
  ] as const)('%s, known by its addresses', async (role, config) => {
    await using raw = await startRawServer(zeromq(), ANY, () => [], config);
    const { code, text } = await inspect(raw.dbAddress);
    expect(code).toBe(0);
    expect(text.split('\n')[0]).toBe(`raw: a pylm ${role}`);
    expect(text).toMatch(/^ {2}functions +unknown: a pylm server does not tell$/m);
    expect(text).toMatch(/^ {2}counters +unknown: a pylm server does not tell$/m);
    for (const [key, address] of Object.entries(config)) {
      if (address === '') expect(text).not.toContain(key);
      else expect(text).toMatch(new RegExp(`^ {2}${key} +${address}$`, 'm'));
    }
    // It is only read from, and never asked for what it is known not to have.
    expect(raw.requests.filter((request) => !/^get (name|\w+_address(_\d)?)$/.test(request))).toEqual([]);
    expect(await lookAt(raw.dbAddress)).toMatchObject({
      implementation: 'pylm',
      role: role === 'server' ? null : role,
      name: 'raw',
      functions: null,
      uptime: null,
      counters: null,
      workers: null,
      pushedWorkers: null,
    });
  });

  test('server that is watched is asked for its name alone', async () => {
    await using raw = await startRawServer(zeromq(), ANY, () => []);
    await using service = new Service(['inspect', raw.dbAddress, '--watch', '--every', '20']);
    const isAnswer = (line: string) => / raw answers; its counters are unknown$/.test(line);
    // An answer may be late on a busy machine.
    for (let count = 0, i = 0; count < 4; i++) if (isAnswer(await service.line(i))) count++;
    const first = raw.requests.indexOf('get name');
    const again = raw.requests.indexOf('get name', first + 1);
    expect(new Set(raw.requests.slice(again))).toEqual(new Set(['get name']));
  });
});

describe('--watch', () => {
  test('is a line for each look, with what was done in a second', async () => {
    // What others have done of calls is not to be counted.
    await using own = await startServer();
    const client = await Client.connect({ ...silent, dbAddress: own.dbAddress });
    await using service = new Service(['inspect', own.dbAddress, '--watch', '--every', '50']);
    expect(await service.line(0)).toMatch(
      /^\d{4}-\S+Z Server test: \d+ received · \d+ answered · 0 failed · 0 in flight$/,
    );
    await client.eval('test.upper', bytes('x'));
    const seen: string[] = [];
    for (let i = 1; !seen.at(-1)?.match(/ 1 received \([1-9]\d*\/s\) · 1 answered \([1-9]\d*\/s\)/); i++)
      seen.push(await service.line(i));
    expect(await service.end('SIGINT')).toBe(130);
    await client.close();
  });

  test('--json is an object for each look, with rates from the second on', async () => {
    await using service = new Service(['inspect', server.dbAddress, '--watch', '--every', '200', '--json']);
    const looks: object[] = [];
    // A server may be late with an answer on a busy machine, which has a line of its own.
    for (let i = 0; looks.length < 2; i++) {
      const look = JSON.parse(await service.line(i));
      if ('counters' in look) looks.push(look);
    }
    expect(looks).toMatchObject([
      { at: expect.any(String), name: 'test', counters: { failed: 0 }, rates: null },
      { at: expect.any(String), name: 'test', rates: { received: 0, answered: 0, failed: 0 } },
    ]);
  });

  test('says when there is no answer, and goes on when the server is back', async () => {
    const own = await startServer();
    const { dbAddress } = own;
    await using service = new Service(['inspect', dbAddress, '--watch', '--every', '50']);
    await service.line(0);
    await own.close();
    const lines: string[] = [];
    const until = async (fits: RegExp) => {
      while (!fits.test(lines.at(-1) ?? '')) lines.push(await service.line(lines.length));
    };
    await until(/ test: no answer for /);
    const again = await startServer({ dbAddress });
    await until(/ Server test: 0 received · 0 answered/);
    service.child.kill('SIGINT');
    expect(await exitOf(service.child)).toBe(130);
    await again.close();
  });
});

describe('what it cannot look at', () => {
  test('nobody there is a TIMEOUT', async () => {
    const ended = await here(['inspect', 'tcp://127.0.0.1:1', '--timeout', '200']);
    expectFailure(
      ended,
      3,
      /^frond: TIMEOUT: no answer from the server at tcp:\/\/127\.0\.0\.1:1 within 200 ms/,
    );
  });

  test.each(['pullAddress', 'pubAddress'] as const)(
    'another of the addresses of a server: %s',
    async (key) => {
      expectFailure(
        await here(['inspect', server[key]]),
        6,
        /^frond: PROTOCOL: .*\n {2}try: check that --db is the db_address/,
      );
    },
  );

  test('something that answers and has no name', async () => {
    await using raw = await startRawServer(zeromq(), ANY, () => [], {
      name: '',
      pull_address: '',
      pub_address: '',
    });
    expectFailure(
      await here(['inspect', raw.dbAddress]),
      5,
      /^frond: WRONG_SERVER: the server at .* it is not a PALM server/,
    );
  });

  test('no address, a wrong one, or too many', async () => {
    expectFailure(await here(['inspect']), 2, /^frond: USAGE: the address of the server is missing/);
    expectFailure(
      await here(['inspect', 'localhost:5']),
      2,
      /^frond: INVALID_CALL: over ZeroMQ an address is .*did you mean "tcp:\/\/localhost:5"/,
    );
    expectFailure(
      await here(['inspect', 'tcp://a:1', 'tcp://b:1']),
      2,
      /^frond: USAGE: "tcp:\/\/b:1" is one argument too many/,
    );
  });
});

test('rates are of the time between two looks of the same server', () => {
  const seen = (uptime: number, received: number) => ({
    implementation: 'frond' as const,
    role: 'Server',
    name: 'x',
    addresses: {},
    functions: [],
    offers: [],
    uptime,
    counters: { received, answered: received, failed: 0, ended: 0, dropped: 0, inFlight: 0 },
    workers: null,
    pushedWorkers: null,
    losses: null,
  });
  const once = { received: 10, answered: 10, failed: 0 };
  expect(ratesOf(seen(1_000, 10), seen(3_000, 30), 2_000)).toEqual(once);
  // An answer that was on its way for longer than the one before changes nothing.
  expect(ratesOf(seen(1_000, 10), seen(3_000, 30), 2_500)).toEqual(once);
  // Started anew meanwhile, and up for less time than before or for more.
  expect(ratesOf(seen(9_000, 10), seen(100, 0), 2_000)).toBeNull();
  expect(ratesOf(seen(50, 10), seen(100, 0), 2_000)).toBeNull();
  expect(ratesOf(seen(9_000, 10), { ...seen(9_100, 0), counters: null, uptime: null }, 100)).toBeNull();
});

test('an age in the two largest units that say something', () => {
  const minute = 60_000;
  expect([0, 59_999, minute, 61_000, 3_600_000, 90_061_000, 86_400_000].map(age)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
    '1 d',
  ]);
});
