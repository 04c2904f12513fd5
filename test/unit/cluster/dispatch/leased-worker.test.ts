/** A worker as its Master knows it: its requests, its link, and what is left when it is forgotten. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { LeasedWorker } from '../../../../src/cluster/dispatch/leased-worker.ts';
import { WORKER_NOTICES, WORKER_REQUESTS_KNOWN } from '../../../../src/flow-control.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A link that counts who watches it. */
function origin(link: object = {}) {
  const listeners = new Set<() => void>();
  return {
    link,
    listeners,
    onGone: (listener: () => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

function ground() {
  const kept = new ByteBudget(1_000);
  return { kept, worker: new LeasedWorker('w', 'name', kept) };
}

describe('requests', () => {
  it('are known again as long as so many others have not come since, and no longer', () => {
    const { worker } = ground();
    const numbers = Array.from({ length: WORKER_REQUESTS_KNOWN }, (_, i) => i + 1);
    for (const number of numbers) expect(worker.isNew(number)).toBe(true);
    for (const number of numbers) expect(worker.isNew(number)).toBe(false);
    expect(worker.isNew(100)).toBe(true);
    expect(worker.isNew(2)).toBe(false);
    // The oldest made room, and counts as new.
    expect(worker.isNew(1)).toBe(true);
  });

  it('for work get their answer, which comes again when the request does', async () => {
    const { worker, kept } = ground();
    const expire = vi.fn();
    const reply = worker.holdWorkRequest(5, 3, 1_000, expire);
    expect([worker.want, vi.getTimerCount()]).toEqual([3, 1]);
    worker.answer(bytes('answer'));
    expect(textOf(await reply)).toBe('answer');
    expect([worker.want, vi.getTimerCount(), kept.used]).toEqual([0, 0, 6]);
    expect(worker.answerBefore(6)).toBeUndefined();
    expect(worker.answerBefore(5)).toEqual(bytes('answer'));
    expect(worker.answerBefore(4)).toBe('overtaken');
    worker.forgetAnswer();
    expect([worker.answerBefore(5), kept.used]).toEqual(['overtaken', 0]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(expire).not.toHaveBeenCalled();
  });

  it('keep one answer in the budget, the newest', () => {
    const { worker, kept } = ground();
    for (const [sequence, answer] of ['four', 'seventy', 'x'].entries()) {
      worker.holdWorkRequest(sequence + 1, 1, 1_000, () => {});
      worker.answer(bytes(answer));
      expect(kept.used).toBe(answer.length);
    }
  });

  it('for work that end without work are not kept, and expire in time', async () => {
    const { worker, kept } = ground();
    const expire = vi.fn();
    const reply = worker.holdWorkRequest(1, 1, 1_000, expire);
    await vi.advanceTimersByTimeAsync(999);
    expect(expire).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(expire).toHaveBeenCalledTimes(1);
    worker.endWorkRequest(bytes(''));
    expect(await reply).toEqual(bytes(''));
    expect([kept.used, vi.getTimerCount(), worker.answerBefore(1)]).toEqual([0, 0, undefined]);
  });

  it('that show life are held one at a time', async () => {
    const { worker } = ground();
    const first = worker.holdSignOfLife(bytes('1'), 1_000);
    const second = worker.holdSignOfLife(bytes('2'), 1_000);
    expect(textOf(await first)).toBe('2');
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(textOf(await second)).toBe('2');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the link of a worker', () => {
  it('tells its requests from those of strangers in its name, until it is gone', () => {
    const { worker } = ground();
    const [own, stranger] = [origin(), origin()];
    expect([worker.isLinked, worker.isAt(stranger)]).toEqual([false, true]);
    const gone = vi.fn();
    worker.seen(own, gone);
    expect([worker.isLinked, worker.isAt(own), worker.isAt(stranger), worker.isAt(undefined)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    worker.seen(own, gone);
    expect(own.listeners.size).toBe(1);
    for (const listener of own.listeners) listener();
    expect(gone).toHaveBeenCalledTimes(1);
    expect([worker.isLinked, worker.isAt(stranger)]).toEqual([false, true]);
    worker.seen(stranger, gone);
    expect([own.listeners.size, stranger.listeners.size]).toEqual([0, 1]);
  });
});

describe('a worker that is forgotten', () => {
  it('leaves no timer, no watch, no bytes, and tells those that wait for its link', async () => {
    const { worker, kept } = ground();
    const link = origin();
    worker.seen(link, () => {});
    worker.holdWorkRequest(1, 1, 1_000, () => {});
    worker.answer(bytes('answer'));
    worker.holdWorkRequest(2, 1, 1_000, () => {});
    worker.holdSignOfLife(bytes(''), 1_000);
    const moved = vi.fn();
    const stop = worker.onMove(moved);
    expect([vi.getTimerCount(), kept.used, link.listeners.size, worker.moving]).toEqual([2, 6, 1, 1]);
    worker.stop();
    expect([vi.getTimerCount(), kept.used, link.listeners.size, worker.isLinked]).toEqual([0, 0, 0, false]);
    expect(moved).toHaveBeenCalledTimes(1);
    stop();
    expect(worker.moving).toBe(0);
  });

  it('that ends answers what it held', async () => {
    const { worker, kept } = ground();
    const work = worker.holdWorkRequest(1, 1, 1_000, () => {});
    const life = worker.holdSignOfLife(bytes('life'), 1_000);
    worker.end(bytes('end'));
    expect([textOf(await work), textOf(await life)]).toEqual(['end', 'end']);
    expect([vi.getTimerCount(), kept.used]).toEqual([0, 0]);
  });
});

describe('notices of cancelled calls', () => {
  it('wait for the next request, the newest 64 of them, and are taken once', () => {
    const { worker } = ground();
    expect([worker.takesCancels, worker.takeNotices()]).toEqual([false, []]);
    for (let i = 0; i <= WORKER_NOTICES; i++) worker.notify(bytes(String(i)));
    const notices = worker.takeNotices().map(textOf);
    expect(notices).toHaveLength(WORKER_NOTICES);
    expect([notices[0], notices.at(-1)]).toEqual(['1', String(WORKER_NOTICES)]);
    expect(worker.takeNotices()).toEqual([]);
  });

  it('have a held request answered early: the sign of life before the request for work, which keeps no answer', async () => {
    const { worker, kept } = ground();
    const answer = vi.fn(() => bytes('early'));
    expect([worker.answerEarly(answer), answer.mock.calls.length]).toEqual([false, 0]);
    const work = worker.holdWorkRequest(1, 3, 1_000, () => {});
    const life = worker.holdSignOfLife(bytes('alive'), 1_000);
    expect(worker.answerEarly(answer)).toBe(false);
    expect([textOf(await life), worker.want]).toEqual(['early', 3]);
    expect(worker.answerEarly(answer)).toBe(true);
    expect([textOf(await work), worker.want, kept.used, vi.getTimerCount()]).toEqual(['early', 0, 0, 0]);
    expect(worker.answerBefore(1)).toBeUndefined();
    expect(worker.answerEarly(answer)).toBe(false);
    expect(answer).toHaveBeenCalledTimes(2);
  });
});

describe("the watch on a worker's link", () => {
  it('shows whether its process has ended, until the worker is heard of again', () => {
    for (const [isDead, shown] of [
      [() => true, true],
      [() => false, false],
      [undefined, false],
    ] as const) {
      const { worker } = ground();
      const from = { ...origin({}), ...(isDead && { isDead }) };
      worker.seen(from, () => {});
      expect([worker.isDead, worker.isSilent, worker.isLinked]).toEqual([false, false, true]);
      for (const listener of [...from.listeners]) listener();
      expect([worker.isDead, worker.isLinked]).toEqual([shown, false]);
      worker.seen(undefined, () => {});
      expect(worker.isDead).toBe(false);
    }
  });

  it('is watched once, however often the worker is heard of over it, and no more when there is another', () => {
    const { worker } = ground();
    const gone = vi.fn();
    const [first, second] = [origin({}), origin({})];
    worker.seen(first, gone);
    worker.seen(first, gone);
    expect(first.listeners.size).toBe(1);
    worker.seen(second, gone);
    expect([first.listeners.size, second.listeners.size]).toEqual([0, 1]);
    worker.isSilent = true;
    worker.seen(second, gone);
    expect([worker.isSilent, second.listeners.size]).toEqual([false, 1]);
    for (const listener of [...second.listeners]) listener();
    expect(gone).toHaveBeenCalledTimes(1);
    worker.seen(second, gone);
    expect(worker.isLinked).toBe(true);
  });

  it('answers nothing where nothing is held', () => {
    const { worker, kept } = ground();
    worker.answer(bytes('answer'));
    expect([kept.used, worker.answerBefore(1)]).toEqual([0, undefined]);
    worker.endWorkRequest(bytes('answer'));
    worker.end(bytes('answer'));
  });
});
