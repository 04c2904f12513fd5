/** The transport of a command gets the keys, and says what to do where a package is missing. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../../cli/commands/index.ts';

const ZMTP = '../../../transports/zmtp/index.ts';
const ZEROMQ = '../../../transports/zeromq/index.ts';
const made = { calls: [] as [string, unknown][], failure: undefined as unknown };

// Files share modules: nothing that was loaded with the replaced ones may stay.
beforeAll(() => {
  vi.resetModules();
  vi.doMock(ZMTP, () => ({
    zmtp: (options: unknown) => {
      made.calls.push(['zmtp', options]);
      return { name: 'zmtp' };
    },
  }));
  vi.doMock(ZEROMQ, () => ({
    zeromq: (options: unknown) => {
      made.calls.push(['zeromq', options]);
      return { name: 'zeromq', open: () => Promise.reject(made.failure) };
    },
  }));
});
afterAll(() => {
  vi.doUnmock(ZMTP);
  vi.doUnmock(ZEROMQ);
  vi.resetModules();
});

const KEYS = { curve: { serverKey: 'key', secretKey: 'secret' } } as never;

async function transport(...argv: string[]) {
  const [entry] = COMMANDS;
  if (entry === undefined) throw new Error('there is no command');
  const { clusterTransport } = await import('../../../cli/cluster-transport.ts');
  const { options } = parseOptions(await loadCommand(entry), argv, {});
  return clusterTransport(options, KEYS);
}

describe('the transport of a command', () => {
  it.each([
    [[], 'zmtp'],
    [['--native'], 'zeromq'],
  ])('with %j gets the keys of the command', async (argv, name) => {
    made.calls.length = 0;
    expect((await transport(...argv)).name).toBe(name);
    expect(made.calls).toEqual([[name, KEYS]]);
  });

  it('says in the words of the command that the package is missing, and what to install or leave out', async () => {
    const { PalmError } = await import('../../../src/protocol/errors.ts');
    made.failure = new PalmError('INVALID_CALL', 'frond/zeromq needs zeromq, which is not installed');
    await expect((await transport('--native')).open()).rejects.toMatchObject({
      code: 'USAGE',
      message: '--native needs zeromq, which is not installed',
      hint: expect.stringContaining('npm install frond zeromq'),
    });
  });

  it('says of a package that is there but does not load that it does not', async () => {
    const { PalmError } = await import('../../../src/protocol/errors.ts');
    made.failure = new PalmError('INVALID_CALL', 'frond/zeromq needs zeromq, which does not load');
    await expect((await transport('--native')).open()).rejects.toMatchObject({
      code: 'USAGE',
      hint: undefined,
    });
  });

  it('passes on any other failure as it is', async () => {
    const { PalmError } = await import('../../../src/protocol/errors.ts');
    made.failure = new PalmError('DISCONNECTED', 'gone');
    await expect((await transport('--native')).open()).rejects.toBe(made.failure);
  });
});
