/** What a server's store in memory keeps, and what its cache takes. */
import { describe, expect, it } from 'vitest';
import { CacheService } from '../../../../src/cluster/runtime/cache-service.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { checkedStore, MemoryStore, type Store } from '../../../../src/cluster/runtime/store.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';

const codec = new EnvelopeCodec();
const NO_BYTES: Bytes = new Uint8Array(0);
const silent = { debug() {}, info() {}, warning() {}, error() {} };
/** What a key costs beside what it says. */
const ENTRY = 256;

describe('a store in memory', () => {
  it('counts each key, even one with an empty value', () => {
    const store = new MemoryStore({ maxBytes: 10 * (ENTRY + 2) });
    for (let i = 0; i < 10; i++) store.set(String(i), NO_BYTES);
    expect([store.size, store.bytes]).toEqual([10, 10 * (ENTRY + 2)]);
    store.set('x', NO_BYTES);
    expect([store.size, store.get('0')]).toEqual([10, undefined]);
    store.delete('x');
    expect(store.bytes).toBe(9 * (ENTRY + 2));
  });

  it.each([
    ['at its limit', 0, true],
    ['a byte below', -1, true],
    ['a byte above', 1, false],
  ])('takes a value %s, or not', (_where, more, isTaken) => {
    const store = new MemoryStore({ maxBytes: 1_000 });
    const set = () => store.set('k', new Uint8Array(1_000 - ENTRY - 2 + more));
    if (isTaken) expect(set).not.toThrow();
    else expect(set).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });

  it('says of a value that is too large how large it is, and keeps the old one', () => {
    const store = new MemoryStore({ maxBytes: 1_000 });
    store.set('k', new Uint8Array([1]));
    expect(() => store.set('k', new Uint8Array(2_000))).toThrow(
      "a value of 2000 bytes is over the store's limit of 1000 bytes",
    );
    expect(store.get('k')).toEqual(new Uint8Array([1]));
  });

  it('counts two bytes for each unit of a key', () => {
    const store = new MemoryStore();
    store.set('four', new Uint8Array(3));
    expect(store.bytes).toBe(ENTRY + 2 * 4 + 3);
  });

  it('drops what was not used for longest', () => {
    const store = new MemoryStore({ maxBytes: 2 * (ENTRY + 3) });
    for (const key of ['a', 'b']) store.set(key, new Uint8Array(1));
    store.get('a');
    store.set('c', new Uint8Array(1));
    expect(['a', 'b', 'c'].map((key) => store.get(key) !== undefined)).toEqual([true, false, true]);
  });
});

describe('a store of a user', () => {
  const key = 'k';
  const value = new Uint8Array([1, 2]);
  const of = (own: Partial<Record<keyof Store, unknown>>) =>
    checkedStore({ get: () => undefined, set: () => {}, delete: () => false, ...own } as Store);
  /** A promise of another library. */
  const thenable = (result: unknown) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what it is.
    then: (resolve: (result: unknown) => void) => resolve(result),
  });

  it('is asked what the server is asked', async () => {
    const calls: unknown[][] = [];
    const store = of({
      get: (...call: unknown[]) => void calls.push(['get', ...call]),
      set: (...call: unknown[]) => void calls.push(['set', ...call]),
      delete: (...call: unknown[]) => void calls.push(['delete', ...call]),
    });
    store.get(key);
    store.set(key, value);
    store.delete(key);
    expect(calls).toEqual([
      ['get', key],
      ['set', key, value],
      ['delete', key],
    ]);
  });

  it.each([
    ['bytes', value, value],
    ['another view of bytes', new DataView(value.buffer, 1), new Uint8Array([2])],
    ['nothing', undefined, undefined],
    ['null, as many stores do for a missing key', null, undefined],
  ])('may give %s, at once or later', async (_what, given, expected) => {
    expect(of({ get: () => given }).get(key)).toEqual(expected);
    for (const later of [Promise.resolve(given), thenable(given)]) {
      const result = of({ get: () => later }).get(key);
      expect(result).toBeInstanceOf(Promise);
      expect(await result).toEqual(expected);
    }
  });

  it.each([['text'], [5], [{}]])('that gives %j is at fault, and that is said', async (given) => {
    const error = /^the store returned .* for key "k", but a value must be a Uint8Array$/;
    expect(() => of({ get: () => given }).get(key)).toThrow(error);
    await expect(of({ get: async () => given }).get(key)).rejects.toThrow(error);
  });

  it('may say in any way whether a key was there, and give anything for a set', async () => {
    expect([of({ delete: () => 1 }).delete(key), of({ delete: () => undefined }).delete(key)]).toEqual([
      true,
      false,
    ]);
    expect(await of({ delete: () => thenable(1) }).delete(key)).toBe(true);
    expect(of({ set: () => 'OK' }).set(key, value)).toBeUndefined();
    const later = of({ set: () => thenable('OK') }).set(key, value);
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBeUndefined();
  });
});

function service(store: Store) {
  const own = tally();
  const status = () => NO_BYTES;
  const cache = new CacheService({
    config: {},
    status,
    offers: status,
    store,
    logger: silent,
    tally: own,
    work: undefined,
  });
  const ask = async (fields: Partial<PalmMessage>) => {
    const request = codec.encode(palmMessage({ features: Feature.replies, ...fields }));
    return codec.decode(await cache.answer(request, { link: 'a', onGone: () => () => {} }));
  };
  return { ask, tally: own };
}

describe('a cache', () => {
  it('takes keys of 4,096 characters, and refuses longer ones', async () => {
    const { ask, tally } = service(new MemoryStore());
    for (const length of [4_095, 4_096]) {
      expect(await ask({ function: 's.set', cache: 'k'.repeat(length) })).toMatchObject({
        status: Status.ok,
      });
    }
    expect(await ask({ function: 's.set', cache: 'k'.repeat(4_097) })).toMatchObject({
      status: Status.refused,
    });
    expect(tally.dropped).toBe(1);
  });

  it('says briefly what it refuses, whatever the request holds', async () => {
    const { ask } = service(new MemoryStore());
    const long = 'k'.repeat(100_000);
    const refused = [
      await ask({ function: 's.get', payload: new TextEncoder().encode(long) }),
      await ask({ function: `s.${long}` }),
      await ask({ function: 's.set', cache: `${long}_address` }),
    ];
    for (const { status, error } of refused) {
      expect(status).not.toBe(Status.ok);
      expect(error.length).toBeLessThan(300);
    }
  });

  it('refuses requests while 64 MiB of others wait for a slow store', async () => {
    const waiting: (() => void)[] = [];
    const slow: Store = {
      get: () => undefined,
      set: () => new Promise<void>((resolve) => waiting.push(resolve)),
      delete: () => false,
    };
    const { ask } = service(slow);
    const payload = new Uint8Array(8_388_608);
    const sets = Array.from({ length: 8 }, (_, i) => ask({ function: 's.set', cache: `k${i}`, payload }));
    expect(await ask({ function: 's.set', cache: 'k8', payload })).toMatchObject({ status: Status.failed });
    for (const resolve of waiting) resolve();
    for (const set of sets) expect(await set).toMatchObject({ status: Status.ok });
    const later = ask({ function: 's.set', cache: 'k9', payload });
    waiting.at(-1)?.();
    expect(await later).toMatchObject({ status: Status.ok });
  });
});
