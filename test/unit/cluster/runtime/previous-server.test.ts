/** A previous server on a connection that a test moves: what of its stream counts, how it is followed, and what is left of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import {
  addressesOf,
  checkPrevious,
  PreviousServer,
  type PreviousServerSettings,
} from '../../../../src/cluster/runtime/previous-server.ts';
import type { RoleHost } from '../../../../src/cluster/runtime/role-host.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { PREVIOUS_UNREAD } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { cancelMessage, NOTICES } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { NEXT } from '../../../../src/protocol/pipeline-end.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { BROKEN, FakeConnection, type FakeSubscription } from '../../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const settle = () => vi.advanceTimersByTimeAsync(0);
const FIND_AGAIN = 1_000;

/** Notes which topics are subscribed to, and where. */
class NotedConnection extends FakeConnection {
  readonly dialled: {
    readonly address: string;
    readonly topic: string;
    readonly options: object;
    readonly own: FakeSubscription;
  }[] = [];

  override subscribe(address: string, topic = '', options = {}): FakeSubscription {
    const own = super.subscribe(address);
    this.dialled.push({ address, topic, options, own });
    return own;
  }
}

function ground(
  settings: Partial<PreviousServerSettings> = {},
  keys: Record<string, string> = {},
  transport: object = { resolveAddress: (address: string) => address.replace('*', 'host') },
) {
  const connection = new NotedConnection();
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const counters = tally();
  const cancelled: unknown[] = [];
  const passed: PalmMessage[] = [];
  const changed: unknown[] = [];
  const requests: PalmMessage[] = [];
  const endListeners: (() => Promise<void>)[] = [];
  const state = {
    isFrond: true,
    end: 'last tcp://end',
    failing: undefined as Error | undefined,
    /** What an answer waits for. */
    gate: undefined as Promise<void> | undefined,
  };
  const known: Record<string, string> = { name: 'first', pub_address: 'tcp://a', ...keys };
  connection.answer = async (frame: Bytes) => {
    const request = { ...codec.decode(frame) };
    requests.push(request);
    await state.gate;
    if (state.failing !== undefined) throw state.failing;
    const payload = bytes(known[textOf(request.payload)] ?? '');
    const answer = palmMessage({ payload, features: Feature.replies });
    return state.isFrond ? codec.encode(answer).slice() : payload;
  };
  const host = {
    connection,
    logger,
    tally: counters,
    name: 'own',
    options: { transport },
    get end() {
      return state.end;
    },
    cancel: (notice: unknown) => cancelled.push(notice),
    passProgress: (message: PalmMessage) => passed.push({ ...message }),
    addressChanged: (key: string, address: string) => changed.push([key, address]),
    onEnd: (listener: () => Promise<void>) => endListeners.push(listener),
  };
  const server = new PreviousServer(host as unknown as RoleHost, {
    key: 'sub_address',
    address: undefined,
    dbAddress: undefined,
    topic: 'first',
    ...settings,
  });
  const reader = server.frames();
  const streams = () => connection.dialled.filter(({ topic }) => topic !== NOTICES);
  const notices = () => connection.dialled.filter(({ topic }) => topic === NOTICES);
  const introductions = () => requests.filter((request) => request.function === NEXT);
  /** The stream dialled last. */
  const stream = () => streams().at(-1)?.own as FakeSubscription;
  return {
    ...{
      requests,
      passed,
      connection,
      logger,
      counters,
      cancelled,
      changed,
      state,
      known,
      endListeners,
      server,
      reader,
    },
    ...{ streams, notices, introductions, stream },
  };
}

const AT = { address: 'tcp://a' };
const ASKED = { dbAddress: 'tcp://db' };

describe('what a previous server publishes', () => {
  it('comes in batches, and only what is under its own topic', async () => {
    const { reader, stream, streams, notices, server } = ground(AT);
    expect(streams()).toMatchObject([{ address: 'tcp://a', topic: 'first' }]);
    expect(streams()[0]?.options).toEqual({ proofTimeout: 250, maxUnread: PREVIOUS_UNREAD });
    expect(notices()).toMatchObject([{ address: 'tcp://a' }]);
    expect(server.address).toBe('tcp://a');
    const next = reader.next();
    stream().queue.push([{ topic: 'first2', frames: [bytes('not')] }]);
    await settle();
    stream().queue.push([
      { topic: 'first', frames: [bytes('a'), bytes('b')] },
      { topic: 'first/x', frames: [bytes('not')] },
      { topic: 'first', frames: [bytes('c')] },
    ]);
    const { done, value = [] } = await next;
    expect([done, value.map(textOf)]).toEqual([false, ['a', 'b', 'c']]);
  });

  it('ends when it is closed, with both subscriptions', async () => {
    const { reader, server, connection } = ground(AT);
    const next = reader.next();
    await server.close();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(connection.dialled.map(({ own }) => own.isClosed)).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cancelled by its notices, and by nothing else', async () => {
    const { notices, cancelled } = ground(AT);
    const notice = { client: 'a', calls: ['1'], code: 'CANCELLED', reason: 'why' } as const;
    const frame = codec.encode(cancelMessage(notice)).slice();
    notices()[0]?.own.queue.push([
      { topic: `${NOTICES}x`, frames: [frame] },
      { topic: NOTICES, frames: [bytes('bad'), frame] },
    ]);
    await settle();
    expect(cancelled).toEqual([notice]);
  });

  it('has its progress passed on', async () => {
    const { notices, passed, cancelled } = ground(AT);
    const progress = palmMessage({ client: 'a/1', status: Status.progress, payload: bytes('{"done":1}') });
    notices()[0]?.own.queue.push([{ topic: NOTICES, frames: [codec.encode(progress).slice()] }]);
    await settle();
    expect(passed).toMatchObject([{ client: 'a/1', status: Status.progress }]);
    expect(cancelled).toEqual([]);
  });

  it('is missing until it is subscribed to, and again once its link broke', async () => {
    const { server, stream } = ground({ ...AT, ...ASKED });
    const text = 'the previous server "first" is not there (tcp://a)';
    expect(server.missing).toBe(text);
    stream().setReady();
    expect(server.missing).toBeUndefined();
    stream().setBroken(BROKEN);
    expect(server.missing).toBe(text);
    expect(ground(ASKED).server.missing).toBe('the previous server "first" is not there (tcp://db)');
  });

  it('is lost where the reader was too slow, which is counted; a link that breaks is logged', () => {
    const { stream, counters, logger } = ground(AT);
    stream().setReady();
    stream().setBroken(BROKEN);
    expect([counters.dropped, logger.warning.mock.calls]).toEqual([
      0,
      [['the link to a previous server broke', { address: 'tcp://a', reason: 'the link broke' }]],
    ]);
    stream().setReady();
    stream().setBroken(new PalmError('LOST', 'too slow'));
    expect(counters.dropped).toBe(1);
    expect(logger.warning).toHaveBeenLastCalledWith('results of a previous server lost', {
      address: 'tcp://a',
      reason: 'too slow',
    });
  });
});

describe('a previous server that is asked where it publishes', () => {
  it('is dialled there, and the address is told', async () => {
    const { streams, server, changed, logger, stream } = ground(ASKED, { pub_address: 'tcp://*:1' });
    expect([streams(), server.address]).toEqual([[], undefined]);
    await settle();
    expect([streams().length, server.address]).toEqual([1, 'tcp://host:1']);
    expect(changed).toEqual([['sub_address', 'tcp://host:1']]);
    expect(logger.info).toHaveBeenCalledExactlyOnceWith('a previous server publishes', {
      address: 'tcp://host:1',
      db: 'tcp://db',
    });
    stream().setReady();
    await vi.advanceTimersByTimeAsync(10 * FIND_AGAIN);
    expect([streams().length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('is dialled where it says when the transport resolves no addresses', async () => {
    const { server } = ground(ASKED, {}, {});
    await settle();
    expect(server.address).toBe('tcp://a');
  });

  it('is waited for by a reader that came before it was found', async () => {
    const { reader, stream } = ground(ASKED);
    const next = reader.next();
    await settle();
    stream().queue.push([{ topic: 'first', frames: [bytes('a')] }]);
    expect(((await next).value ?? []).map(textOf)).toEqual(['a']);
  });

  it('is asked once at a time, however often its link breaks', async () => {
    const { requests, stream, known } = ground(ASKED);
    await settle();
    known['pub_address'] = '';
    const asked = () => requests.filter(({ payload }) => textOf(payload) === 'pub_address').length;
    expect(asked()).toBe(1);
    for (let i = 0; i < 3; i++) {
      stream().setReady();
      stream().setBroken(BROKEN);
      await settle();
    }
    expect(asked()).toBe(1);
    await vi.advanceTimersByTimeAsync(FIND_AGAIN);
    expect(asked()).toBe(2);
  });

  it('is not asked where it has no cache', async () => {
    const { requests, stream, streams } = ground(AT);
    stream().setReady();
    stream().setBroken(BROKEN);
    await vi.advanceTimersByTimeAsync(3 * FIND_AGAIN);
    expect([requests, streams().length]).toEqual([[], 1]);
  });

  it('is asked again at once when the link broke meanwhile, which is logged elsewhere', async () => {
    const { streams, logger, connection } = ground(ASKED);
    const { answer } = connection;
    connection.answer = async () => {
      connection.answer = answer;
      throw new PalmError('DISCONNECTED', 'gone');
    };
    await settle();
    expect(streams()).toHaveLength(1);
    expect(logger.warning).not.toHaveBeenCalled();
  });

  it('is asked again until it publishes where it says, and what came from both places is read', async () => {
    const { known, streams, reader, stream, server } = ground(ASKED);
    await settle();
    const first = stream();
    first.queue.push([{ topic: 'first', frames: [bytes('old')] }]);
    known['pub_address'] = 'tcp://b';
    await vi.advanceTimersByTimeAsync(FIND_AGAIN);
    expect(streams().map(({ address }) => address)).toEqual(['tcp://a', 'tcp://b']);
    expect([first.isClosed, server.address]).toEqual([true, 'tcp://b']);
    stream().queue.push([{ topic: 'first', frames: [bytes('new')] }]);
    expect(((await reader.next()).value ?? []).map(textOf)).toEqual(['new']);
    // Not ready there either, it is dialled no second time at the same place.
    await vi.advanceTimersByTimeAsync(3 * FIND_AGAIN);
    expect(streams()).toHaveLength(2);
  });

  it('is followed when its link breaks', async () => {
    const { known, streams, notices, stream, changed } = ground(ASKED);
    await settle();
    stream().setReady();
    await vi.advanceTimersByTimeAsync(FIND_AGAIN);
    known['pub_address'] = 'tcp://b';
    stream().setBroken(BROKEN);
    await settle();
    expect(streams().at(-1)?.address).toBe('tcp://b');
    expect(notices().map(({ own }) => own.isClosed)).toEqual([true, false]);
    expect(changed).toEqual([
      ['sub_address', 'tcp://a'],
      ['sub_address', 'tcp://b'],
    ]);
  });

  it.each([
    ['says nothing', { pub_address: '' }, undefined, /publishes nothing; is this its db_address/],
    ['fails', {}, new PalmError('PROTOCOL', 'no'), /^no$/],
  ] as const)(
    'and %s is asked again after a second, and that is logged',
    async (_what, keys, failing, reason) => {
      const { state, known, logger, streams } = ground(ASKED, keys);
      state.failing = failing;
      await settle();
      expect(streams()).toEqual([]);
      expect(logger.warning).toHaveBeenCalledExactlyOnceWith('a previous server was not found', {
        db: 'tcp://db',
        reason: expect.stringMatching(reason),
      });
      state.failing = undefined;
      known['pub_address'] = 'tcp://a';
      await vi.advanceTimersByTimeAsync(FIND_AGAIN - 1);
      expect(streams()).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(streams()).toHaveLength(1);
    },
  );

  it('and fails once it is closed is not complained of', async () => {
    const { server, state, logger } = ground(ASKED);
    const gate = deferred<void>();
    state.gate = gate.promise;
    await settle();
    await server.close();
    state.failing = new PalmError('PROTOCOL', 'too late');
    gate.resolve();
    await settle();
    expect(logger.warning).not.toHaveBeenCalled();
  });

  it('is asked no more once it is closed', async () => {
    const { server, streams, connection, logger } = ground(ASKED, { pub_address: '' });
    await settle();
    const closing = server.close();
    await connection.close({ timeout: 0 });
    await closing;
    await vi.advanceTimersByTimeAsync(10 * FIND_AGAIN);
    expect([streams().length, logger.warning.mock.calls.length, vi.getTimerCount()]).toEqual([0, 1, 0]);
  });
});

describe('ready', () => {
  it('is when the subscription is, and the server has heard of this one', async () => {
    const { server, stream } = ground({ ...AT, ...ASKED });
    const isReady = vi.fn();
    server.ready().then(isReady);
    await settle();
    expect(isReady).not.toHaveBeenCalled();
    stream().setReady();
    await settle();
    expect(isReady).toHaveBeenCalledOnce();
  });

  it('waits for a second at most until the server has heard of this one', async () => {
    const { server, stream, state } = ground({ ...AT, ...ASKED });
    state.gate = new Promise(() => {});
    const isReady = vi.fn();
    server.ready().then(isReady);
    stream().setReady();
    await vi.advanceTimersByTimeAsync(999);
    expect(isReady).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(isReady).toHaveBeenCalledOnce();
  });

  it('is not when a server was replaced by one that is not, and is when that one is', async () => {
    const { server, stream, known } = ground(ASKED);
    const isReady = vi.fn();
    server.ready().then(isReady);
    await settle();
    known['pub_address'] = 'tcp://b';
    await vi.advanceTimersByTimeAsync(FIND_AGAIN);
    expect(isReady).not.toHaveBeenCalled();
    stream().setReady();
    await settle();
    expect(isReady).toHaveBeenCalledOnce();
  });

  it('fails when it is closed before, and when the server refuses', async () => {
    const closed = ground(ASKED, { pub_address: '' });
    const waiting = closed.server.ready().catch((error) => error);
    await settle();
    await closed.server.close();
    expect(await waiting).toMatchObject({ code: 'CLOSED', message: 'the server is closed', sent: false });
    const { server, stream } = ground(AT);
    const refused = server.ready().catch((error) => error);
    stream().setRefused(new PalmError('FORBIDDEN', 'no'));
    expect(await refused).toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('this server', () => {
  it('introduces itself, anew over each link and when the end changes', async () => {
    const { introductions, connection, state, endListeners, requests } = ground({ ...AT, ...ASKED });
    await settle();
    expect(requests.map(({ payload }) => textOf(payload))).toContain('name');
    expect(introductions()).toMatchObject([{ function: NEXT, cache: 'own', features: Feature.replies }]);
    expect(introductions().map(({ payload }) => textOf(payload))).toEqual(['last tcp://end']);
    state.end = '?';
    expect(endListeners).toHaveLength(1);
    await endListeners[0]?.();
    expect(introductions().map(({ payload }) => textOf(payload))).toEqual(['last tcp://end', '?']);
    connection.report({ type: 'connected', address: 'tcp://other' });
    connection.report({ type: 'connecting', address: 'tcp://db' });
    await settle();
    expect(introductions()).toHaveLength(2);
    connection.report({ type: 'connected', address: 'tcp://db' });
    await settle();
    expect(introductions()).toHaveLength(3);
    const [{ client = '', pipeline = '' } = {}] = introductions();
    expect([client, pipeline]).toEqual([connection.id, connection.id]);
  });

  it('does not introduce itself to a pylm server, nor where it knows no cache, nor once it is closed', async () => {
    const stock = ground({ ...AT, ...ASKED });
    stock.state.isFrond = false;
    await settle();
    expect(stock.introductions()).toEqual([]);
    const alone = ground(AT);
    await settle();
    expect([alone.introductions(), alone.endListeners]).toEqual([[], []]);
    const { introductions, server, endListeners } = ground({ ...AT, ...ASKED });
    await settle();
    await server.close();
    await endListeners[0]?.();
    expect(introductions()).toHaveLength(1);
  });

  it('goes on when its introduction fails', async () => {
    const { state, server, stream } = ground({ ...AT, ...ASKED });
    state.failing = new PalmError('DISCONNECTED', 'gone');
    stream().setReady();
    await settle();
    await server.ready();
    expect(server.address).toBe('tcp://a');
  });
});

describe('the options of a role behind others', () => {
  const place = (address?: string, dbAddress?: string) =>
    addressesOf({ key: '', topic: 't', address, dbAddress });

  it('must name an address', () => {
    expect(place('a', 'b')).toEqual(['a', 'b']);
    expect([place('a'), place(undefined, 'b')]).toEqual([['a'], ['b']]);
    expect(() => place()).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message:
          'the previous server has no address; give previousDbAddress, or subAddress where it publishes',
      }),
    );
  });

  it('must name the server before', () => {
    expect(() => checkPrevious('first')).not.toThrow();
    for (const bad of ['', undefined, 5, ['first']])
      expect(() => checkPrevious(bad)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringMatching(/^previous must be the name of the previous server, or a topic/),
        }),
      );
  });
});
