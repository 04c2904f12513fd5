/** A worker's side of its link: what it asks, reports and returns, and what is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { type LeasedItem, LeasedLink } from '../../../../src/cluster/worker-link/leased-link.ts';
import { UNBEGUN_TIME, UNCONFIRMED_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import {
  encodeWorkRefusal,
  encodeWorkReply,
  readWorkRequest,
  WorkKind,
  type WorkRequest,
} from '../../../../src/protocol/work-request.ts';
import { bytes } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();

/** A link, and the Master at its other end, which answers when a test says so. */
function ground(concurrency = 1) {
  const asked: {
    readonly request: WorkRequest;
    give(...leases: number[]): void;
    refuse(): void;
    fail(error: unknown): void;
  }[] = [];
  const link = new LeasedLink({
    id: 'client',
    name: 'worker',
    concurrency,
    ask: (frame) => {
      const reply = deferred<Bytes>();
      asked.push({
        request: readWorkRequest(codec.decode(frame)),
        give: (...leases) => {
          const items = leases.map((lease) => ({ lease, kind: WorkKind.open, frame: bytes(`m${lease}`) }));
          reply.resolve(encodeWorkReply(codec, items));
        },
        refuse: () => reply.resolve(encodeWorkRefusal(codec, 'no')),
        fail: reply.reject,
      });
      return reply.promise;
    },
  });
  /** The request that came next. */
  const next = () => asked.shift();
  const take = async (...leases: number[]) => {
    const taking = link.next();
    await vi.advanceTimersByTimeAsync(0);
    next()?.give(...leases);
    const { value } = await taking;
    return [...(value ?? [])] as LeasedItem[];
  };
  return { link, asked, next, take };
}

describe('work that waits behind a slow message', () => {
  it('is returned after a while, and no timer is left', async () => {
    const { link, take, asked } = ground();
    const [first, second, third] = await take(1, 2, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('no work came');
    expect(link.begin(first)).toEqual(bytes('m1'));
    expect(vi.getTimerCount()).toBe(1);
    // The timer looks at the first item first: that one was begun, so it looks again.
    await vi.advanceTimersByTimeAsync(2 * UNBEGUN_TIME);
    const returned = asked.flatMap(({ request }) => request.items);
    expect(returned.map(({ lease, kind }) => [lease, kind])).toEqual([
      [2, WorkKind.returned],
      [3, WorkKind.returned],
    ]);
    expect(link.begin(second)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not returned when it is begun in time', async () => {
    const { link, take, asked } = ground(2);
    const items = await take(1, 2);
    for (const item of items) link.begin(item);
    await vi.advanceTimersByTimeAsync(3 * UNBEGUN_TIME);
    expect(asked.flatMap(({ request }) => request.items)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is returned at once when the worker stops, and no timer is left', async () => {
    const { link, take, asked } = ground();
    const [first] = await take(1, 2);
    if (first === undefined) throw new Error('no work came');
    link.begin(first);
    link.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(await link.next()).toEqual({ done: true, value: undefined });
    await link.flush();
    expect(asked.flatMap(({ request }) => request.items)).toMatchObject([
      { lease: 2, kind: WorkKind.returned },
    ]);
  });
});

describe('results', () => {
  it('are reported with their lease, the last one as the last', async () => {
    const { link, take, asked } = ground();
    const [item] = await take(1);
    if (item === undefined) throw new Error('no work came');
    link.begin(item);
    link.add(palmMessage({ payload: bytes('r1') }), item);
    link.add(palmMessage({ payload: bytes('r2') }), item);
    link.done(item);
    await link.flush();
    const items = asked.flatMap(({ request }) => request.items);
    expect(items.map(({ lease, kind }) => [lease, kind])).toEqual([
      [1, WorkKind.open],
      [1, WorkKind.done],
    ]);
  });

  it('hold the worker up while too many bytes are not confirmed, and no longer', async () => {
    const { link, asked } = ground(2);
    const settle = () => vi.advanceTimersByTimeAsync(0);
    let taking = link.next();
    /** Does the next item, while the next request for work is under way. Returns whether the worker may go on. */
    const work = async (lease: number, size: number) => {
      asked.shift()?.give(lease);
      const [item] = (await taking).value ?? [];
      if (item === undefined) throw new Error('no work came');
      link.begin(item);
      await settle();
      link.add(palmMessage({ payload: new Uint8Array(size) }), item);
      link.done(item);
      const flushed = { is: false };
      link.flush().then(() => {
        flushed.is = true;
      });
      await settle();
      return flushed;
    };
    await settle();
    const large = await work(1, UNCONFIRMED_BYTES);
    const report = asked.findIndex(({ request }) => request.items.length > 0);
    expect([large.is, asked.length]).toEqual([false, 2]);
    asked.splice(report, 1)[0]?.give();
    await settle();
    expect(large.is).toBe(true);
    taking = link.next();
    const small = await work(2, 10);
    // Its report is under way, and needs no waiting for.
    expect([small.is, asked.some(({ request }) => request.items.length > 0)]).toEqual([true, true]);
  });
});

describe('a break', () => {
  it('has the same request sent again under the same number', async () => {
    const { link, asked } = ground();
    const taking = link.next();
    await vi.advanceTimersByTimeAsync(0);
    const [first] = asked;
    first?.fail(new PalmError('DISCONNECTED', 'broke'));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked[1]?.request).toEqual(first?.request);
    asked[1]?.give(1);
    expect((await taking).value).toHaveLength(1);
  });

  it('of another kind, or a refusal, ends the worker with it', async () => {
    for (const end of ['refuse', 'fail'] as const) {
      const { link, asked } = ground();
      const taking = link.next();
      await vi.advanceTimersByTimeAsync(0);
      if (end === 'refuse') asked[0]?.refuse();
      else asked[0]?.fail(new PalmError('CLOSED', 'closed'));
      await expect(taking).rejects.toMatchObject({ code: end === 'refuse' ? 'PROTOCOL' : 'CLOSED' });
      await expect(link.next()).rejects.toBeInstanceOf(PalmError);
      expect(vi.getTimerCount()).toBe(0);
    }
  });
});
