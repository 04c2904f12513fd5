/** Delays between attempts to reach a relay. */
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../transports/websocket/relay-session.ts';
import { Random } from '../../support/random.ts';

const PRECISION = 1_000_000;

function seeded(seed: number): () => number {
  const random = new Random(seed);
  return () => random.below(PRECISION) / PRECISION;
}

/** The delays of 100 clients that are cut at the same time, by attempt. */
function delaysOf100(attempts: number, longest?: number): number[][] {
  const clients = Array.from({ length: 100 }, (_, seed) => new Backoff(longest, seeded(seed + 1)));
  return Array.from({ length: attempts }, () => clients.map((client) => client.next()));
}

describe('the delays of 100 clients', () => {
  it('are spread over all the time there is, at each attempt', () => {
    for (const [attempt, delays] of delaysOf100(12).entries()) {
      const bound = Math.min(30_000, 200 * 2 ** attempt);
      const tenths = new Array<number>(10).fill(0);
      for (const delay of delays) {
        const tenth = Math.floor((delay / bound) * 10);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      // Ten are expected in each: no more than 25 at once, and no tenth that is empty.
      expect(Math.max(...tenths), `attempt ${attempt}: ${tenths}`).toBeLessThan(25);
      expect(Math.min(...tenths), `attempt ${attempt}: ${tenths}`).toBeGreaterThan(0);
      expect(tenths).toHaveLength(10);
    }
  });

  it.each([
    [undefined, 30_000],
    [1_000, 1_000],
    [50, 50],
  ] as const)('are never beyond maxDelay: %s', (longest, cap) => {
    const delays = delaysOf100(2_000, longest).flat();
    expect(Math.max(...delays.slice(-1_000))).toBeGreaterThan(cap * 0.9);
    for (const delay of delays) if (!(delay >= 0 && delay <= cap)) expect(delay).toBeLessThanOrEqual(cap);
  });
});

describe('the first delay again', () => {
  const always = () => 1;

  it('comes after a link that held, and no other', () => {
    const backoff = new Backoff(undefined, always);
    expect([1, 2, 3].map(() => backoff.next())).toEqual([200, 400, 800]);
    expect(backoff.attempt).toBe(3);
    // A relay that lets in and throws out at once is no reason to come back sooner.
    for (let i = 0; i < 10; i++) backoff.held(5 * 1_600 - 1);
    expect(backoff.attempt).toBe(3);
    expect(backoff.next()).toBe(1_600);
    backoff.held(5 * 3_200);
    expect(backoff.attempt).toBe(0);
    expect(backoff.next()).toBe(200);
  });

  it('needs no longer than the cap asks for', () => {
    const backoff = new Backoff(1_000, always);
    for (let i = 0; i < 50; i++) backoff.next();
    backoff.held(4_999);
    expect(backoff.next()).toBe(1_000);
    backoff.held(5_000);
    expect(backoff.next()).toBe(200);
  });
});
