/** One server behind the relay: what the relay asks it, what clients are told of it, and how the relay follows it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CALLS, PYLM_CALLS, UPSTREAM_UNREAD } from '../../../../../src/flow-control.ts';
import { FUNCTIONS_KEY } from '../../../../../src/functions/contract/description.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage } from '../../../../../src/protocol/message.ts';
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
function ground({
  isFrond = true,
  target = { dbAddress: 'db:1' } as UpstreamTarget,
  features = Feature.replies as number,
  transport = {} as Partial<UpstreamContext['transport']>,
} = {}) {
  const keys: Record<string, string> = { name: 'palm', pull_address: 'pull:1', pub_address: 'pub:1' };
  const asked: Asked[] = [];
  const connection = new FakeConnection();
  const workConnection = new FakeConnection();
  /** The requests themselves, as they came. */
  const requests: PalmMessage[] = [];
  connection.answer = async (frame) => {
    const message = codec.decode(frame);
    requests.push(message);
    const { function: path, payload, features: wanted } = message;
    const [, operation = ''] = path.split('.');
    asked.push({ operation, key: textOf(payload) });
    const value = bytes(keys[operation === 'cancel' ? 'cancelled' : textOf(payload)] ?? '');
    return isFrond && (wanted & Feature.replies) !== 0
      ? codec.encode(palmMessage({ payload: value, features })).slice()
      : value;
  };
  const [changed, deliver, took] = [vi.fn(), vi.fn(), vi.fn()];
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const upstream = new Upstream('server', target, {
    transport,
    connection,
    workConnection,
    prefix: 'relay/',
    logger,
    changed,
    deliver,
    garbageCollection: { took },
  } as unknown as UpstreamContext);
  return { upstream, connection, workConnection, keys, asked, requests, changed, deliver, took, logger };
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
    await vi.advanceTimersByTimeAsync(60_000);
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
    // And again, whenever it moves.
    keys['pull_address'] = 'pull:3';
    connection.pushers[1]?.setBroken(BROKEN);
    await settle();
    expect(connection.pushers).toHaveLength(3);
    await upstream.close();
  });

  it('whose addresses were given stay, and what was known of the server is asked again', async () => {
    const target = { dbAddress: 'db:1', pushAddress: 'push:1' };
    const { upstream, connection, keys } = ground({ target });
    upstream.calls.add(user());
    await upstream.known();
    connection.pushers[0]?.setReady();
    await settle();
    keys['name'] = 'another';
    connection.pushers[0]?.setBroken(BROKEN);
    await settle();
    expect([upstream.palmName, connection.pushers.length]).toEqual(['another', 1]);
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

describe('a question of the relay', () => {
  it('is asked in the name of all its clients, and for an envelope where more than a value is wanted', async () => {
    const { upstream, requests } = ground();
    await upstream.known();
    await upstream.isAnswering();
    expect(
      requests.map(({ function: path, client, features, payload }) => [
        path,
        client,
        features,
        textOf(payload),
      ]),
    ).toEqual([
      ['_.get', 'relay/', Feature.replies, 'name'],
      ['_.get', 'relay/', 0, 'name'],
    ]);
  });

  it('is logged when it was answered', async () => {
    const { upstream, logger } = ground();
    await upstream.known();
    expect(logger.info.mock.calls).toEqual([
      ['server found', { server: 'server', name: 'palm', frond: true }],
    ]);
  });

  it('is not asked where there is no address for it', async () => {
    const { upstream } = ground({ target: {} });
    for (const use of [() => upstream.request(bytes('')), () => upstream.requestWork(bytes(''))])
      expect(use).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: 'the relay has no dbAddress for the server server: set it in servers',
          sent: false,
        }),
      );
  });

  it('that fails for another reason than a break is not asked again', async () => {
    const { upstream, connection } = ground();
    for (const error of [new PalmError('CLOSED', 'it is closed', { sent: false }), new Error('odd')]) {
      const answer = vi.fn(() => Promise.reject(error));
      connection.answer = answer;
      await upstream.known();
      expect(answer).toHaveBeenCalledOnce();
    }
  });

  it('is not asked again once the relay is closed', async () => {
    const { upstream, connection } = ground();
    const answer = vi.fn(() => Promise.reject(BROKEN));
    connection.answer = answer;
    await upstream.close();
    await upstream.known();
    expect(answer).toHaveBeenCalledOnce();
  });
});

describe('the functions of the server', () => {
  it('are those that its list has, where the relay was given one', () => {
    expect(ground().upstream.functions).toBeUndefined();
    const { upstream } = ground({ target: { functions: ['server.f*'] } });
    expect(['server.find', 'server.add'].map((name) => upstream.functions?.match(name))).toEqual([
      true,
      false,
    ]);
  });

  it('are what it says of them, which counts for two seconds', async () => {
    const { upstream, keys, asked } = ground();
    await vi.advanceTimersByTimeAsync(60_000);
    keys[FUNCTIONS_KEY] = '[{"name":"f"}]';
    const times = () => asked.filter(({ key }) => key === FUNCTIONS_KEY).length;
    const [first, second] = await Promise.all([upstream.offers(), upstream.offers()]);
    expect([first, second, times()]).toEqual([[{ name: 'f' }], [{ name: 'f' }], 1]);
    keys[FUNCTIONS_KEY] = '[]';
    await vi.advanceTimersByTimeAsync(1_999);
    expect([await upstream.offers(), times()]).toEqual([[{ name: 'f' }], 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect([await upstream.offers(), times()]).toEqual([[], 2]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are none where it is pylm, says what cannot be read, or says nothing for a second', async () => {
    const pylm = ground({ isFrond: false });
    pylm.keys[FUNCTIONS_KEY] = '[{"name":"f"}]';
    expect(await pylm.upstream.offers()).toEqual([]);
    expect(pylm.asked.filter(({ key }) => key === FUNCTIONS_KEY)).toEqual([]);
    const odd = ground();
    odd.keys[FUNCTIONS_KEY] = '{';
    expect(await odd.upstream.offers()).toEqual([]);
    const silent = ground();
    await silent.upstream.known();
    silent.connection.answer = () => new Promise(() => {});
    let offers: unknown;
    Promise.resolve(silent.upstream.offers()).then((own) => {
      offers = own;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(offers).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect([offers, vi.getTimerCount()]).toEqual([[], 0]);
  });
});

describe('calls that nobody waits for', () => {
  const notice = { client: 'relay/1', calls: ['a'], code: 'CANCELLED', reason: 'enough' } as const;
  const cancelling = Feature.replies | Feature.cancels;

  it('are cancelled at a server that takes that, and their places are free', async () => {
    const { upstream, keys, requests } = ground({ features: cancelling });
    keys['cancelled'] = '2';
    await upstream.known();
    expect(upstream.inFlight.take(5)).toBe(5);
    expect(await upstream.cancel(notice)).toBe(2);
    expect(upstream.inFlight.taken).toBe(3);
    expect(requests.at(-1)).toMatchObject({ function: '_.cancel', client: 'relay/1' });
  });

  it('are told to no other server, nor before it has said what it is, nor when the relay is closed', async () => {
    for (const settings of [{ isFrond: false }, { features: Feature.replies }]) {
      const { upstream, asked } = ground(settings);
      await upstream.known();
      expect([await upstream.cancel(notice), asked.length]).toEqual([0, 1]);
    }
    const { upstream, asked } = ground({ features: cancelling });
    expect([await upstream.cancel(notice), asked.length]).toEqual([0, 0]);
    await upstream.known();
    await upstream.close();
    expect([await upstream.cancel(notice), asked.length]).toEqual([0, 1]);
  });

  it.each(['-1', '1.5', 'many', '1e300', ''])('are none where the server says %j', async (count) => {
    const { upstream, keys } = ground({ features: cancelling });
    keys['cancelled'] = count;
    await upstream.known();
    upstream.inFlight.take(5);
    expect([await upstream.cancel(notice), upstream.inFlight.taken]).toEqual([0, 5]);
  });
});

it('a server that takes cancels says how many in an envelope, and what is not one counts for nothing', async () => {
  const { upstream, connection } = ground({ features: Feature.replies | Feature.cancels });
  await upstream.known();
  upstream.inFlight.take(5);
  connection.answer = async () => bytes('2');
  const notice = { client: 'relay/1', calls: ['a'], code: 'CANCELLED', reason: '' } as const;
  await expect(upstream.cancel(notice)).rejects.toMatchObject({ code: 'PROTOCOL' });
  expect(upstream.inFlight.taken).toBe(5);
});

describe('work', () => {
  it('is asked for on a connection of its own', async () => {
    const { upstream, connection, workConnection } = ground();
    const [asked, askedWork] = [vi.spyOn(connection, 'request'), vi.spyOn(workConnection, 'request')];
    const { reply } = upstream.requestWork(bytes('want'));
    reply.catch(() => {});
    expect([asked.mock.calls, askedWork.mock.calls]).toEqual([[], [['db:1', bytes('want')]]]);
  });

  it('is pulled from the address that was given, or that the server gives', async () => {
    expect(await ground({ target: { workerPushAddress: 'given:1' } }).upstream.workAddress()).toBe('given:1');
    const { upstream, keys, connection } = ground();
    await expect(upstream.workAddress()).rejects.toMatchObject({
      code: 'WRONG_SERVER',
      message: 'server server has no worker_push_address',
      sent: false,
    });
    keys['worker_push_address'] = 'work:1';
    expect(await upstream.workAddress()).toBe('work:1');
    const pull = vi.spyOn(connection, 'pull').mockReturnValue('puller' as never);
    expect(upstream.pull('work:1')).toBe('puller');
    expect(pull).toHaveBeenCalledExactlyOnceWith('work:1');
    expect(upstream.errorForClients(new PalmError('DISCONNECTED', 'work:1 broke')).message).toBe(
      'server broke',
    );
  });

  it('has its address read as seen from that of the cache', async () => {
    const resolveAddress = vi.fn(() => 'seen:1');
    const { upstream, keys } = ground({ transport: { resolveAddress } });
    keys['worker_push_address'] = 'work:1';
    expect(await upstream.workAddress()).toBe('seen:1');
    expect(resolveAddress).toHaveBeenCalledExactlyOnceWith('work:1', 'db:1');
  });

  it('has results go to the address that was given for them', async () => {
    const { upstream, connection } = ground({ target: { dbAddress: 'db:1', workerPullAddress: 'given:2' } });
    const push = vi.spyOn(connection, 'push');
    upstream.results.add(user());
    await settle();
    expect(push.mock.calls).toEqual([['given:2']]);
    await upstream.close();
    const other = ground();
    other.keys['worker_pull_address'] = 'results:1';
    const found = vi.spyOn(other.connection, 'push');
    other.upstream.results.add(user());
    await settle();
    expect(found.mock.calls).toEqual([['results:1']]);
    await other.upstream.close();
  });
});

describe('a subscription to the server', () => {
  it.each([
    [true, 2_000],
    [false, 0],
  ])('of a frond server (%s) is proved within %i ms', async (isFrond, proofTimeout) => {
    const { upstream, connection } = ground({ isFrond });
    const subscribe = vi.spyOn(connection, 'subscribe');
    upstream.answers.add(user());
    await settle();
    expect(subscribe.mock.calls).toEqual([['pub:1', 'relay/', { proofTimeout, maxUnread: UPSTREAM_UNREAD }]]);
    await upstream.close();
  });

  it('to an address that was given is proved also before the server has said what it is', async () => {
    const { upstream, connection } = ground({ target: { subAddress: 'given:1' } });
    const subscribe = vi.spyOn(connection, 'subscribe');
    upstream.answers.add(user());
    await settle();
    expect(subscribe.mock.calls[0]?.slice(2)).toEqual([{ proofTimeout: 2_000, maxUnread: UPSTREAM_UNREAD }]);
    await upstream.close();
  });

  it('that breaks has the server looked for, too', async () => {
    const { upstream, connection, asked } = ground();
    upstream.answers.add(user());
    await settle();
    connection.subscriptions[0]?.setReady();
    await settle();
    connection.subscriptions[0]?.setBroken(BROKEN);
    await settle();
    expect(asked.filter(({ key }) => key === 'name')).toHaveLength(2);
    await upstream.close();
  });

  it('counts no progress as an answer, and its bytes all the same', async () => {
    const { upstream, connection, took } = ground();
    upstream.answers.add(user());
    await settle();
    upstream.inFlight.take(5);
    connection.subscriptions[0]?.queue.push([{ topic: 'relay/1/a~', frames: [bytes('abc')] }]);
    await settle();
    expect([upstream.inFlight.taken, took.mock.calls]).toEqual([5, [[3]]]);
    await upstream.close();
  });
});

describe('a subscription for the client of another relay', () => {
  const topic = 'other/1/';
  const delivery = (position: number | undefined, ...frames: readonly string[]) => ({
    topic: `${topic}a`,
    frames: frames.map(bytes),
    position,
  });

  /** One that was adopted, and what it was opened with. */
  async function adopted(from?: number, settings: Parameters<typeof ground>[0] = {}) {
    const own = ground(settings);
    const subscribe = vi.spyOn(own.connection, 'subscribe');
    const got = vi.fn();
    const channel = own.upstream.adopt(topic, from, got);
    const reader = user();
    channel.add(reader);
    await settle();
    const opened = () => subscribe.mock.calls.map((call) => call as readonly unknown[]);
    return { ...own, channel, reader, got, opened };
  }

  const options = (from: number | undefined) => ({
    proofTimeout: 2_000,
    maxUnread: UPSTREAM_UNREAD,
    from,
  });

  it.each([undefined, 0, 17])('begins where it is told, under its topic alone: %s', async (from) => {
    const { upstream, opened, reader } = await adopted(from);
    expect(opened()).toStrictEqual([['pub:1', topic, options(from)]]);
    expect(reader.events).toEqual(['joined']);
    await upstream.close();
  });

  it('is not opened before it is used, and at the address that was given', async () => {
    const { upstream, connection } = ground();
    upstream.adopt(topic, 1, () => {});
    await settle();
    expect(connection.subscriptions).toEqual([]);
    await upstream.close();
    const given = await adopted(1, { target: { dbAddress: 'db:1', subAddress: 'given:1' } });
    expect(given.opened()[0]?.[0]).toBe('given:1');
    await given.upstream.close();
  });

  it('gives what it reads to its client alone, and counts it as any', async () => {
    const { upstream, connection, got, deliver, took } = await adopted(3);
    upstream.inFlight.take(5);
    const deliveries = [delivery(4, 'abc', 'de'), delivery(5, 'f')];
    connection.subscriptions[0]?.queue.push(deliveries);
    await settle();
    expect([got.mock.calls, deliver.mock.calls]).toEqual([[[deliveries]], []]);
    expect([took.mock.calls, upstream.inFlight.taken]).toEqual([[[6]], 2]);
    await upstream.close();
  });

  it('goes on behind the last delivery when the server has moved', async () => {
    const own = await adopted(3);
    const { upstream, connection, keys, reader, opened } = own;
    const move = async (to: string) => {
      connection.subscriptions.at(-1)?.setReady();
      await settle();
      keys['pub_address'] = to;
      connection.subscriptions.at(-1)?.setBroken(BROKEN);
      await settle();
    };
    await move('pub:2');
    connection.subscriptions[1]?.queue.push([delivery(7, 'x'), delivery(9, 'y')]);
    await settle();
    await move('pub:3');
    // One without a position changes nothing.
    connection.subscriptions[2]?.queue.push([delivery(undefined, 'z')]);
    await settle();
    await move('pub:4');
    expect(opened()).toStrictEqual([
      ['pub:1', topic, options(3)],
      ['pub:2', topic, options(3)],
      ['pub:3', topic, options(9)],
      ['pub:4', topic, options(9)],
    ]);
    expect(reader.events.filter((event) => event === 'joined')).toHaveLength(4);
    expect(connection.subscriptions.map(({ isClosed }) => isClosed)).toEqual([true, true, true, false]);
    await upstream.close();
  });

  it('is closed when it is released, also while the server is asked where it is', async () => {
    const { upstream, connection, channel, reader } = await adopted();
    upstream.release(channel);
    await settle();
    expect(connection.subscriptions[0]?.isClosed).toBe(true);
    const early = upstream.adopt(topic, 1, () => {});
    early.add(reader);
    upstream.release(early);
    await settle();
    expect(connection.subscriptions).toHaveLength(1);
    await upstream.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('and the others are closed with the relay', async () => {
    const { upstream, connection } = await adopted();
    const other = upstream.adopt('other/2/', 1, () => {});
    other.add(user());
    await settle();
    await upstream.close();
    expect(connection.subscriptions.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is looked for as the others are, until it is ready', async () => {
    const { upstream, connection, asked } = await adopted();
    connection.subscriptions[0]?.setReady();
    await settle();
    connection.subscriptions[0]?.setBroken(BROKEN);
    const times = () => asked.filter(({ key }) => key === 'pub_address').length;
    await vi.advanceTimersByTimeAsync(2_500);
    expect(times()).toBe(4);
    connection.subscriptions[0]?.setReady();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([times(), vi.getTimerCount()]).toEqual([4, 0]);
    await upstream.close();
  });

  it('that is released while the server is looked for is not looked for any more', async () => {
    const { upstream, connection, asked, channel } = await adopted();
    connection.subscriptions[0]?.setReady();
    await settle();
    connection.subscriptions[0]?.setBroken(BROKEN);
    await settle();
    // What would ask without end would not even let the clock go on.
    const { answer } = connection;
    let left = 20;
    connection.answer = (frame) => (left-- > 0 ? answer(frame) : new Promise(() => {}));
    upstream.release(channel);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.filter(({ key }) => key === 'pub_address')).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
    await upstream.close();
  });
});

describe('places at the server', () => {
  it('are few until it is known to be no pylm server', async () => {
    const most = ({ inFlight }: Upstream) => {
      for (let i = 0; i < 100_000; i++) inFlight.answered(1, performance.now());
      return inFlight.take(1_000_000);
    };
    const [unknown, pylm, frond] = [ground(), ground({ isFrond: false }), ground()];
    await pylm.upstream.known();
    await frond.upstream.known();
    expect([unknown, pylm, frond].map(({ upstream }) => most(upstream))).toEqual([
      PYLM_CALLS,
      PYLM_CALLS,
      CALLS,
    ]);
  });

  it('that are waited for in vain say why', async () => {
    const { upstream } = ground();
    await upstream.close();
    await expect(upstream.inFlight.wait()).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the relay is closed',
      sent: false,
    });
  });
});

describe('a server that is looked for', () => {
  it('and is not found is told of, but not when the relay is closed', async () => {
    const { upstream, connection, logger } = ground();
    upstream.calls.add(user());
    await settle();
    connection.pushers[0]?.setReady();
    await settle();
    connection.answer = () => Promise.reject(new PalmError('TIMEOUT', 'no answer'));
    connection.pushers[0]?.setBroken(BROKEN);
    await settle();
    expect(logger.warning.mock.calls).toEqual([
      ['server not found again', { server: 'server', reason: 'no answer' }],
    ]);
    let fail = (_: unknown) => {};
    connection.answer = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    await vi.advanceTimersByTimeAsync(1_000);
    await upstream.close();
    fail(new Error('late'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect([logger.warning.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('is not looked for where its addresses were given, nor once the relay is closed', async () => {
    const given = ground({ target: { pushAddress: 'given:1' } });
    given.upstream.calls.add(user());
    await settle();
    given.connection.pushers[0]?.setReady();
    await settle();
    given.connection.pushers[0]?.setBroken(BROKEN);
    await settle();
    expect([given.asked, given.changed.mock.calls]).toEqual([[], []]);
    const closed = ground();
    closed.upstream.calls.add(user());
    await settle();
    const pusher = closed.connection.pushers[0];
    pusher?.setReady();
    await settle();
    const before = closed.asked.length;
    const closing = closed.upstream.close();
    pusher?.setBroken(BROKEN);
    await closing;
    await settle();
    expect(closed.asked).toHaveLength(before);
    await given.upstream.close();
  });
});

describe('an error that clients may see', () => {
  it('says of what it was, and whether it was sent where that is known', () => {
    const { upstream } = ground();
    expect(upstream.errorForClients(new Error('odd')).message).toBe('server cannot be used: odd');
    expect('sent' in upstream.errorForClients(new PalmError('REMOTE', 'boom'))).toBe(
      'sent' in new PalmError('REMOTE', 'boom'),
    );
    expect(upstream.errorForClients(new PalmError('REMOTE', 'boom')).sent).toBeUndefined();
  });
});
