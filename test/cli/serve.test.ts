/** `frond serve`: the roles that a module describes, from start to end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curveKeyPair } from 'zeromq';
import { closingOrder, type RunningEntry } from '../../cli/roles/entry.ts';
import { Fleet } from '../../cli/roles/fleet.ts';
import type { RunningRole } from '../../src/cluster/roles/start-role.ts';
import { Client, text } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { frond, objectsOf } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { Modules, masterModule, SERVER, Service, TOOLS } from '../support/service.ts';
import { collect, within } from '../support/wait.ts';

let modules: Modules;

beforeAll(async () => {
  modules = await Modules.make();
});

afterAll(() => modules[Symbol.asyncDispose]());

const call = (db: string, ...args: string[]) => frond(['eval', ...args, '--db', db]);

describe('what it runs', () => {
  test('a server: the command that it prints calls it, and it ends with 0', async () => {
    const file = await modules.write('server.mjs', SERVER);
    await using service = new Service(['serve', file]);
    expect(await service.line(0)).toBe('server test');
    expect(await service.line(1)).toMatch(/^ {2}db_address +tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(await service.line(4)).toBe('  functions     echo, upper, slow, never, bad');
    const [, db = ''] = /eval test\.upper 'hello' --db (\S+)$/.exec(await service.line(8)) ?? [];
    expect((await call(db, 'test.upper', 'hello')).stdout.toString()).toBe('HELLO');
    expect(await service.end('SIGINT')).toBe(0);
    expect(await service.line(9)).toBe('test: 1 received · 1 answered · 0 failed');
    expect((await service.stderr).toString()).toBe('');
  });

  test('a list: a master and its workers, started in order, which end with nothing lost', async () => {
    const workers = ['one', 'two'].map(
      (name) => `{ role: 'worker', name: '${name}', dbAddress: db, functions },`,
    );
    const file = await modules.write('list.mjs', masterModule(await freeAddress(), workers.join('\n')));
    await using service = new Service(['serve', file, '--json']);
    const ups = [await service.up(0), await service.up(1), await service.up(2)];
    expect(ups.map(({ role, name }) => `${role} ${name}`)).toEqual([
      'master chief',
      'worker one',
      'worker two',
    ]);
    const db = ups[0]?.addresses.db_address ?? '';
    const job = await frond(['job', 'chief.upper', '--db', db], { stdin: 'a\nb\nc\nd\n' });
    expect(job.stdout.toString().split('\n').sort()).toEqual(['', 'A', 'B', 'C', 'D']);
    expect(await service.end()).toBe(0);
    const ended = objectsOf(
      await Promise.all([3, 4, 5].map((i) => service.line(i))).then((all) => all.join('\n')),
    );
    expect(ended).toMatchObject([
      { ended: { role: 'master', name: 'chief', counters: { received: 4, answered: 4, inFlight: 0 } } },
      { ended: { role: 'worker', name: 'one' } },
      { ended: { role: 'worker', name: 'two' } },
    ]);
  });

  test('several modules: a pipeline that is up before its server misses nothing of it', async () => {
    const sub = await freeAddress();
    const second = await modules.write(
      'second.mjs',
      `${TOOLS} export default { role: 'pipeline', name: 'second', previous: 'first', dbAddress: ANY, subAddress: '${sub}', pubAddress: ANY, functions };`,
    );
    const first = await modules.write(
      'first.cjs',
      `const ANY = 'tcp://127.0.0.1:*'; module.exports = { role: 'server', name: 'first', pipelined: true, dbAddress: ANY, pullAddress: ANY, pubAddress: '${sub}' };`,
    );
    await using service = new Service(['serve', second, first]);
    const [, line = ''] =
      /eval (first\.echo,second\.upper 'hello' --db \S+ --sub \S+)$/.exec(await service.line(14)) ?? [];
    const { stdout } = await frond(['eval', ...line.replaceAll("'", '').split(' ')]);
    expect(stdout.toString()).toBe('HELLO');
    expect(await service.end()).toBe(0);
  });

  test('options stand in for what the module says, when it describes one role', async () => {
    const file = await modules.write('options.mjs', SERVER);
    const [db, pull, pub] = [await freeAddress(), await freeAddress(), await freeAddress()];
    const args = ['--name', 'other', '--db', db, '--pull', pull, '--pub', pub];
    // Where clients find their server is nothing to bind.
    await using service = new Service(['serve', file, '--json', ...args], { FROND_DB: 'tcp://127.0.0.1:1' });
    expect(await service.up()).toEqual({
      role: 'server',
      name: 'other',
      addresses: { db_address: db, pull_address: pull, pub_address: pub },
      functions: ['echo', 'upper', 'slow', 'never', 'bad'],
    });
    expect((await call(db, 'other.upper', 'x')).stdout.toString()).toBe('X');
  });

  test('--secret-key encrypts, and only who knows the public key comes in', async () => {
    const keys = curveKeyPair();
    const file = await modules.write('curve.mjs', SERVER);
    await using service = new Service(['serve', file, '--json'], { FROND_SECRET_KEY: keys.secretKey });
    const db = (await service.up()).addresses.db_address;
    expect((await call(db, 'test.upper', 'x', '--server-key', keys.publicKey)).stdout.toString()).toBe('X');
    expect((await call(db, 'test.upper', 'x', '--server-key', curveKeyPair().publicKey)).code).toBe(5);
  });

  test('--allow-key admits the clients with these keys alone', async () => {
    const [own, ann, ben, eve] = [curveKeyPair(), curveKeyPair(), curveKeyPair(), curveKeyPair()];
    const file = await modules.write('allow.mjs', SERVER);
    const allowed = ['--allow-key', ann.publicKey, `--allow-key=${ben.publicKey}`];
    const secret = { FROND_SECRET_KEY: own.secretKey };
    await using service = new Service(['serve', file, '--json', ...allowed], secret);
    const { db_address: dbAddress } = (await service.up()).addresses;
    const callAs = async (keys: { publicKey: string; secretKey: string }) => {
      const transport = zeromq({ curve: { serverKey: own.publicKey, ...keys } });
      await using client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent' });
      return client.with(text()).eval('test.upper', 'x');
    };
    expect(await Promise.all([ann, ben].map(callAs))).toEqual(['X', 'X']);
    await expect(callAs(eve)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('failed calls are logged on stderr, with the name of the server, and harm nobody', async () => {
    const file = await modules.write('log.mjs', SERVER);
    await using service = new Service(['serve', file, '--json']);
    const db = (await service.up()).addresses.db_address;
    expect((await call(db, 'test.bad', 'x')).code).toBe(1);
    expect(JSON.parse(await service.error(/call failed/))).toMatchObject({
      log: {
        level: 'error',
        from: 'test',
        message: 'call failed',
        function: 'test.bad',
        reason: 'out of it',
      },
    });
    expect((await call(db, 'test.upper', 'x')).stdout.toString()).toBe('X');
  });
});

describe('how it ends', () => {
  test('SIGTERM has a call under way finished: its answer arrives, and the exit code is 0', async () => {
    const file = await modules.write('drain.mjs', SERVER);
    await using service = new Service(['serve', file, '--json']);
    const { addresses } = await service.up();
    await using caller = await listener(addresses);
    caller.call('test.slow', 'patience');
    await service.error(/begun/);
    service.child.kill('SIGTERM');
    expect(await caller.answer).toBe('patience');
    expect(await service.end('SIGCONT')).toBe(0);
    expect(JSON.parse(await service.line(1))).toMatchObject({
      ended: { counters: { answered: 1, inFlight: 0 } },
    });
  });

  test('SIGTERM has a call of frond eval finished', async () => {
    const file = await modules.write('drain-eval.mjs', SERVER);
    await using service = new Service(['serve', file, '--json']);
    const answer = call((await service.up()).addresses.db_address, 'test.slow', 'patience');
    await service.error(/begun/);
    expect(await service.end()).toBe(0);
    expect((await answer).stdout.toString()).toBe('patience');
  });

  test('what takes longer than --drain is given up, and that is said', async () => {
    const file = await modules.write('late.mjs', SERVER);
    await using service = new Service(['serve', file, '--json', '--drain', '100']);
    await using caller = await listener((await service.up()).addresses);
    caller.call('test.never', 'x');
    await service.error(/begun/);
    expect(await service.end()).toBe(4);
    expect(JSON.parse(await service.error(/"error":/))).toMatchObject({
      error: {
        code: 'LOST',
        message: expect.stringMatching(/within 100 ms: 1 under way/),
        hint: expect.stringContaining('--drain'),
      },
    });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'a second %s ends it at once, whatever is under way',
    async (signal) => {
      const file = await modules.write('twice.mjs', SERVER);
      await using service = new Service(['serve', file, '--drain', 'inf']);
      const at = async (line: number) => /tcp:\S+/.exec(await service.line(line))?.[0] ?? '';
      const addresses = { pull_address: await at(2), pub_address: await at(3) };
      await using caller = await listener(addresses);
      caller.call('test.never', 'x');
      await service.error(/begun/);
      service.child.kill(signal);
      await service.error(/^frond: finishing 1 under way; a second Ctrl-C ends at once$/);
      const started = performance.now();
      expect(await service.end(signal)).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(performance.now() - started).toBeLessThan(2_000);
    },
  );

  test('a signal before all are up ends it as any command, and what a module has open does not hold it', async () => {
    const file = await modules.write(
      'waits.mjs',
      `${SERVER.replace('export default', 'const server =')} setInterval(() => {}, 1000);
       export default [server, { role: 'worker', dbAddress: 'tcp://127.0.0.1:1' }];`,
    );
    await using service = new Service(['serve', file, '--json']);
    await service.up();
    expect(await service.end('SIGINT')).toBe(130);
    expect((await service.stderr).toString()).toBe('');
  });

  test('a role that ends by itself ends the command with what it ended with', async () => {
    const fleet = new Fleet(zeromq(), new AbortController().signal);
    const ANY = 'tcp://127.0.0.1:*';
    const { running } = await fleet.start({
      role: 'server',
      name: 'short',
      dbAddress: ANY,
      pullAddress: ANY,
      pubAddress: ANY,
      loggingLevel: 'silent',
    });
    const serving = fleet.serve();
    await running.close();
    await expect(within(5_000, serving)).rejects.toThrow(/^server "short" ended: it was closed$/);
    await expect(serving).rejects.toBeInstanceOf(PalmError);
  });

  test('who feeds others is closed before them, and workers last', () => {
    const entry = (role: string, name: string, pubAddress: string, more: object = {}) =>
      ({
        definition: { role, ...more },
        running: { name, pubAddress, dbAddress: `db of ${name}` } as unknown as RunningRole,
      }) as RunningEntry;
    const entries = [
      entry('worker', 'w', ''),
      entry('sink', 's', 'd', { subAddresses: ['b', 'c'] }),
      entry('hub', 'h', 'c', { previousDbAddress: 'db of first' }),
      entry('pipeline', 'p', 'b', { subAddress: 'a' }),
      entry('server', 'first', 'a'),
    ];
    expect(closingOrder(entries).map(({ running }) => running.name)).toEqual(['first', 'h', 'p', 's', 'w']);
    const circle = [
      entry('pipeline', 'x', 'a', { subAddress: 'b' }),
      entry('pipeline', 'y', 'b', { subAddress: 'a' }),
    ];
    expect(closingOrder(circle).map(({ running }) => running.name)).toEqual(['x', 'y']);
  });
});

/** Somebody who pushes a call and listens for its answer, and is not put off when the server takes no more calls. */
async function listener(addresses: Readonly<Record<string, string>>) {
  const codec = new EnvelopeCodec();
  const connection = await zeromq().open();
  const subscription = connection.subscribe(addresses['pub_address'] ?? '', 'me/');
  const pusher = connection.push(addresses['pull_address'] ?? '');
  await within(5_000, Promise.all([subscription.ready(), pusher.ready()]));
  const answer = collect(subscription, 1).then(([delivery]) =>
    textOf(codec.decode(delivery?.frames[0] ?? new Uint8Array()).payload),
  );
  // Who does not ask for the answer is not told that there was none.
  answer.catch(() => {});
  return {
    answer,
    call: (path: string, payload: string) => {
      const message = palmMessage({ function: path, client: 'me/1', pipeline: 'p', payload: bytes(payload) });
      pusher.send([codec.encode(message)]);
    },
    [Symbol.asyncDispose]: () => connection.close({ timeout: 0 }),
  };
}
