/** One server behind the relay: what the relay asks it, what clients are told of it, and how the relay follows it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { Feature, palmMessage } from '../../../../../src/protocol/message.ts';
import {
  Upstream,
  type UpstreamContext,
  type UpstreamTarget,
} from '../../../../../transports/relay/upstream/upstream.ts';
import type { ChannelUser } from '../../../../../transports/relay/upstream/upstream-channel.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';
import { BROKEN, FakeConnection } from '../../../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const settle = () => vi.advanceTimersByTimeAsync(0);

interface Asked {
  readonly operation: string;
  readonly key: string;
}

/** @param isFrond - whether the server answers with envelopes where it is asked for them. */
function ground({ isFrond = true, target = { dbAddress: 'db:1' } as UpstreamTarget } = {}) {
  const keys: Record<string, string> = { name: 'palm', pull_address: 'pull:1', pub_address: 'pub:1' };
  const asked: Asked[] = [];
  const connection = new FakeConnection();
  connection.answer = async (frame) => {
    const { function: path, payload, features } = codec.decode(frame);
    const [, operation = ''] = path.split('.');
    asked.push({ operation, key: textOf(payload) });
    const value = bytes(keys[textOf(payload)] ?? '');
    return isFrond && (features & Feature.replies) !== 0
      ? codec.encode(palmMessage({ payload: value, features: Feature.replies })).slice()
      : value;
  };
  const [changed, deliver, took] = [vi.fn(), vi.fn(), vi.fn()];
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const upstream = new Upstream('server', target, {
    transport: {},
    connection,
    workConnection: new FakeConnection(),
    prefix: 'relay/',
    logger,
    changed,
    deliver,
    garbageCollection: { took },
  } as unknown as UpstreamContext);
  return { upstream, connection, keys, asked, changed, deliver, took, logger };
}

function user(): ChannelUser<never> & { readonly events: string[] } {
  const events: string[] = [];
  return {
    events,
    joined: () => events.push('joined'),
    becameReady: () => events.push('ready'),
    broke: ({ code }) => events.push(code),
    wasRefused: ({ code }) => events.push(code),
  };
}

describe('what the server is', () => {
  it('is asked once, and known from then on', async () => {
    const { upstream, asked, changed } = ground();
    expect([upstream.palmName, upstream.isFrond]).toEqual(['server', false]);
    await Promise.all([upstream.known(), upstream.known()]);
    await upstream.known();
    expect([upstream.palmName, upstream.isFrond]).toEqual(['palm', true]);
    expect(asked).toEqual([{ operation: 'get', key: 'name' }]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('is pylm where the reply is plain', async () => {
    const { upstream } = ground({ isFrond: false });
    await upstream.known();
    expect([upstream.palmName, upstream.isFrond]).toEqual(['palm', false]);
  });

  it('is not waited for longer than 5 s, and leaves no timer', async () => {
    const { upstream, connection } = ground();
    connection.answer = () => new Promise(() => {});
    let isOver = false;
    upstream.known().then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([isOver, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('is asked again when the connection breaks meanwhile', async () => {
    const { upstream, connection } = ground();
    const { answer } = connection;
    let breaks = 3;
    connection.answer = (frame) => (breaks-- > 0 ? Promise.reject(BROKEN) : answer(frame));
    await upstream.known();
    expect([upstream.palmName, breaks]).toEqual(['palm', -1]);
  });
});

describe('whether the server answers', () => {
  it('is asked once in a second', async () => {
    const { upstream, asked, connection } = ground();
    expect(await Promise.all([upstream.isAnswering(), upstream.isAnswering()])).toEqual([true, true]);
    expect(asked).toHaveLength(1);
    connection.answer = () => Promise.reject(BROKEN);
    await vi.advanceTimersByTimeAsync(999);
    expect(await upstream.isAnswering()).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(await upstream.isAnswering()).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is no after a second without an answer', async () => {
    const { upstream, connection } = ground();
    connection.answer = () => new Promise(() => {});
    const answers = upstream.isAnswering();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([await answers, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it('is taken for granted where the relay cannot ask', async () => {
    const { upstream, asked } = ground({ target: { pushAddress: 'pull:1' } });
    await upstream.known();
    expect([await upstream.isAnswering(), asked]).toEqual([true, []]);
    expect(() => upstream.request(bytes(''))).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
  });
});

describe('an error', () => {
  it('names the server where it had one of its addresses', async () => {
    const { upstream } = ground();
    upstream.calls.add(user());
    await settle();
    const error = new PalmError('DISCONNECTED', 'the links to pull:1 and db:1 broke', { sent: 'unknown' });
    const shown = upstream.errorForClients(error);
    expect([shown.message, shown.code, shown.sent]).toEqual([
      'the links to server and server broke',
      'DISCONNECTED',
      'unknown',
    ]);
    expect(upstream.errorForClients(new Error('odd'))).toMatchObject({ code: 'PROTOCOL' });
    await upstream.close();
  });
});

describe('deleting a key', () => {
  const deletes = (log: string[], present: boolean) => async (frame: Bytes) => {
    const { function: path, payload } = codec.decode(frame);
    log.push(path);
    await settle();
    return path.endsWith('.get') ? (present ? payload : bytes('')) : bytes('deleted');
  };
  const frame = codec.encode(palmMessage({ function: 'server.delete', payload: bytes('key') })).slice();

  it('on a frond server is one request', async () => {
    const { upstream } = ground();
    const log: string[] = [];
    expect(textOf(await upstream.delete('key', frame, deletes(log, true)))).toBe('deleted');
    expect(log).toEqual(['server.delete']);
  });

  it('on a pylm server looks it up before, and does not delete what is absent', async () => {
    const { upstream } = ground({ isFrond: false });
    const log: string[] = [];
    expect(textOf(await upstream.delete('key', frame, deletes(log, true)))).toBe('deleted');
    expect((await upstream.delete('key', frame, deletes(log, false))).length).toBe(0);
    expect(log).toEqual(['_.get', 'server.delete', '_.get']);
  });

  it('on a pylm server is one after another, also after one that failed', async () => {
    const { upstream } = ground({ isFrond: false });
    const log: string[] = [];
    const outcomes = await Promise.allSettled([
      upstream.delete('key', frame, deletes(log, true)),
      upstream.delete('key', frame, () => Promise.reject(BROKEN)),
      upstream.delete('key', frame, deletes(log, true)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log).toEqual(['_.get', 'server.delete', '_.get', 'server.delete']);
  });
});

describe('the channels to the server', () => {
  it('go to the addresses that it gives, or that were given', async () => {
    const { upstream, connection } = ground({ target: { dbAddress: 'db:1', pushAddress: 'given:1' } });
    const [calls, answers, results] = [user(), user(), user()];
    upstream.calls.add(calls);
    upstream.answers.add(answers);
    upstream.results.add(results);
    await settle();
    expect(connection.pushers).toHaveLength(1);
    expect(connection.subscriptions).toHaveLength(1);
    // It is no Master, and has no address for results.
    expect([calls.events, answers.events, results.events]).toEqual([
      ['joined'],
      ['joined'],
      ['WRONG_SERVER'],
    ]);
    await upstream.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('pass on what is published, and count it', async () => {
    const { upstream, connection, deliver, took } = ground();
    upstream.answers.add(user());
    await settle();
    expect(upstream.inFlight.take(5)).toBe(5);
    const deliveries = [{ topic: 'relay/1/1', frames: [bytes('abc'), bytes('de')] }];
    connection.subscriptions[0]?.queue.push(deliveries);
    await settle();
    expect(deliver).toHaveBeenCalledExactlyOnceWith(upstream, deliveries);
    expect([took.mock.calls, upstream.inFlight.taken]).toEqual([[[5]], 3]);
    await upstream.close();
  });

  it('follow a server that has moved when one of them breaks, and what was known of it is asked again', async () => {
    const { upstream, connection, keys, changed } = ground();
    const calls = user();
    upstream.calls.add(calls);
    await settle();
    connection.pushers[0]?.setReady();
    await settle();
    keys['pull_address'] = 'pull:2';
    keys['name'] = 'moved';
    changed.mockClear();
    connection.pushers[0]?.setBroken(BROKEN);
    expect(upstream.isFrond).toBe(false);
    await settle();
    expect([connection.pushers.length, upstream.palmName, connection.pushers[0]?.isClosed]).toEqual([
      2,
      'moved',
      true,
    ]);
    connection.pushers[1]?.setReady();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(calls.events).toEqual(['joined', 'ready', 'DISCONNECTED', 'DISCONNECTED', 'joined', 'ready']);
    expect(changed).toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
    await upstream.close();
  });

  it('are looked for again and again, until they are ready or the relay is closed', async () => {
    const { upstream, connection, asked } = ground();
    upstream.calls.add(user());
    await settle();
    connection.pushers[0]?.setReady();
    await settle();
    connection.pushers[0]?.setBroken(BROKEN);
    await vi.advanceTimersByTimeAsync(3_500);
    expect(asked.filter(({ key }) => key === 'pull_address')).toHaveLength(5);
    await upstream.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked.filter(({ key }) => key === 'pull_address')).toHaveLength(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end with the relay, and callers that wait for a place are told', async () => {
    const { upstream, connection } = ground();
    upstream.calls.add(user());
    upstream.answers.add(user());
    await settle();
    while (upstream.inFlight.take(1_000) > 0);
    const waiting = expect(upstream.inFlight.wait()).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    await upstream.close();
    await waiting;
    expect([...connection.pushers, ...connection.subscriptions].map(({ isClosed }) => isClosed)).toEqual([
      true,
      true,
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
