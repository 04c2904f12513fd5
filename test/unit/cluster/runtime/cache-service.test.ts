import { describe, expect, it, vi } from 'vitest';
import { CacheService } from '../../../../src/cluster/runtime/cache-service.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { MemoryStore, type Store } from '../../../../src/cluster/runtime/store.ts';
import { STORE_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const from = { link: 'link', onGone: () => () => {} };

function ground(store: Store = new MemoryStore()) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const counters = tally();
  const config = { name: 'server', pull_address: 'tcp://127.0.0.1:1' };
  const service = new CacheService({
    offers: () => new Uint8Array(0),
    config,
    status: () => bytes('{}'),
    store,
    logger,
    tally: counters,
    work: undefined,
  });
  const ask = async (operation: string, key: string, value = '', fields: Partial<PalmMessage> = {}) => {
    const isSet = operation === 'set';
    const request = palmMessage({
      function: `_.${operation}`,
      features: Feature.replies,
      ...(isSet ? { cache: key, payload: bytes(value) } : { payload: bytes(key) }),
      ...fields,
    });
    return codec.decode(await service.answer(codec.encode(request), from));
  };
  return { service, ask, counters, logger, store };
}

describe('a text that no request needs', () => {
  const long = 'w'.repeat(262_144);

  it.each(['pipeline', 'client', 'function', 'cache'])('as %s is refused and not decoded', async (field) => {
    const { service, counters, logger } = ground();
    const request = palmMessage({ function: '_.set', features: Feature.replies, ...{ [field]: long } });
    const frame = codec.encode(request);
    const decode = vi.spyOn(EnvelopeCodec.prototype, 'decode');
    const reply = await service.answer(frame, from);
    expect(decode).not.toHaveBeenCalled();
    decode.mockRestore();
    expect(codec.decode(reply)).toMatchObject({
      status: Status.refused,
      error: expect.stringContaining('262144'),
    });
    expect(counters.dropped).toBe(1);
    expect(logger.warning).toHaveBeenCalledOnce();
  });

  it('gets a pylm peer an empty reply, as other failures do', async () => {
    const { service } = ground();
    const frame = codec.encode(palmMessage({ function: '_.set', cache: long }));
    expect(await service.answer(frame, from)).toHaveLength(0);
  });

  it.each(['get', 'delete'])('as the key of a %s is missing', async (operation) => {
    const { ask } = ground();
    expect(await ask(operation, long)).toMatchObject({ status: Status.missing });
  });

  it('does not stand in the way of a large value', async () => {
    const { ask } = ground();
    expect(await ask('set', 'key', long)).toMatchObject({ status: Status.ok });
    expect(textOf((await ask('get', 'key')).payload)).toBe(long);
  });
});

const CONFIGURATION = [
  'name',
  'db_address',
  'pull_address',
  'sub_address_7',
  'worker_push_address',
  'frond_status',
];

describe('the keys of a server', () => {
  it.each(CONFIGURATION)('%s cannot be set or deleted, and the refusal is counted', async (key) => {
    const { ask, counters, store } = ground();
    for (const [index, operation] of ['set', 'delete'].entries()) {
      expect(await ask(operation, key, 'mine')).toMatchObject({ status: Status.refused });
      expect(counters.dropped).toBe(index + 1);
    }
    expect(await store.get(key)).toBeUndefined();
    expect(textOf((await ask('get', 'name')).payload)).toBe('server');
  });

  it('have at most 4,096 characters', async () => {
    const { ask } = ground();
    for (const length of [4_095, 4_096])
      expect(await ask('set', 'x'.repeat(length), 'v')).toMatchObject({ status: Status.ok });
    expect(await ask('set', 'x'.repeat(4_097), 'v')).toMatchObject({ status: Status.refused });
    expect((await ask('get', 'x'.repeat(4_097))).status).toBe(Status.missing);
  });

  it('that are missing are told from empty values, and are not counted', async () => {
    const { ask, counters } = ground();
    await ask('set', 'empty', '');
    expect(await ask('get', 'empty')).toMatchObject({ status: Status.ok, payload: bytes('') });
    for (const operation of ['get', 'delete'])
      expect(await ask(operation, 'nothing')).toMatchObject({ status: Status.missing });
    expect(await ask('delete', 'empty')).toMatchObject({ status: Status.ok });
    expect((await ask('get', 'empty')).status).toBe(Status.missing);
    expect(counters.dropped).toBe(0);
  });

  it('get a random one in place of none', async () => {
    const { ask } = ground();
    const key = textOf((await ask('set', '', 'v')).payload);
    expect(key).toMatch(/^[\w-]{21}$/);
    expect(textOf((await ask('get', key)).payload)).toBe('v');
  });
});

describe('requests', () => {
  it('of another kind are refused and counted', async () => {
    const { ask, counters } = ground();
    for (const operation of ['clear', '', 'work'])
      expect(await ask(operation, 'k')).toMatchObject({ status: Status.unknownFunction });
    expect(counters.dropped).toBe(3);
  });

  it('that are not envelopes get nothing, and are counted', () => {
    const { service, counters } = ground();
    expect(service.answer(new Uint8Array([0xff]), from)).toEqual(bytes(''));
    expect(counters.dropped).toBe(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('to a store that %s fail and are counted', async (_what, set) => {
    const store = { get: () => undefined, set, delete: () => false } as unknown as Store;
    const { ask, counters } = ground(store);
    expect(await ask('set', 'k', 'v')).toMatchObject({ status: Status.failed, error: 'full' });
    expect(counters.dropped).toBe(1);
  });

  it('to a store that has no room are refused', async () => {
    const set = () => {
      throw new PalmError('TOO_LARGE', 'no room');
    };
    const { ask } = ground({ get: () => undefined, set, delete: () => false } as unknown as Store);
    expect(await ask('set', 'k', 'v')).toMatchObject({ status: Status.refused, error: 'no room' });
  });

  it('that wait for the store count only as long as they wait', async () => {
    let settle: (() => void)[] = [];
    const set = () => new Promise<void>((resolve) => settle.push(resolve));
    const store = { get: () => undefined, set, delete: () => false } as unknown as Store;
    const { service, ask } = ground(store);
    const value = new Uint8Array(STORE_BYTES / 2);
    const request = codec.encode(
      palmMessage({ function: '_.set', cache: 'k', payload: value, features: Feature.replies }),
    );
    const statusOf = async (reply: Bytes | Promise<Bytes>) => codec.decode(await reply).status;
    for (let round = 0; round < 3; round++) {
      const waiting = [service.answer(request, from), service.answer(request, from)];
      expect(await ask('get', 'name')).toMatchObject({
        status: Status.failed,
        error: expect.stringContaining('try again later'),
      });
      for (const done of settle) done();
      settle = [];
      expect(await Promise.all(waiting.map(statusOf))).toEqual([Status.ok, Status.ok]);
      expect(await ask('get', 'name')).toMatchObject({ status: Status.ok });
    }
  });

  it('of pylm get the bare value', async () => {
    const { service } = ground();
    const reply = await service.answer(
      codec.encode(palmMessage({ function: '_.get', payload: bytes('name') })),
      from,
    );
    expect(textOf(reply)).toBe('server');
  });
});
