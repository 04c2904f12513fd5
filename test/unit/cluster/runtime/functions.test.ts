/** What functions are given: the context of a message, and the cache under a session. */
import { describe, expect, it, vi } from 'vitest';
import { Cancellations } from '../../../../src/cluster/runtime/cancellations.ts';
import { cacheOf, copying, MessageContext } from '../../../../src/cluster/runtime/functions.ts';
import { MemoryStore } from '../../../../src/cluster/runtime/store.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { encodeMetadata, withMetadata } from '../../../../src/protocol/metadata.ts';
import { progressField, readProgress } from '../../../../src/protocol/progress.ts';
import { bytes } from '../../../support/bytes.ts';

const reason = new PalmError('CANCELLED', 'enough');
const INVALID = expect.objectContaining({ code: 'INVALID_CALL' });

function ground(fields: Partial<PalmMessage> = {}, isRead = true) {
  const closing = new AbortController();
  const logger = { debug() {}, info() {}, warning() {}, error() {} };
  const store = new MemoryStore();
  const cache = cacheOf(store);
  const scope = {
    name: 'server',
    cache,
    functionLogger: logger,
    cancellations: new Cancellations(closing.signal),
  };
  const emitted: PalmMessage[] = [];
  const emit = (message: PalmMessage) => void emitted.push(message);
  const message = palmMessage({ client: 'c/1', function: 's.f', payload: bytes('x'), ...fields });
  const context = new MessageContext(scope, message, isRead ? (emit as never) : undefined);
  return { context, message, scope, store, cache, logger, closing, emitted };
}

describe('the context of a message', () => {
  it('has the message, and the name and logger of its server', () => {
    const { context, message, logger } = ground();
    expect([context.message, context.name, context.logger]).toEqual([message, 'server', logger]);
    expect(context.message).toBe(message);
  });

  it('has the metadata of the call', () => {
    const unknown = withMetadata(new Uint8Array(0), encodeMetadata({ tenant: 'a' }));
    expect(ground({ unknown }).context.metadata).toEqual({ tenant: 'a' });
    expect(ground().context.metadata).toEqual({});
  });

  it("has the cache of its caller's session, which a caller without one does not have", async () => {
    const own = ground({ features: Feature.session, pipeline: 'S1-' });
    await own.context.cache.set(bytes('v'), 'k');
    expect(own.store.get('S1-k')).toEqual(bytes('v'));
    // The pipeline of other clients is an id at random.
    const plain = ground({ features: Feature.batches, pipeline: 'S1-' });
    await plain.context.cache.set(bytes('v'), 'k');
    expect(plain.store.get('k')).toEqual(bytes('v'));
    expect(plain.context.cache).toBe(plain.cache);
  });
});

describe('the signal of a call', () => {
  it('is one, and aborts with the reason of a cancel', () => {
    const { context } = ground();
    const { signal } = context;
    expect([context.signal, signal.aborted]).toEqual([signal, false]);
    expect(context.signal).toBe(signal);
    expect(context.cancel(reason)).toBe(true);
    expect([signal.aborted, signal.reason, context.cancelled]).toEqual([true, reason, reason]);
  });

  it('that is first read after the cancel has aborted', () => {
    const { context } = ground();
    context.cancel(reason);
    expect([context.signal.aborted, context.signal.reason]).toEqual([true, reason]);
  });

  it('aborts when the server begins to close, which cancels nothing', () => {
    const { context } = ground();
    const { signal } = context;
    const why = new PalmError('CLOSED', 'closing');
    context.closing(why);
    expect([signal.aborted, signal.reason, context.cancelled]).toEqual([true, why, undefined]);
    // Nobody has read this one.
    expect(() => ground().context.closing(why)).not.toThrow();
  });

  it('that is first read while the server closes has aborted', () => {
    const { context, closing } = ground();
    const why = new PalmError('CLOSED', 'closing');
    closing.abort(why);
    expect([context.signal.aborted, context.signal.reason]).toEqual([true, why]);
    // The call was cancelled before: that is why nobody waits.
    const other = ground();
    other.context.cancel(reason);
    other.closing.abort(why);
    expect(other.context.signal.reason).toBe(reason);
  });
});

describe('progress', () => {
  const asked = { unknown: progressField('p1') };

  it('goes to the caller that asks for it, as a message of progress', () => {
    const { context, message, emitted } = ground(asked);
    expect(context.wantsProgress).toBe(true);
    context.progress(1, 2, 'reads');
    expect(emitted).toHaveLength(1);
    expect(emitted[0]).toEqual({ ...message, status: Status.progress, payload: expect.any(Uint8Array) });
    expect(readProgress(emitted[0]?.payload as never)).toEqual({ done: 1, total: 2, note: 'reads' });
    expect(context.progress).toBe(context.progress);
  });

  it.each([
    ['did not ask', {}, true],
    ['sent another field', { unknown: withMetadata(new Uint8Array(0), encodeMetadata({ a: 'b' })) }, true],
    ['asked by a field that cannot be read', { unknown: progressField('not a name!') }, true],
    ['asked by a field that is cut off', { unknown: progressField('p1').slice(0, -1) }, true],
    ['has no function here', asked, false],
  ])('goes nowhere when the caller %s', (_what, fields, isRead) => {
    const { context, emitted } = ground(fields, isRead);
    expect(context.wantsProgress).toBe(false);
    expect(() => context.progress(1)).not.toThrow();
    context.over();
    expect(emitted).toEqual([]);
  });

  it('has its last value told before the function is over, and none after', () => {
    const { context, emitted } = ground(asked);
    for (const done of [1, 2, 3]) context.progress(done);
    expect(emitted).toHaveLength(1);
    context.over();
    const told = () => emitted.map(({ payload }) => readProgress(payload)?.done);
    expect(told()).toEqual([1, 3]);
    context.progress(4);
    context.over();
    expect(told()).toEqual([1, 3]);
  });

  it('goes nowhere after the call was cancelled, or is over', () => {
    vi.useFakeTimers();
    try {
      const begun = ground(asked);
      for (const done of [1, 2]) begun.context.progress(done);
      begun.context.cancel(reason);
      begun.context.over();
      expect([begun.emitted.length, vi.getTimerCount()]).toEqual([1, 0]);
      for (const end of ['cancel', 'over'] as const) {
        const { context, emitted } = ground(asked);
        context[end](reason);
        expect(context.wantsProgress).toBe(false);
        context.progress(1);
        expect(emitted).toEqual([]);
      }
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the cache', () => {
  it('keeps a value under the key, or under a random one', async () => {
    const store = new MemoryStore();
    const cache = cacheOf(store);
    expect(await cache.set(bytes('v'), 'k')).toBe('k');
    expect([await cache.get('k'), await cache.get('other')]).toEqual([bytes('v'), undefined]);
    const keys = [await cache.set(bytes('a')), await cache.set(bytes('b'), '')];
    for (const key of keys) expect(key).toMatch(/^[\w-]{21}$/);
    expect(keys[0]).not.toBe(keys[1]);
    expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual([bytes('a'), bytes('b')]);
    expect([await cache.delete('k'), await cache.delete('k'), await cache.get('k')]).toEqual([
      true,
      false,
      undefined,
    ]);
  });

  it.each([undefined, 'S-'])('asks its store under keys alone; its session: %s', async (session) => {
    const keys: unknown[] = [];
    const note = (key: unknown) => void keys.push(key);
    const cache = cacheOf({ get: note, set: note, delete: (key) => keys.push(key) < 0 }, session);
    expect([await cache.get('k'), await cache.delete('k')]).toEqual([undefined, false]);
    expect(keys).toEqual([`${session ?? ''}k`, `${session ?? ''}k`]);
  });

  it('puts the session in front of keys, and finds a key as it was returned', async () => {
    const store = new MemoryStore();
    const cache = cacheOf(store, 'S-');
    const stored = await cache.set(bytes('v'), 'k');
    expect([stored, store.get('S-k')]).toEqual(['S-k', bytes('v')]);
    expect([await cache.get('k'), await cache.get('S-k')]).toEqual([bytes('v'), bytes('v')]);
    expect([await cache.delete('S-k'), await cache.delete('S-k')]).toEqual([true, false]);
    expect(store.size).toBe(0);
  });

  it('prefers the key that begins with its session to the one that was returned so', async () => {
    const store = new MemoryStore();
    store.set('S-k', bytes('short'));
    store.set('S-S-k', bytes('long'));
    const cache = cacheOf(store, 'S-');
    expect(await cache.get('S-k')).toEqual(bytes('long'));
    expect(await cache.delete('S-k')).toBe(true);
    expect([store.get('S-k'), store.get('S-S-k')]).toEqual([bytes('short'), undefined]);
    expect(await cache.get('S-k')).toEqual(bytes('short'));
  });

  it('takes the session itself for a key within it, and no key of another', async () => {
    const store = new MemoryStore();
    store.set('S-', bytes('nobody’s'));
    store.set('T-k', bytes('theirs'));
    const cache = cacheOf(store, 'S-');
    expect([await cache.get('S-'), await cache.delete('S-')]).toEqual([undefined, false]);
    expect([await cache.get('T-k'), await cache.delete('T-k')]).toEqual([undefined, false]);
    expect(store.size).toBe(2);
  });

  it('has other sessions, and none', async () => {
    const store = new MemoryStore();
    const cache = cacheOf(store, 'S-');
    await cache.withSession('T-').set(bytes('t'), 'k');
    await cache.withSession(undefined).set(bytes('plain'), 'k');
    expect([store.get('T-k'), store.get('k'), store.get('S-k')]).toEqual([
      bytes('t'),
      bytes('plain'),
      undefined,
    ]);
  });

  it('refuses the keys of the configuration and values that are not bytes, and keeps nothing', async () => {
    const store = new MemoryStore();
    const cache = cacheOf(store);
    await expect(cache.set(bytes('v'), 'pull_address')).rejects.toEqual(INVALID);
    await expect(cache.delete('pull_address')).rejects.toEqual(INVALID);
    await expect(cache.set('text' as never, 'k')).rejects.toEqual(INVALID);
    await expect(cache.set('text' as never, 'k')).rejects.toThrow('a value must be a Uint8Array, not "text"');
    expect(store.size).toBe(0);
    // Under a session it is another key, but not the one that was returned so.
    const own = cacheOf(store, 'pull_');
    await expect(own.set(bytes('v'), 'address')).rejects.toEqual(INVALID);
    await expect(own.delete('pull_address')).rejects.toEqual(INVALID);
  });

  it('gives functions copies, and keeps copies', async () => {
    const store = new MemoryStore();
    const own = copying(store);
    const value = bytes('value');
    await own.set('k', value);
    value.fill(0);
    const [first, second] = [await own.get('k'), await own.get('k')];
    expect([first, second]).toEqual([bytes('value'), bytes('value')]);
    first?.fill(0);
    expect(await own.get('k')).toEqual(bytes('value'));
    expect(await own.get('other')).toBeUndefined();
    expect([await own.delete('k'), await own.delete('k')]).toEqual([true, false]);
  });
});
