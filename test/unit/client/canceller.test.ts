/** What a server is told of calls that were given up: to which server, together with which others, and how long it is waited for. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { macrotasks } from '../../../src/async/macrotask.ts';
import { CacheLink } from '../../../src/cache-link.ts';
import { Canceller } from '../../../src/client/canceller.ts';
import type { ClientCore } from '../../../src/client/core.ts';
import { cancel } from '../../../src/client/later.ts';
import { consoleLogger } from '../../../src/logging.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { readCancel } from '../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature, palmMessage } from '../../../src/protocol/message.ts';
import { guardTap } from '../../../src/tap.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { FakeServer, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const CANCELS = Feature.replies | Feature.cancels;

/** A client of a server whose replies have these features; undefined for a server that answers as stock pylm does. */
async function ground(features: number | undefined = CANCELS) {
  const server = await FakeServer.open();
  server.up();
  const codec = new EnvelopeCodec();
  const tap = vi.fn();
  const { connection, link } = server;
  const cache = new CacheLink({
    connection,
    dbAddress: 'db',
    session: undefined,
    tap: guardTap(tap, consoleLogger('test')),
  });
  cache.features = features;
  const core = { connection, link, cache } as unknown as ClientCore;
  /** Requests that came: the key that was asked for, or the notice. */
  const requests: unknown[] = [];
  connection.answer = async (frame: Bytes) => {
    const message = codec.decode(frame);
    const isNotice = message.function === '_.cancel';
    requests.push(isNotice ? readCancel(message) : textOf(message.payload));
    const payload = bytes(isNotice ? '1' : 'demo');
    return codec.encode(palmMessage({ payload, features: features ?? CANCELS }));
  };
  const notices = () => requests.filter((own) => typeof own === 'object') as ReturnType<typeof readCancel>[];
  return { server, link, core, cache, tap, requests, notices, canceller: new Canceller(core, macrotasks()) };
}

describe('calls that are given up', () => {
  it('are told of in one notice for each reason, after the events that wait', async () => {
    const own = await ground();
    const late = new PalmError('TIMEOUT', 'late');
    const told = ['1', '2:3'].map((call) => own.canceller.cancel(call, late));
    told.push(own.canceller.cancel('4', new PalmError('TIMEOUT', 'later')));
    told.push(own.canceller.cancel('5', 'late'));
    expect(own.requests).toEqual([]);
    await settle();
    await Promise.all(told);
    expect(own.requests).toEqual([
      { client: 'client', calls: ['1', '2:3'], code: 'TIMEOUT', reason: 'late' },
      { client: 'client', calls: ['4'], code: 'TIMEOUT', reason: 'later' },
      { client: 'client', calls: ['5'], code: 'CANCELLED', reason: 'late' },
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are told of once, and those that come later for themselves', async () => {
    const own = await ground();
    own.canceller.cancel('1', 'left');
    await settle();
    own.canceller.cancel('2', 'left');
    await settle();
    expect(own.notices().map(({ calls }) => calls)).toEqual([['1'], ['2']]);
  });

  it('are told of 1,024 at a time', async () => {
    const own = await ground();
    for (let i = 0; i < 1_025; i++) own.canceller.cancel(String(i), 'left');
    await settle();
    expect(own.notices().map(({ calls }) => calls.length)).toEqual([1_024, 1]);
    expect(own.notices()[1]?.calls).toEqual(['1024']);
    for (let i = 0; i < 1_024; i++) own.canceller.cancel(String(i), 'left');
    await settle();
    expect(own.notices()).toHaveLength(3);
  });

  it('are shown to the tap, and what the server replies', async () => {
    const own = await ground();
    own.canceller.cancel('1', 'left');
    await settle();
    expect(own.tap.mock.calls).toMatchObject([
      [{ direction: 'out', channel: 'db', address: 'db', message: { function: '_.cancel' } }],
      [{ direction: 'in', channel: 'db', address: 'db', message: { features: CANCELS } }],
    ]);
    expect(own.tap.mock.calls[1]?.[0].size).toBeGreaterThan(0);
  });

  it('are not told of to a server that takes no notices', async () => {
    const own = await ground(Feature.replies);
    await Promise.all([own.canceller.cancel('1', 'left'), settle()]);
    expect(own.requests).toEqual([]);
  });

  it('are told of once the server has said that it takes notices, where it was not asked before', async () => {
    const own = await ground();
    own.cache.features = undefined;
    await Promise.all([own.canceller.cancel('1', 'left'), settle()]);
    expect(own.requests).toEqual(['name', expect.objectContaining({ calls: ['1'] })]);
  });

  it('are not told of where the server says that it does not, and it is asked again for the next', async () => {
    const own = await ground();
    own.cache.features = undefined;
    own.server.connection.answer = async () => bytes('demo');
    const request = vi.spyOn(own.server.connection, 'request');
    await Promise.all([own.canceller.cancel('1', 'left'), settle()]);
    expect(request).toHaveBeenCalledTimes(1);
  });

  it('are told of for 5 s', async () => {
    const own = await ground();
    own.server.connection.answer = () => new Promise(() => {});
    const telling = own.canceller.cancel('1', 'left').catch((error) => error);
    let isOver = false;
    telling.then(() => {
      isOver = true;
    });
    await settle();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await telling).toMatchObject({ message: 'the server does not answer' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a call that is given up', () => {
  const tell = async (own: Awaited<ReturnType<typeof ground>>, features: number = Feature.batches) => {
    const telling = cancel(own.core, own.link, '1', { features }, 'left');
    // Its code is loaded first.
    await vi.dynamicImportSettled();
    await settle();
    await telling;
  };

  it('is told of, by one canceller for all', async () => {
    const own = await ground();
    await tell(own);
    const { canceller } = own.link;
    expect(canceller).toBeInstanceOf(Canceller);
    await tell(own);
    expect(own.link.canceller).toBe(canceller);
    expect(own.notices().map(({ calls }) => calls)).toEqual([['1'], ['1']]);
  });

  it('is not told of when it is detached', async () => {
    const own = await ground();
    await tell(own, Feature.batches | Feature.detached);
    expect([own.link.canceller, own.requests]).toEqual([undefined, []]);
    await tell(own, Feature.batches | Feature.session);
    expect(own.notices()).toHaveLength(1);
  });

  it('is not told of over a link that is broken: the server hears of that', async () => {
    const own = await ground();
    own.server.subscription.setBroken(new PalmError('DISCONNECTED', 'gone'));
    await tell(own);
    expect([own.link.canceller, own.requests]).toEqual([undefined, []]);
  });
});
