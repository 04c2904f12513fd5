/** When the reader of a stream of single messages waits for more of them, and when not. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WakeUpModeration } from '../../../../transports/shared/wake-up-moderation.ts';

describe('the wait for more messages', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Turns so many milliseconds apart, until one waits. Returns how many there were, or 0 when none of `most` waits. */
  function turnsUntilWait(moderation: WakeUpModeration, gap: number, count: number, most = 10_000): number {
    for (let i = 1; i <= most; i++) {
      vi.advanceTimersByTime(gap);
      if (moderation.turnBegins() > 0) return i;
      moderation.turnEnds(count);
    }
    return 0;
  }

  it('comes after 16 turns that follow each other closely, and stays while it brings 4 messages', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    // The first turn follows nothing.
    expect(turnsUntilWait(moderation, 0, 1)).toBe(17);
    for (let i = 0; i < 10; i++) {
      moderation.turnEnds(4);
      vi.advanceTimersByTime(100);
      expect(moderation.turnBegins()).toBe(2);
    }
  });

  it('does not come for turns that are apart', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    expect(turnsUntilWait(moderation, 1, 1)).toBe(0);
    // One that is apart begins the count anew.
    expect(turnsUntilWait(moderation, 0, 1, 15)).toBe(0);
    expect(turnsUntilWait(moderation, 1, 1, 1)).toBe(0);
    expect(turnsUntilWait(moderation, 0, 1, 15)).toBe(0);
    expect(turnsUntilWait(moderation, 0, 1, 1)).toBe(1);
  });

  it('comes twice as late each time that it brought fewer, up to 4,096 turns, and as soon as before after it brought 4', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    turnsUntilWait(moderation, 0, 1);
    const turns: number[] = [];
    for (let i = 0; i < 10; i++) {
      moderation.turnEnds(3);
      // The wait itself is not between two turns.
      vi.advanceTimersByTime(2);
      turns.push(turnsUntilWait(moderation, 0, 1));
    }
    expect(turns).toEqual([32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 4_096, 4_096]);
    moderation.turnEnds(4);
    vi.advanceTimersByTime(2);
    expect(moderation.turnBegins()).toBe(2);
    moderation.turnEnds(3);
    vi.advanceTimersByTime(2);
    expect(turnsUntilWait(moderation, 0, 1)).toBe(32);
  });

  it('is no wait for what ends a turn without one', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    for (let i = 0; i < 100; i++) moderation.turnEnds(3);
    expect(turnsUntilWait(moderation, 0, 1)).toBe(17);
  });

  it('begins after small pieces that follow each other closely, for who reads all that is there', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    for (let i = 0; i < 16; i++) expect(moderation.pieceEnds(4)).toBe(0);
    expect(moderation.pieceEnds(4)).toBe(2);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(2);
      expect(moderation.pieceEnds(4 + i)).toBe(2);
    }
    vi.advanceTimersByTime(2);
    expect(moderation.pieceEnds(3)).toBe(0);
  });

  it('does not begin among larger pieces', () => {
    vi.advanceTimersByTime(1_000);
    const moderation = new WakeUpModeration();
    for (let i = 0; i < 100; i++) expect(moderation.pieceEnds(i % 16 === 15 ? 5 : 1)).toBe(0);
    for (let i = 0; i < 100; i++) expect(moderation.pieceEnds(500)).toBe(0);
  });
});
