/** `frond job --detach` and `frond results`, where nothing is stored: test/nats/command-jobs.test.ts has what they do over NATS. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/roles/server.ts';
import { here } from '../support/in-process.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const run = (args: readonly string[], stdin = '') => here([...args, '--db', server.dbAddress], { stdin });

test('over ZeroMQ a job cannot be detached, and no id is printed', async () => {
  const ended = await run(['job', 'test.upper', '--detach'], 'a\nb\n');
  expectFailure(ended, 2, /INVALID_CALL: over zmtp results are not stored.* nats\(\)/);
  expect(ended.stdout.toString()).toBe('');
});

test('--detach with --messages is refused before anything is sent', async () => {
  const ended = await run(['job', 'test.upper', '--detach', '--messages', '2'], 'a\n');
  expectFailure(ended, 2, /with --detach, give --messages to frond results/);
});

test.each([
  [['results', `test/client/${'x'.repeat(21)}`], /INVALID_CALL: over zmtp results are not stored/],
  [['results', 'test'], /INVALID_CALL/],
  [['results', `other/client/${'x'.repeat(21)}`], /WRONG_SERVER/],
  [['results'], /ID/],
] as const)('%j is refused', async (args, said) => {
  const ended = await run(args);
  expect([ended.code === 0, ended.stdout.toString()]).toEqual([false, '']);
  expect(ended.stderr).toMatch(said);
});
