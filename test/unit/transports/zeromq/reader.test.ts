/** Reading a socket: what is passed on when, who gets a turn, and who has to wait. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../../src/async/batch-queue.ts';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { READ_RUN, READ_RUN_BYTES } from '../../../../src/flow-control.ts';
import {
  plain,
  ReadProgress,
  readInto,
  readSocket,
  receive,
  takeFrames,
  WakeUpModeration,
} from '../../../../transports/zeromq/reader.ts';
import { until, within } from '../../../support/wait.ts';

/** A socket that gives what it was given. */
class Given {
  closed = false;
  readonly writable = true;
  readonly #messages: Uint8Array[][] = [];
  #reader: Deferred<Uint8Array[]> | undefined;
  /** How many messages were read. */
  read = 0;

  get readable(): boolean {
    return this.#messages.length > 0;
  }

  receive(): Promise<Uint8Array[]> {
    if (this.closed) return Promise.reject(new Error('Socket is closed'));
    const next = this.#messages.shift();
    if (next !== undefined) {
      this.read++;
      return Promise.resolve(next);
    }
    this.#reader = deferred();
    return this.#reader.promise;
  }

  give(...messages: Uint8Array[][]): void {
    this.#messages.push(...messages);
    const reader = this.#reader;
    const next = reader && this.#messages.shift();
    if (next === undefined) return;
    this.#reader = undefined;
    this.read++;
    reader?.resolve(next);
  }

  close(): void {
    this.closed = true;
    this.#reader?.reject(new Error('Socket is closed'));
  }
}

const message = (size = 1) => [new Uint8Array(size)];
const messages = (count: number, size = 1) => Array.from({ length: count }, () => message(size));
const turn = () => new Promise(setImmediate);
/** Until everything that can be read is read, and its turn has ended. */
const turns = async () => {
  for (let i = 0; i < 5; i++) await turn();
};

describe('a socket that is read', () => {
  it('passes on every message in order, and ends when it is closed', async () => {
    const socket = new Given();
    const taken: number[] = [];
    const progress = new ReadProgress();
    const reading = readSocket(socket, ([part]) => taken.push(part?.[0] ?? -1), progress);
    for (let i = 0; i < 5; i++) {
      socket.give([new Uint8Array([i])]);
      if (i % 2 === 0) await turn();
    }
    await until(() => taken.length === 5);
    expect([taken, progress.messages]).toEqual([[0, 1, 2, 3, 4], 5]);
    socket.close();
    await within(1_000, reading);
  });

  it('has the first message of a turn processed before the second is read, and all others together', async () => {
    const socket = new Given();
    const seen: string[] = [];
    const take = () => seen.push('message');
    readSocket(socket, take, new ReadProgress(), () => seen.push('turn'));
    socket.give(...messages(3));
    await turns();
    expect(seen).toEqual(['message', 'turn', 'message', 'message', 'turn']);
    seen.length = 0;
    socket.give(message());
    await turns();
    expect(seen).toEqual(['message', 'turn', 'turn']);
    socket.close();
  });

  it.each([
    [READ_RUN, 1],
    [4, READ_RUN_BYTES / 4],
    [1, READ_RUN_BYTES],
  ])('leaves others a turn after %i messages of %i bytes', async (count, size) => {
    const socket = new Given();
    const counts: number[] = [];
    let taken = 0;
    readSocket(socket, () => taken++, new ReadProgress());
    const many = message(size);
    socket.give(...Array.from({ length: 3 * count + 1 }, () => many));
    while (taken < 3 * count + 1) {
      await turn();
      counts.push(taken);
    }
    expect(counts).toEqual(expect.arrayContaining([count, 2 * count, 3 * count]));
    socket.close();
  });

  it('is read on in one turn up to then', async () => {
    const socket = new Given();
    let taken = 0;
    readSocket(socket, () => taken++, new ReadProgress());
    socket.give(...messages(READ_RUN - 1));
    await turns();
    expect(taken).toBe(READ_RUN - 1);
    const half = message(READ_RUN_BYTES / 2 - 1);
    socket.give(half, half, half);
    await turn();
    await turn();
    expect(taken).toBe(READ_RUN + 2);
    socket.close();
  });

  it('is not read while there is no room', async () => {
    const socket = new Given();
    const room = deferred<void>();
    let taken = 0;
    const pause = () => (taken === 2 ? room.promise : undefined);
    readSocket(
      socket,
      () => taken++,
      new ReadProgress(),
      () => {},
      pause,
    );
    socket.give(...messages(4));
    await turns();
    expect([taken, socket.read]).toEqual([2, 2]);
    room.resolve();
    await until(() => taken === 4);
    socket.close();
  });

  it('is waited for until everything that it held was passed on', async () => {
    const socket = new Given();
    const progress = new ReadProgress();
    let taken = 0;
    readSocket(socket, () => taken++, progress);
    socket.give(...messages(3 * READ_RUN));
    await within(1_000, progress.caughtUp());
    expect(taken).toBe(3 * READ_RUN);
    socket.close();
  });

  it('is waited for a few turns at least, however much was read', async () => {
    for (const messages of [0, 1, 2]) {
      const progress = new ReadProgress();
      progress.messages = messages;
      let isDone = false;
      const done = progress.caughtUp().then(() => {
        isDone = true;
      });
      await turn();
      await turn();
      expect([messages, isDone]).toEqual([messages, false]);
      await within(1_000, done);
    }
  });

  it('has what comes in a stream of messages processed together, after a wait for it', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      vi.advanceTimersByTime(1_000);
      const socket = new Given();
      const progress = new ReadProgress();
      const seen: string[] = [];
      readSocket(
        socket,
        () => seen.push('message'),
        progress,
        () => seen.push('turn'),
      );
      for (let i = 0; i < 16; i++) {
        socket.give(message());
        await turns();
      }
      seen.length = 0;
      expect(progress.isWaiting).toBe(false);
      socket.give(message());
      await turn();
      socket.give(...messages(3));
      expect([progress.isWaiting, seen]).toEqual([true, ['message']]);
      await within(
        1_000,
        until(() => seen.includes('turn')),
      );
      expect([progress.isWaiting, seen]).toEqual([
        false,
        ['message', 'message', 'message', 'message', 'turn'],
      ]);
      socket.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is waited for while its reader waits for more', async () => {
    const progress = new ReadProgress();
    progress.isWaiting = true;
    let isDone = false;
    const done = progress.caughtUp().then(() => {
      isDone = true;
    });
    for (let i = 0; i < 20; i++) await turn();
    expect(isDone).toBe(false);
    progress.isWaiting = false;
    await within(1_000, done);
  });
});

describe('a socket that is read into a queue', () => {
  const numbers = (parts: Uint8Array[], into: number[]) => {
    for (const part of parts) into.push(part[0] ?? -1);
  };

  it('gives the messages of one turn together, and then the end', async () => {
    const socket = new Given();
    const queue = new BatchQueue<number>(100);
    readInto(socket, queue, numbers, () => {});
    socket.give([new Uint8Array([1])], [new Uint8Array([2])], [new Uint8Array([3])]);
    expect((await queue.next()).value).toEqual([1]);
    expect((await queue.next()).value).toEqual([2, 3]);
    socket.give([new Uint8Array([4])]);
    // What came last is not lost.
    await Promise.resolve();
    socket.close();
    expect((await within(1_000, queue.next())).value).toEqual([4]);
    expect((await within(1_000, queue.next())).done).toBe(true);
  });

  it('is not read while the queue is full, which is told', async () => {
    const socket = new Given();
    const queue = new BatchQueue<number>(2);
    const full = vi.fn();
    readInto(socket, queue, numbers, full);
    for (let i = 0; i < 5; i++) {
      socket.give([new Uint8Array([i])]);
      await turns();
    }
    expect([full.mock.calls, socket.read]).toEqual([[[2]], 2]);
    expect((await queue.next()).value).toEqual([0, 1]);
    await turns();
    expect(socket.read).toBe(5);
    socket.close();
  });

  it('is not read any more once nobody reads the queue', async () => {
    const socket = new Given();
    const queue = new BatchQueue<number>(100);
    readInto(socket, queue, numbers, () => {});
    queue.end();
    socket.give(...messages(5));
    await turns();
    expect(socket.read).toBe(1);
    socket.close();
  });
});

describe('a message', () => {
  it('is undefined once the socket is closed', async () => {
    const socket = new Given();
    socket.give(message(3));
    expect(await receive(socket)).toEqual([new Uint8Array(3)]);
    socket.close();
    expect(await receive(socket)).toBeUndefined();
  });

  it('has each of its parts as a frame, over the same memory, and not as a Buffer', () => {
    const parts = [Buffer.from('abc').subarray(1), Buffer.from('d')];
    const frames: Uint8Array[] = [];
    takeFrames(parts, frames as never);
    expect(frames.map((frame) => [...frame])).toEqual([[98, 99], [100]]);
    for (const [i, frame] of frames.entries()) {
      expect(frame.constructor).toBe(Uint8Array);
      expect([frame.buffer, frame.byteOffset]).toEqual([parts[i]?.buffer, parts[i]?.byteOffset]);
    }
    expect(plain(parts[0] as Uint8Array)).toHaveLength(2);
  });
});

describe('the wait for more messages', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Turns so many milliseconds apart, until one waits. Returns how many there were, or 0 when none of `most` waits. */
  function turnsUntilWait(moderation: WakeUpModeration, gap: number, count: number, most = 10_000): number {
    for (let i = 1; i <= most; i++) {
      vi.advanceTimersByTime(gap);
      if (moderation.turnBegins() > 0) return i;
      moderation.turnEnds(count);
    }
    return 0;
  }

  it('comes after 16 turns that follow each other closely, and stays while it brings 4 messages', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    // The first turn follows nothing.
    expect(turnsUntilWait(moderation, 0, 1)).toBe(17);
    for (let i = 0; i < 10; i++) {
      moderation.turnEnds(4);
      vi.advanceTimersByTime(100);
      expect(moderation.turnBegins()).toBe(2);
    }
  });

  it('does not come for turns that are apart', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    expect(turnsUntilWait(moderation, 1, 1)).toBe(0);
    // One that is apart begins the count anew.
    expect(turnsUntilWait(moderation, 0, 1, 15)).toBe(0);
    expect(turnsUntilWait(moderation, 1, 1, 1)).toBe(0);
    expect(turnsUntilWait(moderation, 0, 1, 15)).toBe(0);
    expect(turnsUntilWait(moderation, 0, 1, 1)).toBe(1);
  });

  it('comes twice as late each time that it brought fewer, up to 4,096 turns, and as soon as before after it brought 4', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    turnsUntilWait(moderation, 0, 1);
    const turns: number[] = [];
    for (let i = 0; i < 10; i++) {
      moderation.turnEnds(3);
      // The wait itself is not between two turns.
      vi.advanceTimersByTime(2);
      turns.push(turnsUntilWait(moderation, 0, 1));
    }
    expect(turns).toEqual([32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 4_096, 4_096]);
    moderation.turnEnds(4);
    vi.advanceTimersByTime(2);
    expect(moderation.turnBegins()).toBe(2);
    moderation.turnEnds(3);
    vi.advanceTimersByTime(2);
    expect(turnsUntilWait(moderation, 0, 1)).toBe(32);
  });

  it('is no wait for what ends a turn without one', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    for (let i = 0; i < 100; i++) moderation.turnEnds(3);
    expect(turnsUntilWait(moderation, 0, 1)).toBe(17);
  });
});
