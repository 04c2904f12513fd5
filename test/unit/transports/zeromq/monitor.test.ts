/** What the events of a socket's monitor say of its link. */

import { describe, expect, it, vi } from 'vitest';
import type { Event } from 'zeromq';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { RUN } from '../../../../src/flow-control.ts';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import { EventReader, isPowerOfTwo, watchLink } from '../../../../transports/zeromq/monitor.ts';
import { within } from '../../../support/wait.ts';

const ADDRESS = 'tcp://10.0.0.1:5';

/** A monitor that has the events it was given. */
class Monitor {
  readonly #events: Event[] = [];
  #reader: Deferred<Event> | undefined;
  /** How many events were read. */
  read = 0;
  readonly events = { receive: () => this.#receive() };

  #receive(): Promise<Event> {
    const event = this.#events.shift();
    if (event !== undefined) {
      this.read++;
      return Promise.resolve(event);
    }
    this.#reader = deferred();
    return this.#reader.promise;
  }

  give(...events: Partial<Event>[]): void {
    this.#events.push(...(events as Event[]));
    const reader = this.#reader;
    const event = reader && this.#events.shift();
    if (event === undefined) return;
    this.#reader = undefined;
    this.read++;
    reader?.resolve(event);
  }

  fail(): void {
    this.#reader?.reject(new Error('Socket is closed'));
  }
}

const turn = () => new Promise(setImmediate);

function watched(encrypted = false, isOver?: (endpoint: string) => boolean) {
  const monitor = new Monitor();
  const said: unknown[] = [];
  const refused = (error: PalmError, final: boolean) =>
    said.push(['refused', error.code, error.sent, error.message, final]);
  const watching = watchLink(monitor as never, ADDRESS, encrypted, {
    ...(isOver && { isOver }),
    connected: (took) => said.push(['connected', took]),
    disconnected: (reason) => said.push(['disconnected', reason]),
    reconnecting: (attempt, delay) => said.push(['reconnecting', attempt, delay]),
    refused,
  });
  /** What is said of these events. */
  const tell = async (...events: Partial<Event>[]) => {
    monitor.give(...events);
    await turn();
    return said.splice(0);
  };
  return { monitor, watching, tell };
}

const connect = { type: 'connect' } as const;
const handshake = { type: 'handshake' } as const;
const disconnect = { type: 'disconnect' } as const;
const retry = { type: 'connect:retry', interval: 120 } as const;
const hungUp = { type: 'handshake:error:other' } as const;
const GONE = ['disconnected', `the peer at ${ADDRESS} is gone`];
const MISFIT = [
  'refused',
  'PROTOCOL',
  false,
  `${ADDRESS} is not a ZeroMQ socket of the right kind; is it the address of another service?`,
];

it('what concerns an endpoint that is not dialled any more says nothing', async () => {
  const { monitor, tell } = watched(false, (endpoint) => endpoint === 'tcp://old:1');
  const [old, now] = [{ address: 'tcp://old:1' }, { address: 'tcp://now:1' }];
  expect(await tell(...[handshake, retry, disconnect].map((event) => ({ ...event, ...old })))).toEqual([]);
  expect(await tell({ ...handshake, ...now })).toEqual([['connected', expect.any(Number)]]);
  expect(await tell({ ...disconnect, ...old }, { ...disconnect, ...now })).toEqual([GONE]);
  monitor.give({ type: 'end' });
});

describe('a link', () => {
  it('is up after the handshake, which took as long as since the connection', async () => {
    const { tell } = watched();
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(500);
    try {
      expect(await tell(connect)).toEqual([]);
      vi.advanceTimersByTime(40);
      expect(await tell(handshake)).toEqual([['connected', 40]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('took as long as since it was first watched, where the connection was not told', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { tell } = watched();
      vi.advanceTimersByTime(70);
      expect(await tell(handshake)).toEqual([['connected', 70]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that was up is gone when it ends', async () => {
    const { tell } = watched();
    await tell(connect, handshake);
    expect(await tell(disconnect)).toEqual([GONE]);
    // Only one that was up.
    expect(await tell(connect, disconnect)).toEqual([[...MISFIT, true]]);
  });

  it('counts attempts since it was last up', async () => {
    const { tell } = watched();
    expect(await tell(retry, retry)).toEqual([
      ['reconnecting', 1, 120],
      ['reconnecting', 2, 120],
    ]);
    await tell(connect, handshake, disconnect);
    expect(await tell(retry)).toEqual([['reconnecting', 1, 120]]);
  });

  it('says nothing of other events', async () => {
    const { tell } = watched();
    expect(await tell({ type: 'connect:delay' }, { type: 'listen' } as never)).toEqual([]);
  });
});

describe('a peer that refuses', () => {
  it('is told so once, for the reason that was given', async () => {
    const { tell } = watched();
    const cause = Object.assign(new Error('Protocol error'), { code: 'ERR_ZMTP_UNSPECIFIED' });
    expect(
      await tell(connect, { type: 'handshake:error:protocol', error: cause } as never, disconnect),
    ).toEqual([[...MISFIT, true]]);
    // The next connection has its own end.
    expect(await tell(connect, disconnect)).toEqual([[...MISFIT, true]]);
  });

  it('has its error as the cause, where there is one', async () => {
    const monitor = new Monitor();
    const refused = vi.fn();
    watchLink(monitor as never, ADDRESS, false, { refused } as never);
    const cause = Object.assign(new Error('Protocol error'), { code: 'ERR_ZMTP_UNSPECIFIED' });
    monitor.give({ type: 'handshake:error:protocol', error: cause } as never, connect, disconnect);
    await turn();
    const [first, second] = refused.mock.calls.map(([error]) => error as PalmError);
    expect([first?.cause, second !== undefined && 'cause' in second]).toEqual([cause, false]);
  });

  it('is FORBIDDEN where one side wants CURVE, and ZeroMQ dials no more', async () => {
    const { tell } = watched();
    const error = Object.assign(new Error('Mechanism mismatch'), { code: 'ERR_ZMTP_MECHANISM_MISMATCH' });
    expect(await tell(connect, { type: 'handshake:error:protocol', error } as never, disconnect)).toEqual([
      [
        'refused',
        'FORBIDDEN',
        false,
        `${ADDRESS}: one side wants CURVE encryption and the other does not; give or remove the curve option`,
        true,
      ],
    ]);
  });

  it('is FORBIDDEN where it does not let this client in, and ZeroMQ dials on', async () => {
    const { tell } = watched();
    expect(await tell(connect, { type: 'handshake:error:auth' } as never, disconnect)).toEqual([
      ['refused', 'FORBIDDEN', false, `${ADDRESS}: the server refused this client`, false],
    ]);
  });

  it('counts as one with another key after two handshakes that failed in a row', async () => {
    const { tell } = watched(true);
    const wrongKey = [
      'refused',
      'FORBIDDEN',
      false,
      expect.stringContaining(
        `${ADDRESS}: the server hung up during the CURVE handshake: curve.serverKey is not`,
      ),
      false,
    ];
    expect(await tell(connect, hungUp, disconnect)).toEqual([]);
    expect(await tell(connect, hungUp, disconnect)).toEqual([wrongKey]);
    expect(await tell(connect, hungUp, disconnect)).toEqual([wrongKey]);
    await tell(connect, handshake, disconnect);
    expect(await tell(connect, hungUp, disconnect)).toEqual([]);
  });

  it('is no matter of keys where there are none', async () => {
    const { tell } = watched(false);
    for (let i = 0; i < 3; i++) expect(await tell(connect, hungUp, disconnect)).toEqual([]);
  });
});

describe('the events of a monitor', () => {
  it('end with it, or with its socket', async () => {
    const { monitor, watching } = watched();
    monitor.give({ type: 'end' } as never);
    await within(1_000, watching);
    const other = watched();
    await turn();
    other.monitor.fail();
    await within(1_000, other.watching);
  });

  it(`leave others a turn after ${RUN}, and 2 ms where connections cannot be accepted`, async () => {
    for (const type of ['accept', 'accept:error'] as const) {
      const monitor = new Monitor();
      monitor.give(...Array.from({ length: 3 * RUN }, () => ({ type }) as never));
      const reader = new EventReader(monitor as never);
      const counts: number[] = [];
      const reading = (async () => {
        for (let i = 0; i < 3 * RUN; i++) await reader.next();
      })();
      const start = performance.now();
      let turns = 0;
      while (counts.at(-1) !== 3 * RUN) {
        await turn();
        turns++;
        if (counts.at(-1) !== monitor.read) counts.push(monitor.read);
      }
      expect(counts).toEqual([RUN, 2 * RUN, 3 * RUN]);
      await within(1_000, reading);
      const took = performance.now() - start;
      // Timers may be a millisecond early.
      if (type === 'accept:error') expect(took).toBeGreaterThanOrEqual(3);
      else expect(turns).toBeLessThan(6);
    }
  });
});

it('what strangers cause is told at each power of two', () => {
  const told = Array.from({ length: 130 }, (_, i) => i + 1).filter(isPowerOfTwo);
  expect(told).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
});
