/** The transport of a command gets the keys, and says what to do where a package is missing. */
import { describe, expect, it, vi } from 'vitest';
import { clusterTransport } from '../../../cli/cluster-transport.ts';
import { parseOptions } from '../../../cli/command.ts';
import { COMMANDS } from '../../../cli/commands/index.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

const made = vi.hoisted(() => ({ calls: [] as [string, unknown][], failure: undefined as unknown }));

vi.mock('../../../transports/zmtp/index.ts', () => ({
  zmtp: (options: unknown) => {
    made.calls.push(['zmtp', options]);
    return { name: 'zmtp' };
  },
}));
vi.mock('../../../transports/zeromq/index.ts', () => ({
  zeromq: (options: unknown) => {
    made.calls.push(['zeromq', options]);
    return { name: 'zeromq', open: () => Promise.reject(made.failure) };
  },
}));

const KEYS = { curve: { serverKey: 'key', secretKey: 'secret' } } as never;

function transport(...argv: string[]) {
  const [command] = COMMANDS;
  if (command === undefined) throw new Error('there is no command');
  return clusterTransport(parseOptions(command, argv, {}).options, KEYS);
}

describe('the transport of a command', () => {
  it.each([
    [[], 'zmtp'],
    [['--native'], 'zeromq'],
  ])('with %j gets the keys of the command', (argv, name) => {
    made.calls.length = 0;
    expect(transport(...argv).name).toBe(name);
    expect(made.calls).toEqual([[name, KEYS]]);
  });

  it('says in the words of the command that the package is missing, and what to install or leave out', async () => {
    made.failure = new PalmError('INVALID_CALL', 'frond/zeromq needs zeromq, which is not installed');
    await expect(transport('--native').open()).rejects.toMatchObject({
      code: 'USAGE',
      message: '--native needs zeromq, which is not installed',
      hint: expect.stringContaining('npm install frond zeromq'),
    });
  });

  it('says of a package that is there but does not load that it does not', async () => {
    made.failure = new PalmError('INVALID_CALL', 'frond/zeromq needs zeromq, which does not load');
    await expect(transport('--native').open()).rejects.toMatchObject({ code: 'USAGE', hint: undefined });
  });

  it('passes on any other failure as it is', async () => {
    made.failure = new PalmError('DISCONNECTED', 'gone');
    await expect(transport('--native').open()).rejects.toBe(made.failure);
  });
});
