/** What a command says on stderr while it waits. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { memory } from '../../transports/memory/index.ts';
import { createRelay } from '../../transports/relay/index.ts';
import { frond } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';
import { startRelay, up } from './relays.ts';
import { Running } from './running.ts';

test('a server that is not there yet, after a second; and that it is there, when it comes', async () => {
  const dbAddress = await freeAddress();
  await using running = new Running(['eval', 'test.upper', 'x', '--db', dbAddress]);
  const reason = `${dbAddress} cannot be reached: connect ECONNREFUSED ${dbAddress.slice('tcp://'.length)}`;
  expect(await running.error(/waiting/)).toBe(
    `frond: warning: waiting for a connection to="${dbAddress}" reason="${reason}"`,
  );
  await using server = await startServer({ dbAddress });
  expect(await running.error(/connected/)).toBe(`frond: warning: connected to="${server.dbAddress}"`);
  expect(await running.done).toBe(0);
});

test('a relay that turns the client away, with its reason', async () => {
  const http = createServer();
  const relay = await createRelay({
    server: http,
    transport: memory(),
    servers: {},
    anonymous: { servers: ['*'] },
    limits: { maxConnections: 1 },
    loggingLevel: 'silent',
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  const { WebSocket } = await import('ws');
  const taken = new WebSocket(url, 'frond.v1');
  await new Promise((resolve) => taken.once('open', resolve));
  try {
    await using running = new Running(['eval', 'test.upper', 'x', '--relay', url, '--json']);
    expect(JSON.parse(await running.error(/waiting/))).toEqual({
      log: {
        level: 'warning',
        message: 'waiting for a connection',
        to: url,
        reason: 'too many connections',
      },
    });
  } finally {
    taken.terminate();
    await relay.close({ timeout: 0 });
    http.close();
  }
});

test('a server that does not answer behind a relay that does', async () => {
  await using relay = startRelay(await freeAddress(), '--allow', 'test.*');
  const { url } = await up(relay);
  await using running = new Running(['eval', 'test.upper', 'x', '--relay', url]);
  expect(await running.error(/waiting/)).toBe('frond: warning: waiting for an answer from="test"');
});

test('nothing when it goes quickly', async () => {
  await using server = await startServer();
  await using running = new Running(['eval', 'test.upper', 'x', '--db', server.dbAddress]);
  expect(await running.done).toBe(0);
  expect(running.errors).toEqual([]);
});

test('a host that cannot be found is named while it is waited for, and in the error', async () => {
  await using running = new Running([
    ...['get', 'key', '--db', 'tcp://nowhere.invalid:5555', '--timeout', '3000'],
  ]);
  expect(await running.error(/waiting/)).toMatch(
    /^frond: warning: waiting for a connection to="tcp:\/\/nowhere\.invalid:5555" reason=".*cannot be found/,
  );
  expect(await running.error(/TIMEOUT/)).toMatch(/^frond: TIMEOUT: .*the host of .* cannot be found/);
});

test.each<[what: string, args: readonly string[], code: number, error: RegExp]>([
  ['a function', ['eval', 'test.uper', 'x'], 1, /REMOTE: .*has no function "uper"; did you mean "upper"\?\n/],
  ['a server', ['eval', 'other.upper', 'x'], 5, /WRONG_SERVER: .*; check --server and --db\n/],
  [
    'an address',
    ['get', 'key', '--sub', '127.0.0.1:5'],
    2,
    /INVALID_CALL: .*; did you mean "tcp:\/\/127\.0\.0\.1:5"\?\n/,
  ],
  [
    'a very long function',
    ['eval', `test.${'f'.repeat(70_000)}`, 'x'],
    1,
    /^frond: REMOTE: test\.f+….{0,400}\n/,
  ],
])('what was mistyped is told in the words of the command line: %s', async (_what, args, code, error) => {
  await using server = await startServer();
  expectFailure(await frond(args, { env: { FROND_DB: server.dbAddress } }), code, error);
});
