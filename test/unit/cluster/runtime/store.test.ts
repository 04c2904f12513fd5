/** What a server's store in memory keeps, and what its cache takes. */
import { describe, expect, it } from 'vitest';
import { CacheService } from '../../../../src/cluster/runtime/cache-service.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { MemoryStore, type Store } from '../../../../src/cluster/runtime/store.ts';
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
