/** What an end of a shared queue says that it has, and when one looks for what nobody has. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import type { NatsHost } from '../../../../transports/nats/host.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import type { Message } from '../../../../transports/nats/packages.ts';
import { placesIn, Reclaimer, writePlaces } from '../../../../transports/nats/reclaim.ts';
import type { Session } from '../../../../transports/nats/session.ts';
import { useToldTimers } from '../../../support/told-timers.ts';

const places = fc.uniqueArray(fc.integer({ min: 1, max: 60 }));

describe('places', () => {
  it.each([
    [[], ''],
    [[7], '7'],
    [[7, 5, 6, 9, 1, 2], '1-2 5-7 9'],
  ])('%j are written as "%s"', (given, text) => {
    expect(writePlaces(given)).toBe(text);
  });

  it('are read as they were written, those between two bounds', () => {
    fc.assert(
      fc.property(
        places,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (given, from, to) => {
          const inside = given.filter((place) => place >= from && place <= to).sort((a, b) => a - b);
          expect([...placesIn(writePlaces(given), from, to)]).toEqual(inside);
        },
      ),
    );
  });

  it.each([
    '',
    ' ',
    'x',
    '-',
    '1-',
    '-1',
    '9-1',
    'NaN',
    '0-1e308',
    '-Infinity-Infinity',
    '1-9 1-9 3 1-9',
    '1.5-3',
  ])('of the text "%s" are some of those that there are, each once', (text) => {
    const read = [...placesIn(text, 1, 9)];
    expect(read.length).toBeLessThanOrEqual(9);
    expect(new Set(read).size).toBe(read.length);
  });

  it('that stand behind something else are read', () => {
    expect([...placesIn('x 3', 1, 9)]).toEqual([3]);
  });
});

describe('what may be with nobody', () => {
  const HEARTBEAT = 1_000;
  /** Milliseconds from the begin to the first look. */
  const ARRIVAL = 500;

  afterEach(() => {
    vi.useRealTimers();
  });

  /** The only end of a queue, at a NATS where a test answers what is asked about the queue. */
  function alone() {
    const timersLeft = useToldTimers();
    const names = new ClusterNames('palm');
    const heard = new Map<string, (message: Message) => void>();
    const info = vi.fn<() => Promise<{ readonly num_ack_pending: number }>>();
    info.mockResolvedValue({ num_ack_pending: 0 });
    const session = {
      ended: new Promise(() => {}),
      manager: { consumers: { info } },
      ask: async () => ({}),
      publish: (subject: string, data: Uint8Array) =>
        heard.get(subject)?.({ subject, data } as unknown as Message),
      subscribe: (subject: string, take: (message: Message) => void) => {
        heard.set(subject, take);
        return { unsubscribe: () => {} };
      },
    } as unknown as Session;
    const host = { names, link: { settings: { heartbeat: HEARTBEAT } } } as unknown as NatsHost;
    const reclaimer = new Reclaimer(host, [names.server('nats:server').calls], () => []);
    reclaimer.begin(session);
    return { reclaimer, info, timersLeft };
  }

  it('is looked for at the begin, and in the heartbeat in which an end says that something is owed', async () => {
    const { reclaimer, info, timersLeft } = alone();
    await vi.advanceTimersByTimeAsync(ARRIVAL + 5 * HEARTBEAT);
    expect(info).toHaveBeenCalledTimes(1);
    reclaimer.owe();
    await vi.advanceTimersByTimeAsync(HEARTBEAT);
    expect(info).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(5 * HEARTBEAT);
    expect(info).toHaveBeenCalledTimes(2);
    reclaimer.end();
    expect(timersLeft()).toEqual([]);
  });

  it('is looked for again when an end says so while others are asked', async () => {
    const { reclaimer, info } = alone();
    const first = deferred<{ readonly num_ack_pending: number }>();
    info.mockReturnValueOnce(first.promise);
    await vi.advanceTimersByTimeAsync(ARRIVAL);
    expect(info).toHaveBeenCalledTimes(1);
    reclaimer.owe();
    first.resolve({ num_ack_pending: 0 });
    await vi.advanceTimersByTimeAsync(HEARTBEAT);
    expect(info).toHaveBeenCalledTimes(2);
    reclaimer.end();
  });

  it('is looked for again when it could not be said', async () => {
    const { reclaimer, info } = alone();
    info.mockRejectedValueOnce(new Error('no leader'));
    await vi.advanceTimersByTimeAsync(ARRIVAL + 5 * HEARTBEAT);
    expect(info).toHaveBeenCalledTimes(2);
    reclaimer.end();
  });
});
