import { expect, it, vi } from 'vitest';
import { abortReason, SignalHub, throwIfAborted } from '../../../src/async/signals.ts';

it('tells everybody of a signal that several hubs listen to, as those of several clients do', () => {
  const { signal, abort } = controller();
  const told: string[] = [];
  const hubs = [new SignalHub(), new SignalHub(), new SignalHub()];
  for (const [i, hub] of hubs.entries()) {
    hub.listen(signal, () => told.push(`${i} first`));
    hub.listen(signal, () => told.push(`${i} second`));
  }
  abort();
  expect(told).toEqual([0, 1, 2].flatMap((i) => [`${i} first`, `${i} second`]));
});

it('tells nobody who has left, and once', async () => {
  const { signal, abort } = controller();
  const told: string[] = [];
  const hub = new SignalHub();
  const leave = hub.listen(signal, () => told.push('left'));
  hub.listen(signal, () => told.push('stayed'));
  leave();
  abort();
  hub.listen(signal, () => told.push('late'))();
  hub.listen(signal, () => told.push('late, and stayed'));
  await Promise.resolve();
  expect(told).toEqual(['stayed', 'late, and stayed']);
});

function controller() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

it('listens once to a signal for many calls, and no longer than one of them does', () => {
  const { signal, abort } = controller();
  const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
  const hub = new SignalHub();
  const told: string[] = [];
  const leave = [0, 1].map((i) => hub.listen(signal, () => told.push(`call ${i}`)));
  expect(new Set(added.mock.calls.map(([, listener]) => listener)).size).toBe(1);
  leave[0]?.();
  leave[0]?.();
  expect(removed).not.toHaveBeenCalled();
  leave[1]?.();
  expect(removed.mock.calls).toEqual([['abort', added.mock.calls[0]?.[1]]]);
  abort();
  expect(told).toEqual([]);
});

it('tells nobody of a signal that has not aborted', async () => {
  const { signal, abort } = controller();
  const told: string[] = [];
  const hub = new SignalHub();
  hub.listen(signal, () => told.push('one'));
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  abort();
  expect(told).toEqual(['one']);
});

it('listens no more to a signal that has aborted', () => {
  const { signal, abort } = controller();
  const removed = vi.spyOn(signal, 'removeEventListener');
  new SignalHub().listen(signal, () => {});
  abort();
  expect(removed).toHaveBeenCalledTimes(1);
});

it('tells why a signal has aborted, also where the platform keeps no reason', () => {
  expect(() => throwIfAborted(undefined)).not.toThrow();
  expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  expect(() => throwIfAborted(AbortSignal.abort('enough'))).toThrow('enough');
  expect(abortReason(AbortSignal.abort('enough'))).toBe('enough');
  expect(abortReason({ aborted: true } as AbortSignal)).toMatchObject({
    name: 'AbortError',
    message: 'the call was aborted',
  });
});
