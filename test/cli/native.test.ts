/** Which ZeroMQ a command uses: frond's own, or libzmq's. */
import { expect, test } from 'vitest';
import { clusterTransport } from '../../cli/cluster-transport.ts';
import { type Command, parseOptions } from '../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../cli/commands/index.ts';
import { here } from '../support/in-process.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';

const transportOf = async (command: Command, argv: string[], env: Record<string, string> = {}) =>
  (await clusterTransport(parseOptions(command, argv, env).options)).name;

const commands = await Promise.all(COMMANDS.map(loadCommand));
const reaching = commands.filter(({ options }) => options.includes('native'));

test.each(reaching)(
  'frond $name uses the package zeromq with --native or FROND_NATIVE alone',
  async (command) => {
    expect(await transportOf(command, [])).toBe('zmtp');
    expect(await transportOf(command, ['--native'])).toBe('zeromq');
    expect(await transportOf(command, [], { FROND_NATIVE: '1' })).toBe('zeromq');
    for (const off of ['', '0', 'false', 'no', 'OFF'])
      expect(await transportOf(command, [], { FROND_NATIVE: off })).toBe('zmtp');
  },
);

test('a call reaches the same server either way', async () => {
  await using server = await startServer();
  const call = ['eval', 'test.upper', 'x', '--db', server.dbAddress];
  for (const argv of [call, [...call, '--native']])
    expect((await here(argv)).stdout.toString(), argv.join(' ')).toBe('X');
});

test('--native is refused with --relay, and FROND_NATIVE is not', async () => {
  const call = ['get', 'key', '--relay', 'ws://127.0.0.1:1', '--db', 'demo', '--timeout', '100'];
  expectFailure(
    await here([...call, '--native']),
    2,
    /^frond: USAGE: --native and --relay exclude each other/,
  );
  // A busy machine may also say that it waits.
  const { code, stderr } = await here(call, { env: { FROND_NATIVE: '1' } });
  expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/^frond: TIMEOUT: /m) });
});
