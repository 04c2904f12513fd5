/** The way to NATS: what is told when it is closed, or when connecting fails. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { isLeaderless, NoLeader } from '../../../../transports/nats/leader.ts';
import { NatsLink } from '../../../../transports/nats/link.ts';
import type { NatsConnection } from '../../../../transports/nats/packages.ts';
import { silentNats } from '../../../support/silent-nats.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the way to NATS', () => {
  it('that is closed while it is sought ends with CLOSED, and closes what comes of it', async () => {
    const { packages, settings, ended } = silentNats();
    const connecting = deferred<NatsConnection>();
    const connect = packages.connect;
    const link = new NatsLink(settings, { ...packages, connect: () => connecting.promise });
    const outcome = link.connected().catch((error: unknown) => error);
    await link.close();
    expect(await outcome).toMatchObject({ code: 'CLOSED' });
    connecting.resolve(await connect({} as never));
    await ended.promise;
    expect([link.session, vi.getTimerCount()]).toEqual([undefined, 0]);
  });

  it('says DISCONNECTED of a failure that is none of its own, and tries again', async () => {
    let tries = 0;
    const { packages, settings } = silentNats({
      jetstream: () => {
        if (tries++ === 0) throw new Error('no stream today');
        return {} as never;
      },
    });
    const link = new NatsLink(settings, packages);
    await expect(link.connected()).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('no stream today'),
    });
    expect(vi.getTimerCount()).toBe(1);
    await link.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what only a leader does', () => {
  const leaderless = () => new NoLeader('asking', {});

  it('is tried twice a second until a leader does it', async () => {
    const { packages, settings } = silentNats();
    const link = new NatsLink(settings, packages);
    let tries = 0;
    const done = link.led(async (session) => {
      if (tries++ < 3) throw leaderless();
      return session;
    });
    await vi.advanceTimersByTimeAsync(1_499);
    expect(tries).toBe(3);
    await vi.advanceTimersByTimeAsync(1);
    expect([(await done) === link.session, tries]).toEqual([true, 4]);
    await link.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fails after half a minute, and at once for another reason', async () => {
    const { packages, settings } = silentNats();
    const link = new NatsLink(settings, packages);
    const outcome = link.led(() => Promise.reject(leaderless())).catch((error: unknown) => error);
    let isOver = false;
    void outcome.then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    expect(await outcome).toMatchObject({
      code: 'DISCONNECTED',
      message: 'asking; it may be choosing a leader, or too many of its nodes are away',
    });
    const other = new Error('another reason');
    await expect(link.led(() => Promise.reject(other))).rejects.toBe(other);
    await link.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with the connection, in a try and between two', async () => {
    for (const closesIn of [0, 100]) {
      const { packages, settings } = silentNats();
      const link = new NatsLink(settings, packages);
      const outcome = link
        .led(async () => {
          if (closesIn === 0) await link.close();
          throw leaderless();
        })
        .catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(closesIn);
      await link.close();
      expect(await outcome).toMatchObject({ code: 'CLOSED' });
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  it('is not begun once the connection is closed, also one that was never used', async () => {
    const { packages, settings } = silentNats();
    const link = new NatsLink(settings, packages);
    await link.close();
    await expect(link.led(async () => 'done')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(link.connected()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it.each([
    [Object.assign(new Error('timeout'), { name: 'TimeoutError' }), true],
    [new Error('connection closed'), true],
    [new Error('connection disconnected'), true],
    [new Error('closed connection'), true],
    [new Error('no suitable peers for placement, peer offline'), true],
    [new Error('no suitable peers for placement, miscellaneous issue'), true],
    [new Error('no suitable peers for placement'), false],
    [Object.assign(new Error('JetStream system temporarily unavailable'), { code: 10_008 }), true],
    [Object.assign(new Error('stream is offline'), { code: 10_118 }), true],
    [Object.assign(new Error('consumer is offline'), { code: 10_119 }), true],
    [Object.assign(new Error('stream not found'), { code: 10_059 }), false],
    ['timeout', false],
  ])('is known by what nats.js says: %s', (error, isKnown) => {
    expect(isLeaderless(error)).toBe(isKnown);
  });
});
