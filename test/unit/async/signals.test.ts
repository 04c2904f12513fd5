import { expect, it } from 'vitest';
import { SignalHub } from '../../../src/async/signals.ts';

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
