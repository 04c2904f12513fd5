/** How much is pushed to workers that take what is pushed, alone and beside others that ask. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PushWorkers } from '../../../../src/cluster/dispatch/push-workers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = async () => {
  for (let i = 0; i < 2_000; i++) await Promise.resolve();
};

function open(peers: number, isShared = true) {
  const ground = { peers, isShared, waiting: 10_000 };
  const push = {
    address: '',
    get peers() {
      return ground.peers;
    },
    onPeers: () => {},
    send: async () => {},
    close: async () => {},
  };
  const share = new PushWorkers(push, {
    get waiting() {
      return ground.waiting;
    },
    next: () => {
      if (ground.waiting === 0) return undefined;
      ground.waiting--;
      return { frame: new Uint8Array(1) };
    },
    putBack: () => ground.waiting++,
    hasLeasedWorkers: () => ground.isShared,
  });
  share.peersChanged();
  const run = async () => {
    share.run();
    await settle();
    return share.out;
  };
  /** Everything that is out comes back after so many milliseconds, one after another for each worker. */
  const round = async (each: number) => {
    for (let left = Math.ceil(share.out / ground.peers); left > 0; left--) {
      vi.advanceTimersByTime(each);
      share.cameBack(Math.min(ground.peers, share.out));
    }
    return run();
  };
  return { ground, share, run, round };
}

describe('pushed work', () => {
  it('is all of it when no worker asks for work', async () => {
    const { ground, run } = open(2, false);
    expect(await run()).toBe(10_000);
    expect(ground.waiting).toBe(0);
  });

  it('is one message for each worker while others ask and messages are slow', async () => {
    const { share, run, round } = open(3);
    expect(await run()).toBe(3);
    expect(await run()).toBe(3);
    for (let i = 0; i < 20; i++) expect(await round(30)).toBe(3);
    share.cameBack(1);
    expect(await run()).toBe(3);
  });

  it('grows step by step while messages are quick, and shrinks at once when they are not', async () => {
    const { run, round } = open(1);
    let before = await run();
    for (let i = 0; i < 10; i++) {
      const now = await round(0.25);
      expect(now).toBeLessThanOrEqual(2 * before);
      before = now;
    }
    // What it does in 5 ms, and one.
    expect(before).toBeGreaterThan(15);
    expect(before).toBeLessThanOrEqual(21);
    for (let i = 0; i < 3; i++) before = await round(100);
    expect(before).toBe(1);
  });

  it('grows by one for each worker that gave something back', async () => {
    const { run, round } = open(2);
    expect(await run()).toBe(2);
    expect(await round(0.25)).toBe(4);
    expect(await round(0.25)).toBe(8);
  });

  it.each([
    [999, 10],
    [1_000, 1],
  ])('after a pause of %i ms begins with %i', async (pause, first) => {
    const { ground, share, run, round } = open(1);
    await run();
    for (let i = 0; i < 10; i++) await round(0.25);
    ground.waiting = 0;
    share.cameBack(share.out);
    vi.advanceTimersByTime(pause);
    ground.waiting = 10;
    for (let i = 0; i < 10 && share.out < first; i++) await run();
    expect([share.out, ground.waiting]).toEqual([first, 10 - first]);
  });

  it('does not begin anew while a message takes long: that is no pause', async () => {
    const { ground, share, run, round } = open(1);
    await run();
    for (let i = 0; i < 10; i++) await round(0.25);
    ground.waiting = 0;
    share.cameBack(share.out - 1);
    vi.advanceTimersByTime(2_000);
    ground.waiting = 5;
    expect(await run()).toBe(6);
  });

  it('goes on when a message had more results than one', async () => {
    const { share, run } = open(1);
    await run();
    vi.advanceTimersByTime(30);
    share.cameBack(1);
    share.cameBack(1);
    expect(share.out).toBe(0);
    expect(await run()).toBe(1);
  });

  it('is none where there are no workers, however often they are counted', async () => {
    const { share, run } = open(0);
    share.peersChanged();
    expect([share.out, share.room]).toEqual([0, 0]);
    expect(await run()).toBe(0);
  });

  it('no longer counts for workers that went', async () => {
    const { ground, share, run } = open(2);
    expect(await run()).toBe(2);
    ground.peers = 1;
    share.peersChanged();
    expect(share.out).toBe(1);
    ground.peers = 0;
    share.peersChanged();
    expect(share.out).toBe(0);
  });

  it('is forgotten after long without a result, each time after twice as long', async () => {
    const { share, run } = open(1);
    await run();
    for (const wait of [10_000, 20_000, 40_000]) {
      vi.advanceTimersByTime(wait - 1);
      share.forgetOverdue();
      expect(share.out).toBe(1);
      vi.advanceTimersByTime(1);
      share.forgetOverdue();
      expect(share.out).toBe(0);
      await run();
    }
  });

  it('is forgotten as soon after a time in which there was none', async () => {
    const { share, run } = open(1);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(10_000);
      share.forgetOverdue();
    }
    await run();
    vi.advanceTimersByTime(10_000);
    share.forgetOverdue();
    expect(share.out).toBe(0);
  });

  it('is forgotten no later because more is pushed, or something else came that is no result', async () => {
    const { ground, share, run } = open(1, false);
    ground.waiting = 1;
    await run();
    vi.advanceTimersByTime(9_999);
    ground.waiting = 1;
    expect(await run()).toBe(2);
    share.cameBack(0);
    vi.advanceTimersByTime(1);
    share.forgetOverdue();
    expect(share.out).toBe(0);
  });

  it('is forgotten after a multiple of the time of one message, when several came back at once', async () => {
    const { ground, share, run } = open(1, false);
    ground.waiting = 4;
    await run();
    vi.advanceTimersByTime(8_000);
    share.cameBack(4);
    ground.waiting = 1;
    await run();
    vi.advanceTimersByTime(7_999);
    share.forgetOverdue();
    expect(share.out).toBe(1);
    vi.advanceTimersByTime(1);
    share.forgetOverdue();
    expect(share.out).toBe(0);
  });

  it('is forgotten after a multiple of the time that messages take, when that is known', async () => {
    const { share, run, round } = open(1);
    await run();
    await round(2_000);
    vi.advanceTimersByTime(7_999);
    share.forgetOverdue();
    expect(share.out).toBe(1);
    vi.advanceTimersByTime(1);
    share.forgetOverdue();
    expect(share.out).toBe(0);
  });
});

describe('pushing', () => {
  /** Workers whose link takes frames when a test says so. */
  function slow(peers = 1, hasLeasedWorkers = false) {
    const waiting = Array.from({ length: 8 }, (_, i) => i);
    const sends: { readonly count: number; readonly end: (error?: Error) => void }[] = [];
    const push = {
      address: '',
      peers,
      onPeers: () => {},
      send: (frames: readonly unknown[]) =>
        new Promise<void>((resolve, reject) => {
          sends.push({
            count: frames.length,
            end: (error) => (error === undefined ? resolve() : reject(error)),
          });
        }),
      close: async () => {},
    };
    const share = new PushWorkers(push, {
      get waiting() {
        return waiting.length;
      },
      next: () => {
        const at = waiting.shift();
        return at === undefined ? undefined : { frame: new Uint8Array([at]) };
      },
      putBack: ({ frame }) => void waiting.unshift(frame[0] ?? 0),
      hasLeasedWorkers: () => hasLeasedWorkers,
    });
    share.peersChanged();
    return { share, sends, waiting: () => waiting.length };
  }

  it('gives each worker a share of what waits, one push after the other', async () => {
    const { share, sends, waiting } = slow(2);
    const running = share.run();
    // A quarter of what waits: half for the two of them.
    expect([sends.map(({ count }) => count), waiting(), share.out]).toEqual([[2], 6, 2]);
    // Only one is under way.
    await share.run();
    expect(sends).toHaveLength(1);
    for (let i = 0; i < 10 && waiting() > 0; i++) {
      sends.at(-1)?.end();
      await settle();
    }
    sends.at(-1)?.end();
    await running;
    expect(sends.map(({ count }) => count)).toEqual([2, 2, 1, 1, 1, 1]);
    expect([waiting(), share.out]).toEqual([0, 8]);
  });

  it('puts back what cannot be pushed, and goes on when it is asked again', async () => {
    const { share, sends, waiting } = slow();
    const running = share.run();
    expect([waiting(), share.out]).toEqual([4, 4]);
    sends[0]?.end(new Error('gone'));
    await running;
    expect([waiting(), share.out, sends.length]).toEqual([8, 0, 1]);
    void share.run();
    expect([sends.length, share.out]).toEqual([2, 4]);
  });

  it('counts what came back while a push failed once', async () => {
    const { share, sends } = slow();
    const running = share.run();
    share.cameBack(3);
    sends[0]?.end(new Error('gone'));
    await running;
    expect(share.out).toBe(0);
  });

  it('does nothing for no result, and for more of them than messages', async () => {
    const { share } = slow();
    void share.run();
    share.cameBack(0);
    expect(share.out).toBe(4);
    share.cameBack(5);
    expect(share.out).toBe(0);
    share.cameBack(1);
    expect(share.out).toBe(0);
  });
});
