/** When a file of tokens is read again, and what is told then: on a file system and a clock that the test moves. */
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/logging.ts';
import { until } from '../support/wait.ts';

/** A file: its content, and the state that the system tells of it. */
const disk = {
  content: '',
  missing: '',
  unreadable: '',
  inode: 1,
  size: 1,
  modified: 1,
  changed: 1,
  changedMs: 0,
  reads: 0,
  looks: 0,
  beforeRead: () => {},
};

type TokenFile = typeof import('../../transports/relay/auth/token-file.ts');
let openTokenFile: TokenFile['openTokenFile'];
let watchFile: TokenFile['watchFile'];

// Files share modules: nothing that was loaded with the replaced one may stay.
beforeAll(async () => {
  const real = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises');
  vi.resetModules();
  vi.doMock('node:fs/promises', () => {
    const fail = () => {
      if (disk.missing !== '') throw new Error(disk.missing);
    };
    return {
      ...real,
      stat: async (_path: string, options?: { readonly bigint?: boolean }) => {
        disk.looks++;
        fail();
        // In doubles, a nanosecond more or less is lost.
        if (options?.bigint !== true) return { ino: 1, size: 1, ctimeMs: 0 };
        const { inode: ino, size, modified: mtimeNs, changed: ctimeNs, changedMs } = disk;
        return { ino, size, mtimeNs, ctimeNs, ctimeMs: BigInt(changedMs) };
      },
      readFile: async () => {
        disk.reads++;
        fail();
        if (disk.unreadable !== '') throw new Error(disk.unreadable);
        const { content, beforeRead } = disk;
        disk.beforeRead = () => {};
        beforeRead();
        return content;
      },
    };
  });
  ({ openTokenFile, watchFile } = await import('../../transports/relay/auth/token-file.ts'));
});
afterAll(() => {
  vi.doUnmock('node:fs/promises');
  vi.resetModules();
});

const NOW = 1_000_000;
const CHANGED = { name: 'bob', token: 'token-of-bob-000002', servers: [] };
const FIRST = { name: 'alice', token: 'token-of-alice-0001', servers: [] };
const INFO = { address: '127.0.0.1', origin: undefined };

/** Changes the content, and nothing of the state. */
function write(...tokens: readonly object[]) {
  disk.content = JSON.stringify({ tokens });
}

beforeEach(() => {
  vi.useFakeTimers({
    now: NOW,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  Object.assign(disk, {
    missing: '',
    unreadable: '',
    inode: 1,
    size: 1,
    modified: 1,
    changed: 1,
    reads: 0,
    looks: 0,
  });
  disk.changedMs = NOW - 10_000;
  write(FIRST);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function recorder() {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  };
  const logger: Logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  return { lines, logger };
}

async function opened(interval?: number) {
  const { lines, logger } = recorder();
  const options = { logger, name: 'tokens.json', ...(interval !== undefined && { interval }) };
  const file = await openTokenFile('/some/tokens.json', options);
  const names = async () => {
    const own = await Promise.all([FIRST, CHANGED].map(({ token }) => file.authenticate(token, INFO)));
    return own.map((identity) => identity?.name);
  };
  disk.reads = 0;
  disk.looks = 0;
  return { file, lines, names };
}

describe('a file of tokens that nobody watches', () => {
  it('is looked at when a token is checked, an interval after the last time', async () => {
    const { names } = await opened();
    vi.advanceTimersByTime(999);
    await names();
    expect(disk.looks).toBe(0);
    vi.advanceTimersByTime(1);
    await names();
    expect(disk.looks).toBe(1);
    vi.advanceTimersByTime(999);
    await names();
    expect(disk.looks).toBe(1);
  });

  it('is not looked at for a client without a token', async () => {
    const { file } = await opened(0);
    expect(await file.authenticate(undefined, INFO)).toBeUndefined();
    expect(disk.looks).toBe(0);
  });

  it.each(['inode', 'size', 'modified', 'changed'] as const)(
    'is read again with another %s',
    async (what) => {
      const { file, lines, names } = await opened(0);
      write(CHANGED);
      expect(await names()).toEqual(['alice', undefined]);
      expect(disk.reads).toBe(0);
      disk[what]++;
      expect(await names()).toEqual([undefined, 'bob']);
      expect(file.identities.map(({ name }) => name)).toEqual(['bob']);
      expect(lines).toEqual(['info: the token file was read again {"tokens":1}']);
    },
  );

  it.each([
    [1_999, true],
    [2_000, false],
  ])('that changed %i ms before is read again without another state: %s', async (age, isRead) => {
    disk.changedMs = NOW - age;
    const { names } = await opened(0);
    write(CHANGED);
    expect(await names()).toEqual(isRead ? [undefined, 'bob'] : ['alice', undefined]);
  });

  it('that has the same content is not told of', async () => {
    disk.changedMs = NOW;
    const { lines, names } = await opened(0);
    disk.changed++;
    expect(await names()).toEqual(['alice', undefined]);
    expect(disk.reads).toBeGreaterThan(0);
    expect(lines).toEqual([]);
  });

  it('that changes while it is read is read again at the next look', async () => {
    const { names } = await opened(0);
    disk.changed++;
    write(FIRST, { ...FIRST, token: 'another-token-0003' });
    disk.beforeRead = () => {
      disk.changed++;
      write(CHANGED);
    };
    await names();
    expect(await names()).toEqual([undefined, 'bob']);
  });

  it('that is missing is told of once, until it is missing for another reason', async () => {
    const { lines, names } = await opened(0);
    for (const reason of ['gone', 'gone', 'locked', 'gone']) {
      disk.missing = reason;
      expect(await names()).toEqual(['alice', undefined]);
    }
    const line = (reason: string) =>
      `warning: the token file cannot be used; the tokens that were read before stay valid {"reason":${JSON.stringify(`"tokens.json" cannot be read: ${reason}`)}}`;
    expect(lines).toEqual(['gone', 'locked', 'gone'].map(line));
    disk.missing = '';
    await names();
    // It is there again as it was: nothing has changed.
    expect(lines).toHaveLength(3);
  });

  it('that is not acceptable is told of once, however often it is looked at', async () => {
    const { lines, names } = await opened(0);
    disk.changed++;
    disk.changedMs = NOW;
    disk.content = '{';
    for (let i = 0; i < 3; i++) expect(await names()).toEqual(['alice', undefined]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^warning: .*"reason":"\\"tokens.json\\" is not JSON/);
    write(CHANGED);
    expect(await names()).toEqual([undefined, 'bob']);
  });

  it('that is not acceptable is not read again until it changes', async () => {
    const { lines, names } = await opened(0);
    disk.changed++;
    disk.content = '{';
    for (let i = 0; i < 3; i++) await names();
    expect([disk.reads, lines.length]).toEqual([1, 1]);
  });

  it('that is there and cannot be read is told of, and tried again', async () => {
    const { lines, names } = await opened(0);
    disk.changed++;
    write(CHANGED);
    disk.unreadable = 'no permission';
    for (let i = 0; i < 2; i++) expect(await names()).toEqual(['alice', undefined]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('cannot be read: no permission');
    disk.unreadable = '';
    expect(await names()).toEqual([undefined, 'bob']);
  });

  it('that cannot be read at first is refused with the reason', async () => {
    disk.missing = 'gone';
    await expect(openTokenFile('/some/tokens.json')).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: '"/some/tokens.json" cannot be read: gone',
      sent: false,
      cause: expect.objectContaining({ message: 'gone' }),
    });
  });

  it('is told of on the console where there is no logger', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const { authenticate } = await openTokenFile('/some/tokens.json', { interval: 0 });
    disk.changed++;
    write(CHANGED);
    await authenticate(FIRST.token, INFO);
    const lines = [...told.mock.calls, ...info.mock.calls, ...log.mock.calls].flat().join(' ');
    expect(lines).toContain('the token file was read again');
    expect(lines).toContain('frond relay');
  });
});

describe('a file of tokens that is watched', () => {
  it('tells each listener once a change, until it leaves; nothing is left after the last', async () => {
    const { file } = await opened();
    const heard: string[] = [];
    const first = () => heard.push('first');
    const { onChange } = file.authenticate;
    const leave = [first, first, () => heard.push('second')].map((listener) => onChange?.(listener));
    expect(vi.getTimerCount()).toBe(1);
    disk.changed++;
    write(CHANGED);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(heard).toEqual(['first', 'first', 'second']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard).toHaveLength(3);
    leave[0]?.();
    leave[0]?.();
    disk.changed++;
    write(FIRST);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(heard.slice(3)).toEqual(['first', 'second']);
    leave[1]?.();
    expect(vi.getTimerCount()).toBe(1);
    leave[2]?.();
    expect(vi.getTimerCount()).toBe(0);
    // Watched again, for a new listener.
    const again = onChange?.(first);
    expect(vi.getTimerCount()).toBe(1);
    again?.();
  });

  it('tells the other listeners when one throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const { file } = await opened();
    const heard = vi.fn();
    const { onChange } = file.authenticate;
    const leave = [
      onChange?.(() => {
        throw new Error('boom');
      }),
      onChange?.(heard),
    ];
    disk.changed++;
    write(CHANGED);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(heard).toHaveBeenCalledTimes(1);
    for (const end of leave) end?.();
  });

  it('is looked at once more when it changes during a look, and no more', async () => {
    const { file } = await opened();
    const leave = file.authenticate.onChange?.(() => {});
    disk.changed++;
    write(FIRST, { ...FIRST, token: 'another-token-0003' });
    disk.beforeRead = () => {
      disk.changed++;
      write(CHANGED);
      vi.advanceTimersByTime(1_000);
    };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(disk.looks).toBe(2);
    expect(file.identities.map(({ name }) => name)).toEqual(['bob']);
    leave?.();
  });

  it('is waited for by those whose token is checked during a look', async () => {
    const { file, names } = await opened();
    const leave = file.authenticate.onChange?.(() => {});
    disk.changed++;
    write(CHANGED);
    vi.advanceTimersByTime(1_000);
    expect(await names()).toEqual([undefined, 'bob']);
    expect(disk.looks).toBe(1);
    leave?.();
  });
});

describe('a watched file', () => {
  it('is looked at each interval, and soon after a change in its folder, once for several', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frond-'));
    try {
      const look = vi.fn();
      const stop = watchFile(join(folder, 'tokens.json'), 1_000, look);
      vi.advanceTimersByTime(2_500);
      expect([look.mock.calls.length, vi.getTimerCount()]).toEqual([2, 1]);
      await writeFile(join(folder, 'tokens.json'), 'a');
      await writeFile(join(folder, 'other.json'), 'a');
      await until(() => vi.getTimerCount() > 1);
      expect(vi.getTimerCount()).toBe(2);
      vi.advanceTimersByTime(49);
      expect(look).toHaveBeenCalledTimes(2);
      vi.advanceTimersByTime(1);
      expect(look).toHaveBeenCalledTimes(3);
      // And again after the next change.
      await writeFile(join(folder, 'tokens.json'), 'b');
      await until(() => vi.getTimerCount() > 1);
      stop();
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(5_000);
      expect(look).toHaveBeenCalledTimes(3);
      // Another watcher hears of a change, and one that was stopped does not.
      watchFile(join(folder, 'tokens.json'), 1_000, look)();
      const watcher = watch(folder);
      const heard = once(watcher, 'change');
      await writeFile(join(folder, 'tokens.json'), 'c');
      await heard;
      watcher.close();
      await new Promise(setImmediate);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('does not keep the process running', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frond-'));
    const stop = watchFile(join(folder, 'tokens.json'), 1_000, () => {});
    try {
      expect(process.getActiveResourcesInfo()).not.toContain('FSEventWrap');
      const other = watch(folder);
      expect(process.getActiveResourcesInfo()).toContain('FSEventWrap');
      other.close();
    } finally {
      stop();
      await rm(folder, { recursive: true });
    }
  });

  it('in a folder whose watch fails later is looked at each interval, and the watch is given up', () => {
    const sample = watch(tmpdir());
    const kind = Object.getPrototypeOf(sample);
    sample.close();
    const [on, close] = [vi.spyOn(kind, 'on'), vi.spyOn(kind, 'close')];
    const look = vi.fn();
    const stop = watchFile(join(tmpdir(), 'tokens.json'), 1_000, look);
    const [watcher] = on.mock.contexts as FSWatcher[];
    // Without a listener it would throw.
    watcher?.emit('error', new Error('too many watches'));
    expect(close.mock.contexts).toEqual([watcher]);
    vi.advanceTimersByTime(1_000);
    expect(look).toHaveBeenCalledTimes(1);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('in a folder that cannot be watched is looked at each interval', () => {
    const look = vi.fn();
    const stop = watchFile(join(tmpdir(), 'no such folder', 'tokens.json'), 1_000, look);
    vi.advanceTimersByTime(1_000);
    expect(look).toHaveBeenCalledTimes(1);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
