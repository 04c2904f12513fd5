/** What a client sends to a server: judged, in its turn, within its places, paid for with credit; and nothing left of it when it ends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowLimit } from '../../../../../src/async/flow-limit.ts';
import {
  BATCH,
  CREDIT_BYTES,
  CREDIT_WAIT,
  FIRST_PUSH_WINDOW,
  HANDED_OVER_BYTES,
} from '../../../../../src/flow-control.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import type { CallVerdict } from '../../../../../transports/relay/auth/call-guard.ts';
import { AnswerBudget } from '../../../../../transports/relay/session/answer-budget.ts';
import type { ChannelContext } from '../../../../../transports/relay/session/channel.ts';
import {
  CreditAccount,
  PushBacklog,
  PushChannel,
} from '../../../../../transports/relay/session/push-channel.ts';
import { RetainedMessage } from '../../../../../transports/relay/session/retained-message.ts';
import { SharedSendQueue } from '../../../../../transports/relay/upstream/send-queue.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { type Frame, Type } from '../../../../../transports/relay-protocol/frames.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const settle = () => new Promise(setImmediate);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Options {
  readonly carriesCalls?: boolean;
  readonly places?: number;
  readonly judge?: (frame: Bytes) => CallVerdict | Promise<CallVerdict>;
  /** Whether frames have numbers. */
  readonly isNumbered?: boolean;
}

function ground({ carriesCalls = true, places = 1_000, judge, isNumbered }: Options = {}) {
  const posted: Frame[] = [];
  const sends: string[][] = [];
  /** The names of what was sent, as the transport got them. */
  const ids: (readonly string[] | undefined)[] = [];
  const answered: [string, string][] = [];
  const violations: unknown[] = [];
  const state = { released: 0, called: 0, judged: 0, sending: undefined as Promise<void> | undefined };
  const callBudget = new AnswerBudget(1e9, { held: 0 });
  callBudget.take(1);
  callBudget.answered(1_000, 1_000);
  const upstream = {
    inFlight: new FlowLimit(() => places),
    callQueue: new SharedSendQueue(),
    resultQueue: new SharedSendQueue(),
    errorForClients: (error: PalmError) => new PalmError(error.code, `told: ${error.message}`),
  };
  const context = {
    id: 'relay/1',
    window: 1_000_000,
    callBudget,
    callGuard: {
      judge: (_context: unknown, _upstream: unknown, frame: Bytes) =>
        judge?.(frame) ?? { passes: true, frame },
      read: (frame: Bytes) => codec.decode(frame),
    },
    assignments: {
      of: () => ({
        judge: (frame: Bytes) => {
          state.judged++;
          return textOf(frame) === 'made up' ? undefined : frame;
        },
      }),
    },
    post: (frame: Frame) => posted.push(frame),
    counted: ({ length }: Bytes) => length,
    answer: (topic: string, answer: Bytes) => answered.push([topic, textOf(answer)]),
    called: (count: number) => {
      state.called += count;
    },
    violated: (error: unknown) => violations.push(error),
  };
  const backlog = new PushBacklog();
  const channel = new PushChannel(
    7,
    context as unknown as ChannelContext,
    upstream as unknown as Upstream,
    carriesCalls,
    backlog,
    isNumbered,
  );
  const users = new Set<unknown>();
  channel.attach({
    add: (user: unknown) => users.add(user),
    remove: (user: unknown) => users.delete(user),
  } as never);
  const send = async (frames: readonly Bytes[], own?: readonly string[]) => {
    sends.push(frames.map(textOf));
    ids.push(own);
    await state.sending;
  };
  channel.joined({ channel: { send } } as never);
  channel.becameReady();
  /** A message of the client with these frames; it counts when it is released. */
  const take = (frames: readonly Bytes[], generation = 1, number?: number) => {
    const message = new RetainedMessage(0, 0, () => state.released++);
    try {
      channel.take(generation, frames, message, number);
    } finally {
      message.release();
    }
  };
  /** One of the present generation, with frames from this number on. */
  const store = (number: number, ...texts: string[]) =>
    take(texts.map(bytes), posted.filter(([type]) => type === Type.ready).length, number);
  const takeTexts = (...texts: string[]) => take(texts.map(bytes));
  const credit = () => {
    channel.payCredit();
    return posted
      .filter((frame) => frame[0] === Type.taken)
      .reduce((sum, frame) => sum + Number(frame[2]), 0);
  };
  /** What the client was told of frames with numbers: credit, and the ranges that are stored. */
  const stored = () => {
    channel.payCredit();
    return posted.flatMap((frame) => (frame[0] === Type.stored ? [frame.slice(2)] : []));
  };
  /** Nothing of what was taken is counted any more. */
  const nothingIsLeft = () => {
    expect({ ...backlog, inFlight: upstream.inFlight.taken, budget: callBudget.taken }).toEqual({
      outstanding: 0,
      waiting: 0,
      inFlight: 0,
      budget: 0,
    });
    for (const queue of [upstream.callQueue, upstream.resultQueue]) {
      expect(queue.waiting).toBe(0);
      // Only when all bytes that were handed over have left may one more than the limit go in two steps.
      expect(queue.enter(HANDED_OVER_BYTES - 1, () => {})).toBe(true);
      expect(queue.enter(1, () => {})).toBe(true);
      // And no more than the limit: nothing was given back twice.
      expect(queue.enter(1, (giveUp) => giveUp())).toBeInstanceOf(Promise);
      queue.leave(HANDED_OVER_BYTES);
    }
    expect(vi.getTimerCount()).toBe(0);
  };
  /** The answers to all calls that left. */
  const answer = () => {
    upstream.inFlight.release(state.called);
    callBudget.release(state.called);
  };
  return {
    ...{ channel, posted, sends, answered, violations, state, backlog, users, upstream, callBudget },
    ...{ take, takeTexts, store, ids, credit, stored, nothingIsLeft, answer },
  };
}

const call = (client: string) => codec.encode(palmMessage({ client, function: 's.f' })).slice();
const refused = { passes: false, topic: 'c/1', answer: bytes('no') } as const;
const gone = new PalmError('DISCONNECTED', 'gone');

describe('calls', () => {
  it('of one turn leave together, each in a place, and are paid when they have left', async () => {
    const { takeTexts, sends, state, backlog, upstream, callBudget, credit, answer, nothingIsLeft } =
      ground();
    takeTexts('a', 'bb');
    takeTexts('c');
    expect(backlog).toEqual({ outstanding: 4, waiting: 3 });
    await settle();
    expect(sends).toEqual([['a', 'bb', 'c']]);
    expect([state.called, state.released, upstream.inFlight.taken, callBudget.taken]).toEqual([3, 2, 3, 3]);
    expect(credit()).toBe(4);
    answer();
    nothingIsLeft();
  });

  it('of later turns leave by themselves', async () => {
    const { takeTexts, sends } = ground();
    takeTexts('a');
    await settle();
    takeTexts('b');
    await settle();
    expect(sends).toEqual([['a'], ['b']]);
  });

  it('leave in batches', async () => {
    const { takeTexts, sends, answer, credit, nothingIsLeft } = ground();
    takeTexts(...Array.from({ length: BATCH + 2 }, () => 'x'));
    await settle();
    expect(sends.map(({ length }) => length)).toEqual([BATCH, 2]);
    expect(credit()).toBe(BATCH + 2);
    answer();
    nothingIsLeft();
  });

  it('that are refused are answered here, take no place, and are paid', async () => {
    const isBad = (frame: Bytes) => textOf(frame) === 'bad';
    for (const isLate of [false, true]) {
      const judge = (frame: Bytes): CallVerdict => (isBad(frame) ? refused : { passes: true, frame });
      const own = ground({ judge: isLate ? async (frame) => judge(frame) : judge });
      own.takeTexts('bad', 'good', 'bad');
      await settle();
      expect([own.sends, own.answered, own.state.called]).toEqual([
        [['good']],
        [
          ['c/1', 'no'],
          ['c/1', 'no'],
        ],
        1,
      ]);
      expect(own.credit()).toBe(10);
      own.answer();
      own.nothingIsLeft();
    }
  });

  it('alone that are refused are paid as well', async () => {
    const { takeTexts, sends, credit, state, nothingIsLeft } = ground({ judge: () => refused });
    takeTexts('bad');
    await settle();
    expect([sends, credit(), state.released]).toEqual([[], 3, 1]);
    nothingIsLeft();
  });

  it('leave as the guard gives them', async () => {
    const { takeTexts, sends } = ground({ judge: () => ({ passes: true, frame: bytes('other') }) });
    takeTexts('a');
    await settle();
    expect(sends).toEqual([['other']]);
  });

  it('for an earlier generation, or while the channel is not ready, are dropped', async () => {
    const { channel, take, sends, state, backlog, answer, credit, nothingIsLeft } = ground();
    take([bytes('a')], 2);
    take([bytes('a')], 0);
    channel.broke(gone);
    take([bytes('a')], 1);
    channel.becameReady();
    take([bytes('a')], 1);
    expect(backlog, 'they are not held against the client').toEqual({ outstanding: 0, waiting: 0 });
    await settle();
    expect([sends, state.released]).toEqual([[], 4]);
    take([bytes('b')], 2);
    await settle();
    expect(sends).toEqual([['b']]);
    expect(state.released).toBe(5);
    answer();
    credit();
    nothingIsLeft();
  });

  it('are not judged when the channel has broken meanwhile, and get no answer', async () => {
    const { takeTexts, channel, answered, state, nothingIsLeft } = ground({ judge: () => refused });
    takeTexts('bad');
    channel.broke(gone);
    await settle();
    expect([answered, state.released]).toEqual([[], 1]);
    nothingIsLeft();
  });

  it('that may not be made any more get no answer when the channel has broken while they waited', async () => {
    const verdicts = [false, false, true];
    const own = ground({
      places: 1,
      judge: (frame) => (verdicts.shift() === true ? refused : { passes: true, frame }),
    });
    own.takeTexts('a', 'b');
    await settle();
    own.channel.broke(gone);
    own.answer();
    own.state.called = 0;
    await settle();
    expect([own.sends, own.answered, own.state.released]).toEqual([[['a']], [], 1]);
    own.nothingIsLeft();
  });

  it('whose turn in the queue comes as the channel ends do not leave, and give the turn back', async () => {
    const { takeTexts, channel, sends, state, upstream, nothingIsLeft } = ground();
    upstream.callQueue.enter(HANDED_OVER_BYTES, () => {});
    takeTexts('a');
    await settle();
    upstream.callQueue.leave(HANDED_OVER_BYTES);
    channel.close();
    await settle();
    expect([sends, state.called, state.released]).toEqual([[], 0, 1]);
    nothingIsLeft();
  });

  it('wait for places in order, and what is there leaves before', async () => {
    const { takeTexts, sends, upstream, answer, state, nothingIsLeft, credit, callBudget } = ground({
      places: 2,
    });
    takeTexts('a', 'b', 'c', 'd');
    await settle();
    expect(sends).toEqual([['a', 'b']]);
    upstream.inFlight.release(2);
    callBudget.release(2);
    state.called = 0;
    await settle();
    expect(sends).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    // Those that wait hold a place for each, and no other.
    expect([upstream.inFlight.taken, callBudget.taken]).toEqual([2, 2]);
    answer();
    expect(credit()).toBe(4);
    nothingIsLeft();
  });

  it('that waited are paid late: more would wait, too', async () => {
    const { take, sends, posted, upstream, callBudget } = ground({ places: 1 });
    const paid = () => posted.filter((frame) => frame[0] === Type.taken).map((frame) => frame[2]);
    const large = new Uint8Array(FIRST_PUSH_WINDOW / 4);
    const free = async () => {
      upstream.inFlight.release(1);
      callBudget.release(1);
      await settle();
    };
    const larger = new Uint8Array(FIRST_PUSH_WINDOW / 2);
    take([large, larger]);
    await settle();
    // The first one did not wait.
    expect(paid()).toEqual([large.length]);
    await free();
    expect([sends.length, paid()]).toEqual([2, [large.length]]);
    vi.advanceTimersByTime(CREDIT_WAIT);
    expect(paid()).toEqual([large.length, larger.length]);
    await free();
    // Nor does a later one.
    take([new Uint8Array(FIRST_PUSH_WINDOW)]);
    await settle();
    expect(paid()).toHaveLength(3);
  });

  it('that waited are judged again, since grants may have changed', async () => {
    const verdicts = [false, false, true];
    const { takeTexts, sends, answered, upstream, callBudget, answer, state, nothingIsLeft, credit } = ground(
      {
        places: 1,
        judge: (frame) => (verdicts.shift() === true ? refused : { passes: true, frame }),
      },
    );
    takeTexts('a', 'b');
    await settle();
    upstream.inFlight.release(1);
    callBudget.release(1);
    state.called = 0;
    await settle();
    expect([sends, answered]).toEqual([[['a']], [['c/1', 'no']]]);
    answer();
    credit();
    nothingIsLeft();
  });

  it('that were cancelled while they waited do not leave, and are paid', async () => {
    const own = ground({ places: 1 });
    const frames = [call('c/1'), call('c/2'), call('c/3')];
    own.take(frames);
    await settle();
    expect(own.sends).toHaveLength(1);
    own.channel.cancel({ client: 'c', calls: ['2', '3'], code: 'CANCELLED', reason: '' });
    own.answer();
    own.state.called = 0;
    await settle();
    expect(own.sends).toHaveLength(1);
    own.answer();
    expect(own.credit()).toBe(frames.reduce((sum, { length }) => sum + length, 0));
    own.nothingIsLeft();
    // Later calls under the same name are others, also when they were cancelled while none was there.
    own.channel.cancel({ client: 'c', calls: ['2'], code: 'CANCELLED', reason: '' });
    own.take([call('c/2')]);
    await settle();
    expect(own.sends).toHaveLength(2);
  });

  it('wait while others of the server are before them in its queue', async () => {
    const { takeTexts, sends, upstream, answer, credit, nothingIsLeft } = ground();
    upstream.callQueue.enter(HANDED_OVER_BYTES, () => {});
    takeTexts('a');
    await settle();
    expect([sends, upstream.callQueue.waiting]).toEqual([[], 1]);
    upstream.callQueue.leave(HANDED_OVER_BYTES);
    await settle();
    expect(sends).toEqual([['a']]);
    answer();
    credit();
    nothingIsLeft();
  });

  it.each([
    ['breaks', (channel: PushChannel) => channel.broke(gone)],
    ['is closed', (channel: PushChannel) => channel.close()],
  ])('that wait when the channel %s are dropped, and leave nothing', async (_what, end) => {
    const queued = ground();
    queued.upstream.callQueue.enter(HANDED_OVER_BYTES, () => {});
    queued.takeTexts('a');
    await settle();
    end(queued.channel);
    await settle();
    expect([queued.sends, queued.upstream.callQueue.waiting, queued.state.released]).toEqual([[], 0, 1]);
    queued.upstream.callQueue.leave(HANDED_OVER_BYTES);
    queued.nothingIsLeft();
    const placeless = ground({ places: 1 });
    placeless.takeTexts('a', 'b');
    await settle();
    end(placeless.channel);
    placeless.answer();
    placeless.state.called = 0;
    await settle();
    expect([placeless.sends, placeless.state.released]).toEqual([[['a']], 1]);
    placeless.nothingIsLeft();
  });

  it('that the transport has when the channel breaks keep their message, and their place in the queue, until it is done', async () => {
    const { take, channel, state, upstream, answer, nothingIsLeft, credit } = ground();
    let done = () => {};
    state.sending = new Promise((resolve) => {
      done = resolve;
    });
    take([new Uint8Array(HANDED_OVER_BYTES)]);
    await settle();
    expect(upstream.callQueue.enter(1, (giveUp) => giveUp())).toBeInstanceOf(Promise);
    channel.broke(gone);
    expect(state.released).toBe(0);
    done();
    await settle();
    expect(state.released).toBe(1);
    // The calls have left, so their answers give their places back.
    answer();
    expect(credit()).toBe(0);
    nothingIsLeft();
  });

  it.each([
    ['DISCONNECTED', gone, 0],
    ['CLOSED', new PalmError('CLOSED', 'closed'), 0],
    ['anything else', new PalmError('PROTOCOL', 'bad'), 1],
    ['something that is not ours', new RangeError('bad'), 1],
  ])('that cannot be sent for %s are the fault of the client, or not', async (_what, error, count) => {
    const { takeTexts, state, violations, sends } = ground();
    state.sending = Promise.reject(error);
    takeTexts('a');
    await settle();
    expect(violations).toEqual(count === 1 ? [error] : []);
    expect(state.released).toBe(1);
    state.sending = undefined;
    takeTexts('b');
    await settle();
    expect(sends).toEqual([['a'], ['b']]);
  });

  it('that are not envelopes are the fault of the client', async () => {
    const error = new PalmError('PROTOCOL', 'bad');
    const { takeTexts, violations, state, sends, channel, nothingIsLeft } = ground({
      judge: () => {
        throw error;
      },
    });
    takeTexts('a');
    await settle();
    expect([violations, state.released, sends]).toEqual([[error], 1, []]);
    channel.close();
    nothingIsLeft();
  });
});

describe('calls with numbers', () => {
  const good = (frame: Bytes): CallVerdict =>
    textOf(frame).startsWith('bad') ? refused : { passes: true, frame };
  const named = (...numbers: readonly number[]) => numbers.map((number) => `relay/1.7.${number}`);

  it('have names that are the same over every relay, in order with them', async () => {
    const { channel, store, sends, ids, stored, answer, nothingIsLeft } = ground({ isNumbered: true });
    expect(channel.isNumbered).toBe(true);
    store(5, 'a', 'bb');
    store(7, 'c');
    await settle();
    store(8, 'd');
    await settle();
    expect([sends, ids]).toEqual([
      [['a', 'bb', 'c'], ['d']],
      [named(5, 6, 7), named(8)],
    ]);
    expect(stored()).toEqual([[5, [5, 4]]]);
    answer();
    nothingIsLeft();
  });

  it('are the only ones with names, and told of as stored', async () => {
    const plain = ground();
    expect(plain.channel.isNumbered).toBe(false);
    plain.takeTexts('a');
    await settle();
    expect([plain.ids, plain.stored(), plain.credit()]).toEqual([[[]], [], 1]);
    const numbered = ground({ isNumbered: true });
    numbered.store(0, 'a');
    await settle();
    expect([numbered.stored(), numbered.credit()]).toEqual([[[1, [0, 1]]], 0]);
  });

  it('have names in every batch', async () => {
    const { store, ids } = ground({ isNumbered: true });
    store(0, ...Array.from({ length: BATCH + 2 }, () => 'x'));
    await settle();
    expect(ids.map((own) => own?.length)).toEqual([BATCH, 2]);
    expect(ids[1]).toEqual(named(BATCH, BATCH + 1));
  });

  it('that are refused have a number and no name, and count as stored', async () => {
    for (const judge of [good, async (frame: Bytes) => good(frame)]) {
      const { store, sends, ids, stored, answer, nothingIsLeft } = ground({ judge, isNumbered: true });
      store(0, 'bad', 'good', 'bad');
      store(3, 'good', 'bad');
      await settle();
      expect([sends, ids]).toEqual([[['good', 'good']], [named(1, 3)]]);
      expect(stored()).toEqual([[3 + 4 + 3 + 4 + 3, [0, 5]]]);
      answer();
      nothingIsLeft();
    }
    const alone = ground({ judge: good, isNumbered: true });
    alone.store(0, 'bad');
    await settle();
    expect([alone.ids, alone.stored()]).toEqual([[], [[3, [0, 1]]]]);
  });

  it('that are refused after they waited count as stored, too', async () => {
    const verdicts = [false, false, true];
    const own = ground({
      isNumbered: true,
      places: 1,
      judge: (frame) => (verdicts.shift() === true ? refused : { passes: true, frame }),
    });
    own.store(0, 'a', 'b');
    await settle();
    expect(own.stored()).toEqual([[1, [0, 1]]]);
    own.answer();
    await settle();
    expect([own.ids, own.stored()]).toEqual([
      [named(0)],
      [
        [1, [0, 1]],
        [1, [1, 1]],
      ],
    ]);
  });

  it('that were cancelled while they waited count as stored, without a name', async () => {
    const own = ground({ isNumbered: true, places: 1 });
    const frames = ['1', '2', '3', '4'].map((number) => call(`c/${number}`));
    own.take(frames, 1, 0);
    await settle();
    own.channel.cancel({ client: 'c', calls: ['2', '3'], code: 'CANCELLED', reason: '' });
    own.answer();
    own.state.called = 0;
    await settle();
    own.answer();
    expect(own.ids).toEqual([named(0), named(3)]);
    expect(own.stored().at(-1)?.[1]).toEqual([0, 4]);
    own.nothingIsLeft();
  });

  it('are not stored before the transport has taken them', async () => {
    const { store, state, stored } = ground({ isNumbered: true });
    let done = () => {};
    state.sending = new Promise((resolve) => {
      done = resolve;
    });
    store(0, 'a');
    await settle();
    expect(stored()).toEqual([]);
    done();
    await settle();
    // The credit of one is owed while another is on its way.
    state.sending = new Promise(() => {});
    store(1, 'b');
    await settle();
    expect(stored()).toEqual([[1, [0, 1]]]);
  });

  it('are told of in ranges, in the order in which they were stored, each once', async () => {
    const { store, ids, stored } = ground({ isNumbered: true });
    store(2, 'c');
    store(3, 'd');
    store(0, 'a');
    await settle();
    expect(stored()).toEqual([[3, [2, 2, 0, 1]]]);
    store(1, 'b');
    store(4, 'e');
    await settle();
    expect([ids, stored().at(-1)]).toEqual([
      [named(2, 3, 0), named(1, 4)],
      [2, [1, 1, 4, 1]],
    ]);
  });

  it('that a break has dropped leave no name, and nobody is told of them', async () => {
    // Those that wait for the queue, those that wait for a place and those behind them, and one for the time before.
    const queued = ground({ isNumbered: true });
    queued.upstream.callQueue.enter(HANDED_OVER_BYTES, () => {});
    const placeless = ground({ isNumbered: true, places: 1 });
    const judged = ground({ isNumbered: true, judge: async (frame) => good(frame) });
    for (const own of [queued, placeless, judged]) {
      own.store(0, 'a', 'bad', 'c');
      own.store(3, 'd', 'e');
      if (own !== judged) await settle();
      const left = own.ids.length;
      own.channel.broke(gone);
      if (own === queued) own.upstream.callQueue.leave(HANDED_OVER_BYTES);
      own.answer();
      own.state.called = 0;
      own.channel.becameReady();
      own.take([bytes('late')], 1, 5);
      own.store(6, 'f');
      await settle();
      expect([own.ids.slice(left), own.violations]).toEqual([[named(6)], []]);
      expect(own.stored()).toEqual([[1, [6, 1]]]);
      own.answer();
      own.channel.close();
      own.nothingIsLeft();
    }
  });

  it('that broke on their way are told of by nobody, with all that came with them', async () => {
    const { channel, store, state, stored, ids, violations } = ground({ isNumbered: true });
    state.sending = Promise.reject(gone);
    store(0, ...Array.from({ length: BATCH + 2 }, () => 'x'));
    await settle();
    state.sending = undefined;
    expect(stored(), 'nothing was stored').toEqual([]);
    channel.broke(gone);
    channel.becameReady();
    store(BATCH + 2, 'y');
    await settle();
    expect([ids.at(-1), stored(), violations]).toEqual([named(BATCH + 2), [[1, [BATCH + 2, 1]]], []]);
  });
});

describe('results of work', () => {
  it('are not judged when the channel has broken meanwhile', async () => {
    const { takeTexts, channel, state, nothingIsLeft } = ground({ carriesCalls: false });
    takeTexts('made up');
    channel.broke(gone);
    await settle();
    expect([state.judged, state.released]).toEqual([0, 1]);
    nothingIsLeft();
  });

  it('leave when they are for work that was given, in no place, and all are paid', async () => {
    const { takeTexts, sends, state, credit, channel, nothingIsLeft, upstream } = ground({
      carriesCalls: false,
      places: 1,
    });
    expect(channel.isForWork).toBe(true);
    upstream.callQueue.enter(HANDED_OVER_BYTES, () => {});
    takeTexts('a', 'made up', 'b');
    await settle();
    expect([sends, state.called, state.released, credit()]).toEqual([[['a', 'b']], 0, 1, 9]);
    upstream.callQueue.leave(HANDED_OVER_BYTES);
    nothingIsLeft();
    takeTexts('made up');
    await settle();
    expect([sends.length, credit()]).toEqual([1, 16]);
    expect(ground().channel.isForWork).toBe(false);
  });
});

describe('results that wait', () => {
  it('when the channel is closed are dropped, and free no places of calls', async () => {
    const { takeTexts, sends, channel, upstream, callBudget, state } = ground({ carriesCalls: false });
    upstream.inFlight.take(3);
    callBudget.take(3);
    upstream.resultQueue.enter(HANDED_OVER_BYTES, () => {});
    takeTexts('a', 'b');
    await settle();
    channel.close();
    await settle();
    expect([sends, state.released, upstream.resultQueue.waiting]).toEqual([[], 1, 0]);
    expect([upstream.inFlight.taken, callBudget.taken]).toEqual([3, 3]);
  });
});

describe('a channel', () => {
  it('is told ready and broken by what clients may know, once each', () => {
    const { channel, posted } = ground();
    channel.becameReady();
    channel.broke(gone);
    channel.broke(gone);
    channel.becameReady();
    channel.wasRefused(new PalmError('FORBIDDEN', 'no'));
    expect(posted).toEqual([
      [Type.ready, 7, 1, true],
      [Type.broken, 7, 'DISCONNECTED', 'told: gone'],
      [Type.ready, 7, 2, true],
      [Type.refused, 7, 'FORBIDDEN', 'told: no'],
    ]);
  });

  it('that is closed leaves the server', () => {
    const { channel, users } = ground();
    expect(users.size).toBe(1);
    channel.close();
    expect(users.size).toBe(0);
  });
});

describe('credit', () => {
  const account = (window = 1_000_000) => {
    const told: number[] = [];
    return { told, own: new CreditAccount(window, (count) => told.push(count)) };
  };

  it('is told at a quarter of the window, which grows with it', () => {
    const { told, own } = account();
    own.add(FIRST_PUSH_WINDOW / 4 - 1, false);
    expect(told).toEqual([]);
    own.add(1, false);
    expect(told).toEqual([FIRST_PUSH_WINDOW / 4]);
    own.add(FIRST_PUSH_WINDOW / 4, false);
    expect(told).toHaveLength(1);
    own.add(FIRST_PUSH_WINDOW / 16, false);
    expect(told).toEqual([FIRST_PUSH_WINDOW / 4, (5 * FIRST_PUSH_WINDOW) / 16]);
  });

  it('is told at no more than a quarter of the largest window', () => {
    const { told, own } = account(1_000);
    own.add(249, true);
    own.add(1, true);
    expect(told).toEqual([250]);
  });

  it('for what had to wait is told late', () => {
    const { told, own } = account();
    own.add(CREDIT_BYTES - 1, true);
    expect(told).toEqual([]);
    own.add(1, true);
    expect(told).toEqual([CREDIT_BYTES]);
    own.forget();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told at a limit of bytes, however large the window is', () => {
    const { told, own } = account(100_000_000);
    own.add(10_000_000, false);
    own.add(CREDIT_BYTES - 1, false);
    own.add(1, false);
    expect(told).toEqual([10_000_000, CREDIT_BYTES]);
  });

  it('is told after a while, from the first bytes on, and with other frames', () => {
    const { told, own } = account();
    own.add(1, false);
    vi.advanceTimersByTime(CREDIT_WAIT - 1);
    own.add(2, false);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([3]);
    own.add(4, false);
    own.pay();
    own.pay();
    expect([told, vi.getTimerCount()]).toEqual([[3, 4], 0]);
  });

  it('that is forgotten is not told', () => {
    const { told, own } = account();
    own.add(1, false);
    own.forget();
    own.pay();
    vi.advanceTimersByTime(1_000);
    expect([told, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
