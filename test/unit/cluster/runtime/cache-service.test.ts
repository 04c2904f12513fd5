import { describe, expect, it, vi } from 'vitest';
import { CacheService, type CacheServiceSettings } from '../../../../src/cluster/runtime/cache-service.ts';
import { LONGEST_TEXT } from '../../../../src/cluster/runtime/long-texts.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { MemoryStore, type Store } from '../../../../src/cluster/runtime/store.ts';
import { STORE_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { CANCEL, cancelMessage } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { END_KEY, NEXT } from '../../../../src/protocol/pipeline-end.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const from = { link: 'link', onGone: () => () => {} };

function ground(store: Store = new MemoryStore(), more: Partial<CacheServiceSettings> = {}) {
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
    ...more,
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

describe('what else a server answers', () => {
  const features = async (more: Partial<CacheServiceSettings>) => {
    const { ask } = ground(undefined, more);
    return (await ask('get', 'name')).features;
  };

  it('is told with each reply: that it gives work, and takes notices of cancelled calls', async () => {
    expect(await features({})).toBe(Feature.replies);
    expect(await features({ work: () => bytes('') })).toBe(Feature.replies | Feature.work | Feature.progress);
    expect(await features({ cancel: () => 0 })).toBe(Feature.replies | Feature.cancels);
  });

  it('is requests for work, and what workers say of their functions, as they are answered', async () => {
    const work = vi.fn(() => bytes('answer'));
    const { service, ask } = ground(undefined, { work });
    for (const path of ['_.work', '_.offers']) {
      const request = palmMessage({ function: path, client: 'w' });
      expect(service.answer(codec.encode(request), from)).toEqual(bytes('answer'));
      expect(work).toHaveBeenLastCalledWith(request, from);
    }
    expect(textOf((await ask('get', 'name')).payload)).toBe('server');
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('is notices of cancelled calls, with the number of those that were here', async () => {
    const notice = { client: 'a', calls: ['1'], code: 'CANCELLED', reason: 'why' } as const;
    const cancel = vi.fn(() => 3);
    const { service, ask } = ground(undefined, { cancel });
    const request = { ...cancelMessage(notice), features: Feature.replies };
    const reply = codec.decode(await service.answer(codec.encode(request), from));
    expect([textOf(reply.payload), reply.status, cancel.mock.calls]).toEqual(['3', Status.ok, [[notice]]]);
    // One that cannot be read is refused.
    const bad = codec.decode(await service.answer(codec.encode({ ...request, client: '' }), from));
    expect(bad.status).toBe(Status.failed);
    expect(await ask('get', 'name')).toMatchObject({ status: Status.ok, payload: bytes('server') });
    expect(cancel).toHaveBeenCalledTimes(1);
  });

  it('is what a next server of a pipeline says of itself', async () => {
    const next = vi.fn(async () => {});
    const { service, ask } = ground(undefined, { next });
    const request = palmMessage({ function: NEXT, cache: 'second', features: Feature.replies });
    const reply = codec.decode(await service.answer(codec.encode(request), from));
    expect(reply).toMatchObject({ status: Status.ok, payload: bytes('') });
    expect(next.mock.calls).toEqual([[request, from]]);
    await ask('get', 'name');
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('is none of these where nobody takes them', async () => {
    const { service, counters } = ground();
    for (const path of ['_.work', '_.offers', CANCEL, NEXT]) {
      const request = palmMessage({ function: path, client: 'w', features: Feature.replies });
      expect(codec.decode(await service.answer(codec.encode(request), from)).status).toBe(
        Status.unknownFunction,
      );
    }
    expect(counters.dropped).toBe(4);
  });

  it('is where a pipeline ends, where that is known', async () => {
    const { ask } = ground(undefined, { end: () => bytes('the end') });
    expect(textOf((await ask('get', END_KEY)).payload)).toBe('the end');
    expect(await ground().ask('get', END_KEY)).toMatchObject({ status: Status.missing });
  });

  it('is its status and its functions', async () => {
    const { ask } = ground(undefined, { status: () => bytes('up'), offers: () => bytes('[f]') });
    expect(textOf((await ask('get', 'frond_status')).payload)).toBe('up');
    expect(textOf((await ask('get', 'frond_functions')).payload)).toBe('[f]');
  });
});

describe('a refusal', () => {
  it.each([
    [
      'clear',
      'k',
      Status.unknownFunction,
      'the operations of the cache are set, get and delete, not "_.clear"',
    ],
    ['set', 'x'.repeat(4_097), Status.refused, 'a key may have 4096 characters, not 4097'],
    ['get', 'k', Status.missing, 'there is no key "k"'],
    ['delete', 'k', Status.missing, 'there is no key "k"'],
    ['delete', 'x'.repeat(LONGEST_TEXT), Status.missing, expect.stringMatching(/^there is no key "x+/)],
    ['delete', 'x'.repeat(LONGEST_TEXT + 1), Status.missing, `there is no key of ${LONGEST_TEXT + 1} bytes`],
    ['set', 'name', Status.refused, 'key "name" is the server\'s configuration'],
  ])('says what is wrong: %s %.10s', async (operation, key, status, error) => {
    expect(await ground().ask(operation, key, 'v')).toMatchObject({ status, error, payload: bytes('') });
  });

  it('of another failure than that of a store without room is a failure', async () => {
    const set = () => {
      throw new PalmError('PROTOCOL', 'torn');
    };
    const { ask } = ground({ get: () => undefined, set, delete: () => false } as unknown as Store);
    expect(await ask('set', 'k', 'v')).toMatchObject({ status: Status.failed, error: 'torn' });
    const plain = Object.assign(new Error('torn'), { code: 'TOO_LARGE' });
    const other = ground({ get: () => Promise.reject(plain), set, delete: () => false } as unknown as Store);
    expect(await other.ask('get', 'k')).toMatchObject({ status: Status.failed });
  });

  it('is in the log, and an answer is not', async () => {
    const { ask, service, logger } = ground();
    await ask('get', 'name');
    await ask('get', 'nothing');
    expect(logger.warning).not.toHaveBeenCalled();
    await ask('set', 'name', 'v');
    service.answer(new Uint8Array([0xff]), from);
    expect(logger.warning.mock.calls).toEqual([
      ['cache request refused', { function: '_.set', reason: 'key "name" is the server\'s configuration' }],
      ['bad cache request', { size: 1, reason: expect.stringMatching(/./) }],
    ]);
  });

  it('is not in the reply to an answer', async () => {
    expect(await ground().ask('get', 'name')).toMatchObject({ status: Status.ok, error: '' });
  });
});

it('a value that is kept does not keep the request that brought it', async () => {
  const { ask, store } = ground();
  await ask('set', 'k', 'v');
  expect((await store.get('k'))?.buffer.byteLength).toBe(1);
});
