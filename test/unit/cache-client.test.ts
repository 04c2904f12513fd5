/** The calls to a server's cache: what is asked of a frond server and of a stock pylm server, and what a reply means. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SignalHub } from '../../src/async/signals.ts';
import { CacheClient } from '../../src/cache-client.ts';
import { CacheLink } from '../../src/cache-link.ts';
import { consoleLogger } from '../../src/logging.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../src/protocol/message.ts';
import { guardTap, type TapEvent } from '../../src/tap.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { countedSignal, FakeConnection, settle } from '../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();

interface Settings {
  readonly isFrond?: boolean;
  readonly session?: string;
  readonly prefix?: string;
}

/** A server with a store, which notes what it is asked. */
async function ground({ isFrond = true, session, prefix = '' }: Settings = {}) {
  const connection = new FakeConnection();
  await connection.identify('me');
  connection.prefix = prefix;
  const store = new Map<string, string>();
  const requests: PalmMessage[] = [];
  const asked: string[] = [];
  const own = { refusal: undefined as Partial<PalmMessage> | undefined, silent: false, wrongKey: false };
  connection.answer = async (frame) => {
    const request = codec.decode(frame);
    requests.push(request);
    const operation = request.function.split('.')[1] ?? '';
    const key = operation === 'set' ? request.cache : textOf(request.payload);
    asked.push(`${operation} ${key}`);
    if (own.silent) return new Promise(() => {});
    const value = store.get(key);
    if (operation === 'set') store.set(key, textOf(request.payload));
    if (operation === 'delete') store.delete(key);
    const isMissing = operation !== 'set' && value === undefined;
    const payload = bytes(
      own.wrongKey ? 'other' : operation === 'get' ? (value ?? '') : isMissing ? '' : key,
    );
    if (!isFrond) return payload;
    const status = isMissing ? Status.missing : Status.ok;
    return codec.encode(palmMessage({ payload, status, features: Feature.replies, ...own.refusal }));
  };
  const events: TapEvent[] = [];
  const link = new CacheLink({
    connection,
    dbAddress: 'db',
    session,
    tap: guardTap((event) => events.push(event), consoleLogger('test')),
  });
  link.server = 'demo';
  link.features = isFrond ? Feature.replies : undefined;
  const cache = new CacheClient(link);
  const abort = countedSignal();
  const limits = { signal: abort.signal, signals: new SignalHub(), timeout: 1_000 };
  return Object.assign(own, { connection, store, requests, asked, events, link, cache, limits, abort });
}

type Ground = Awaited<ReturnType<typeof ground>>;

function expectNothingLeft({ abort }: Ground) {
  expect([abort.listeners, vi.getTimerCount()]).toEqual([0, 0]);
}

const KINDS = [
  ['a frond server', true],
  ['a stock pylm server', false],
] as const;

describe.each(KINDS)('the cache of %s', (_, isFrond) => {
  it('stores, reads and deletes', async () => {
    const own = await ground({ isFrond });
    const { cache, limits } = own;
    expect(await cache.set(bytes('v'), 'k', limits)).toBe('k');
    expect(await cache.get('k', limits)).toEqual(bytes('v'));
    expect(await cache.get('none', limits)).toBeUndefined();
    expect(await cache.delete('k', limits)).toBe(true);
    expect(await cache.delete('k', limits)).toBe(false);
    expect(own.store.size).toBe(0);
    expectNothingLeft(own);
  });

  it('is asked by the name of its server, for an envelope where it sends them', async () => {
    const own = await ground({ isFrond });
    await own.cache.set(bytes('v'), 'k', own.limits);
    await own.cache.get('k', own.limits);
    const common = { pipeline: 'me', client: 'me', features: isFrond ? Feature.replies : 0 };
    expect(own.requests).toEqual([
      palmMessage({ ...common, function: 'demo.set', cache: 'k', payload: bytes('v') }),
      palmMessage({ ...common, function: 'demo.get', payload: bytes('k') }),
    ]);
  });

  it.each([undefined, ''])('stores under a random key for %j', async (key) => {
    const own = await ground({ isFrond });
    const stored = await own.cache.set(bytes('v'), key, own.limits);
    expect(stored).toMatch(/^[\w-]{21}$/);
    expect([...own.store]).toEqual([[stored, 'v']]);
  });

  it('has the session in front of keys, and is looked through for keys as they are stored', async () => {
    const own = await ground({ isFrond, session: 's-' });
    const { cache, limits, store } = own;
    expect(await cache.set(bytes('v'), 'k', limits)).toBe('s-k');
    expect([textOf((await cache.get('k', limits)) ?? bytes('')), store.get('s-k')]).toEqual(['v', 'v']);
    expect(await cache.get('s-k', limits)).toEqual(bytes('v'));
    store.set('plain', 'of a worker');
    expect(await cache.get('plain', limits)).toEqual(bytes('of a worker'));
    // What others stored without a session is not deleted.
    expect(await cache.delete('plain', limits)).toBe(false);
    expect(store.has('plain')).toBe(true);
    expect(await cache.delete('s-k', limits)).toBe(true);
    expect(store.has('s-k')).toBe(false);
  });

  it('has the prefix of a relay in front of every key, once', async () => {
    const own = await ground({ isFrond, prefix: 'alice/' });
    const { cache, limits, store } = own;
    expect(await cache.set(bytes('v'), 'k', limits)).toBe('alice/k');
    for (const key of ['k', 'alice/k']) expect(await cache.get(key, limits)).toEqual(bytes('v'));
    expect(await cache.delete('alice/k', limits)).toBe(true);
    expect(store.size).toBe(0);
  });

  it('has keys of its server that are not written', async () => {
    const own = await ground({ isFrond });
    const refused = { code: 'INVALID_CALL', sent: false };
    await expect(own.cache.set(bytes('v'), 'name', own.limits)).rejects.toMatchObject(refused);
    await expect(own.cache.delete('pull_address', own.limits)).rejects.toMatchObject(refused);
    await expect(own.cache.get('', own.limits)).rejects.toMatchObject(refused);
    expect(own.asked).toEqual([]);
  });

  it('that says another key is not believed', async () => {
    const own = await ground({ isFrond });
    own.wrongKey = true;
    await expect(own.cache.set(bytes('v'), 'k', own.limits)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: 'set of "k": reply of "other"',
      sent: true,
    });
    expectNothingLeft(own);
  });

  it('that does not answer is given up in time', async () => {
    const own = await ground({ isFrond });
    own.silent = true;
    const outcome = expect(own.cache.get('k', own.limits)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'no reply to get of "k" from db within 1000 ms; is the server up?',
      sent: 'unknown',
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await outcome;
    own.connection.report({ type: 'disconnected', address: 'db', reason: 'it is gone' });
    const again = expect(own.cache.get('k', own.limits)).rejects.toThrow('within 1000 ms (it is gone)');
    await vi.advanceTimersByTimeAsync(1_000);
    await again;
    expectNothingLeft(own);
  });

  it('is asked nothing more when the caller gives up', async () => {
    const own = await ground({ isFrond });
    own.silent = true;
    const outcome = expect(own.cache.get('k', own.limits)).rejects.toMatchObject({ name: 'AbortError' });
    await settle();
    own.abort.abort();
    await outcome;
    expectNothingLeft(own);
    await expect(own.cache.get('k', own.limits)).rejects.toMatchObject({ name: 'AbortError' });
    expect(own.asked).toEqual(['get k']);
  });

  it('shows requests and replies to the tap', async () => {
    const own = await ground({ isFrond });
    await own.cache.set(bytes('v'), 'k', own.limits);
    const both = { channel: 'db', address: 'db', topic: undefined };
    expect(own.events).toMatchObject([
      { ...both, direction: 'out', message: { function: 'demo.set', cache: 'k' } },
      { ...both, direction: 'in', message: isFrond ? { payload: bytes('k') } : undefined },
    ]);
    for (const { size } of own.events) expect(size).toBeGreaterThan(0);
  });
});

describe('deleting on a stock pylm server', () => {
  it('looks for the key first: a delete of a missing one ends its cache', async () => {
    const own = await ground({ isFrond: false });
    expect(await own.cache.delete('k', own.limits)).toBe(false);
    own.store.set('k', 'v');
    expect(await own.cache.delete('k', own.limits)).toBe(true);
    expect(own.asked).toEqual(['get k', 'get k', 'delete k']);
  });

  it('is done once where a client does it twice at the same time', async () => {
    const own = await ground({ isFrond: false });
    own.store.set('k', 'v');
    own.store.set('other', 'v');
    const both = [own.cache.delete('k', own.limits), own.cache.delete('k', own.limits)];
    const other = own.cache.delete('other', own.limits);
    expect(await Promise.all(both)).toEqual([true, false]);
    expect(await other).toBe(true);
    expect(own.asked.filter((what) => what === 'delete k')).toHaveLength(1);
  });

  it('goes on after one that failed', async () => {
    const own = await ground({ isFrond: false });
    own.store.set('k', 'v');
    own.wrongKey = true;
    const [first, second] = [own.cache.delete('k', own.limits), own.cache.delete('k', own.limits)];
    await expect(first).rejects.toMatchObject({ code: 'PROTOCOL' });
    await expect(second).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('takes an empty reply for a key that another client has deleted', async () => {
    const own = await ground({ isFrond: false });
    let asked = 0;
    own.connection.answer = async (): Promise<Bytes> => bytes(asked++ === 0 ? 'v' : '');
    expect(await own.cache.delete('k', own.limits)).toBe(false);
    expect(asked).toBe(2);
  });
});

describe('a frond server', () => {
  it('is not asked for a key before it is deleted, and knows an empty value from none', async () => {
    const own = await ground();
    own.store.set('k', '');
    expect(await own.cache.get('k', own.limits)).toEqual(bytes(''));
    expect(await own.cache.delete('k', own.limits)).toBe(true);
    expect(own.asked).toEqual(['get k', 'delete k']);
  });

  it.each([
    [Status.refused, 'FORBIDDEN'],
    [Status.failed, 'REMOTE'],
  ])('that answers with the status %i gives %s', async (status, code) => {
    const own = await ground();
    own.store.set('k', 'v');
    own.refusal = { status, error: 'why\u001b' };
    const calls = {
      get: () => own.cache.get('k', own.limits),
      set: () => own.cache.set(bytes('v'), 'k', own.limits),
      delete: () => own.cache.delete('k', own.limits),
    };
    for (const [operation, run] of Object.entries(calls)) {
      const error: unknown = await run().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PalmError);
      expect(error).toMatchObject({ code, message: `${operation} of "k": why\\u001b`, sent: true });
    }
    expectNothingLeft(own);
  });

  it('is known by its first reply, and read as a stock server where it is one', async () => {
    for (const isFrond of [true, false]) {
      const own = await ground({ isFrond });
      own.link.features = isFrond ? undefined : Feature.replies;
      own.store.set('name', 'demo');
      const reply = await own.link.read('name');
      expect([textOf(reply.value), own.link.features !== undefined]).toEqual(['demo', isFrond]);
      expect(own.requests[0]?.features).toBe(Feature.replies);
      expect(own.events.map(({ direction }) => direction)).toEqual(['out', 'in']);
    }
  });

  it('gives a value of its own, not a part of what came', async () => {
    const own = await ground();
    const large = new Uint8Array(100);
    own.connection.answer = async () => {
      const frame = codec.encode(palmMessage({ payload: bytes('v'), features: Feature.replies }));
      large.set(frame, 10);
      return large.subarray(10, 10 + frame.length);
    };
    const value = await own.cache.get('k', own.limits);
    large.fill(0);
    expect(value).toEqual(bytes('v'));
    expect(value?.buffer.byteLength).toBe(1);
  });
});

describe('a cache client', () => {
  it('asks once for a key that is the same with and without its session', async () => {
    const own = await ground();
    expect(await own.cache.get('none', own.limits)).toBeUndefined();
    expect(own.asked).toEqual(['get none']);
  });

  it('asks for a key of its session, and then for the key as it is', async () => {
    const own = await ground({ session: 's-', prefix: 'alice/' });
    expect(await own.cache.get('plain', own.limits)).toBeUndefined();
    expect(own.asked).toEqual(['get alice/s-plain', 'get alice/plain']);
  });

  it('deletes a key once at a time, whenever the next one is asked for', async () => {
    const { connection, cache, store, limits } = await ground({ isFrond: false });
    const { answer } = connection;
    let [open, most] = [0, 0];
    connection.answer = async (frame) => {
      most = Math.max(most, ++open);
      await settle();
      open--;
      return answer(frame);
    };
    store.set('k', 'v');
    const [first, second] = [cache.delete('k', limits), cache.delete('k', limits)];
    expect(await first).toBe(true);
    const third = cache.delete('k', limits);
    expect([await second, await third, most]).toEqual([false, false, 1]);
  });

  it('names what it did when a reply is for another key', async () => {
    const own = await ground();
    own.wrongKey = true;
    await expect(own.cache.set(bytes('v'), 'k', own.limits)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: 'set of "k": reply of "other"',
    });
    own.wrongKey = false;
    own.refusal = { payload: bytes('') };
    await expect(own.cache.delete('k', own.limits)).rejects.toMatchObject({
      message: expect.stringMatching(/^delete of "k": /),
    });
  });

  it('has a link that asks for keys of the server before it knows whose they are, with a tap or without', async () => {
    const { connection, requests } = await ground();
    const link = new CacheLink({ connection, dbAddress: 'db', session: undefined, tap: undefined });
    await link.read('pull_address');
    expect(requests).toEqual([
      palmMessage({
        pipeline: 'me',
        client: 'me',
        function: '_.get',
        payload: bytes('pull_address'),
        features: Feature.replies,
      }),
    ]);
  });
});
