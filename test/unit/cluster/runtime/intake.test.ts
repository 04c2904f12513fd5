/** Messages that wait for a function: how many are read ahead, whose turn it is, and what is given back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { CancelledFrames } from '../../../../src/cluster/runtime/cancellations.ts';
import { checkMaxWaiting, costOf, type Gate, Intake } from '../../../../src/cluster/runtime/intake.ts';
import { PULLED } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { CancelledCalls } from '../../../../src/protocol/cancelled-calls.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import { encodePriority } from '../../../../src/protocol/priority.ts';
import { bytes } from '../../../support/bytes.ts';

/** A clock that is a millisecond later each time, so that each item is a turn. */
beforeEach(() => {
  let time = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => ++time);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const codec = new EnvelopeCodec();
const settle = () => new Promise(setImmediate);

const frameOf = (client: string, size = 0): Bytes =>
  codec.encode(palmMessage({ client, payload: new Uint8Array(size) })).slice();
const clientIn = (frame: Bytes) => codec.decode(frame).client;

/** A source of batches that a test gives. */
function source(...given: (readonly Bytes[])[]) {
  const waiting: ((result: IteratorResult<readonly Bytes[], undefined>) => void)[] = [];
  const state = { asked: 0, most: [] as (number | undefined)[] };
  const own: AsyncIterator<readonly Bytes[], undefined> = {
    next: (most?: number) => {
      state.asked++;
      state.most.push(most);
      const value = given.shift();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
  const end = () => waiting.shift()?.({ done: true, value: undefined });
  const give = (value: readonly Bytes[]) => waiting.shift()?.({ done: false, value });
  return { own, state, end, give };
}

function ground(limit = 1_000_000, otherLimit?: number, gate?: Gate) {
  const budget = new ByteBudget(limit);
  const other = otherLimit === undefined ? undefined : new ByteBudget(otherLimit);
  const state = { full: 0, cancelled: [] as number[] };
  const intake = new Intake({
    budget,
    ...(other && { other }),
    gate,
    onFull: () => state.full++,
    onCancelled: (count) => state.cancelled.push(count),
  });
  /** What waits, each given back as it is taken. */
  const drain = async () => {
    const taken: string[] = [];
    while (intake.size > 0) {
      const { value } = await intake.next();
      for (const frame of value ?? []) {
        taken.push(clientIn(frame));
        intake.release(frame);
      }
      await settle();
    }
    return taken;
  };
  return { intake, budget, other, state, drain };
}

describe('what nobody waits for', () => {
  it('is dropped as it comes, given back once, and costs nothing', async () => {
    const released: string[] = [];
    const cancelled: number[] = [];
    const budget = new ByteBudget(1_000_000);
    const intake = new Intake({
      budget,
      onFull: () => {},
      onCancelled: (count) => cancelled.push(count),
      onReleased: (frame) => released.push(clientIn(frame)),
      isUnwanted: (frame) => clientIn(frame).startsWith('gone/'),
      ahead: 1,
    });
    const { own, state } = source(
      ['gone/1', 'gone/2'].map((client) => frameOf(client)),
      ['a/1', 'gone/3', 'b/1'].map((client) => frameOf(client)),
    );
    void intake.read(own);
    await settle();
    // Nothing of the first batch waits, so the next is read.
    expect([intake.size, state.asked, released]).toEqual([2, 2, ['gone/1', 'gone/2', 'gone/3']]);
    expect(cancelled).toEqual([2, 1]);
    expect(budget.used).toBe(2 * costOf(frameOf('a/1')));
    const [first, second] = (await intake.next()).value ?? [];
    expect([first, second].map((frame) => clientIn(frame ?? frameOf('')))).toEqual(['a/1', 'b/1']);
  });
});

it('sources whose reading is bounded are read for themselves, whatever waits of the others', async () => {
  const intake = new Intake({ budget: new ByteBudget(1_000_000), onFull: () => {}, ahead: 2 });
  const one = source(
    ['a/1', 'a/2', 'a/3'].map((client) => frameOf(client)),
    [frameOf('a/4')],
  );
  const two = source([frameOf('b/1')], [frameOf('b/2')], [frameOf('b/3')]);
  void intake.read(one.own);
  void intake.read(two.own);
  await settle();
  expect([intake.size, one.state.asked, two.state.asked]).toEqual([5, 1, 2]);
  const taken: string[] = [];
  while (taken.length < 7) {
    for (const frame of (await intake.next()).value ?? []) {
      taken.push(clientIn(frame));
      await settle();
    }
  }
  expect(taken).toEqual(['a/1', 'b/1', 'a/2', 'b/2', 'a/3', 'b/3', 'a/4']);
});

describe('messages of clients that wait for few', () => {
  it('are read whatever else waits, once none of them does, and take turns with the others', async () => {
    const budget = new ByteBudget(1_000_000);
    const intake = new Intake({ budget, onFull: () => {}, ahead: 1 });
    const usual = source(
      ['a/1', 'a/2', 'a/3', 'a/4'].map((client) => frameOf(client)),
      [frameOf('a/5')],
    );
    const prompt = source(
      ['b/1', 'b/2', 'c/1'].map((client) => frameOf(client)),
      [frameOf('d/1')],
    );
    void intake.read(usual.own);
    void intake.read(prompt.own, true);
    await settle();
    expect([intake.size, usual.state.asked, prompt.state.asked]).toEqual([7, 1, 1]);
    const taken: string[] = [];
    const take = async () => {
      for (const frame of (await intake.next()).value ?? []) {
        taken.push(clientIn(frame));
        intake.release(frame);
        await settle();
      }
    };
    await take();
    expect(taken).toEqual(['a/1', 'b/1', 'c/1', 'a/2', 'b/2', 'a/3', 'd/1', 'a/4', 'a/5']);
    expect(budget.used).toBe(0);
  });

  it('do not wait behind others of their client, whom a part behind has enough of', async () => {
    const gate: Gate = { isFull: true, holdsUp: (client) => client === 'a/' };
    const { intake } = ground(1_000_000, undefined, gate);
    void intake.read(source(['a/1', 'a/2', 'b/1'].map((client) => frameOf(client))).own);
    void intake.read(source([frameOf('a/3')], [frameOf('c/1')]).own, true);
    await settle();
    const taken: string[] = [];
    while (taken.length < 3) {
      const { value } = await intake.next();
      for (const frame of value ?? []) taken.push(clientIn(frame));
      await settle();
    }
    expect(taken.sort()).toEqual(['a/3', 'b/1', 'c/1']);
    expect(intake.size).toBe(2);
  });

  it('do not keep others from being read, and make room when they are cancelled', async () => {
    const intake = new Intake({ budget: new ByteBudget(1_000_000), onFull: () => {}, ahead: 1 });
    const prompt = source([frameOf('b/1')], [frameOf('c/1')]);
    void intake.read(prompt.own, true);
    await settle();
    const usual = source([frameOf('a/1')]);
    void intake.read(usual.own);
    await settle();
    expect([intake.size, prompt.state.asked]).toEqual([2, 1]);
    const notice = { client: 'b', calls: [], code: 'CANCELLED', reason: '' } as const;
    intake.cancel(new CancelledFrames(new CancelledCalls([notice]), [notice]));
    await settle();
    expect([intake.size, prompt.state.asked]).toEqual([2, 2]);
  });
});

describe('a batch', () => {
  it('that came while nothing waited is taken in order, and costs its bytes until it is done', async () => {
    const { intake, budget, drain } = ground();
    const frames = ['a/1', 'b/1', 'a/2'].map((client) => frameOf(client, 5));
    void intake.read(source(frames).own);
    await settle();
    expect(intake.size).toBe(3);
    expect(budget.used).toBe(frames.reduce((sum, frame) => sum + frame.length + 1_024, 0));
    expect(await drain()).toEqual(['a/1', 'b/1', 'a/2']);
    expect(budget.used).toBe(0);
  });

  it('whose messages have to wait is taken in turn, client by client', async () => {
    const { intake, drain } = ground();
    void intake.read(source(['a/1', 'a/2', 'a/3', 'b/1', 'c/1'].map((client) => frameOf(client))).own);
    await settle();
    const [first] = (await intake.next()).value ?? [];
    expect(clientIn(first ?? frameOf(''))).toBe('a/1');
    intake.held();
    expect(intake.size).toBe(4);
    expect(await drain()).toEqual(['a/2', 'b/1', 'c/1', 'a/3']);
  });

  it('that comes while others wait takes turns with them', async () => {
    const { intake, drain } = ground();
    const { own, give } = source(['a/1', 'a/2'].map((client) => frameOf(client)));
    void intake.read(own);
    await settle();
    give([frameOf('b/1')]);
    await settle();
    expect(await drain()).toEqual(['a/1', 'b/1', 'a/2']);
  });

  it('is of one client whatever else its messages say', async () => {
    const { intake, drain } = ground();
    const other = codec.encode(palmMessage({ client: 'aa', stage: 3, payload: bytes('x') })).slice();
    void intake.read(source([frameOf('aa'), frameOf('b'), other, frameOf('c')]).own);
    await settle();
    intake.held();
    expect(await drain()).toEqual(['aa', 'b', 'c', 'aa']);
  });

  it('tells clients apart by what stands before their calls, up to 256 bytes', async () => {
    const { intake, drain } = ground();
    const long = 'x'.repeat(300);
    const clients = ['a/1', 'ab/1', `${long}1/1`, `${long}2/1`, 'a/2'];
    const { own, give } = source(clients.slice(0, 1).map((client) => frameOf(client)));
    void intake.read(own);
    await settle();
    give(clients.slice(1).map((client) => frameOf(client)));
    await settle();
    // The two long ones count as one client, so the second of them comes after a turn of all.
    expect(await drain()).toEqual(['a/1', 'ab/1', `${long}1/1`, 'a/2', `${long}2/1`]);
  });
});

describe('clients', () => {
  it.each([
    [
      ['aa', 'aa', 'bb'],
      ['aa', 'bb', 'aa'],
    ],
    [
      ['aa', 'aa', 'a'],
      ['aa', 'a', 'aa'],
    ],
    [
      ['a', 'a', 'aa'],
      ['a', 'aa', 'a'],
    ],
    [
      ['ab', 'ab', 'ac'],
      ['ab', 'ac', 'ab'],
    ],
    [
      ['ab/1', 'ab/2', 'b/3'],
      ['ab/1', 'b/3', 'ab/2'],
    ],
  ])('of %j take turns: %j', async (came, turns) => {
    const { intake, drain } = ground();
    void intake.read(source(came.map((client) => frameOf(client))).own);
    await settle();
    intake.held();
    expect(await drain()).toEqual(turns);
  });
});

describe('reading', () => {
  const cost = costOf(frameOf('a/1'));

  it('goes on up to the limit, stops there, and goes on when there is room', async () => {
    const { intake, state, budget } = ground(2 * cost);
    const { own, state: of } = source([frameOf('a/1')], [frameOf('a/2')], [frameOf('a/3')], [frameOf('a/4')]);
    void intake.read(own);
    await settle();
    expect([intake.size, of.asked, state.full, budget.isFull]).toEqual([2, 3, 1, true]);
    const { value } = await intake.next();
    const [first = frameOf('')] = value ?? [];
    intake.release(first);
    await settle();
    expect([intake.size, of.asked, state.full]).toEqual([2, 4, 2]);
  });

  it('stops while the other budget is full', async () => {
    const { intake, other, state } = ground(1_000_000, 10);
    other?.take(10);
    void intake.read(source([frameOf('a/1')]).own);
    await settle();
    expect([intake.size, state.full]).toEqual([0, 1]);
    other?.give(1);
    await settle();
    expect([intake.size, state.full]).toEqual([1, 1]);
  });

  it('takes a message of any size when there is room for any', async () => {
    const { intake, drain, budget } = ground(cost);
    void intake.read(source([frameOf('a/1', 100_000)]).own);
    await settle();
    expect(await drain()).toEqual(['a/1']);
    expect(budget.used).toBe(0);
  });

  it('ends when all sources have ended and nothing waits', async () => {
    const { intake, drain } = ground();
    const [first, second] = [source(), source()];
    void intake.read(first.own);
    void intake.read(second.own);
    const next = intake.next();
    let isOver = false;
    next.then(() => {
      isOver = true;
    });
    first.end();
    await settle();
    expect(isOver).toBe(false);
    second.give([frameOf('a/1')]);
    expect((await next).done).toBe(false);
    second.end();
    await settle();
    expect((await intake.next()).done).toBe(false);
    expect(await drain()).toEqual(['a/1']);
    expect(await intake.next()).toEqual({ done: true, value: undefined });
  });
});

describe('how many messages of each peer are read at once', () => {
  const frame = frameOf('a/1');
  const cost = costOf(frame);

  it('is all of them where there is room for many', async () => {
    const usual = 1_024;
    for (const [limit, most] of [
      [PULLED * usual, undefined],
      [PULLED * usual - 1, PULLED - 1],
      [10 * usual + 5, 10],
      [1, 1],
    ] as const) {
      const { own, state } = source();
      void ground(limit).intake.read(own);
      expect(state.most).toEqual([most]);
    }
  });

  it('is as many as there is room for, by what the last ones cost', async () => {
    const { intake } = ground(10 * cost);
    const { own, state, give } = source([frame, frame]);
    void intake.read(own);
    await settle();
    give([]);
    await settle();
    give([frameOf('a/3', 1_000)]);
    await settle();
    // After two of ten, after none more, and after one of almost twice the cost.
    expect(state.most.slice(1)).toEqual([8, 8, 3]);
  });

  it('is shared among the clients that wait already', async () => {
    const { intake } = ground(12 * cost);
    const { own, state, give } = source([frame]);
    void intake.read(own);
    await settle();
    give([frameOf('b/1'), frameOf('a/2'), frameOf('c/1')]);
    await settle();
    // Four of twelve are there, of three clients.
    expect(state.most.slice(1)).toEqual([11, 2]);
  });

  it('is one while the other budget is full', async () => {
    const { intake, other } = ground(1_000_000, 10);
    other?.take(10);
    const { own, state } = source();
    void intake.read(own);
    expect(state.most).toEqual([1]);
  });
});

describe('a reader', () => {
  const cost = costOf(frameOf('a/1'));

  it('that waits is given what there is room for, before all that came has room', async () => {
    const { intake, state, budget } = ground(2 * cost);
    void intake.read(source(['a/1', 'a/2', 'a/3'].map((client) => frameOf(client))).own);
    const { value } = await intake.next();
    expect([intake.size, state.full, budget.used]).toEqual([2, 1, 2 * cost]);
    for (const frame of value ?? []) intake.release(frame);
    await settle();
    expect([intake.size, budget.used]).toEqual([1, cost]);
  });

  it('waits as long as either budget is full', async () => {
    const { intake, state, budget, other } = ground(cost, 10);
    budget.take(cost);
    other?.take(10);
    void intake.read(source([frameOf('a/1')]).own);
    await settle();
    budget.give(cost);
    await settle();
    expect([intake.size, state.full]).toEqual([0, 1]);
    budget.take(cost);
    other?.give(10);
    await settle();
    expect([intake.size, state.full]).toEqual([0, 1]);
    budget.give(cost);
    await settle();
    expect([intake.size, state.full]).toEqual([1, 1]);
  });

  it('is told of the end while it waits', async () => {
    const { intake } = ground();
    const { own, end } = source();
    void intake.read(own);
    const next = intake.next();
    expect(intake.next()).toBe(next);
    end();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe('a gate', () => {
  /** A gate that is closed for some clients. */
  function gated(...heldUp: string[]) {
    const closed = new Set(heldUp);
    const gate: Gate = {
      get isFull() {
        return closed.size > 0;
      },
      holdsUp: (client) => closed.has(client),
    };
    return { closed, ...ground(1_000_000, undefined, gate) };
  }
  const taken = (value: Iterable<Bytes> | undefined) => [...(value ?? [])].map(clientIn);

  it('that is open has a batch taken in order', async () => {
    const { intake } = gated();
    void intake.read(source(['a/1', 'a/2', 'b/1'].map((client) => frameOf(client))).own);
    await settle();
    expect(taken((await intake.next()).value)).toEqual(['a/1', 'a/2', 'b/1']);
  });

  it('holds up one client, passes others, and lets the first on when it opens', async () => {
    const { intake, closed } = gated('a/');
    void intake.read(source(['a/1', 'b/1', 'a/2'].map((client) => frameOf(client))).own);
    await settle();
    expect(taken((await intake.next()).value)).toEqual(['b/1']);
    expect(intake.size).toBe(2);
    const next = intake.next();
    let isGiven = false;
    next.then(() => {
      isGiven = true;
    });
    await settle();
    expect(isGiven).toBe(false);
    closed.clear();
    intake.letOn();
    expect(taken((await next).value)).toEqual(['a/1', 'a/2']);
  });

  it('that holds somebody up when all sources have ended keeps the end back', async () => {
    const { intake, closed } = gated('a/');
    const { own, end } = source([frameOf('a/1')]);
    void intake.read(own);
    await settle();
    expect(taken((await intake.next()).value)).toEqual([]);
    end();
    await settle();
    const next = intake.next();
    closed.clear();
    intake.letOn();
    expect(taken((await next).value)).toEqual(['a/1']);
    expect((await intake.next()).done).toBe(true);
  });

  it('that closes in a batch holds the rest of it up', async () => {
    const { intake, closed } = gated();
    void intake.read(source(['a/1', 'a/2', 'b/1'].map((client) => frameOf(client))).own);
    await settle();
    const [first] = (await intake.next()).value ?? [];
    closed.add('a/');
    expect([first && clientIn(first), intake.size]).toEqual(['a/1', 2]);
    expect(taken((await intake.next()).value)).toEqual(['b/1']);
    expect(intake.size).toBe(1);
  });
});

it('calls of one client leave by their priorities', async () => {
  const { intake, drain } = ground();
  const urgent = codec.encode(palmMessage({ client: 'a/3', unknown: encodePriority(5) })).slice();
  void intake.read(source([frameOf('a/1'), frameOf('a/2'), urgent]).own);
  await settle();
  intake.held();
  expect(await drain()).toEqual(['a/3', 'a/1', 'a/2']);
});

describe('cancelled messages', () => {
  const cancelled = (...clients: string[]) => ({
    mayBeOf: (owner: string) => clients.some((client) => client.startsWith(owner)),
    has: (frame: Bytes) => clients.includes(clientIn(frame)),
  });

  it('are dropped, counted, and give their bytes back; others stay', async () => {
    const { intake, drain, state, budget } = ground();
    void intake.read(source(['a/1', 'b/1', 'a/2'].map((client) => frameOf(client))).own);
    await settle();
    expect(intake.cancel(cancelled('a/1', 'a/2', 'c/1') as never)).toBe(2);
    expect(state.cancelled).toEqual([2]);
    expect(intake.size).toBe(1);
    expect(await drain()).toEqual(['b/1']);
    expect(budget.used).toBe(0);
  });

  it('are dropped behind the first of a batch that is being taken, and need no listener', async () => {
    const budget = new ByteBudget(1_000_000);
    const intake = new Intake({ budget, onFull: () => {} });
    const frames = ['a/1', 'a/2', 'b/1'].map((client) => frameOf(client));
    void intake.read(source(frames).own);
    await settle();
    const [first = frameOf('')] = (await intake.next()).value ?? [];
    expect(intake.cancel(cancelled('a/1', 'a/2') as never)).toBe(1);
    intake.release(first);
    expect([intake.size, budget.used]).toEqual([1, costOf(frameOf('b/1'))]);
  });

  it('are none where nothing waits', () => {
    const { intake, state } = ground();
    expect(intake.cancel(cancelled('a/1') as never)).toBe(0);
    expect(state.cancelled).toEqual([]);
  });
});

describe('maxWaiting', () => {
  it('is 64 MiB, a whole number from 1 on, or Infinity', () => {
    expect(checkMaxWaiting()).toBe(67_108_864);
    for (const good of [1, 2, Number.POSITIVE_INFINITY]) expect(checkMaxWaiting(good)).toBe(good);
    for (const bad of [0, -1, 1.5, Number.NaN, '1', null])
      expect(() => checkMaxWaiting(bad)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringContaining('maxWaiting (bytes)'),
        }),
      );
  });
});
