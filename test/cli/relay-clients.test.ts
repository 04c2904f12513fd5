/** The commands that connect, through a relay. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/roles/server.ts';
import { here } from '../support/in-process.ts';
import { Modules } from '../support/service.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';
import { entry, output, startRelay, TOKEN, up } from './relays.ts';

let server: Server;
let files: Modules;

beforeAll(async () => {
  server = await startServer();
  files = await Modules.make();
});

afterAll(async () => {
  await server.close({ timeout: 0 });
  await files[Symbol.asyncDispose]();
});

const relay = (...args: string[]) => startRelay(server.dbAddress, ...args);

test('eval, job, set, get, delete and inspect; the server of the function is taken', async () => {
  await using running = relay('--allow', 'test.*', '--cache', 'all');
  const { url } = await up(running);
  expect(await output(['eval', 'test.upper', 'x', '--relay', url])).toBe('X');
  const env = { FROND_RELAY: url, FROND_DB: 'tcp://127.0.0.1:1' };
  expect(await output(['eval', 'test.upper', 'y'], env)).toBe('Y');
  const job = await here(['job', 'test.upper', '--relay', url], { stdin: 'a\nb\n' });
  expect(job.stdout.toString()).toBe('A\nB\n');
  expect(await output(['set', 'motto', 'festina', '--db', 'test'], env)).toBe('motto\n');
  expect(await output(['get', 'motto', '--server', 'test'], env)).toBe('festina');
  await output(['delete', 'motto', '--db', 'test'], env);
  expect(JSON.parse(await output(['inspect', 'test', '--json'], env))).toMatchObject({
    role: 'Server',
    name: 'test',
  });
});

test('a token, and what it may do', async () => {
  const tokens = await files.write(
    'who.json',
    JSON.stringify({
      tokens: [
        entry('alice', { functions: ['test.upper'] }),
        entry('bob', { cache: 'session' }),
        entry('eve', { expires: '2020-01-01T00:00:00Z' }),
      ],
    }),
  );
  await using running = relay('--tokens', tokens);
  const { url, anonymous } = await up(running);
  expect(anonymous).toBeNull();
  const as = (name: string, ...args: string[]) =>
    here([...args, '--relay', url], { env: { FROND_TOKEN: `${TOKEN}-${name}` } });
  expect((await as('alice', 'eval', 'test.upper', 'x')).stdout.toString()).toBe('X');
  expect((await as('alice', 'eval', 'test.flip', 'x')).stderr).toMatch(/alice may not call "test\.flip"/);
  expectFailure(
    await as('alice', 'set', 'k', 'v', '--db', 'test'),
    5,
    /^frond: FORBIDDEN: .*alice may not set/,
  );
  expect((await as('bob', 'set', 'k', 'v', '--db', 'test')).code).toBe(0);
  const direct = await here(['get', 'bob/k', '--db', server.dbAddress]);
  expect(direct.stdout.toString()).toBe('v');
  expectFailure(await as('eve', 'eval', 'test.upper', 'x'), 5, /^frond: FORBIDDEN: .*\n {2}try: .*--token/);
  expectFailure(await here(['eval', 'test.upper', 'x', '--relay', url]), 5, /^frond: FORBIDDEN: /);
  // Who is taken from the file may not come in again.
  await writeFile(tokens, JSON.stringify({ tokens: [] }));
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  expectFailure(await as('alice', 'eval', 'test.upper', 'x'), 5, /^frond: FORBIDDEN: /);
});

test.each([
  [['get', 'k'], /USAGE: the name of the server is missing: with --relay, give it as --db NAME/],
  [['inspect'], /USAGE: the name of the server is missing/],
  [
    ['get', 'k', '--db', 'tcp://a:1'],
    /USAGE: with --relay, give the name of the server instead of the address "tcp:\/\/a:1"/,
  ],
  [['get', 'k', '--db', 'a b'], /INVALID_CALL: behind a relay an address is a server's name/],
  [['get', 'k', '--db', 'test', '--server-key', 'x'], /USAGE: --server-key and --relay exclude each other/],
] as const)('refused: %j', async (args, error) => {
  expectFailure(await here([...args, '--relay', 'ws://127.0.0.1:1']), 2, error);
});

test('an address in the command line goes past the relay of the environment', async () => {
  const env = { FROND_RELAY: 'ws://127.0.0.1:1', FROND_TOKEN: TOKEN };
  expect(await output(['eval', 'test.upper', 'x', '--db', server.dbAddress], env)).toBe('X');
  expect(await output(['inspect', server.dbAddress, '--json'], env)).toContain('"name":"test"');
  const ended = await here(['get', 'k', '--db', server.dbAddress, '--token', TOKEN]);
  expectFailure(ended, 2, /^frond: USAGE: --token needs --relay URL/);
  expectFailure(await here(['get', 'k', '--relay', 'tcp://a:1', '--db', 'x']), 2, /must be ws:\/\//);
});
