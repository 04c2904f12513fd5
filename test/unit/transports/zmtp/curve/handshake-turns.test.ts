import { expect, it } from 'vitest';
import { HandshakeTurns } from '../../../../../transports/zmtp/curve/handshake-turns.ts';

it('lets one step compute in each turn of events, those with a cookie first', async () => {
  const turns = new HandshakeTurns();
  const order: string[] = [];
  const all: Promise<unknown>[] = [];
  for (const name of ['a', 'b', 'c']) all.push(turns.first().then(() => order.push(name)));
  all.push(turns.second().then(() => order.push('second')));
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) {
    await new Promise(setImmediate);
    seen.push(order.length);
  }
  await Promise.all(all);
  expect(order).toEqual(['second', 'a', 'b', 'c']);
  for (let i = 1; i < seen.length; i++) expect((seen[i] ?? 0) - (seen[i - 1] ?? 0)).toBeLessThanOrEqual(1);
  // It rests, and begins again.
  await turns.first();
});
