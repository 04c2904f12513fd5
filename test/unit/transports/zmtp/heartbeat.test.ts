/** When a silent peer is asked, and when it counts as dead. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat, type HeartbeatSettings } from '../../../../transports/zmtp/heartbeat.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const INTERVAL = 1_000;

function ground(settings: Partial<HeartbeatSettings> = {}) {
  const [ask, rest, dead] = [vi.fn(), vi.fn(), vi.fn<(silence: number, isHostGone: boolean) => void>()];
  const heartbeat = new Heartbeat();
  heartbeat.start({
    interval: INTERVAL,
    isHeldUp: false,
    patience: undefined,
    isReading: () => true,
    ask,
    rest,
    isUnacknowledged: async () => false,
    dead,
    ...settings,
  });
  return { heartbeat, ask, rest, dead };
}

describe('a silent peer', () => {
  it('is asked after a heartbeat, and dead after as long again', () => {
    const { ask, dead } = ground();
    // What counts as received is that the link has just come up.
    vi.advanceTimersByTime(INTERVAL);
    expect(ask).toHaveBeenCalled();
    vi.advanceTimersByTime(1.5 * INTERVAL - 1);
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(dead).toHaveBeenCalledExactlyOnceWith(2 * INTERVAL, false);
  });

  it('is alive for as long as it says something', () => {
    const { heartbeat, dead } = ground();
    for (let beat = 0; beat < 20; beat++) {
      heartbeat.received();
      vi.advanceTimersByTime(INTERVAL);
    }
    expect(dead).not.toHaveBeenCalled();
  });

  it('has as long as it announced, though that is longer', () => {
    const { dead } = ground({ patience: 10 * INTERVAL });
    vi.advanceTimersByTime(10.5 * INTERVAL - 1);
    expect(dead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(dead).toHaveBeenCalledExactlyOnceWith(10 * INTERVAL, false);
  });

  it('is not dead when the protocol holds it up, unless it announced how long it may be silent', () => {
    const held = ground({ isHeldUp: true });
    const announced = ground({ isHeldUp: true, patience: 2 * INTERVAL });
    vi.advanceTimersByTime(20 * INTERVAL);
    expect(held.dead).not.toHaveBeenCalled();
    expect(announced.dead).toHaveBeenCalled();
  });

  it('is dead although the protocol holds it up, once its host acknowledges nothing', async () => {
    let isUnacknowledged = false;
    const { dead } = ground({ isHeldUp: true, isUnacknowledged: async () => isUnacknowledged });
    await vi.advanceTimersByTimeAsync(5 * INTERVAL);
    isUnacknowledged = true;
    await vi.advanceTimersByTimeAsync(INTERVAL);
    expect(dead).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(INTERVAL);
    expect(dead).toHaveBeenCalledWith(expect.any(Number), true);
  });

  it('is not dead when it is this end that does not read', () => {
    let isReading = false;
    const { dead } = ground({ isReading: () => isReading });
    vi.advanceTimersByTime(20 * INTERVAL);
    expect(dead).not.toHaveBeenCalled();
    isReading = true;
    vi.advanceTimersByTime(2 * INTERVAL);
    expect(dead).toHaveBeenCalled();
  });
});

describe('a heartbeat', () => {
  it('is not sent while both directions are busy, and is when one is quiet', () => {
    for (const [received, sent] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      const { heartbeat, ask } = ground({ isHeldUp: true });
      for (let look = 0; look < 6; look++) {
        if (received) heartbeat.received();
        if (sent) heartbeat.sent();
        vi.advanceTimersByTime(INTERVAL / 2);
      }
      // The first look finds what came with the handshake.
      expect(ask.mock.calls.length > 1).toBe(!(received && sent));
      heartbeat.stop();
    }
  });

  it('lets this end rest once it has sent nothing for a while', () => {
    const { heartbeat, rest } = ground();
    heartbeat.sent();
    vi.advanceTimersByTime(INTERVAL / 2);
    expect(rest).not.toHaveBeenCalled();
    vi.advanceTimersByTime(INTERVAL / 2);
    expect(rest).toHaveBeenCalled();
  });

  it('is watched no more once it was stopped, and never when there are none', () => {
    const { heartbeat } = ground();
    expect(vi.getTimerCount()).toBe(1);
    heartbeat.stop();
    ground({ interval: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may come a thousand times within one, and again within the next', () => {
    const { heartbeat } = ground();
    for (let i = 0; i < 1_000; i++) heartbeat.asked();
    vi.advanceTimersByTime(INTERVAL + 1);
    for (let i = 0; i < 1_000; i++) heartbeat.asked();
    expect(() => heartbeat.asked()).toThrow(/more than 1000 heartbeats/);
  });
});
