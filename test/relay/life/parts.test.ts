/** Parts of a relay by themselves, for what real servers and clients bring about too seldom. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Readiness } from '../../../src/async/readiness.ts';
import type { PalmError } from '../../../src/index.ts';
import type { Channel } from '../../../src/transport.ts';
import { Heartbeats } from '../../../transports/relay/session/heartbeats.ts';
import type { ServerSocket } from '../../../transports/relay/session/socket.ts';
import { type ChannelUser, SharedChannel } from '../../../transports/relay/upstream/upstream-channel.ts';
import { Random } from '../../support/random.ts';

describe('heartbeats', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('come once in each for every connection, whichever others come and go', async () => {
    const HEARTBEAT = 1_600;
    const random = new Random(1);
    const beats = new Map<ServerSocket, number[]>();
    const sockets = new Set<ServerSocket>();
    const join = () => {
      const times: number[] = [];
      const socket = { beat: () => times.push(Date.now()) } as object as ServerSocket;
      beats.set(socket, times);
      sockets.add(socket);
    };
    for (let i = 0; i < 100; i++) join();
    const stay = [...sockets].filter((_, i) => i % 4 === 0);
    const heartbeats = new Heartbeats(HEARTBEAT, () => sockets);
    for (let i = 0; i < 1_000; i++) {
      await vi.advanceTimersByTimeAsync(17);
      const others = [...sockets].filter((socket) => !stay.includes(socket));
      sockets.delete(random.pick(others));
      join();
    }
    heartbeats.stop();
    for (const socket of stay) {
      const times = beats.get(socket) ?? [];
      const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      expect(pauses.length).toBeGreaterThan(8);
      for (const pause of pauses) expect(pause).toBe(HEARTBEAT);
    }
    // Ten thousand pings are not one moment's work.
    const firsts = new Set(stay.map((socket) => beats.get(socket)?.[0]));
    expect(firsts.size).toBeGreaterThan(2);
    vi.clearAllTimers();
  });
});

describe('a shared channel that another takes the place of', () => {
  class OneChannel implements Channel {
    readonly readiness = new Readiness();
    get isReady() {
      return this.readiness.isReady;
    }
    ready = () => this.readiness.ready();
    onBreak = (listener: (error: PalmError) => void) => this.readiness.onBreak(listener);
    close = async () => {};
  }

  it('is broken for its users until the other is ready', async () => {
    const said: string[] = [];
    const user: ChannelUser<Channel> = {
      joined: () => said.push('joined'),
      becameReady: () => said.push('ready'),
      broke: ({ code }) => said.push(`broke ${code}`),
      wasRefused: () => said.push('refused'),
    };
    const before = new OneChannel();
    before.readiness.setReady();
    const shared = new SharedChannel<Channel>(before);
    shared.add(user);
    const after = new OneChannel();
    const next = new SharedChannel<Channel>(after);
    for (const one of shared.leave()) next.add(one);
    expect(said).toEqual(['joined', 'ready', 'broke DISCONNECTED', 'joined']);
    after.readiness.setReady();
    await new Promise(setImmediate);
    expect(said.at(-1)).toBe('ready');
  });
});
