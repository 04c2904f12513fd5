/** A worker's side of its link: what it asks, reports and returns, and what is left. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import {
  type LeasedItem,
  LeasedLink,
  type LeasedLinkSettings,
  Prefetch,
} from '../../../../src/cluster/worker-link/leased-link.ts';
import {
  UNBEGUN_TIME,
  UNCONFIRMED_BYTES,
  WORK_AHEAD_MESSAGES,
  WORK_AT_ONCE,
  WORK_BYTES,
} from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import {
  encodeWorkRefusal,
  encodeWorkReply,
  MOST_ITEMS,
  OFFERS,
  readWorkRequest,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../../../../src/protocol/work-request.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { clock } from '../../../support/clock.ts';
import { useToldTimers } from '../../../support/told-timers.ts';

let timersLeft: () => string[];
beforeEach(() => {
  timersLeft = useToldTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();

/** A link, and the Master at its other end, which answers when a test says so. */
function ground(concurrency = 1, settings: Partial<LeasedLinkSettings> = {}) {
  const asked: {
    readonly request: WorkRequest;
    give(...leases: number[]): void;
    reply(...items: WorkItem[]): void;
    refuse(): void;
    fail(error: unknown): void;
  }[] = [];
  const link = new LeasedLink({
    id: 'client',
    name: 'worker',
    clock,
    concurrency,
    ...settings,
    ask: (frame) => {
      const reply = deferred<Bytes>();
      asked.push({
        request: readWorkRequest(codec.decode(frame)),
        give: (...leases) => {
          const items = leases.map((lease) => ({ lease, kind: WorkKind.open, frame: bytes(`m${lease}`) }));
          reply.resolve(encodeWorkReply(codec, items));
        },
        reply: (...items) => reply.resolve(encodeWorkReply(codec, items)),
        refuse: () => reply.resolve(encodeWorkRefusal(codec, 'no')),
        fail: reply.reject,
      });
      return reply.promise;
    },
  });
  /** The request that came next. */
  const next = () => asked.shift();
  const take = async (...leases: number[]) => {
    const taken: LeasedItem[] = [];
    link.next().then(({ value = [] }) => taken.push(...value));
    await vi.advanceTimersByTimeAsync(0);
    next()?.give(...leases);
    await vi.advanceTimersByTimeAsync(0);
    return taken;
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

  it('is returned after a while, too, when it comes while the worker is at the slow one', async () => {
    const { link, take, next, asked } = ground();
    const [quick, slow] = await take(1, 2);
    if (quick === undefined || slow === undefined) throw new Error('no work came');
    link.begin(quick);
    link.done(quick);
    await link.flush();
    const ahead = next();
    expect(ahead?.request.want).toBeGreaterThan(0);
    next()?.give();
    link.begin(slow);
    // The timer that was set for the first two finds none that waits.
    await vi.advanceTimersByTimeAsync(2 * UNBEGUN_TIME);
    ahead?.give(3, 4);
    await vi.advanceTimersByTimeAsync(2 * UNBEGUN_TIME);
    const returned = asked.flatMap(({ request }) => request.items);
    expect(returned.map(({ lease, kind }) => [lease, kind])).toEqual([
      [3, WorkKind.returned],
      [4, WorkKind.returned],
    ]);
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

describe('a lease that is given twice', () => {
  it('is two items: the worker has both, and asks for no more', async () => {
    const { link, take, asked } = ground(2);
    const [first, second] = await take(7, 7);
    if (first === undefined || second === undefined) throw new Error('no work came');
    expect(link.underWay).toBe(2);
    void link.next();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual([]);
    link.begin(first);
    expect(link.underWay).toBe(2);
    link.begin(second);
    expect(link.underWay).toBe(2);
    link.done(first);
    expect(link.underWay).toBe(1);
    link.done(second);
    expect(link.underWay).toBe(0);
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

  it('are their message with another payload, and a failure is what the worker made of it', async () => {
    const { link, next } = ground(2);
    const reading = link.next();
    await vi.advanceTimersByTimeAsync(0);
    const message = palmMessage({
      pipeline: 'p',
      client: 'c/1',
      function: 's.f',
      cache: 'k',
      payload: bytes('in'),
      features: 5,
      ordinal: 7,
    });
    const frame = codec.encode(message).slice();
    next()?.reply({ lease: 1, kind: WorkKind.open, frame }, { lease: 2, kind: WorkKind.open, frame });
    const { value = [] } = await reading;
    const [first, second] = value;
    if (first === undefined || second === undefined) throw new Error('no work came');
    const failure = { ...message, payload: bytes('0'), status: Status.failed, error: 'no' };
    const results: [LeasedItem, PalmMessage][] = [
      [first, { ...message, payload: bytes('longer than before') }],
      [second, failure],
    ];
    for (const [item, result] of results) {
      link.begin(item);
      expect(link.add(result, item)).toBe(codec.encode(result).length);
      link.done(item);
    }
    await link.flush();
    const { request } = next() ?? {};
    expect(request?.items.map((item) => codec.decode(item.frame))).toEqual(results.map(([, own]) => own));
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

/** A request that a Master has not answered. */
interface Asked {
  readonly request: WorkRequest;
  readonly reply: Deferred<Bytes>;
}

type RequestKind = 'work' | 'report' | 'sign' | 'leave';

function kindOf({ want, leaves, items }: WorkRequest): RequestKind {
  if (leaves) return 'leave';
  if (want > 0) return 'work';
  return items.length > 0 ? 'report' : 'sign';
}

/** A Master by the book: it counts a request once, however often it comes, and answers it as it did the first time. */
class ModelMaster {
  asked: Asked[] = [];
  /** What it was told of each lease: results, `done`, `returned`. */
  readonly told = new Map<number, string[]>();
  /** Results that it refused to hear, and `done` with the lease. */
  readonly unheard = new Set<string>();
  /** Leases that were given, in order. */
  readonly given: number[] = [];
  hasLeft = false;
  /** What no worker may do. */
  readonly faults: string[] = [];
  /** Whether the link broke and nothing was answered since. */
  isBroken = false;
  readonly #frames = new Map<number, Bytes>();
  readonly #replies = new Map<number, Bytes>();

  readonly ask = (frame: Bytes): Promise<Bytes> => {
    const request = readWorkRequest(codec.decode(frame));
    const before = this.#frames.get(request.sequence);
    if (before !== undefined && textOf(before) !== textOf(frame)) this.faults.push('a number was used twice');
    if (before === undefined && request.sequence !== this.#frames.size + 1)
      this.faults.push('a number is missing');
    if (before === undefined && this.hasLeft) this.faults.push('it asked when it had left');
    this.#frames.set(request.sequence, frame.slice());
    const kind = kindOf(request);
    if (this.asked.some((own) => kindOf(own.request) === kind))
      this.faults.push(`two requests at once: ${kind}`);
    // After a break nobody can say which of them comes first.
    if (request.items.length > 0 && this.asked.some((own) => own.request.items.length > 0))
      this.faults.push('two requests at once tell something');
    const reply = deferred<Bytes>();
    this.asked.push({ request, reply });
    return reply.promise;
  };

  /** Answers a request that waits. */
  answer(which: number, most: number): void {
    const at = which % Math.max(1, this.asked.length);
    // Requests come in their order, whichever is answered first.
    for (const { request } of this.asked.slice(0, at)) this.#handle(request, most);
    const [asked] = this.asked.splice(at, 1);
    if (asked === undefined) return;
    this.isBroken = false;
    asked.reply.resolve(this.#handle(asked.request, most));
  }

  /** Refuses the oldest request, and hears nothing of what it tells. */
  refuse(): void {
    const refused = this.asked.shift();
    const { sequence = 0, items = [] } = refused?.request ?? {};
    for (const { lease, kind, frame } of this.#replies.has(sequence) ? [] : items) {
      if (frame.length > 0) this.unheard.add(textOf(codec.decode(frame).payload));
      if (kind === WorkKind.done) this.unheard.add(`done ${lease}`);
    }
    refused?.reply.resolve(encodeWorkRefusal(codec, 'no'));
  }

  /** The link breaks. Some of the requests had come, and their replies are lost. */
  break(had: number, most: number): void {
    const asked = this.asked;
    this.asked = [];
    if (asked.length > 0) this.isBroken = true;
    for (const [index, { request, reply }] of asked.entries()) {
      if (index < had) this.#handle(request, most);
      reply.reject(new PalmError('DISCONNECTED', 'broke'));
    }
  }

  #handle({ sequence, want, leaves, items }: WorkRequest, most: number): Bytes {
    const before = this.#replies.get(sequence);
    if (before !== undefined) return before;
    if (this.hasLeft && items.length > 0) this.faults.push('it told something when it had left');
    if (leaves) this.hasLeft = true;
    for (const { lease, kind, frame } of items) {
      const told = this.told.get(lease) ?? [];
      this.told.set(lease, told);
      if (frame.length > 0) told.push(textOf(codec.decode(frame).payload));
      if (kind === WorkKind.done) told.push('done');
      if (kind === WorkKind.returned) told.push('returned');
    }
    const leases = Array.from({ length: Math.min(want, most) }, (_, i) => this.given.length + 1 + i);
    this.given.push(...leases);
    const reply = encodeWorkReply(
      codec,
      leases.map((lease) => ({ lease, kind: WorkKind.open, frame: bytes(`m${lease}`) })),
    );
    this.#replies.set(sequence, reply);
    return reply;
  }
}

/** A message that the worker was handed, and what it did with it. */
interface Handed {
  readonly work: LeasedItem;
  state: 'waits' | 'begun' | 'done' | 'returned';
  readonly said: string[];
}

type Does = 'next' | 'answer' | 'break' | 'begin' | 'add' | 'done' | 'wait';

const aStepTo = (what: Does, most = 0) => ({ what, which: 0, most });

const aStep = fc.record({
  what: fc.constantFrom<Does[]>(
    'next',
    'next',
    'answer',
    'answer',
    'answer',
    'break',
    'begin',
    'begin',
    'add',
    'done',
    'wait',
  ),
  which: fc.nat(20),
  most: fc.nat(6),
});

describe('a link to work', () => {
  it('has each message done once or returned, and each result told once and in order, as a plain Master sees it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom('leaves', 'leaves', 'is refused', 'is cut off'),
        async (steps, concurrency, end) => {
          // A run that failed has left its own.
          vi.useRealTimers();
          timersLeft = useToldTimers();
          const master = new ModelMaster();
          const link = new LeasedLink({ id: 'client', name: 'worker', clock, concurrency, ask: master.ask });
          const handed: Handed[] = [];
          let [isReading, isOver, hasWaited, results] = [false, false, false, 0];
          let failure: unknown;
          const read = () => {
            if (isReading || isOver || failure !== undefined) return;
            isReading = true;
            link.next().then(
              ({ done, value }) => {
                isReading = false;
                isOver = done === true;
                for (const work of value ?? []) handed.push({ work, state: 'waits', said: [] });
              },
              (error) => {
                failure = error;
              },
            );
          };
          const having = (state: Handed['state'], which: number) => {
            const all = handed.filter((own) => own.state === state);
            return all[which % Math.max(1, all.length)];
          };
          const begin = (own: Handed) => {
            const frame = link.begin(own.work);
            own.state = frame === undefined ? 'returned' : 'begun';
            if (frame !== undefined) expect(textOf(frame)).toBe(`m${own.work.lease}`);
          };
          const finish = (own: Handed) => {
            own.state = 'done';
            own.said.push('done');
            link.done(own.work);
          };
          const check = () => {
            expect(master.faults).toEqual([]);
            // In the order in which the Master gave them, and none twice.
            expect(handed.map(({ work }) => work.lease)).toEqual(master.given.slice(0, handed.length));
            for (const { state, said, work } of handed) {
              const told = master.told.get(work.lease) ?? [];
              if (state === 'returned') expect(['returned', '']).toContain(told.join());
              else if (state === 'waits') expect(['returned', '']).toContain(told.join());
              else {
                const heard = said.filter(
                  (text) => !master.unheard.has(text === 'done' ? `done ${work.lease}` : text),
                );
                expect(told).toEqual(heard.slice(0, told.length));
              }
            }
            const held = handed.filter(({ state }) => state === 'waits' || state === 'begun').length;
            for (const { request } of master.asked) {
              if (request.want === 0) continue;
              expect(request.want).toBeLessThanOrEqual(concurrency + WORK_AHEAD_MESSAGES);
              // While nobody knows how long a message takes, none is taken ahead. After a while they know that it takes long.
              if (!hasWaited && !handed.some(({ state }) => state === 'done'))
                expect(request.want + held).toBeLessThanOrEqual(concurrency);
            }
            // The worker shows that it lives while it works, unless it asks for work anyway.
            if (isReading && handed.some(({ state }) => state === 'begun'))
              expect(master.asked.map(({ request }) => kindOf(request))).toContainEqual(
                expect.stringMatching(/work|sign/),
              );
          };
          for (const { what, which, most } of steps) {
            if (what === 'next') read();
            else if (what === 'answer') master.answer(which, most);
            else if (what === 'break') master.break(which % 4, most);
            else if (what === 'begin') {
              const own = having('waits', which);
              if (own !== undefined && handed.filter(({ state }) => state === 'begun').length < concurrency)
                begin(own);
            } else if (what === 'add') {
              const own = having('begun', which);
              if (own === undefined) continue;
              const result = `r${++results}`;
              own.said.push(result);
              link.add(palmMessage({ payload: bytes(result) }), own.work);
            } else if (what === 'done') {
              const own = having('begun', which);
              if (own !== undefined) finish(own);
            } else {
              await vi.advanceTimersByTimeAsync(which * 3);
              hasWaited = true;
            }
            let isFlushed = false;
            link.flush().then(() => {
              isFlushed = true;
            });
            await vi.advanceTimersByTimeAsync(0);
            // What it has to tell is little.
            expect(isFlushed).toBe(true);
            check();
          }
          const isRefused = end === 'is refused' && master.asked.length > 0;
          if (isRefused) {
            master.refuse();
            await vi.advanceTimersByTimeAsync(0);
            if (isReading) expect(failure).toMatchObject({ code: 'PROTOCOL' });
          }
          for (const own of handed) if (own.state === 'begun') finish(own);
          link.stop();
          await link.flush();
          await vi.advanceTimersByTimeAsync(0);
          expect((await link.next().catch(() => ({ done: true }))).done).toBe(true);
          for (const own of handed) if (own.state === 'waits') begin(own);
          expect(handed.filter(({ state }) => state === 'begun')).toEqual([]);
          if (end === 'is cut off') master.break(1, 0);
          await vi.advanceTimersByTimeAsync(0);
          const { isBroken } = master;
          let hasLeft = false;
          link.leave(1_000).then(() => {
            hasLeft = true;
          });
          for (let turn = 0; turn < 20; turn++) {
            await vi.advanceTimersByTimeAsync(0);
            if (!isBroken) master.answer(0, 9);
          }
          check();
          expect([hasLeft, timersLeft()]).toEqual([true, []]);
          if (isRefused || isBroken) return;
          // The Master knows of everything that came before the worker stopped; the rest it takes back.
          expect(master.hasLeft).toBe(true);
          for (const { work, state, said } of handed)
            expect(master.told.get(work.lease)).toEqual(state === 'returned' ? ['returned'] : said);
        },
      ),
      {
        numRuns: 60,
        examples: [
          // The link breaks while a result is under way, and the end of its lease is told before its sender hears of that.
          [
            [
              aStepTo('next'),
              aStepTo('answer', 1),
              aStepTo('begin'),
              aStepTo('add'),
              aStepTo('done'),
              aStepTo('next'),
              aStepTo('answer', 1),
              aStepTo('break'),
            ],
            2,
            'is cut off',
          ],
        ],
      },
    );
  });
});

describe('how much work is asked for', () => {
  it('is what can be begun at once, until it is known how long a message takes', () => {
    for (const concurrency of [1, 4, WORK_AT_ONCE]) {
      const prefetch = new Prefetch(concurrency);
      expect(prefetch.want(0)).toBe(concurrency);
      expect(prefetch.want(concurrency - 1)).toBe(1);
      expect([prefetch.want(concurrency), prefetch.want(concurrency + 1)]).toEqual([0, 0]);
    }
    expect(new Prefetch(WORK_AT_ONCE + 1).want(0)).toBe(WORK_AT_ONCE);
  });

  it('is as much ahead as is done in 5 ms, at most 256, and more once half of that is done', () => {
    const knowing = (time: number, concurrency: number) => {
      const prefetch = new Prefetch(concurrency);
      prefetch.took(time);
      return prefetch;
    };
    expect(knowing(1, 2).want(0)).toBe(2 + 10);
    expect(knowing(5, 1).want(0)).toBe(2);
    expect(knowing(6, 1).want(0)).toBe(1);
    expect(knowing(0, 1).want(0)).toBe(1 + WORK_AHEAD_MESSAGES);
    const prefetch = knowing(1, 2);
    expect([prefetch.want(6), prefetch.want(5), prefetch.want(4)]).toEqual([0, 7, 8]);
    // Two are being done, and that is more than half of the two ahead.
    expect(knowing(5, 2).want(2)).toBe(0);
  });

  it('follows the average of the last messages, and what is slow at once', () => {
    const steady = new Prefetch(1);
    steady.took(1);
    steady.took(1);
    expect(steady.want(0)).toBe(1 + 5);
    const prefetch = new Prefetch(1);
    prefetch.took(1);
    prefetch.took(9);
    // 1 + (9 - 1) / 8 ms each.
    expect(prefetch.want(0)).toBe(1 + 2);
    prefetch.isSlow(20);
    expect(prefetch.want(0)).toBe(1);
    prefetch.took(1);
    // 20 - 19 / 8 ms.
    expect(prefetch.want(0)).toBe(1);
    const slow = new Prefetch(1);
    slow.isSlow(2);
    expect(slow.want(0)).toBe(1 + 2);
    // It was slower before.
    slow.isSlow(1);
    expect(slow.want(0)).toBe(1 + 2);
  });
});

describe('a report', () => {
  /** What is reported in each request when so many results wait for one that is under way. */
  async function reported(frames: readonly Bytes[]) {
    const { link, take, asked, next } = ground(frames.length + 1);
    const items = await take(...frames.map((_, i) => i + 1));
    for (const item of items) link.begin(item);
    await vi.advanceTimersByTimeAsync(0);
    asked.length = 0;
    for (const [i, item] of items.entries()) {
      link.add(palmMessage({ payload: frames[i] ?? bytes('') }), item);
      link.done(item);
    }
    const sizes: number[] = [];
    const leaving = link.leave(1_000);
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(0);
      const one = next();
      if (one === undefined) break;
      sizes.push(one.request.items.length);
      one.give();
    }
    await leaving;
    return sizes;
  }

  it('holds results of 1 MiB at most, or one of any size', async () => {
    const half = new Uint8Array(WORK_BYTES / 2 - 100);
    expect(await reported([half, half])).toEqual([2]);
    expect(await reported([half, half, half])).toEqual([2, 1]);
    const large = new Uint8Array(WORK_BYTES + 1);
    expect(await reported([large, large])).toEqual([1, 1]);
    const rest = codec.encode(palmMessage({ payload: half })).length - half.length;
    expect(await reported([half, new Uint8Array(WORK_BYTES - half.length - 2 * rest)])).toEqual([2]);
    expect(await reported([half, new Uint8Array(WORK_BYTES - half.length - 2 * rest + 1)])).toEqual([1, 1]);
  });

  it('is one at a time, and a request for work has results only if it has all of them', async () => {
    for (const [count, expected] of [
      [1, [1]],
      [2, [0, 1]],
    ] as const) {
      const { link, item, asked } = await working();
      await settle();
      asked.length = 0;
      for (let i = 0; i < count; i++)
        link.add(palmMessage({ payload: new Uint8Array(WORK_BYTES - 100) }), item);
      link.done(item);
      await link.flush();
      expect(asked.map(({ request }) => request.items.length)).toEqual(expected);
      expect(asked[0]?.request.want).toBeGreaterThan(0);
    }
  });

  it('holds 16,384 items at most', async () => {
    const { link, take, asked, next } = ground(2);
    const [item] = await take(1);
    if (item === undefined) throw new Error('no work came');
    link.begin(item);
    await vi.advanceTimersByTimeAsync(0);
    asked.length = 0;
    for (let i = 0; i <= MOST_ITEMS; i++) link.add(palmMessage({}), item);
    const leaving = link.leave(1_000);
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      await vi.advanceTimersByTimeAsync(0);
      const one = next();
      if (one === undefined) break;
      sizes.push(one.request.items.length);
      one.give();
    }
    await leaving;
    expect(sizes).toEqual([MOST_ITEMS, 1]);
  });
});

describe('a worker that fails', () => {
  it('tells its Master that others may have its items, and harms nothing where that cannot be told', async () => {
    const { link, next } = ground();
    const forsaking = link.forsake();
    const one = next();
    expect(one?.request).toMatchObject({ name: 'worker', want: 0, leaves: true, isAway: false, items: [] });
    one?.give();
    await forsaking;
    const again = link.forsake();
    const two = next();
    expect(two?.request.sequence).toBe((one?.request.sequence ?? 0) + 1);
    two?.fail(new Error('gone'));
    await again;
  });
});

describe('a request', () => {
  it('says whether notices of cancelled calls are taken', async () => {
    const { link, next } = ground();
    void link.next();
    await vi.advanceTimersByTimeAsync(0);
    expect(next()?.request).not.toHaveProperty('takesCancels');
  });
});

/** Begins what came, so that the link has something to tell. */
async function working(settings: Partial<LeasedLinkSettings> = {}) {
  const own = ground(1, settings);
  const [item] = await own.take(1);
  if (item === undefined) throw new Error('no work came');
  own.link.begin(item);
  return { ...own, item };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('how far a message is', () => {
  const half = palmMessage({ client: 'c', status: Status.progress, payload: bytes('half') });

  it('is told among the results where the Master takes that', async () => {
    const { link, item, asked } = await working({ takesProgress: true });
    link.tell(half, item);
    await link.flush();
    const [told] = asked.flatMap(({ request }) => request.items);
    expect(told).toMatchObject({ lease: 1, kind: WorkKind.open });
    expect(codec.decode(told?.frame ?? bytes(''))).toMatchObject({ payload: bytes('half') });
  });

  it('is not told where the Master does not take it', async () => {
    for (const settings of [{}, { takesProgress: false }]) {
      const { link, item, asked } = await working(settings);
      link.tell(half, item);
      await link.flush();
      expect(asked.flatMap(({ request }) => request.items)).toEqual([]);
    }
  });

  it('is not told of a message that is not begun, or done', async () => {
    const { link, take, asked } = ground(1, { takesProgress: true });
    const [item] = await take(1);
    if (item === undefined) throw new Error('no work came');
    link.tell(half, item);
    link.begin(item);
    link.done(item);
    link.tell(half, item);
    await link.flush();
    expect(asked.flatMap(({ request }) => request.items)).toMatchObject([
      { kind: WorkKind.done, frame: bytes('') },
    ]);
  });
});

describe('a notice of cancelled calls', () => {
  const notice: WorkItem = { lease: 0, kind: WorkKind.notice, frame: bytes('notice') };
  const work: WorkItem = { lease: 4, kind: WorkKind.open, frame: bytes('m4') };

  it('is not work, and the work beside it is not a notice', async () => {
    const onNotice = vi.fn();
    const { link, next } = ground(2, { onNotice });
    const taking = link.next();
    const asked = next();
    expect(asked?.request.takesCancels).toBe(true);
    asked?.reply(notice, work);
    expect((await taking).value).toMatchObject([{ lease: 4, state: 'waiting' }]);
    expect(onNotice.mock.calls).toEqual([[bytes('notice')]]);
    link.stop();
  });

  it('that was not asked for is passed over', async () => {
    const { link, next } = ground(2);
    const taking = link.next();
    next()?.reply(notice, work);
    expect((await taking).value).toMatchObject([{ lease: 4 }]);
    link.stop();
  });
});

describe('work that comes while nobody reads', () => {
  it('is there for the next read, in order, and more is asked for', async () => {
    const { link, asked, next, take } = ground(3);
    await take(1);
    await link.flush();
    next()?.give(2);
    await settle();
    expect(asked.map(({ request }) => request.want)).toEqual([1]);
    next()?.give(3);
    await settle();
    const { done, value } = await link.next();
    expect([done, value?.map(({ lease }) => lease)]).toEqual([false, [2, 3]]);
    // Once.
    const further = vi.fn();
    link.next().then(further);
    await settle();
    expect(further).not.toHaveBeenCalled();
    link.stop();
  });

  it('is none when the answer has none: it is asked for again', async () => {
    const { link, asked, next } = ground();
    const read = vi.fn();
    link.next().then(read);
    next()?.give();
    await settle();
    expect(read).not.toHaveBeenCalled();
    expect(asked.map(({ request }) => request.want)).toEqual([1]);
    next()?.give(1);
    await settle();
    expect(read).toHaveBeenCalledWith({ done: false, value: [expect.objectContaining({ lease: 1 })] });
    link.stop();
  });
});

describe('a worker', () => {
  it('asks for as much as before once a message is done', async () => {
    const { link, item, asked } = await working();
    await vi.advanceTimersByTimeAsync(10);
    link.done(item);
    await link.flush();
    expect(asked.map(({ request }) => [request.want, request.items.length])).toContainEqual([1, 1]);
  });

  it('shows that it lives only while it works', async () => {
    const { link, item, asked } = await working();
    link.next();
    await settle();
    expect(asked.map(({ request }) => kindOf(request))).toEqual(['sign']);
    link.stop();
    link.done(item);
    asked.shift()?.give();
    await link.flush();
    await settle();
    expect(asked.map(({ request }) => kindOf(request))).toEqual(['report']);
  });

  it('that holds nothing and stops sends nothing', async () => {
    const { link, asked } = ground();
    link.stop();
    expect(await link.flush()).toBe(true);
    await settle();
    expect(asked).toEqual([]);
  });

  it.each(['sign', 'report'] as const)('ends when the Master refuses its %s', async (kind) => {
    const { link, item, asked } = await working();
    const taking = link.next();
    await settle();
    if (kind === 'report') {
      link.add(palmMessage({ payload: bytes('r') }), item);
      await link.flush();
    }
    expect(asked.map(({ request }) => kindOf(request))).toEqual(kind === 'sign' ? ['sign'] : ['sign', kind]);
    asked.at(-1)?.refuse();
    await expect(taking).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('tells its reader the end when it stops', async () => {
    const { link } = ground();
    const taking = link.next();
    link.stop();
    expect(await taking).toEqual({ done: true, value: undefined });
  });

  it('asks for work ahead once a message was quick, whenever that was', async () => {
    vi.advanceTimersByTime(60_000);
    const { link, item, asked } = await working();
    await vi.advanceTimersByTimeAsync(1);
    link.done(item);
    await link.flush();
    expect(asked.at(-1)?.request.want).toBeGreaterThan(1);
    link.stop();
  });

  it('gives back what it is said to be done with and has not begun', async () => {
    const { link, take, next } = ground();
    const [first, second] = await take(1, 2);
    if (first === undefined || second === undefined) throw new Error('no work came');
    link.begin(first);
    link.done(second);
    link.stop();
    link.done(first);
    await settle();
    const leaving = link.leave(1_000);
    await settle();
    const items = [next(), next()].flatMap((one) => {
      one?.give();
      return one?.request.items ?? [];
    });
    await leaving;
    expect(items.map(({ lease, kind }) => [lease, kind])).toEqual([
      [2, WorkKind.returned],
      [1, WorkKind.done],
    ]);
  });

  it('says good-bye once it has reported all, and then no more', async () => {
    const { link, item, asked } = await working();
    const half = new Uint8Array(WORK_BYTES / 2);
    for (let i = 0; i < 2; i++) link.add(palmMessage({ payload: half }), item);
    link.done(item);
    link.stop();
    let isOver = false;
    const leaving = link.leave(1_000).then(() => {
      isOver = true;
    });
    const kinds: RequestKind[] = [];
    for (let i = 0; i < 10 && !isOver; i++) {
      await settle();
      for (const one of asked.splice(0)) {
        kinds.push(kindOf(one.request));
        one.give();
      }
      await settle();
    }
    expect([kinds, isOver, vi.getTimerCount()]).toEqual([['report', 'leave'], true, 0]);
    await leaving;
  });

  it('asks nothing more once the Master has refused it, and no later failure is unhandled', async () => {
    const { link, item, asked } = await working();
    link.add(palmMessage({ payload: bytes('r') }), item);
    await link.flush();
    // Nobody reads.
    for (const one of asked.splice(0)) one.refuse();
    await settle();
    link.add(palmMessage({ payload: new Uint8Array(UNCONFIRMED_BYTES + 1) }), item);
    link.done(item);
    expect(await link.flush()).toBe(true);
    expect(asked).toEqual([]);
    await expect(link.next()).rejects.toMatchObject({ code: 'PROTOCOL' });
    await link.leave(1_000);
    expect([asked, vi.getTimerCount()]).toEqual([[], 0]);
  });

  it.each([
    ['as many as may be unconfirmed', 0, true],
    ['one more', 1, false],
  ])('goes on when %s of its bytes are: %s', async (_what, more, goesOn) => {
    const { link, item, next } = await working();
    // A sign of life is under way.
    link.next();
    await settle();
    const rest = codec.encode(palmMessage({ payload: new Uint8Array(UNCONFIRMED_BYTES - 100) })).length;
    const payload = new Uint8Array(UNCONFIRMED_BYTES - 100 + UNCONFIRMED_BYTES - rest + more);
    link.add(palmMessage({ payload }), item);
    const flushed = vi.fn();
    link.flush().then(flushed);
    await settle();
    expect(flushed.mock.calls.length > 0).toBe(goesOn);
    next()?.give();
    next()?.give();
    await settle();
    expect(flushed).toHaveBeenCalledWith(true);
    link.stop();
  });

  it('goes on when what is unconfirmed went with a request for work: that waits for work', async () => {
    const { link, item, asked } = await working();
    link.add(palmMessage({ payload: new Uint8Array(UNCONFIRMED_BYTES + 1) }), item);
    link.done(item);
    expect(await link.flush()).toBe(true);
    expect(asked.map(({ request }) => kindOf(request))).toEqual(['work']);
    link.stop();
  });
});

describe('work that nobody begins', () => {
  it('goes back at the time, and not before; what comes meanwhile has no timer of its own', async () => {
    const { link, take, next, asked } = ground(3);
    await take(1);
    await vi.advanceTimersByTimeAsync(UNBEGUN_TIME / 2);
    const reading = link.next();
    next()?.give(2);
    await reading;
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(UNBEGUN_TIME / 2 - 1);
    expect(asked.flatMap(({ request }) => request.items)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked.flatMap(({ request }) => request.items).map(({ lease }) => lease)).toEqual([1, 2]);
    link.stop();
  });

  it('does not go back while another is begun in that time', async () => {
    const { link, take, asked } = ground();
    const [first] = await take(1, 2);
    if (first === undefined) throw new Error('no work came');
    await vi.advanceTimersByTimeAsync(UNBEGUN_TIME - 1);
    link.begin(first);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked.flatMap(({ request }) => request.items)).toEqual([]);
    await vi.advanceTimersByTimeAsync(UNBEGUN_TIME);
    expect(asked.flatMap(({ request }) => request.items)).toMatchObject([
      { lease: 2, kind: WorkKind.returned },
    ]);
    link.stop();
  });
});

describe('what the functions take and give', () => {
  /** A link whose words about its functions a test answers, apart from its requests. */
  function telling(settings: Partial<LeasedLinkSettings> = {}) {
    const told: { readonly message: PalmMessage; readonly reply: Deferred<Bytes> }[] = [];
    const asked: Deferred<Bytes>[] = [];
    const onOffersRefused = vi.fn();
    const link = new LeasedLink({
      id: 'client',
      name: 'worker',
      clock,
      concurrency: 1,
      offers: bytes('[]'),
      onOffersRefused,
      ask: (frame) => {
        const message = codec.decode(frame.slice());
        const reply = deferred<Bytes>();
        if (message.function === OFFERS) told.push({ message, reply });
        else asked.push(reply);
        return reply.promise;
      },
      ...settings,
    });
    const takes = () => told.at(-1)?.reply.resolve(encodeWorkReply(codec, []));
    return { link, told, asked, onOffersRefused, takes };
  }
  const broke = new PalmError('DISCONNECTED', 'broke');

  it('is told at once, under the id and name of the worker', async () => {
    const { told, takes, onOffersRefused } = telling();
    expect(told).toMatchObject([{ message: { pipeline: 'worker', payload: bytes('[]') } }]);
    expect(told[0]?.message.client).toMatch(/^client\//);
    takes();
    await settle();
    expect([told.length, onOffersRefused.mock.calls]).toEqual([1, []]);
  });

  it('is not told when there is nothing to say', () => {
    expect(telling({ offers: undefined } as never).told).toEqual([]);
  });

  it('that the Master refuses is told once, and the worker works on', async () => {
    const { link, told, asked, onOffersRefused } = telling();
    told[0]?.reply.resolve(encodeWorkRefusal(codec, 'too much'));
    await settle();
    expect(told).toHaveLength(1);
    expect(onOffersRefused.mock.calls).toMatchObject([[{ code: 'PROTOCOL' }]]);
    const taking = link.next();
    asked[0]?.resolve(encodeWorkReply(codec, [{ lease: 1, kind: WorkKind.open, frame: bytes('m') }]));
    expect((await taking).value).toHaveLength(1);
    link.stop();
  });

  it('that is refused may be told to nobody', async () => {
    const { link, told } = telling({ onOffersRefused: undefined } as never);
    told[0]?.reply.resolve(encodeWorkRefusal(codec, 'too much'));
    await settle();
    link.stop();
  });

  it('is told again when the link broke before the answer', async () => {
    const { told, onOffersRefused, takes } = telling();
    told[0]?.reply.reject(broke);
    await settle();
    expect(told.map(({ message }) => message)).toEqual([told[0]?.message, told[0]?.message]);
    takes();
    await settle();
    expect([told.length, onOffersRefused.mock.calls]).toEqual([2, []]);
  });

  it.each([
    ['a break', broke],
    ['another failure', new PalmError('CLOSED', 'closed')],
  ])('is told no more once the worker has stopped, and %s is no refusal then', async (_what, error) => {
    const { link, told, onOffersRefused } = telling();
    link.stop();
    told[0]?.reply.reject(error);
    await settle();
    expect([told.length, onOffersRefused.mock.calls]).toEqual([1, []]);
  });

  it('shows that the Master is there: from a break until it answers, the Master counts as away', async () => {
    const { link, told, asked, takes } = telling();
    expect(link.isThere).toBe(true);
    const taking = link.next();
    asked[0]?.reject(broke);
    await settle();
    expect(link.isThere).toBe(false);
    // The Master may hold the request for work, which was sent again: this one it answers at once.
    takes();
    await settle();
    expect([link.isThere, told.length, asked.length]).toEqual([true, 1, 2]);
    asked[1]?.reject(broke);
    await settle();
    expect(link.isThere).toBe(false);
    asked[2]?.resolve(encodeWorkReply(codec, []));
    await settle();
    expect(link.isThere).toBe(true);
    asked[3]?.reject(new PalmError('PROTOCOL', 'refused'));
    await expect(taking).rejects.toThrow('refused');
    expect(link.isThere).toBe(false);
    link.stop();
  });

  it('is told again over each new link, once', async () => {
    const { link, told, asked, takes } = telling();
    takes();
    const taking = link.next();
    asked[0]?.resolve(encodeWorkReply(codec, [{ lease: 1, kind: WorkKind.open, frame: bytes('m') }]));
    const [item] = (await taking).value ?? [];
    if (item === undefined) throw new Error('no work came');
    link.begin(item);
    link.add(palmMessage({ payload: bytes('r') }), item);
    // A report and a sign of life.
    await link.flush();
    expect(asked).toHaveLength(3);
    asked[1]?.reject(broke);
    await settle();
    expect(told).toHaveLength(2);
    // The second request of the same break.
    asked[2]?.reject(broke);
    await settle();
    expect(told).toHaveLength(2);
    takes();
    await settle();
    asked[3]?.reject(broke);
    await settle();
    expect([told.length, asked.length]).toEqual([2, 6]);
    // The link is back, and breaks again.
    asked[4]?.resolve(encodeWorkReply(codec, []));
    await settle();
    asked[5]?.reject(broke);
    await settle();
    expect(told).toHaveLength(3);
    link.stop();
  });

  it('is told once when the link breaks while it is being told', async () => {
    const { link, told, asked } = telling();
    link.next();
    asked[0]?.reject(broke);
    await settle();
    expect(told).toHaveLength(1);
    told[0]?.reply.reject(broke);
    await settle();
    expect(told).toHaveLength(2);
    link.stop();
  });
});
