import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../../../src/transport.ts';
import { HeldDeliveries } from '../../../../transports/shared/held-deliveries.ts';

describe('deliveries that wait for a subscription', () => {
  let held: HeldDeliveries;
  let givenUp: [string, number][];
  beforeEach(() => {
    vi.useFakeTimers();
    givenUp = [];
    held = new HeldDeliveries((topic, deliveries) => givenUp.push([topic, deliveries.length]));
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const delivery = (topic: string, size = 10): Delivery => ({ topic, frames: [new Uint8Array(size)] });

  it('are given up after a second, and cost nothing then', () => {
    held.add(delivery('a'));
    vi.advanceTimersByTime(600);
    held.add(delivery('b'));
    held.add(delivery('a'));
    vi.advanceTimersByTime(399);
    expect(givenUp).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(givenUp).toEqual([['a', 2]]);
    vi.advanceTimersByTime(600);
    expect(givenUp).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(held.bytes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('never cost more than 16 MiB, of one topic half of that, and those of 1024 topics', () => {
    let kept = 0;
    while (held.add(delivery('flood', 1_000))) kept++;
    expect(kept).toBeGreaterThan(6_000);
    expect(held.bytes).toBeLessThanOrEqual(8_388_608);
    for (let i = 0; i < 5_000; i++) held.add(delivery(`client ${i}`, 0));
    expect(held.release('client').length).toBe(1_023);
    for (let i = 0; i < 20; i++) held.add(delivery(`big ${i}`, 1_000_000));
    expect(held.bytes).toBeGreaterThan(14_000_000);
    expect(held.bytes).toBeLessThanOrEqual(16_777_216);
    vi.advanceTimersByTime(1_000);
    expect(held.bytes).toBe(0);
  });

  it('do not keep the large buffer alive that they are a part of', () => {
    const large = new Uint8Array(65_536);
    held.add({ topic: 'a', frames: [large.subarray(0, 10)] });
    expect(held.release('a')[0]?.frames[0]?.buffer.byteLength).toBe(10);
  });

  it('leave no timer when they are released or forgotten', async () => {
    held.add(delivery('ab'));
    held.add(delivery('c'));
    const idle = held.idle();
    expect(held.release('a').map(({ topic }) => topic)).toEqual(['ab']);
    held.clear();
    await idle;
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2_000);
    expect(givenUp).toEqual([]);
  });
});
