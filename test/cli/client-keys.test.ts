/** Commands with a key of their own, at servers that let in listed keys alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curvePublicKey } from '../../transports/zmtp/index.ts';
import { here } from '../support/in-process.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { Modules, masterModule, SERVER, TOOLS, type Up } from '../support/service.ts';
import { expectFailure } from './failure.ts';
import { Running } from './running.ts';

let modules: Modules;
let functions: string;

beforeAll(async () => {
  modules = await Modules.make();
  functions = await modules.write('functions.mjs', `${TOOLS} export default functions;`);
});

afterAll(() => modules[Symbol.asyncDispose]());

interface Keys {
  readonly publicKey: string;
  readonly secretKey: string;
}

const newKeys = async (): Promise<Keys> =>
  JSON.parse((await here(['keypair', '--json'])).stdout.toString()) as Keys;
const upOf = async (running: Running) => JSON.parse(await running.line(/"addresses"/)) as Up;

test('keypair prints a new pair each time, for a reader and for a script', async () => {
  const { publicKey, secretKey } = await newKeys();
  expect(curvePublicKey(secretKey)).toBe(publicKey);
  expect((await newKeys()).secretKey).not.toBe(secretKey);
  const { code, stdout } = await here(['keypair']);
  const [, shown = '', secret = ''] =
    /^ {2}public key {2}(\S{40})\n {2}secret key {2}(\S{40})\n$/.exec(stdout.toString()) ?? [];
  expect({ code, shown }).toEqual({ code: 0, shown: curvePublicKey(secret) });
});

describe.each([
  ['zmtp', []],
  ['zeromq', ['--native']],
] as const)('over %s', (_, native) => {
  test('a worker and clients whose keys are listed come in, and no others', async () => {
    const [own, bee, ann] = [await newKeys(), await newKeys(), await newKeys()];
    const db = await freeAddress();
    const file = await modules.write(`master-${portOf(db)}.mjs`, masterModule(db));
    const secret = { FROND_SECRET_KEY: own.secretKey };
    const listed = ['--allow-key', bee.publicKey, '--allow-key', ann.publicKey];
    await using master = new Running(['serve', file, '--json', ...native, ...listed], secret);
    await upOf(master);

    const worker = ['worker', functions, '--db', db, '--server-key', own.publicKey, ...native, '--json'];
    await using _bee = new Running(worker, { FROND_CLIENT_KEY: bee.secretKey });
    expect(await upOf(_bee)).toMatchObject({ role: 'worker', master: 'chief' });

    const env = { FROND_DB: db, FROND_SERVER_KEY: own.publicKey, FROND_CLIENT_KEY: ann.secretKey };
    const run = async (args: readonly string[], stdin = '') => {
      const { code, stdout, stderr } = await here([...args, ...native], { env, stdin });
      // A busy machine may also say what it waits for.
      expect(code, stderr).toBe(0);
      return stdout.toString();
    };
    const cache = async () => {
      expect(await run(['set', 'motto', 'festina'])).toBe('motto\n');
      expect(await run(['get', 'motto'])).toBe('festina');
      expect(await run(['delete', 'motto'])).toBe('');
    };
    const [answer, results, mapped, shown] = await Promise.all([
      run(['eval', 'chief.upper', 'x']),
      run(['job', 'chief.upper'], 'a\nb\n'),
      run(['map', 'chief.upper'], 'a\nb\n'),
      run(['inspect', '--json']),
      cache(),
    ]);
    expect([answer, mapped]).toEqual(['X', 'A\nB\n']);
    expect(results.split('\n').sort()).toEqual(['', 'A', 'B']);
    expect(shown).toContain('"name":"chief"');

    // A key that is not listed, and one that the connection makes for itself.
    const eve = await newKeys();
    const asEve = ['--client-key', eve.secretKey];
    const call = ['eval', 'chief.upper', 'x', ...native];
    expectFailure(
      await here([...call, ...asEve], { env }),
      5,
      /^frond: FORBIDDEN: .*\n {2}try: .*--client-key/,
    );
    const { FROND_CLIENT_KEY: _own, ...without } = env;
    expectFailure(await here(call, { env: without }), 5, /^frond: FORBIDDEN: /);
    await using refused = new Running([...worker, ...asEve]);
    expect(await refused.done).toBe(5);
    expect(refused.errors.join('\n')).toMatch(/^frond: FORBIDDEN: |"code":"FORBIDDEN"/m);
  }, 60_000);

  test('a relay shows its key to servers that list it', async () => {
    const [own, relay] = [await newKeys(), await newKeys()];
    const file = await modules.write(`server-${native.length}.mjs`, SERVER);
    const secret = { FROND_SECRET_KEY: own.secretKey };
    await using server = new Running(
      ['serve', file, '--json', ...native, '--allow-key', relay.publicKey],
      secret,
    );
    const { addresses } = await upOf(server);
    const config = await modules.write(
      `relay-${native.length}.json`,
      JSON.stringify({ serverKey: own.publicKey, clientKey: relay.secretKey, listen: '127.0.0.1:0' }),
    );
    await using running = new Running([
      ...['relay', '--config', config, '--json', '--allow', 'test.*', ...native],
      ...['--server', `test=${addresses.db_address}`],
    ]);
    const { url } = JSON.parse(await running.line(/"url"/)) as { url: string };
    expect((await here(['eval', 'test.upper', 'x', '--relay', url])).stdout.toString()).toBe('X');
    expect(running.lines.concat(running.errors).join('\n')).not.toContain(relay.secretKey);
  });

  test('a role that is served shows its key to the servers before it', async () => {
    const [own, bee] = [await newKeys(), await newKeys()];
    const db = await freeAddress();
    const file = await modules.write(`chief-${portOf(db)}.mjs`, masterModule(db));
    const secret = { FROND_SECRET_KEY: own.secretKey };
    await using master = new Running(
      ['serve', file, '--json', ...native, '--allow-key', bee.publicKey],
      secret,
    );
    await upOf(master);
    const bees = await modules.write(
      `bees-${portOf(db)}.mjs`,
      `${TOOLS} export default { role: 'worker', name: 'bee', dbAddress: '${db}', functions };`,
    );
    const env = { FROND_SERVER_KEY: own.publicKey, FROND_CLIENT_KEY: bee.secretKey };
    await using worker = new Running(['serve', bees, '--json', ...native], env);
    await upOf(worker);
    const call = ['eval', 'chief.upper', 'x', '--db', db, ...native];
    expect((await here(call, { env })).stdout.toString()).toBe('X');
  });
});

test.each([
  [
    ['eval', 'a.b', 'x', '--db', 'tcp://127.0.0.1:1', '--client-key', '0'.repeat(40)],
    /^frond: USAGE: --client-key needs --server-key KEY or FROND_SERVER_KEY/,
  ],
  [
    ['get', 'k', '--db', 'tcp://127.0.0.1:1', '--server-key', '0'.repeat(40), '--client-key', 'short'],
    /^frond: INVALID_CALL: --client-key must be 40 characters of Z85/,
  ],
  [
    ['get', 'k', '--db', 'x', '--relay', 'ws://127.0.0.1:1', '--client-key', '0'.repeat(40)],
    /^frond: USAGE: --client-key and --relay exclude each other/,
  ],
  [
    ['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', '*', '--client-key', '0'.repeat(40)],
    /^frond: USAGE: --client-key needs --server-key/,
  ],
  [
    [
      'relay',
      '--server',
      'a=tcp://127.0.0.1:1',
      '--allow',
      '*',
      '--server-key',
      '0'.repeat(40),
      '--client-key',
      'x',
    ],
    /^frond: INVALID_CALL: --client-key must be 40 characters of Z85/,
  ],
  [['keypair', 'x'], /^frond: USAGE: "x" is one argument too many/],
] as const)('refused: %j', async (args, error) => {
  expectFailure(await here(args), 2, error);
});

test('a client key alone in the environment, or in the config file of a relay', async () => {
  // A key for servers that encrypt says nothing of one that does not.
  const env = { FROND_CLIENT_KEY: '0'.repeat(40) };
  const call = ['get', 'k', '--db', 'tcp://127.0.0.1:1', '--timeout', '100'];
  expect((await here(call, { env })).stderr).toMatch(/^frond: TIMEOUT: /m);
  const config = await modules.write('alone.json', JSON.stringify({ clientKey: '0'.repeat(40) }));
  const relay = ['relay', '--config', config, '--server', 'a=tcp://127.0.0.1:1', '--allow', '*'];
  expectFailure(await here(relay), 2, /^frond: INPUT: .*clientKey needs serverKey/);
});
