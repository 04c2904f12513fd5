/** Which workers a Master knows, which count as dead and when, and how many are remembered. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { WorkerRegistry } from '../../../../src/cluster/dispatch/worker-registry.ts';
import { DEAD_WORKERS, LEFT_WORKERS, WORKERS } from '../../../../src/flow-control.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HEARTBEAT = 1_000;
const WORKER_TIMEOUT = 10_000;

function ground(isFree: (id: string) => boolean = () => true) {
  const told: string[] = [];
  const registry = new WorkerRegistry({
    heartbeat: HEARTBEAT,
    workerTimeout: WORKER_TIMEOUT,
    kept: new ByteBudget(1_000),
    isFree: ({ id }) => isFree(id),
    onCame: ({ id }, isBack) => told.push(`${id} ${isBack ? 'is back' : 'came'}`),
    onDead: ({ id }, why) => told.push(`${id} is dead: ${why}`),
    onSilent: ({ id }) => told.push(`${id} is silent`),
    onDropped: ({ id }, why) => told.push(`${id} was dropped: ${why}`),
    onForgotten: (id) => told.push(`${id} was forgotten`),
    onLook: () => {},
  });
  return { registry, told };
}

describe('a worker whose link broke', () => {
  it('is dead half a heartbeat later, however often the link breaks meanwhile', async () => {
    const { registry, told } = ground();
    const worker = registry.come('a', 'a');
    for (let time = 0; time < HEARTBEAT; time += HEARTBEAT / 10) {
      registry.linkBroke(worker);
      await vi.advanceTimersByTimeAsync(HEARTBEAT / 10);
      if (told.length > 1) break;
    }
    expect(told).toEqual(['a came', 'a is dead: worker is gone']);
    // Half a heartbeat, and what a look takes.
    expect(performance.now() - worker.lastSeen).toBeLessThanOrEqual((HEARTBEAT * 3) / 4);
    registry.close();
  });

  it('is dead within three quarters of a heartbeat, though nothing more is heard of its link', async () => {
    const { registry, told } = ground(() => false);
    registry.linkBroke(registry.come('a', 'a'));
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 2 - 1);
    expect(told).toEqual(['a came']);
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 4);
    expect(told).toEqual(['a came', 'a is dead: worker is gone']);
    registry.close();
  });

  it('is alive when it shows up before', async () => {
    const { registry, told } = ground();
    const worker = registry.come('a', 'a');
    registry.linkBroke(worker);
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 4);
    worker.seen(undefined, () => {});
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT);
    expect(told).toEqual(['a came']);
    registry.close();
  });

  it('is not dead because this process did nothing for a while', () => {
    const { registry, told } = ground();
    const worker = registry.come('a', 'a');
    registry.linkBroke(worker);
    // The clock goes on by more than timers do.
    const before = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => before + 5 * HEARTBEAT);
    vi.advanceTimersByTime(HEARTBEAT / 8);
    clock.mockRestore();
    expect(told).toEqual(['a came']);
    registry.close();
  });
});

describe('the time at which a worker counts as dead', () => {
  const linked = () => {
    let cut = () => {};
    const onGone = (listener: () => void) => {
      cut = listener;
      return () => {};
    };
    return { from: { link: {}, onGone, isDead: () => true }, cut: () => cut() };
  };

  it.each([
    ['half a heartbeat after its link broke', HEARTBEAT / 2, 0],
    ['at once when it was silent for one and a half', 0, 1.5 * HEARTBEAT],
  ])('is %s, and not a millisecond before', (_when, after, silent) => {
    for (const early of [1, 0]) {
      const { registry, told } = ground();
      const worker = registry.come('a', 'a');
      worker.lastSeen -= Math.max(0, silent - (after === 0 ? early : 0));
      registry.linkBroke(worker);
      if (after > 0) {
        const before = performance.now();
        const clock = vi.spyOn(performance, 'now').mockReturnValue(before + after - early);
        registry.linkBroke(worker);
        clock.mockRestore();
      }
      expect(told.slice(1)).toEqual(early === 0 ? ['a is dead: worker is gone'] : []);
      registry.close();
    }
  });

  it('is at once when its process has ended', () => {
    const { registry, told } = ground();
    const worker = registry.come('a', 'a');
    const { from, cut } = linked();
    worker.seen(from, () => registry.linkBroke(worker));
    cut();
    expect(told).toEqual(['a came', 'a is dead: worker is gone']);
    // It is dead once, and is not the one that came back under its id.
    registry.linkBroke(worker);
    expect(told).toHaveLength(2);
    expect([registry.get('a'), registry.known('a')]).toEqual([undefined, worker]);
    registry.close();
  });

  it('is after a long silence when nobody can tell of its link, and it holds something', async () => {
    const { registry, told } = ground(() => false);
    registry.come('a', 'a');
    await vi.advanceTimersByTimeAsync(WORKER_TIMEOUT);
    expect(told).toEqual(['a came']);
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 8);
    expect(told).toEqual(['a came', 'a is dead: worker fell silent']);
    registry.close();
  });
});

it('knows the workers that are alive, each once', () => {
  const { registry, told } = ground();
  const [a, b] = [registry.come('a', 'n'), registry.come('b', 'n')];
  expect([registry.heartbeat, registry.size, [...registry]]).toEqual([HEARTBEAT, 2, [a, b]]);
  expect([registry.come('a', 'other'), registry.get('a'), registry.get('c')]).toEqual([a, a, undefined]);
  expect(told).toEqual(['a came', 'b came']);
  // One look for all of them.
  expect(vi.getTimerCount()).toBe(1);
  registry.close();
});

it('does not look again when it is closed in a look', async () => {
  const told: string[] = [];
  const registry: WorkerRegistry = new WorkerRegistry({
    heartbeat: HEARTBEAT,
    workerTimeout: WORKER_TIMEOUT,
    kept: new ByteBudget(1_000),
    isFree: () => true,
    onCame: () => {},
    onDead: () => {},
    onSilent: () => {},
    onDropped: () => {},
    onForgotten: () => {},
    onLook: () => {
      told.push('look');
      registry.close();
    },
  });
  registry.come('a', 'a');
  await vi.advanceTimersByTimeAsync(2 * HEARTBEAT);
  expect([told, vi.getTimerCount()]).toEqual([['look'], 0]);
});

describe('a silent worker', () => {
  it('is dropped when it holds nothing, and leaves no timer', async () => {
    const { registry, told } = ground();
    vi.advanceTimersByTime(WORKER_TIMEOUT);
    registry.come('a', 'a');
    await vi.advanceTimersByTimeAsync(WORKER_TIMEOUT - HEARTBEAT);
    expect(registry.size).toBe(1);
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT);
    expect(told).toEqual(['a came', 'a was dropped: worker fell silent']);
    expect([registry.size, registry.known('a'), vi.getTimerCount()]).toEqual([0, undefined, 0]);
  });

  it('is found in time though each look comes a little late', () => {
    const { registry, told } = ground();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => Date.now() * 1.5);
    registry.come('a', 'a');
    // On a clock on which a look takes half as long again.
    vi.advanceTimersByTime(WORKER_TIMEOUT / 1.5 + HEARTBEAT / 4);
    expect(told).toEqual(['a came', 'a was dropped: worker fell silent']);
    clock.mockRestore();
    registry.close();
  });

  it('that holds something is told once while its link is there, and is not awake', async () => {
    const { registry, told } = ground(() => false);
    const worker = registry.come('a', 'a');
    worker.seen({ link: {}, onGone: () => () => {} }, () => {});
    await vi.advanceTimersByTimeAsync(3 * WORKER_TIMEOUT);
    expect(told).toEqual(['a came', 'a is silent']);
    expect([registry.size, registry.hasAwake]).toEqual([1, false]);
    worker.seen(undefined, () => {});
    expect(registry.hasAwake).toBe(true);
    registry.close();
  });
});

describe('as many are remembered as there may be', () => {
  it('alive: one that holds nothing makes room, and none where all hold something', () => {
    const { registry, told } = ground((id) => id === '7');
    for (let i = 0; i < WORKERS; i++) registry.come(String(i), 'w');
    expect(registry.size).toBe(WORKERS);
    registry.come('one more', 'w');
    expect([registry.size, registry.get('7')]).toEqual([WORKERS, undefined]);
    expect(told.at(-1)).toBe('7 was dropped: worker forgotten for another');
    registry.come('and one more', 'w');
    expect(registry.size).toBe(WORKERS + 1);
    registry.close();
  });

  it('alive: the newest, which holds nothing yet, is not the one that makes room', () => {
    const { registry } = ground((id) => id === 'newest');
    for (let i = 0; i < WORKERS; i++) registry.come(String(i), 'w');
    const newest = registry.come('newest', 'w');
    expect([registry.size, registry.get('newest')]).toEqual([WORKERS + 1, newest]);
    registry.close();
  });

  it('dead: the oldest is forgotten', () => {
    const { registry, told } = ground();
    const die = (id: string) => {
      const worker = registry.come(id, 'w');
      // It was silent before its link broke.
      worker.lastSeen -= 2 * HEARTBEAT;
      registry.linkBroke(worker);
    };
    for (let i = 0; i < DEAD_WORKERS; i++) die(String(i));
    expect(registry.known('0')?.id).toBe('0');
    expect(told.some((own) => own.endsWith('was forgotten'))).toBe(false);
    die('one more');
    expect([registry.known('0'), registry.known('1')?.id]).toEqual([undefined, '1']);
    expect(told.filter((own) => own.endsWith('was forgotten'))).toEqual(['0 was forgotten']);
    registry.come('1', 'w');
    expect(told.at(-1)).toBe('1 is back');
    registry.close();
  });

  it('left: the oldest may come again', () => {
    const { registry } = ground();
    for (let i = 0; i < LEFT_WORKERS; i++) registry.leave(registry.come(String(i), 'w'));
    expect([registry.hasLeft('0'), registry.size]).toEqual([true, 0]);
    registry.leave(registry.come('one more', 'w'));
    expect([registry.hasLeft('0'), registry.hasLeft('1'), registry.hasLeft('one more')]).toEqual([
      false,
      true,
      true,
    ]);
    registry.close();
  });
});

it('leaves no timer, worker or watch when it is closed', () => {
  const { registry } = ground();
  const listeners = new Set<() => void>();
  const onGone = (listener: () => void) => {
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  };
  const worker = registry.come('a', 'a');
  worker.seen({ link: {}, onGone }, () => {});
  worker.holdSignOfLife(new Uint8Array(0), 5_000);
  expect([vi.getTimerCount(), listeners.size]).toEqual([2, 1]);
  registry.close();
  expect([vi.getTimerCount(), listeners.size, registry.size]).toEqual([0, 0, 0]);
  // One that comes later begins no watch.
  registry.come('b', 'b');
  expect(vi.getTimerCount()).toBe(0);
});

it('begins no watch when it was closed before the first worker came', () => {
  const { registry } = ground();
  registry.close();
  registry.come('a', 'a');
  expect(vi.getTimerCount()).toBe(0);
});
