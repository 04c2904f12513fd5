import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../../../src/async/batch-queue.ts';
import { LEFT_WORK_BYTES } from '../../../../../src/flow-control.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import type { Puller } from '../../../../../src/transport.ts';
import { WorkPool, type WorkTaker } from '../../../../../transports/relay/upstream/work-pool.ts';

/** A link that work comes over, by hand. */
class FakePuller implements Puller {
  isReady: boolean;
  /** Lets those go on who wait until it is ready. */
  become = () => {};
  /** Called when it is closed, before its end. */
  onClose = () => {};
  isClosed = false;
  readonly #queue = new BatchQueue<Bytes>(1_000);
  readonly #breaks = new Set<(error: PalmError) => void>();

  constructor(isReady: boolean) {
    this.isReady = isReady;
  }

  async ready(): Promise<void> {
    if (this.isReady) return;
    await new Promise<void>((resolve) => {
      this.become = () => {
        this.isReady = true;
        resolve();
      };
    });
  }

  onBreak(listener: (error: PalmError) => void): () => void {
    this.#breaks.add(listener);
    return () => this.#breaks.delete(listener);
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.onClose();
    await Promise.resolve();
    this.#queue.end();
  }

  /** Frames that were not read. */
  get unread(): number {
    return this.#queue.size;
  }

  push(...numbers: readonly number[]): void {
    this.#queue.push(numbers.map((number) => new Uint8Array([number])));
  }

  break(): void {
    this.isReady = false;
    for (const listener of [...this.#breaks]) listener(new PalmError('DISCONNECTED', 'gone'));
  }
}

class Worker implements WorkTaker {
  readonly most: number;
  given: number[] = [];
  events: string[] = [];
  lostCount = 0;
  /** Called when it is given something. */
  onGiven = () => {};
  readonly lost = (count: number) => {
    this.lostCount += count;
  };

  constructor(most = 16) {
    this.most = most;
  }

  get room(): number {
    return this.roomBytes > 0 ? this.most - this.given.length : 0;
  }

  /** As many frames of a byte as there is room for, unless it is less. */
  mostBytes = Number.POSITIVE_INFINITY;

  get roomBytes(): number {
    return this.mostBytes - this.given.length;
  }

  becameReady(): void {
    this.events.push('ready');
  }

  broke(): void {
    this.events.push('broke');
  }

  wasRefused(error: PalmError): void {
    this.events.push(error.code);
  }

  give(frames: readonly Bytes[]): void {
    if (frames.length === 0) this.events.push('nothing');
    this.given.push(...frames.map(([number = 0]) => number));
    this.onGiven();
  }

  /** What it has, as it would be given back. */
  frames(): Bytes[] {
    return this.given.map((number) => new Uint8Array([number]));
  }
}

function scene(address: () => string | Promise<string> = () => 'a', isReady = true) {
  const pullers: FakePuller[] = [];
  const asked = { count: 0 };
  const pool = new WorkPool({
    workAddress: async () => {
      asked.count++;
      return address();
    },
    pull: () => {
      const puller = new FakePuller(isReady);
      pullers.push(puller);
      return puller;
    },
    errorForClients: (error) => PalmError.from(error, 'PROTOCOL', 'x'),
  });
  return { pool, pullers, asked };
}

const settle = () => vi.advanceTimersByTimeAsync(1);

describe('the work of a server', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('comes over one link, however many work, and is shared evenly among those with room', async () => {
    const { pool, pullers } = scene();
    const workers = Array.from({ length: 40 }, () => new Worker());
    for (const worker of workers) pool.join(worker);
    await settle();
    expect(pullers.length).toBe(1);
    expect(workers.every(({ events }) => events.join() === 'ready')).toBe(true);
    pullers[0]?.push(...Array.from({ length: 80 }, (_, i) => i));
    await settle();
    expect(workers.map(({ given }) => given.length)).toEqual(workers.map(() => 2));
    // One by one, each in turn.
    for (let i = 0; i < 40; i++) {
      pullers[0]?.push(i);
      await settle();
    }
    expect(workers.map(({ given }) => given.length)).toEqual(workers.map(() => 3));
    await pool.close();
  });

  it('is not read on while nobody has room, and waits in its order', async () => {
    const { pool, pullers } = scene();
    const [small, large] = [new Worker(1), new Worker(3)];
    pool.join(small);
    pool.join(large);
    await settle();
    pullers[0]?.push(1, 2, 3, 4, 5, 6);
    await settle();
    expect([small.given.length, large.given.length]).toEqual([1, 3]);
    large.given = [];
    pool.share();
    expect(large.given).toEqual([5, 6]);
    await pool.close();
  });

  it('is given by bytes, too: no more than the first that goes past what there is room for', async () => {
    const { pool, pullers } = scene();
    const worker = new Worker();
    worker.mostBytes = 3;
    pool.join(worker);
    await settle();
    pullers[0]?.push(1, 2, 3, 4, 5);
    await settle();
    expect(worker.given).toEqual([1, 2, 3]);
    worker.given = [3];
    pool.share();
    expect(worker.given).toEqual([3, 4, 5]);
    await pool.close();
  });

  it('that one had who vanishes is for the others at once, before what comes', async () => {
    const { pool, pullers } = scene();
    const [first, second] = [new Worker(2), new Worker(4)];
    pool.join(first);
    await settle();
    pullers[0]?.push(1, 2, 3);
    await settle();
    pool.join(second);
    expect(second.given).toEqual([3]);
    pool.leave(first, first.frames());
    expect(second.given).toEqual([3, 1, 2]);
    await pool.close();
  });

  it('is kept in the lull after the last is gone, for one that comes then over the same link', async () => {
    const { pool, pullers } = scene();
    const [first, second] = [new Worker(), new Worker()];
    pool.join(first);
    await settle();
    pullers[0]?.push(1);
    await settle();
    pool.leave(first, first.frames());
    await vi.advanceTimersByTimeAsync(500);
    pullers[0]?.push(2);
    await vi.advanceTimersByTimeAsync(900);
    pool.join(second);
    expect(second.given).toEqual([1, 2]);
    await settle();
    expect([pullers.length, second.events]).toEqual([1, ['ready', 'ready']]);
    await pool.close();
  });

  it('ends with the link when nothing comes any more, or nobody comes', async () => {
    const { pool, pullers } = scene();
    const worker = new Worker();
    for (const [round, isBusy] of [false, true].entries()) {
      pool.join(worker);
      await settle();
      pool.leave(worker, []);
      let looks = 0;
      for (; looks < 50 && pullers[round]?.isClosed === false; looks++) {
        if (isBusy) pullers[round]?.push(looks);
        await vi.advanceTimersByTimeAsync(100);
      }
      expect(looks, 'a second without work, or four').toBe(isBusy ? 40 : 10);
    }
    expect(pullers.length).toBe(2);
    // What came meanwhile is for the next.
    const next = new Worker(100);
    pool.join(next);
    expect(next.given).toEqual(Array.from({ length: 40 }, (_, i) => i));
    await pool.close();
  });

  it('is told lost when more is kept than may be', async () => {
    const { pool } = scene();
    const worker = new Worker();
    pool.join(worker);
    await settle();
    const large = new Uint8Array(40 * 1_048_576);
    pool.leave(worker, [large, large, new Uint8Array(1), large]);
    expect(worker.lostCount).toBe(2);
    await pool.close();
  });

  it('is left to other workers of the server while there is enough here, and read on when it was taken', async () => {
    const { pool, pullers } = scene();
    const worker = new Worker(2);
    pool.join(worker);
    await settle();
    const [puller] = pullers;
    puller?.push(1, 2, 3, 4, 5);
    await settle();
    puller?.push(6);
    await settle();
    expect([worker.given, puller?.unread]).toEqual([[1, 2], 1]);
    worker.given = [];
    pool.share();
    await settle();
    // One of five is still here.
    expect([worker.given, puller?.unread]).toEqual([[3, 4], 1]);
    worker.given = [];
    pool.share();
    await settle();
    expect([worker.given, puller?.unread]).toEqual([[5, 6], 0]);
    await pool.close();
  });

  it('is read on as long as all of it is taken at once', async () => {
    const { pool, pullers } = scene();
    const worker = new Worker();
    pool.join(worker);
    await settle();
    for (const number of [1, 2, 3]) {
      pullers[0]?.push(number);
      await settle();
    }
    expect([worker.given, pullers[0]?.unread]).toEqual([[1, 2, 3], 0]);
    await pool.close();
  });

  it('is kept for later up to a number of bytes, of which those that are taken are none', async () => {
    const { pool } = scene();
    const frame = new Uint8Array(LEFT_WORK_BYTES);
    const worker = new Worker(1);
    pool.join(worker);
    await settle();
    worker.given = [0];
    pool.leave(worker, [frame]);
    expect(worker.lostCount).toBe(0);
    // There is no room for one more byte, and a frame without bytes needs none.
    pool.join(worker);
    pool.leave(worker, [new Uint8Array(1), new Uint8Array(0)]);
    expect(worker.lostCount).toBe(1);
    worker.given = [];
    pool.join(worker);
    expect(worker.given).toEqual([0]);
    pool.leave(worker, [frame]);
    expect(worker.lostCount).toBe(1);
    await pool.close();
  });

  it('that is no work loses none, and nobody is told of it', async () => {
    const { pool } = scene();
    const lost = vi.fn();
    const worker = Object.assign(new Worker(), { lost });
    pool.join(worker);
    await settle();
    pool.leave(worker, [new Uint8Array(1)]);
    pool.leave(worker, [new Uint8Array(1)]);
    expect(lost).not.toHaveBeenCalled();
    const other = new Worker();
    pool.join(other);
    expect(other.given).toHaveLength(1);
    await pool.close();
  });

  it('is asked for no more when the last has gone before the address was known', async () => {
    let give = (_: string) => {};
    const { pool, pullers } = scene(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const worker = new Worker();
    pool.join(worker);
    await settle();
    pool.leave(worker, []);
    give('a');
    await settle();
    expect([pullers.length, worker.events]).toEqual([0, []]);
    const next = new Worker();
    pool.join(next);
    expect(next.given).toEqual([]);
    await pool.close();
  });

  it('is asked for no more once the relay is closed', async () => {
    const { pool, pullers } = scene();
    pool.join(new Worker());
    await settle();
    await pool.close();
    await settle();
    expect(pullers.map(({ isClosed }) => isClosed)).toEqual([true]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(pullers).toHaveLength(1);
  });

  it('follows the server to another address, and tells all that it broke and is ready', async () => {
    let at = 'a';
    const { pool, pullers } = scene(() => at);
    const workers = [new Worker(), new Worker()];
    for (const worker of workers) pool.join(worker);
    await settle();
    at = 'b';
    pullers[0]?.push(1);
    pullers[0]?.break();
    await settle();
    expect(pullers.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(workers.map(({ events }) => events.join())).toEqual(['ready,broke,ready', 'ready,broke,ready']);
    expect(workers.flatMap(({ given }) => given)).toEqual([1]);
    await pool.close();
  });

  it('of a server that gives none away is refused, to those who come later again', async () => {
    let reason: PalmError | undefined = new PalmError('WRONG_SERVER', 'no worker_push_address');
    const { pool, pullers } = scene(() => {
      if (reason !== undefined) throw reason;
      return 'a';
    });
    const [first, second] = [new Worker(), new Worker()];
    pool.join(first);
    await settle();
    reason = undefined;
    pool.join(second);
    await settle();
    expect([first.events, second.events, pullers.length]).toEqual([['WRONG_SERVER'], ['ready'], 1]);
    pool.leave(first, []);
    await pool.close();
  });

  it('is not given to one whose session ends with what it is given', async () => {
    const { pool, pullers } = scene();
    const [doomed, other] = [new Worker(), new Worker()];
    const give = doomed.give.bind(doomed);
    doomed.give = (frames) => {
      give(frames);
      pool.leave(doomed, doomed.frames());
    };
    pool.join(doomed);
    pool.join(other);
    await settle();
    pullers[0]?.push(1, 2, 3, 4);
    await settle();
    expect([...other.given].sort()).toEqual([1, 2, 3, 4]);
    expect(other.events).toEqual(['ready']);
    await pool.close();
  });

  it('is not given to one who goes while another is given some', async () => {
    const { pool, pullers } = scene();
    const [first, gone, last] = [new Worker(1), new Worker(), new Worker(1)];
    first.onGiven = () => pool.leave(gone, []);
    for (const worker of [first, gone, last]) pool.join(worker);
    await settle();
    pullers[0]?.push(1, 2, 3, 4, 5);
    await settle();
    expect(gone.given).toEqual([]);
    expect([...first.given, ...last.given].sort()).toEqual([1, 2]);
    await pool.close();
  });

  it('of one who vanishes before the server was found is shared like any other', async () => {
    const { pool } = scene(() => new Promise(() => {}));
    const leaver = new Worker();
    pool.join(leaver);
    pool.leave(leaver, [new Uint8Array([1]), new Uint8Array([2])]);
    const [doomed, other] = [new Worker(0), new Worker()];
    pool.join(doomed);
    Object.assign(doomed, { most: 16 });
    doomed.onGiven = () => {
      doomed.onGiven = () => {};
      pool.leave(doomed, doomed.frames());
    };
    pool.join(other);
    expect([doomed.given.length, [...other.given].sort(), other.events]).toEqual([1, [1, 2], []]);
    await pool.close();
    await settle();
  });

  it('goes on over the same link while some come and go, and nobody is told anew', async () => {
    const { pool, pullers, asked } = scene();
    const [first, second] = [new Worker(), new Worker()];
    pool.join(first);
    await settle();
    pool.join(second);
    await settle();
    pullers[0]?.push(1);
    await settle();
    pool.leave(second, []);
    await settle();
    expect([asked.count, first.events, second.events]).toEqual([1, ['ready'], ['ready']]);
    await pool.close();
  });

  it('is all for those with room: others take no part of it', async () => {
    const { pool, pullers } = scene();
    const [free, full] = [new Worker(), new Worker(0)];
    pool.join(free);
    pool.join(full);
    await settle();
    pullers[0]?.push(1, 2, 3);
    await settle();
    expect([free.given, full.given, full.events]).toEqual([[1, 2, 3], [], ['ready']]);
    await pool.close();
  });

  it('of a server that is not there has its address asked again each second', async () => {
    const { pool, pullers, asked } = scene(() => 'a', false);
    const worker = new Worker();
    pool.join(worker);
    await vi.advanceTimersByTimeAsync(999);
    expect(asked.count).toBe(1);
    await vi.advanceTimersByTimeAsync(1_001);
    expect([asked.count, pullers.length, worker.events]).toEqual([3, 1, []]);
    pullers[0]?.become();
    await settle();
    expect(worker.events).toEqual(['ready']);
    await pool.close();
  });

  it('ends with its link also when the last goes as the server comes', async () => {
    const { pool, pullers } = scene(() => 'a', false);
    const worker = new Worker();
    pool.join(worker);
    await settle();
    pullers[0]?.become();
    pool.leave(worker, []);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([pullers[0]?.isClosed, worker.events]).toEqual([true, []]);
  });

  it('that comes while its link is closed is for the next', async () => {
    const { pool, pullers } = scene();
    const worker = new Worker();
    pool.join(worker);
    await settle();
    const [puller] = pullers;
    if (puller !== undefined) puller.onClose = () => puller.push(7);
    pool.leave(worker, []);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(puller?.isClosed).toBe(true);
    pool.join(worker);
    expect(worker.given).toEqual([7]);
    await pool.close();
  });

  it('that comes while its link is closed waits for the next also when some have joined', async () => {
    const { pool, pullers } = scene();
    const [worker, next] = [new Worker(), new Worker()];
    pool.join(worker);
    await settle();
    const [puller] = pullers;
    if (puller !== undefined)
      puller.onClose = () => {
        pool.join(next);
        puller.push(7);
      };
    pool.leave(worker, []);
    await vi.advanceTimersByTimeAsync(1_000);
    await settle();
    pool.share();
    expect(next.given).toEqual([7]);
    await pool.close();
  });
});
