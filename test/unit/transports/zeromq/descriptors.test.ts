/** Sockets that cannot be opened: what is said, and that nothing is left of them. */
import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkDescriptors, openSocket } from '../../../../transports/zeromq/descriptors.ts';

const errorOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
};

describe('a socket', () => {
  it('is opened with its monitor', () => {
    const events = vi.fn();
    const socket = {
      get events() {
        return events();
      },
    };
    expect(openSocket('dial x', () => socket as never)).toBe(socket);
    expect(events).toHaveBeenCalledTimes(1);
  });

  it.each(['EMFILE', 'ENFILE'])('for which nothing is left is refused with what to try (%s)', (code) => {
    const cause = Object.assign(new Error('Too many open files'), { code });
    const error = errorOf(() =>
      openSocket('dial tcp://x:1', () => {
        throw cause;
      }),
    );
    expect(error).toMatchObject({
      code: 'INVALID_CALL',
      message:
        'cannot dial tcp://x:1: Too many open files; ZeroMQ counts three sockets for each address: ' +
        'raise context.maxSockets of the package zeromq (1023), or close some',
      cause,
    });
  });

  it.each([
    Object.assign(new Error('bad option'), { code: 'EINVAL' }),
    new Error('bad option'),
    'bad option',
  ])('that fails otherwise says why: %s', (cause) => {
    const error = errorOf(() =>
      openSocket('dial tcp://x:1', () => {
        throw cause;
      }),
    );
    expect(error).toMatchObject({ message: 'cannot dial tcp://x:1: bad option', cause });
  });

  it('whose monitor cannot be opened is closed', () => {
    const close = vi.fn();
    const socket = {
      close,
      get events(): never {
        throw new Error('no monitor');
      },
    };
    expect(errorOf(() => openSocket('dial x', () => socket as never))).toMatchObject({
      message: 'cannot dial x: no monitor',
    });
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe('descriptors', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  /** Has the process so few left. Gives the numbers of those that are not closed. */
  function leave(count: number): Set<number> {
    const open = new Set<number>();
    vi.spyOn(fs, 'openSync').mockImplementation(() => {
      if (open.size === count)
        throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      open.add(open.size + 1);
      return open.size;
    });
    vi.spyOn(fs, 'closeSync').mockImplementation((own) => void open.delete(own));
    syncBuiltinESMExports();
    return open;
  }

  it('must be 16 before a socket is opened', () => {
    const few = leave(15);
    const make = vi.fn();
    expect(errorOf(() => openSocket('bind tcp://x:1', make))).toMatchObject({
      code: 'INVALID_CALL',
      message:
        'cannot bind tcp://x:1: the process has fewer than 16 file descriptors left; ' +
        'raise its limit of open files (ulimit -n), or close what it does not need',
      cause: { code: 'EMFILE' },
    });
    expect([make.mock.calls.length, few.size]).toEqual([0, 0]);
    vi.restoreAllMocks();
    const enough = leave(16);
    checkDescriptors('bind tcp://x:1');
    expect(enough.size).toBe(0);
  });

  it.runIf(process.platform === 'linux')('that are tried are closed again', () => {
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    for (let i = 0; i < 10; i++) checkDescriptors('bind x');
    expect(count()).toBe(before);
  });
});
