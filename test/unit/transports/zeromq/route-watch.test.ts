/** Who is told that a peer is gone, and when a route is checked. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { RouteWatch } from '../../../../transports/zeromq/route-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A ROUTER whose peers are those of `present`. */
class Routes {
  closed = false;
  mandatory = false;
  readonly present = new Set<string>();
  /** The routes that were checked. */
  readonly checked: string[] = [];
  /** What fails besides. */
  failure: Error | undefined;

  async send([route, ...rest]: [Uint8Array, ...Uint8Array[]]): Promise<void> {
    const name = Buffer.from(route).toString('latin1');
    expect([this.mandatory, rest]).toEqual([true, [new Uint8Array(0)]]);
    this.checked.push(name);
    if (this.failure !== undefined) throw this.failure;
    if (!this.present.has(name)) throw Object.assign(new Error('Host unreachable'), { code: 'EHOSTUNREACH' });
  }

  /** The routes that were checked since the last look. */
  looks(): string[] {
    return this.checked.splice(0);
  }
}

function ground() {
  const router = new Routes();
  const watch = new RouteWatch(router as never);
  const peer = (name: string) => {
    router.present.add(name);
    return watch.origin(Buffer.from(name, 'latin1'));
  };
  return { router, watch, peer };
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

describe('a peer', () => {
  it('is named by the bytes of its route, whoever asks', () => {
    const { peer } = ground();
    expect(peer('\0\xff\x80a').link).toBe('\0\xff\x80a');
    expect(peer('b').link).not.toBe(peer('c').link);
  });

  it('is checked by its route, whatever becomes of the message that it came with', async () => {
    const { router, watch } = ground();
    router.present.add('a');
    const route = Buffer.from('a');
    watch.origin(route).onGone(() => {});
    route.fill('b');
    await pass(20);
    expect(router.looks()).toEqual(['a']);
    watch.close();
  });

  it('is checked 20, 200, 1,000 and 5,000 ms after somebody begins to watch it', async () => {
    const { router, peer } = ground();
    peer('a').onGone(() => {});
    let before = 0;
    for (const look of [20, 200, 1_000, 5_000]) {
      await pass(look - before - 1);
      expect(router.looks()).toEqual([]);
      await pass(1);
      expect(router.looks()).toEqual(['a']);
      before = look;
    }
    await pass(100_000);
    expect([router.looks(), router.mandatory]).toEqual([[], false]);
  });

  it('is checked as often after any peer went, and once for several that went', async () => {
    const { router, watch, peer } = ground();
    peer('a').onGone(() => {});
    peer('b').onGone(() => {});
    await pass(10_000);
    router.looks();
    watch.someoneWent();
    watch.someoneWent();
    expect(vi.getTimerCount()).toBe(4);
    let before = 0;
    for (const look of [20, 200, 1_000, 5_000]) {
      await pass(look - before);
      expect(router.looks()).toEqual(['a', 'b']);
      before = look;
    }
    // One that goes later is looked for again.
    watch.someoneWent();
    await pass(20);
    expect(router.looks()).toEqual(['a', 'b']);
    watch.close();
  });

  it('is not looked for when nobody watches any', () => {
    ground().watch.someoneWent();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that is gone is told to all who watch it, once, and is not checked again', async () => {
    const { router, watch, peer } = ground();
    const listeners = [vi.fn(), vi.fn()];
    const other = vi.fn();
    for (const listener of listeners) peer('a').onGone(listener);
    peer('b').onGone(other);
    router.present.delete('a');
    await pass(20);
    expect(listeners.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    router.looks();
    watch.someoneWent();
    await pass(5_000);
    expect(new Set(router.looks())).toEqual(new Set(['b']));
    expect(listeners.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect(other).not.toHaveBeenCalled();
  });

  it('that is gone is told to all, though one of them throws', async () => {
    const { router, peer } = ground();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    const second = vi.fn();
    peer('a').onGone(() => {
      throw new Error('mine');
    });
    peer('a').onGone(second);
    router.present.delete('a');
    await pass(20);
    expect([second.mock.calls.length, error.mock.calls.length]).toEqual([1, 1]);
    error.mockRestore();
  });

  it('is not gone because a check fails in another way', async () => {
    const { router, watch, peer } = ground();
    const gone = vi.fn();
    peer('a').onGone(gone);
    for (const failure of [Object.assign(new Error('busy'), { code: 'EAGAIN' }), new Error('EHOSTUNREACH')]) {
      router.failure = failure;
      watch.someoneWent();
      await pass(5_000);
    }
    expect([gone.mock.calls.length, router.mandatory]).toEqual([0, false]);
    expect(router.looks().length).toBeGreaterThan(4);
  });

  it('leaves other replies as they are, whatever its check comes to', async () => {
    const { router, peer } = ground();
    router.send = () => {
      expect(router.mandatory).toBe(true);
      throw new Error('Socket is busy writing');
    };
    peer('a').onGone(() => {});
    await pass(5_000);
    expect(router.mandatory).toBe(false);
  });
});

describe('nothing is left', () => {
  it('when the last who watched a peer does so no more', async () => {
    const { router, peer } = ground();
    const [first, second] = [vi.fn(), vi.fn()];
    const stops = [peer('a').onGone(first), peer('a').onGone(second)];
    expect(vi.getTimerCount()).toBe(4);
    stops[0]?.();
    expect(vi.getTimerCount()).toBe(4);
    router.present.delete('a');
    await pass(20);
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([0, 1]);
    stops[1]?.();
    const again = peer('a').onGone(first);
    expect(vi.getTimerCount()).toBe(4);
    // What was stopped before has nothing to do with the one who watches now.
    stops[1]?.();
    expect(vi.getTimerCount()).toBe(4);
    router.present.delete('a');
    await pass(20);
    expect(first).toHaveBeenCalledTimes(1);
    again();
    const stop = peer('here').onGone(first);
    expect(vi.getTimerCount()).toBe(4);
    stop();
    expect(vi.getTimerCount()).toBe(0);
    await pass(5_000);
    expect(router.looks()).toEqual(['a', 'a']);
  });

  it('when it is closed', async () => {
    const { router, watch, peer } = ground();
    const gone = vi.fn();
    peer('a').onGone(gone);
    peer('b').onGone(gone);
    watch.someoneWent();
    expect(vi.getTimerCount()).toBe(12);
    watch.close();
    expect(vi.getTimerCount()).toBe(0);
    // What came before its end may be looked at after it.
    peer('c').onGone(gone)();
    peer('d').onGone(gone);
    watch.someoneWent();
    expect(vi.getTimerCount()).toBe(0);
    router.present.clear();
    await pass(5_000);
    expect([router.looks(), gone.mock.calls.length]).toEqual([[], 0]);
  });

  it('to check once the socket is closed', async () => {
    const { router, peer } = ground();
    const gone = vi.fn();
    peer('a').onGone(gone);
    router.closed = true;
    router.present.clear();
    await pass(5_000);
    expect([router.looks(), gone.mock.calls.length]).toEqual([[], 0]);
  });

  it('of a peer that two checks find gone at once', async () => {
    const { router, watch, peer } = ground();
    const gone = vi.fn();
    const checks: Deferred<void>[] = [];
    router.send = () => {
      const check = deferred<void>();
      checks.push(check);
      return check.promise;
    };
    peer('a').onGone(gone);
    watch.someoneWent();
    await pass(20);
    expect(checks).toHaveLength(2);
    for (const { reject } of checks) reject(Object.assign(new Error('gone'), { code: 'EHOSTUNREACH' }));
    await pass(0);
    expect(gone).toHaveBeenCalledTimes(1);
    watch.close();
  });
});
