/** When a subscription pauses: while answers come one by one, and many more are awaited than come in that time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadPace } from '../../../../transports/zmtp/read-pace.ts';

/** Milliseconds of a pause at most, by which answers are counted. */
const PAUSE = 2;
/** Answers in that time from which on it pays. */
const LEAST = 8;
/** How many times as many have to be awaited. */
const AWAITED = 4;
/** Answers of a piece after which none follows. */
const LARGE = 16;

interface Trickle {
  /** Milliseconds between two answers. */
  readonly gap: number;
  readonly awaited: number;
  /** Answers of each piece. Default 1. */
  readonly size?: number;
  /** Pieces in all. Default 100. */
  readonly pieces?: number;
}

/** Which pieces of an even stream are followed by a pause, if a pause took no time. */
function pauses({ gap, awaited, size = 1, pieces = 100 }: Trickle): boolean[] {
  const pace = new ReadPace(() => awaited);
  return Array.from({ length: pieces }, (_, i) => pace.pausesAfter(size, 1_000 + i * gap * size));
}

const isPaused = (trickle: Trickle) => pauses(trickle).includes(true);
/** Milliseconds between two answers, where just enough come in the time of a pause. */
const GAP = PAUSE / LEAST;

describe('reading pauses', () => {
  it('once the time of a pause has shown how many come in it, and then after every other piece', () => {
    const all = pauses({ gap: GAP / 2, awaited: 1_000 });
    const first = all.indexOf(true);
    expect(first).toBe(2 * LEAST);
    expect(all.slice(first, first + 6)).toEqual([true, false, true, false, true, false]);
  });

  it.each([
    ['answers are few', { gap: GAP, awaited: 1_000 }, { gap: GAP * 1.01, awaited: 1_000 }],
    [
      'hardly more are awaited than come',
      { gap: GAP, awaited: AWAITED * LEAST },
      { gap: GAP, awaited: AWAITED * LEAST - 1 },
    ],
    [
      'they come together anyway',
      { gap: 0.01, awaited: 10_000, size: LARGE - 1 },
      { gap: 0.01, awaited: 10_000, size: LARGE },
    ],
  ])('but not where %s', (_, worth, not) => {
    expect([isPaused(worth), isPaused(not)]).toEqual([true, false]);
  });

  it('no more once the stream has dried up, and not for what comes long after', () => {
    const pace = new ReadPace(() => 1_000);
    for (let at = 0; at < 10; at += 0.1) pace.pausesAfter(1, 1_000 + at);
    expect([pace.pausesAfter(1, 1_060), pace.pausesAfter(1, 1_060.1)]).toEqual([false, false]);
  });

  it('asks how many are awaited at each piece: the last answers of a call are read at once', () => {
    let awaited = 1_000;
    const pace = new ReadPace(() => awaited);
    const paused: number[] = [];
    for (let at = 1_000; awaited > 0; awaited--, at += 0.1) if (pace.pausesAfter(1, at)) paused.push(awaited);
    expect(Math.min(...paused)).toBeGreaterThanOrEqual(AWAITED * LEAST);
    expect(paused.length).toBeGreaterThan(400);
  });

  it('never twice in a row, and never while fewer are awaited, whatever comes when', () => {
    const piece = fc.record({
      size: fc.integer({ min: 1, max: 40 }),
      after: fc.double({ min: 0, max: 5, noNaN: true }),
      awaited: fc.nat(2_000),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        let [awaited, now, before] = [0, 0, false];
        const pace = new ReadPace(() => awaited);
        for (const next of pieces) {
          awaited = next.awaited;
          now += next.after;
          const isPausing = pace.pausesAfter(next.size, now);
          expect(isPausing && (before || next.size >= LARGE || awaited < AWAITED * LEAST)).toBe(false);
          before = isPausing;
        }
      }),
    );
  });
});
