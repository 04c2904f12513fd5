/** A Master's dispatcher: its answer to each kind of request, what it does with messages, and workers that die, come back, and finish late. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { deferred } from '../../../../src/async/deferred.ts';
import { Dispatcher, type DispatcherSettings } from '../../../../src/cluster/dispatch/dispatcher.ts';
import type { WorkerResult } from '../../../../src/cluster/dispatch/worker-results.ts';
import { CancelledFrames } from '../../../../src/cluster/runtime/cancellations.ts';
import { costOf } from '../../../../src/cluster/runtime/intake.ts';
import { FunctionMeters } from '../../../../src/cluster/runtime/meter.ts';
import {
  DEAD_WORKERS,
  SCATTER_QUEUE,
  TURN,
  WORKER_QUEUE,
  WORKER_RESULTS,
} from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { type CancelNotice, readCancel } from '../../../../src/protocol/cancel.ts';
import { CancelledCalls } from '../../../../src/protocol/cancelled-calls.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { encodePriority } from '../../../../src/protocol/priority.ts';
import {
  encodeWorkRequest,
  offersMessage,
  readWorkReply,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../../../../src/protocol/work-request.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { HEARTBEAT, MAX_DELIVERIES, ModelGround, WORKER_TIMEOUT } from '../../../support/mortal-workers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const NOTHING: Bytes = new Uint8Array(0);

function linkOf() {
  const listeners = new Set<() => void>();
  return {
    link: {},
    onGone: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    cut: () => {
      for (const listener of [...listeners]) listener();
    },
    get listeners() {
      return listeners.size;
    },
  };
}

/** What came of a request: its items once it is answered. */
interface Reply {
  items?: readonly WorkItem[];
  error?: unknown;
}

function ground(options: Partial<DispatcherSettings> = {}) {
  const results: string[] = [];
  const progress: string[] = [];
  const givenUp: string[] = [];
  const pushed: string[] = [];
  const cancelled: number[] = [];
  const log: string[] = [];
  let onPeers = () => {};
  const push = {
    address: '',
    peers: 0,
    onPeers: (listener: () => void) => {
      onPeers = listener;
    },
    send: async (frames: readonly Bytes[]) =>
      void pushed.push(...frames.map((frame) => textOf(codec.decode(frame).payload))),
    close: async () => {},
  };
  const noting = (level: string) => (message: string, fields: object | undefined) =>
    log.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const budgets = { waiting: new ByteBudget(2 ** 26), out: new ByteBudget(2 ** 28) };
  const dispatcher = new Dispatcher({
    push,
    onResults: async (came) =>
      void results.push(...came.map(({ frame }) => textOf(codec.decode(frame).payload))),
    onProgress: ({ payload }) => progress.push(textOf(payload)),
    onGivenUp: ({ payload }, deaths) => givenUp.push(`${textOf(payload)} ${deaths}`),
    onCancelled: (count) => cancelled.push(count),
    logger: {
      debug: noting('debug'),
      info: noting('info'),
      warning: noting('warning'),
      error: noting('error'),
    },
    budgets,
    isVerbatim: false,
    heartbeat: HEARTBEAT,
    workerTimeout: WORKER_TIMEOUT,
    maxDeliveries: 3,
    ...options,
  });
  const links = new Map<string, ReturnType<typeof linkOf>>();
  const link = (worker: string) => {
    const known = links.get(worker) ?? linkOf();
    links.set(worker, known);
    return known;
  };
  let sequence = 0;
  const send = (message: PalmMessage, from: ReturnType<typeof linkOf>): Reply => {
    const reply: Reply = {};
    try {
      Promise.resolve(dispatcher.answer(message, from)).then(
        (frame) => {
          try {
            reply.items = readWorkReply(codec, frame);
          } catch (error) {
            reply.error = error;
          }
        },
        (error) => {
          reply.error = error;
        },
      );
    } catch (error) {
      reply.error = error;
    }
    return reply;
  };
  /** A request of a worker. */
  const ask = async (worker: string, request: Partial<WorkRequest> = {}, from = link(worker)) => {
    const whole = {
      worker,
      name: `n${worker}`,
      sequence: ++sequence,
      want: 0,
      leaves: false,
      isAway: false,
      items: [],
    };
    const reply = send(codec.decode(encodeWorkRequest(codec, { ...whole, ...request }).slice()), from);
    await vi.advanceTimersByTimeAsync(0);
    return reply;
  };
  /** A sign of life, whose answer nobody waits for. */
  const show = (worker: string) => {
    const request = { worker, name: 'n', sequence: 1, want: 0, leaves: false, isAway: false, items: [] };
    void dispatcher.answer(codec.decode(encodeWorkRequest(codec, request)), link(worker));
  };
  const offer = async (worker: string, offers: string, from = link(worker)) => {
    const message = offersMessage({ worker, name: `n${worker}`, offers: bytes(offers) });
    const reply = send(codec.decode(codec.encode(message).slice()), from);
    await vi.advanceTimersByTimeAsync(0);
    return reply;
  };
  const add = (...texts: string[]) => {
    for (const text of texts) {
      const message = palmMessage({ client: 'c/1', function: 'm.f', payload: bytes(text) });
      dispatcher.add(message, codec.encode(message).slice());
    }
    return dispatcher.flush();
  };
  const pass = (time: number) => vi.advanceTimersByTimeAsync(time);
  const cancel = (notice: Partial<CancelNotice>) => {
    const notices = [
      { client: 'c', calls: ['1'], code: 'CANCELLED', reason: 'enough', ...notice } as CancelNotice,
    ];
    return dispatcher.cancel(new CancelledFrames(new CancelledCalls(notices), notices), notices);
  };
  const peers = (count: number) => {
    push.peers = count;
    onPeers();
  };
  return {
    dispatcher,
    results,
    progress,
    givenUp,
    pushed,
    cancelled,
    log,
    budgets,
    link,
    ask,
    show,
    offer,
    add,
    pass,
    cancel,
    peers,
  };
}

/** The texts of the messages in a reply. */
const texts = ({ items }: Reply) => items?.map(({ frame }) => textOf(codec.decode(frame).payload));

/** What a worker says of the message in an item of a reply. */
function result(
  { items }: Reply,
  text: string,
  { at = 0, kind = WorkKind.done as number, status = 0 } = {},
): WorkItem {
  const item = items?.[at];
  if (item === undefined) throw new Error('no work came');
  return {
    lease: item.lease,
    kind,
    frame: codec.encode({ ...codec.decode(item.frame), payload: bytes(text), status }).slice(),
  };
}

describe('a request for work', () => {
  it('waits until there is work, and with results until it has brought them', async () => {
    const { ask, add, results, dispatcher } = ground();
    const first = await ask('a', { want: 1 });
    expect(first).toEqual({});
    add('1');
    await vi.advanceTimersByTimeAsync(0);
    expect(texts(first)).toEqual(['1']);
    const next = await ask('a', { want: 1, items: [result(first, 'r1')] });
    expect([results, next]).toEqual([['r1'], {}]);
    add('2');
    await vi.advanceTimersByTimeAsync(0);
    expect(texts(next)).toEqual(['2']);
    dispatcher.close();
  });

  it('is answered with nothing after a heartbeat, and then no more with work', async () => {
    const { ask, add, pass, dispatcher } = ground();
    const first = await ask('a', { want: 1 });
    await pass(HEARTBEAT - 1);
    expect(first).toEqual({});
    await pass(1);
    expect(first).toEqual({ items: [] });
    add('1');
    await pass(0);
    expect(dispatcher.waiting).toBe(1);
    dispatcher.close();
  });

  it('has a third of the time that a worker may be silent when a heartbeat is longer', async () => {
    const { ask, pass, dispatcher } = ground({ heartbeat: 60_000, workerTimeout: 3_000 });
    const first = await ask('a', { want: 1 });
    await pass(999);
    expect(first).toEqual({});
    await pass(1);
    expect(first).toEqual({ items: [] });
    dispatcher.close();
  });

  it('that comes again gets the same answer as long as some of its work is not done, and none after that', async () => {
    const { ask, add, dispatcher } = ground();
    add('1', '2');
    const first = await ask('a', { want: 2, sequence: 1 });
    expect(texts(await ask('a', { want: 2, sequence: 1 }))).toEqual(['1', '2']);
    await ask('a', { sequence: 2, items: [result(first, 'r1')] });
    expect(texts(await ask('a', { want: 2, sequence: 1 }))).toEqual(['1', '2']);
    // A sign of life says nothing of its work.
    await ask('a', { sequence: 3 });
    expect(texts(await ask('a', { want: 2, sequence: 1 }))).toEqual(['1', '2']);
    await ask('a', { sequence: 4, items: [result(first, 'r2', { at: 1 })] });
    expect(await ask('a', { want: 2, sequence: 1 })).toEqual({ items: [] });
    dispatcher.close();
  });

  it('that comes after a newer one was answered gets nothing', async () => {
    const { ask, add, dispatcher } = ground();
    add('1', '2');
    const old = await ask('a', { want: 1, sequence: 1 });
    const newer = await ask('a', { want: 1, sequence: 2 });
    expect([texts(old), texts(newer)]).toEqual([['1'], ['2']]);
    expect(await ask('a', { want: 1, sequence: 1 })).toEqual({ items: [] });
    dispatcher.close();
  });

  it('in the place of another that waits ends the other', async () => {
    const { ask, dispatcher, add, pass } = ground();
    const first = await ask('a', { want: 1 });
    const second = await ask('a', { want: 1 });
    expect([first, second]).toEqual([{ items: [] }, {}]);
    add('1');
    await pass(0);
    expect(texts(second)).toEqual(['1']);
    dispatcher.close();
  });

  it('whose worker has asked again while its results waited gets no work', async () => {
    const gathering = deferred<void>();
    const { ask, add, dispatcher, pass } = ground({ onResults: () => gathering.promise });
    add('1');
    const first = await ask('a', { want: 1 });
    const gathered = await ask('a', { want: 1, items: [result(first, 'r')] });
    const again = await ask('a', { want: 1 });
    add('2');
    await pass(0);
    expect([gathered, texts(again)]).toEqual([{}, ['2']]);
    add('3');
    gathering.resolve();
    await pass(0);
    expect([gathered, dispatcher.waiting]).toEqual([{ items: [] }, 1]);
    dispatcher.close();
  });

  it('whose worker has asked again meanwhile does not end what was asked', async () => {
    const gathering = deferred<void>();
    const { ask, add, dispatcher, pass } = ground({ onResults: () => gathering.promise });
    add('1');
    const first = await ask('a', { want: 1 });
    const gathered = await ask('a', { want: 1, items: [result(first, 'r')] });
    const again = await ask('a', { want: 1 });
    gathering.resolve();
    await pass(0);
    expect([gathered, again]).toEqual([{ items: [] }, {}]);
    add('2');
    await pass(0);
    expect(texts(again)).toEqual(['2']);
    dispatcher.close();
  });

  it('gets work after its results waited, though the worker has shown meanwhile that it lives', async () => {
    const gathering = deferred<void>();
    const { ask, add, dispatcher, pass } = ground({ onResults: () => gathering.promise });
    add('1');
    const first = await ask('a', { want: 1 });
    const gathered = await ask('a', { want: 1, items: [result(first, 'r')] });
    await ask('a');
    add('2');
    gathering.resolve();
    await pass(0);
    expect(texts(gathered)).toEqual(['2']);
    dispatcher.close();
  });

  it('whose worker has left while its results waited gets no work', async () => {
    const gathering = deferred<void>();
    const { ask, add, dispatcher, pass } = ground({ onResults: () => gathering.promise });
    add('1');
    const first = await ask('a', { want: 1 });
    const gathered = await ask('a', { want: 1, items: [result(first, 'r')] });
    await ask('a', { leaves: true });
    add('2');
    gathering.resolve();
    await pass(0);
    expect([gathered, dispatcher.waiting]).toEqual([{ items: [] }, 1]);
    dispatcher.close();
  });

  it('ends with its link, and its worker is there again over another', async () => {
    const { ask, add, dispatcher, link, pass } = ground();
    const first = await ask('a', { want: 1 });
    link('a').cut();
    await pass(0);
    expect(first).toEqual({ items: [] });
    add('1');
    await pass(0);
    expect(dispatcher.waiting).toBe(1);
    expect(texts(await ask('a', { want: 1 }, linkOf()))).toEqual(['1']);
    await pass(HEARTBEAT);
    expect(dispatcher.losses.workers).toBe(0);
    dispatcher.close();
  });

  it('is not answered by a dispatcher that is closed: it hears from the end of the link', async () => {
    const { ask, dispatcher, pass } = ground();
    dispatcher.close();
    const [work, sign] = [await ask('a', { want: 1 }), await ask('b')];
    await pass(2 * HEARTBEAT);
    expect([work, sign, vi.getTimerCount()]).toEqual([{}, {}, 0]);
  });
});

describe('results', () => {
  it('come with what is known of their calls, each with its own', async () => {
    const came: WorkerResult[] = [];
    const { ask, dispatcher } = ground({
      onResults: async (results) => void came.push(...results),
      isVerbatim: true,
    });
    const usual = { client: 'c/1', function: 'm.f', features: 1 };
    // Each differs in one field from the one before.
    const calls = [
      usual,
      usual,
      { ...usual, function: 'm.g' },
      usual,
      { ...usual, stage: 1 },
      usual,
      { ...usual, features: 3 },
      usual,
      { ...usual, status: Status.missing },
      usual,
      { ...usual, client: 'c/2' },
      { ...usual, client: 'd/1' },
    ];
    for (const fields of calls) {
      const message = palmMessage({ ...fields, payload: bytes('x') });
      dispatcher.add(message, codec.encode(message).slice());
      const work = await ask('a', { want: 1 });
      const { status = 0 } = fields as Partial<PalmMessage>;
      await ask('a', { items: [result(work, 'r', { status })] });
    }
    expect(came.map(({ call, status }) => ({ ...call, status }))).toEqual(
      calls.map(({ client, function: path, features, ...rest }) => ({
        client: client.slice(0, 2),
        topic: client,
        path,
        features,
        stage: 0,
        status: 0,
        ...rest,
      })),
    );
    expect(came[1]?.call).toBe(came[0]?.call);
    dispatcher.close();
  });

  it('say how they ended, whatever the call was before', async () => {
    const came: WorkerResult[] = [];
    const { ask, add, dispatcher } = ground({ onResults: async (results) => void came.push(...results) });
    for (const status of [Status.ok, Status.failed]) {
      add('1');
      const work = await ask('a', { want: 1 });
      await ask('a', { items: [result(work, 'r', { status })] });
    }
    expect(came.map(({ status, call }) => [status, call.status])).toEqual([
      [Status.ok, Status.ok],
      [Status.failed, Status.ok],
    ]);
    dispatcher.close();
  });

  it('with a request that asks for no work are answered at once', async () => {
    const { ask, add, results, dispatcher } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    expect(await ask('a', { items: [result(first, 'r')] })).toEqual({ items: [] });
    expect([results, dispatcher.inFlight]).toEqual([['r'], 0]);
    dispatcher.close();
  });

  it('that are empty end their message, and nothing is passed on', async () => {
    const { ask, add, results, dispatcher } = ground();
    add('1');
    const { items = [] } = await ask('a', { want: 1 });
    await ask('a', { items: [{ lease: items[0]?.lease ?? 0, kind: WorkKind.done, frame: NOTHING }] });
    expect([results, dispatcher.inFlight]).toEqual([[], 0]);
    dispatcher.close();
  });

  it('that are given back wait again, whatever comes with them, and go to others', async () => {
    const { ask, add, results, dispatcher } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    await ask('a', { items: [{ ...result(first, 'r'), kind: WorkKind.returned }] });
    expect([results, dispatcher.waiting, dispatcher.inFlight]).toEqual([[], 1, 1]);
    expect(texts(await ask('b', { want: 1 }))).toEqual(['1']);
    dispatcher.close();
  });

  it('of so many requests may wait to be gathered, and signs of life need no room', async () => {
    const { ask, add, dispatcher } = ground({ onResults: () => new Promise(() => {}) });
    add(...Array.from({ length: WORKER_RESULTS + 1 }, (_, i) => String(i)));
    const first = await ask('a', { want: WORKER_RESULTS + 1 });
    for (let at = 0; at < WORKER_RESULTS; at++) await ask('a', { items: [result(first, 'r', { at })] });
    const more = await ask('a', { items: [result(first, 'r', { at: WORKER_RESULTS })] });
    expect(more.error).toMatchObject({
      code: 'TOO_LARGE',
      message: `results of ${WORKER_RESULTS} requests of this worker wait to be gathered`,
    });
    expect(await ask('a')).toEqual({});
    dispatcher.close();
  });

  it('that are progress tell how far a message is, and are not results of it', async () => {
    const { ask, add, results, progress, dispatcher } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    const half = result(first, 'half', { kind: WorkKind.open, status: Status.progress });
    await ask('a', { items: [half, result(first, 'r')] });
    expect([progress, results]).toEqual([['half'], ['r']]);
    // The message is settled.
    await ask('a', { items: [half] });
    expect(progress).toEqual(['half']);
    dispatcher.close();
  });

  it('that are progress of a worker that counted as dead are passed over, and its results are not', async () => {
    const { ask, add, results, progress, dispatcher, link, pass } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    link('a').cut();
    await pass(HEARTBEAT);
    const half = result(first, 'half', { kind: WorkKind.open, status: Status.progress });
    const back = linkOf();
    await ask('a', { items: [half] }, back);
    expect(progress).toEqual([]);
    await ask('a', { items: [result(first, 'r')] }, back);
    expect([results, dispatcher.inFlight]).toEqual([['r'], 0]);
    dispatcher.close();
  });
});

describe('a sign of life', () => {
  it('is held for a heartbeat', async () => {
    const { ask, pass, dispatcher } = ground();
    const sign = await ask('a');
    await pass(HEARTBEAT - 1);
    expect(sign).toEqual({});
    await pass(1);
    expect(sign).toEqual({ items: [] });
    dispatcher.close();
  });
});

describe('a worker that leaves', () => {
  it('is answered at once, and its work goes to one that waits', async () => {
    const { ask, add, dispatcher, log } = ground();
    add('1');
    await ask('a', { want: 1 });
    const waiting = await ask('b', { want: 1 });
    expect(await ask('a', { leaves: true })).toEqual({ items: [] });
    expect(texts(waiting)).toEqual(['1']);
    expect(dispatcher.workers.map(({ name }) => name)).toEqual(['nb']);
    expect(dispatcher.losses).toEqual({ workers: 0, redelivered: 0, givenUp: 0 });
    expect(log).toContain('warning: worker left {"worker":"na","held":1}');
    dispatcher.close();
  });

  it('with nothing in its hands is no warning, and has its last results taken', async () => {
    const { ask, add, dispatcher, log, results, link } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    await ask('a', { leaves: true, items: [result(first, 'r')] });
    expect(results).toEqual(['r']);
    expect(log.filter((line) => line.includes('left'))).toEqual([
      'info: worker left {"worker":"na","held":0}',
    ]);
    expect([link('a').listeners, dispatcher.inFlight]).toEqual([0, 0]);
    dispatcher.close();
  });

  it('does not come back, and is told why', async () => {
    const { ask, offer, dispatcher } = ground();
    await ask('a');
    await ask('a', { leaves: true });
    for (const reply of [await ask('a', { want: 1 }), await offer('a', '[]')])
      expect(reply.error).toMatchObject({
        code: 'PROTOCOL',
        message: 'worker "na" has left; a worker that comes back needs a new id',
      });
    dispatcher.close();
  });

  it('and was never there has not left', async () => {
    const { ask, dispatcher, log } = ground();
    expect(await ask('a', { leaves: true })).toEqual({ items: [] });
    expect(await ask('a', { isAway: true })).toEqual({ items: [] });
    expect([log, dispatcher.workers]).toEqual([[], []]);
    expect(await ask('a', { want: 1 })).toEqual({});
    dispatcher.close();
  });

  it('and was never there, but has results, is noted as one that left', async () => {
    const { ask, dispatcher, results } = ground();
    const made = { lease: 1, kind: WorkKind.done, frame: bytes('x') };
    expect(await ask('a', { leaves: true, items: [made] })).toEqual({ items: [] });
    expect(results).toEqual([]);
    expect((await ask('a', { want: 1 })).error).toMatchObject({ code: 'PROTOCOL' });
    dispatcher.close();
  });
});

describe('a worker that is pushed to', () => {
  const says = (offers: string) => {
    const message = offersMessage({ worker: 'p', name: 'np', offers: bytes(offers), isPushed: true });
    return codec.decode(codec.encode(message).slice());
  };
  const named = ({ dispatcher }: ReturnType<typeof ground>) =>
    dispatcher.offers.map(({ name }) => name).join(' ');

  it('is heard of what it offers as long as it pulls, and asks for no work', async () => {
    const own = ground();
    const { dispatcher, link, peers } = own;
    const answer = await dispatcher.answer(says('[{"name":"f"}]'), link('p'));
    expect([readWorkReply(codec, answer), named(own)]).toEqual([[], '']);
    peers(1);
    expect([named(own), dispatcher.workers]).toEqual(['f', []]);
    peers(0);
    expect(named(own)).toBe('');
    dispatcher.close();
  });

  it('is not heard where its link is not known', () => {
    const { dispatcher } = ground();
    expect(() => dispatcher.answer(says('[{"name":"f"}]'))).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL',
        message: 'a worker that is pushed to is known by its link',
      }),
    );
    dispatcher.close();
  });

  it('is forgotten when its relay says that its link broke, and for no other request', async () => {
    const own = ground();
    const { dispatcher, link, peers, ask } = own;
    peers(1);
    await dispatcher.answer(says('[{"name":"f"}]'), link('p'));
    await ask('p');
    // Without a link nobody knows whose word it is.
    const away = { worker: 'p', name: 'np', sequence: 9, want: 0, leaves: false, isAway: true, items: [] };
    await dispatcher.answer(codec.decode(encodeWorkRequest(codec, away).slice()));
    expect(named(own)).toBe('f');
    await ask('p', { isAway: true });
    expect(named(own)).toBe('');
    dispatcher.close();
  });

  it('tells how far it is with what was pushed', async () => {
    const { add, dispatcher, peers, progress, pass, pushed } = ground();
    peers(1);
    add('1');
    await pass(0);
    const said = { client: 'c/1', function: 'm.f', payload: bytes('half'), status: Status.progress };
    const frame = codec.encode(palmMessage(said)).slice();
    expect(dispatcher.pushedCameBack([frame])).toEqual({ results: [], refused: 0 });
    expect([pushed, progress, dispatcher.inFlight]).toEqual([['1'], ['half'], 1]);
    dispatcher.close();
  });
});

describe('the meter of a function', () => {
  it('has the times of its messages, and its failures, but not those from before', async () => {
    const meters = new FunctionMeters(() => [{ name: 'f' }]);
    const { ask, add, dispatcher, pass, results } = ground({ meters });
    vi.advanceTimersByTime(5_000);
    const work = async (status: number, change: (item: WorkItem) => WorkItem = (item) => item) => {
      const first = await ask('a', { want: 1 });
      await pass(30);
      await ask('a', { items: [change(result(first, 'r', { status }))] });
      const meter = meters.of('m.f', 0);
      const { count, sum } = meter.seconds.distribution;
      return [count, Math.round(1_000 * sum), meter.failed];
    };
    add('1');
    expect(await work(Status.ok)).toEqual([1, 30, 0]);
    add('2');
    // One that is made anew, since it says more than it may.
    const more = (item: WorkItem) => ({
      ...item,
      frame: codec.encode({ ...codec.decode(item.frame), function: 'other.g' }).slice(),
    });
    expect(await work(Status.ok, more)).toEqual([2, 60, 0]);
    add('3');
    expect(await work(Status.failed)).toEqual([3, 90, 1]);
    // A message that had failed before, as those of pylm's clients go on.
    const failed = palmMessage({
      client: 'c/1',
      function: 'm.f',
      payload: bytes('0'),
      status: Status.failed,
    });
    dispatcher.add(failed, codec.encode(failed).slice());
    expect(await work(Status.failed)).toEqual([4, 120, 1]);
    expect(results).toEqual(['r', 'r', 'r', 'r']);
    dispatcher.close();
  });
});

it('gives urgent messages of a client first', async () => {
  const { ask, add, dispatcher } = ground();
  add('1');
  const urgent = palmMessage({ client: 'c/2', payload: bytes('2'), unknown: encodePriority(3) });
  dispatcher.add(urgent, codec.encode(urgent).slice());
  expect(texts(await ask('a', { want: 1 }))).toEqual(['2']);
  dispatcher.close();
});

describe('a relay that says that its link to a worker broke', () => {
  it('ends what the worker waits for, and the worker counts as dead unless it comes back', async () => {
    const { ask, add, dispatcher, pass, link } = ground();
    add('1');
    await ask('a', { want: 1 });
    const waiting = await ask('a', { want: 1 });
    expect(await ask('a', { isAway: true })).toEqual({ items: [] });
    expect(waiting).toEqual({ items: [] });
    // It is not a sign of life, and the link to the relay is still there.
    await pass(HEARTBEAT / 2);
    expect(dispatcher.losses).toEqual({ workers: 1, redelivered: 1, givenUp: 0 });
    expect(texts(await ask('b', { want: 1 }))).toEqual(['1']);
    expect(link('a').listeners).toBe(1);
    dispatcher.close();
  });

  it('does not say that a request over another link is its own', async () => {
    const { ask, dispatcher, pass } = ground();
    await ask('a');
    const other = await ask('a', { want: 1 }, linkOf());
    await ask('a', { isAway: true });
    await pass(HEARTBEAT / 4);
    expect(other).toEqual({});
    dispatcher.close();
  });

  it('changes nothing when the worker is heard of before half a heartbeat is over', async () => {
    const { ask, add, dispatcher, pass } = ground();
    add('1');
    await ask('a', { want: 1 });
    await ask('a', { isAway: true });
    await pass(HEARTBEAT / 2 - 200);
    await ask('a');
    await pass(HEARTBEAT);
    expect(dispatcher.losses.workers).toBe(0);
    dispatcher.close();
  });
});

describe('a request in the name of a worker over another link', () => {
  it('changes nothing while the own link is there, and counts when that ends', async () => {
    const { ask, add, dispatcher, link, pass, log } = ground();
    await ask('a', { want: 1 });
    const other = linkOf();
    const moved = await ask('a', { want: 1 }, other);
    add('1');
    await pass(0);
    expect([moved, dispatcher.waiting]).toEqual([{}, 0]);
    expect(log).toContain(
      'warning: a request in the name of a worker came over another link {"worker":"na"}',
    );
    add('2');
    link('a').cut();
    await pass(0);
    expect(texts(moved)).toEqual(['2']);
    // It is the worker's link now, so the worker lives.
    await pass(2 * HEARTBEAT);
    expect(dispatcher.losses.workers).toBe(0);
    dispatcher.close();
  });

  it('with what its functions take waits as well, and is heard when the own link ends', async () => {
    const { offer, dispatcher, link, pass } = ground();
    await offer('a', '[{"name":"f"}]');
    const moved = await offer('a', '[{"name":"g"}]', linkOf());
    await pass(HEARTBEAT);
    expect([moved, dispatcher.offers]).toEqual([{}, [{ name: 'f' }]]);
    link('a').cut();
    await pass(0);
    expect([moved, dispatcher.offers]).toEqual([{ items: [] }, [{ name: 'g' }]]);
    dispatcher.close();
  });

  it('that waits when the dispatcher closes is not answered', async () => {
    const { ask, offer, dispatcher, pass } = ground();
    await ask('a');
    await offer('b', '[]');
    const moved = [await ask('a', { want: 1 }, linkOf()), await offer('b', '[]', linkOf())];
    dispatcher.close();
    await pass(WORKER_TIMEOUT);
    expect([moved, vi.getTimerCount()]).toEqual([[{}, {}], 0]);
  });

  it('of a worker that counts as dead is its own', async () => {
    const { ask, dispatcher, link, pass, log } = ground();
    await ask('a');
    link('a').cut();
    await pass(HEARTBEAT);
    const back = linkOf();
    expect(await ask('a', { want: 1 }, back)).toEqual({});
    expect(log).toEqual([
      'info: worker came {"worker":"na"}',
      'info: worker is gone {"worker":"na","held":0}',
      'info: worker came back {"worker":"na"}',
    ]);
    dispatcher.close();
    expect(back.listeners).toBe(0);
  });
});

describe('what workers say of their functions', () => {
  it('is known as long as one of them is there, and makes the worker known', async () => {
    const { offer, ask, dispatcher, link, pass } = ground();
    expect(dispatcher.offers).toEqual([]);
    expect(await offer('a', '[{"name":"f"}]')).toEqual({ items: [] });
    expect(dispatcher.offers).toEqual([{ name: 'f' }]);
    expect(dispatcher.offers).toBe(dispatcher.offers);
    expect(dispatcher.workers).toEqual([{ name: 'na', holds: 0, silent: 0 }]);
    link('a').cut();
    await pass(HEARTBEAT);
    expect(dispatcher.offers).toEqual([]);
    await ask('a', {}, linkOf());
    expect(dispatcher.offers).toEqual([{ name: 'f' }]);
    await ask('a', { leaves: true }, linkOf());
    dispatcher.close();
  });

  it('ends when the worker leaves', async () => {
    const { offer, ask, dispatcher } = ground();
    await offer('a', '[{"name":"f"}]');
    await ask('a', { leaves: true });
    expect(dispatcher.offers).toEqual([]);
    dispatcher.close();
  });

  it('is refused when it is malformed, and no worker is known for that', async () => {
    const { offer, dispatcher } = ground();
    expect((await offer('a', '{}')).error).toMatchObject({ code: 'PROTOCOL' });
    expect(dispatcher.workers).toEqual([]);
    dispatcher.close();
  });
});

describe('a message', () => {
  it('is encoded anew, or given as it came', async () => {
    for (const isVerbatim of [false, true]) {
      const { dispatcher, ask } = ground({ isVerbatim });
      const message = palmMessage({ client: 'c/1', function: 'm.f', cache: 'k', payload: bytes('x') });
      const frame = codec.encode({ ...message, payload: bytes('as it came') }).slice();
      dispatcher.add(message, frame);
      const { items = [] } = await ask('a', { want: 1 });
      expect(textOf(codec.decode(items[0]?.frame ?? NOTHING).payload)).toBe(isVerbatim ? 'as it came' : 'x');
      dispatcher.close();
    }
  });

  it('that is given as it came gets a value in its cache field when it has none, each another', async () => {
    const { dispatcher, ask } = ground({ isVerbatim: true });
    for (const cache of ['', '', 'given']) {
      const message = palmMessage({ client: 'c/1', function: 'm.f', cache, payload: bytes('x') });
      dispatcher.add(message, codec.encode(message).slice());
    }
    const { items = [] } = await ask('a', { want: 3 });
    const values = items.map(({ frame }) => codec.decode(frame).cache);
    expect(values[0]).not.toBe('');
    expect(values[1]).not.toBe('');
    expect(values[0]).not.toBe(values[1]);
    expect(values[2]).toBe('given');
    dispatcher.close();
  });

  it('that nobody wants any more goes to no worker', async () => {
    const { dispatcher, add } = ground({ refuses: ({ payload }) => textOf(payload) === 'no' });
    add('no', 'yes');
    expect(dispatcher.waiting).toBe(1);
    dispatcher.close();
  });

  it('waits behind one of each other client, and not behind all of them', async () => {
    const { dispatcher, ask, pass } = ground();
    const calls = ['a/1', 'a/1', 'a/1', 'a/2', 'b/1', 'b/2', 'c/1'];
    for (const [i, client] of calls.entries())
      dispatcher.add(palmMessage({ client, function: 'm.f', payload: bytes(String(i)) }), NOTHING);
    const given: string[] = [];
    for (const _ of calls) {
      await pass(TURN);
      given.push(...(texts(await ask('w', { want: 1 })) ?? []));
    }
    expect(given).toEqual(['0', '4', '6', '1', '5', '2', '3']);
    dispatcher.close();
  });

  it('is given up after so many workers died with it, and is counted', async () => {
    const { dispatcher, ask, add, pass, link, givenUp } = ground({ maxDeliveries: 1 });
    add('1');
    const drained = vi.fn();
    dispatcher.drained().then(drained);
    await ask('a', { want: 1 });
    link('a').cut();
    await pass(HEARTBEAT - 1);
    expect(givenUp).toEqual(['1 1']);
    expect(drained).toHaveBeenCalled();
    expect(dispatcher.losses).toEqual({ workers: 1, redelivered: 0, givenUp: 1 });
    dispatcher.close();
  });
});

describe('room for messages', () => {
  /** Whether adding may go on. */
  async function mayGoOn(flushed: Promise<boolean>) {
    const outcome = { value: undefined as boolean | undefined };
    flushed.then((value) => {
      outcome.value = value;
    });
    await vi.advanceTimersByTimeAsync(0);
    return outcome;
  }

  /** Budgets with which so many messages of one character may wait. */
  function roomFor(count: number) {
    const message = palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('1') });
    const cost = costOf(codec.encode(message));
    return { waiting: new ByteBudget(2 * count * cost), out: new ByteBudget(2 ** 28) };
  }

  it(`is for ${SCATTER_QUEUE} of one client that wait`, async () => {
    const { dispatcher, add, ask } = ground();
    const full = Array.from({ length: SCATTER_QUEUE }, (_, i) => String(i));
    expect(await mayGoOn(add(...full.slice(1)))).toEqual({ value: true });
    const waiting = await mayGoOn(add('0'));
    const second = await mayGoOn(dispatcher.flush());
    expect([waiting, second]).toEqual([{ value: undefined }, { value: undefined }]);
    await ask('a', { want: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect([waiting, second]).toEqual([{ value: true }, { value: true }]);
    dispatcher.close();
  });

  it('is for all of the bytes that may wait', async () => {
    const { dispatcher, ask, add } = ground({ budgets: roomFor(2) });
    expect(await mayGoOn(add('1', '2', '3'))).toEqual({ value: true });
    const waiting = await mayGoOn(add('4'));
    expect(waiting).toEqual({ value: undefined });
    await ask('a', { want: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(waiting).toEqual({ value: true });
    dispatcher.close();
  });

  it(`is told of once a client that was held up with ${WORKER_QUEUE} has half of them`, async () => {
    const onRoom = vi.fn();
    const { dispatcher, add, ask } = ground({ onRoom });
    const { gate } = dispatcher;
    const full = Array.from({ length: WORKER_QUEUE }, (_, i) => String(i));
    await add(...full.slice(1));
    expect([gate.isFull, gate.holdsUp('c/')]).toEqual([false, false]);
    await add('0');
    expect([gate.isFull, gate.holdsUp('c/'), gate.holdsUp('other')]).toEqual([true, true, false]);
    await ask('a', { want: WORKER_QUEUE / 2 });
    expect(onRoom).not.toHaveBeenCalled();
    await ask('b', { want: 1 });
    expect(onRoom).toHaveBeenCalledTimes(1);
    expect(gate.holdsUp('c/')).toBe(false);
    dispatcher.close();
  });

  it('is there again when waiting messages are cancelled', async () => {
    const { add, cancel, dispatcher } = ground({ budgets: roomFor(2) });
    const waiting = await mayGoOn(add('1', '2', '3', '4'));
    expect(waiting).toEqual({ value: undefined });
    expect(cancel({})).toBe(4);
    await vi.advanceTimersByTimeAsync(0);
    expect(waiting).toEqual({ value: true });
    dispatcher.close();
  });

  it('is wanted no more when the dispatcher is closed, and nobody waits for it', async () => {
    const { add, dispatcher } = ground({ budgets: roomFor(2) });
    const waiting = await mayGoOn(add('1', '2', '3', '4'));
    dispatcher.close();
    await vi.advanceTimersByTimeAsync(0);
    expect([waiting, await mayGoOn(dispatcher.flush())]).toEqual([{ value: false }, { value: false }]);
  });
});

describe('cancelled messages', () => {
  it('go to no worker, and are counted', async () => {
    const { add, cancel, cancelled, dispatcher, ask } = ground();
    add('1', '2');
    const drained = vi.fn();
    dispatcher.drained().then(drained);
    await vi.advanceTimersByTimeAsync(0);
    expect(drained).not.toHaveBeenCalled();
    expect(cancel({ client: 'other' })).toBe(0);
    expect(cancelled).toEqual([]);
    expect(cancel({})).toBe(2);
    await vi.advanceTimersByTimeAsync(0);
    expect([cancelled, dispatcher.inFlight, drained.mock.calls.length]).toEqual([[2], 0, 1]);
    expect(await ask('a', { want: 1 })).toEqual({});
    dispatcher.close();
  });

  it('may be counted by nobody', () => {
    const { add, cancel, dispatcher } = ground({ onCancelled: undefined } as never);
    add('1');
    expect(cancel({})).toBe(1);
    dispatcher.close();
  });

  it('are told to the workers that hold them and take notices, at once', async () => {
    const { add, cancel, ask, dispatcher } = ground();
    add('1', '2');
    await ask('a', { want: 1, takesCancels: true });
    await ask('b', { want: 1 });
    const [sign, other, idle] = [
      await ask('a', { takesCancels: true }),
      await ask('b'),
      await ask('c', { takesCancels: true }),
    ];
    expect(cancel({ reason: 'because' })).toBe(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(sign.items).toMatchObject([{ lease: 0, kind: WorkKind.notice }]);
    const [notice] = sign.items ?? [];
    expect(readCancel(codec.decode(notice?.frame ?? NOTHING))).toMatchObject({
      client: 'c',
      calls: ['1'],
      reason: 'because',
    });
    expect([other, idle]).toEqual([{}, {}]);
    dispatcher.close();
  });

  it('are told in the answer to a request for work, which then gets no work', async () => {
    const { add, cancel, ask, dispatcher, pass } = ground();
    add('1');
    await ask('a', { want: 1, takesCancels: true });
    const waiting = await ask('a', { want: 1, takesCancels: true });
    cancel({});
    await pass(0);
    expect(waiting.items).toMatchObject([{ kind: WorkKind.notice }]);
    add('2');
    await pass(0);
    expect(dispatcher.waiting).toBe(1);
    dispatcher.close();
  });

  it('are told with the next request when none waits, once', async () => {
    const { add, cancel, ask, dispatcher } = ground();
    add('1');
    await ask('a', { want: 1, takesCancels: true });
    cancel({});
    expect((await ask('a', { want: 1, takesCancels: true })).items).toMatchObject([
      { kind: WorkKind.notice },
    ]);
    expect(await ask('a', { want: 1, takesCancels: true })).toEqual({});
    dispatcher.close();
  });

  it('are not told to a worker that takes notices no more', async () => {
    const { add, cancel, ask, dispatcher } = ground();
    add('1');
    await ask('a', { want: 1, takesCancels: true });
    await ask('a', { want: 1 });
    const waiting = await ask('a', { want: 1 });
    cancel({});
    await vi.advanceTimersByTimeAsync(0);
    expect(waiting).toEqual({});
    dispatcher.close();
  });

  it('are in no answer that comes again, unless others are', async () => {
    const { add, cancel, ask, dispatcher } = ground();
    add('1');
    await ask('a', { want: 1, sequence: 1 });
    cancel({});
    expect(await ask('a', { want: 1, sequence: 1 })).toEqual({ items: [] });
    const beside = palmMessage({ client: 'd/1', function: 'm.f', payload: bytes('beside') });
    dispatcher.add(beside, NOTHING);
    add('2');
    await ask('b', { want: 2, sequence: 10 });
    cancel({});
    expect(texts(await ask('b', { want: 2, sequence: 10 }))).toContain('beside');
    dispatcher.close();
  });

  it('whose worker is not there any more are counted', async () => {
    const { add, cancel, ask, dispatcher, link, pass } = ground();
    add('1');
    await ask('a', { want: 1, takesCancels: true });
    link('a').cut();
    await pass(HEARTBEAT);
    expect(cancel({})).toBe(1);
    expect(dispatcher.inFlight).toBe(0);
    dispatcher.close();
  });
});

describe('what workers held that are forgotten', () => {
  it('is closed for one that came back from the dead and fell silent', async () => {
    const { add, ask, dispatcher, link, pass, results } = ground();
    add('1');
    const first = await ask('a', { want: 1 });
    link('a').cut();
    await pass(HEARTBEAT);
    await ask('a', {}, linkOf());
    await pass(WORKER_TIMEOUT + HEARTBEAT);
    expect(dispatcher.workers).toEqual([]);
    await ask('a', { items: [result(first, 'late')] }, linkOf());
    expect([results, dispatcher.waiting]).toEqual([[], 1]);
    dispatcher.close();
  });

  it('is closed for the one that has been dead for longest when too many are', async () => {
    const { add, ask, show, dispatcher, link, pass, results } = ground();
    add('1');
    const first = await ask('first', { want: 1 });
    link('first').cut();
    await pass(HEARTBEAT);
    for (let i = 0; i < DEAD_WORKERS; i++) {
      show(`w${i}`);
      link(`w${i}`).cut();
    }
    await pass(HEARTBEAT);
    expect(dispatcher.losses.workers).toBe(DEAD_WORKERS + 1);
    await ask('first', { items: [result(first, 'late')] }, linkOf());
    expect([results, dispatcher.waiting]).toEqual([[], 1]);
    dispatcher.close();
  });
});

describe('a dispatcher', () => {
  it('is drained when it has nothing, and not before the last message is done', async () => {
    const { add, ask, dispatcher, pass } = ground();
    const drained = vi.fn();
    dispatcher.drained().then(drained);
    await pass(0);
    expect(drained).toHaveBeenCalledTimes(1);
    add('1', '2');
    const first = await ask('a', { want: 2 });
    for (let i = 0; i < 2; i++) dispatcher.drained().then(drained);
    await ask('a', { items: [result(first, 'r1')] });
    expect(drained).toHaveBeenCalledTimes(1);
    await ask('a', { items: [result(first, 'r2', { at: 1 })] });
    expect(drained).toHaveBeenCalledTimes(3);
    dispatcher.close();
  });
});

describe('a worker', () => {
  it('is told by its name, what it holds, and the time since it was heard of', async () => {
    const { add, ask, dispatcher, pass } = ground();
    add('1');
    await pass(5_000);
    await ask('a', { want: 1 });
    await pass(300.4);
    expect(dispatcher.workers).toEqual([{ name: 'na', holds: 1, silent: 300 }]);
    dispatcher.close();
  });
});

describe('work that is pushed', () => {
  it('is what nobody asks for, and is in flight until its result is back', async () => {
    const { add, dispatcher, peers, pushed, pass } = ground();
    add('1');
    const drained = vi.fn();
    dispatcher.drained().then(drained);
    expect(pushed).toEqual([]);
    peers(1);
    await pass(0);
    expect([pushed, dispatcher.waiting, dispatcher.inFlight]).toEqual([['1'], 0, 1]);
    const message = palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('r') });
    const other = codec.encode({ ...message, client: 'd/1' }).slice();
    const own = codec.encode(message).slice();
    expect(dispatcher.pushedCameBack([other, own])).toEqual({ results: [own], refused: 1 });
    await pass(0);
    expect([dispatcher.inFlight, drained.mock.calls.length]).toEqual([0, 1]);
    dispatcher.close();
  });

  it('is lost with the last worker that is pushed to', async () => {
    const { add, dispatcher, peers, pass } = ground();
    peers(1);
    add('1');
    await pass(0);
    const drained = vi.fn();
    dispatcher.drained().then(drained);
    peers(0);
    await pass(0);
    expect([dispatcher.inFlight, drained.mock.calls.length]).toEqual([0, 1]);
    dispatcher.close();
  });

  it('is as much as those that ask would get while some ask, and is forgotten in time', async () => {
    const { add, dispatcher, peers, pushed, ask, pass } = ground();
    await ask('a');
    peers(1);
    add('1', '2', '3');
    await pass(0);
    expect(pushed).toEqual(['1']);
    for (let time = 0; time < 12; time++) {
      await pass(HEARTBEAT);
      await ask('a');
    }
    expect(pushed).toEqual(['1', '2']);
    dispatcher.close();
  });

  it('makes room for more', async () => {
    const message = palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('1') });
    const room = 4 * costOf(codec.encode(message));
    const budgets = { waiting: new ByteBudget(room), out: new ByteBudget(2 ** 28) };
    const { add, dispatcher, peers, pass } = ground({ budgets });
    const flushed = vi.fn();
    add('1', '2', '3', '4').then(flushed);
    await pass(0);
    expect(flushed).not.toHaveBeenCalled();
    peers(1);
    await pass(0);
    expect(flushed).toHaveBeenCalledWith(true);
    dispatcher.close();
  });
});

const MOST_RESULTS = 3;
const totalOf = (text: string) => 1 + (Number(text) % MOST_RESULTS);

const aStep = fc.record({
  what: fc.constantFrom('add', 'ask', 'give', 'return', 'leave', 'repeat', 'cut', 'die', 'wait', 'silence'),
  worker: fc.nat(2),
  count: fc.integer({ min: 1, max: 5 }),
});

describe('a dispatcher whose workers die', () => {
  it('settles each message once, and passes each result on once and in order, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
        const ground = new ModelGround();
        const workers = ['a', 'b', 'c'].map((id) => ground.worker(id));
        for (const { what, worker: index, count } of steps) {
          const worker = workers[index];
          if (worker === undefined) continue;
          const total = totalOf(worker.held[0]?.text ?? '0');
          if (what === 'add') await ground.add(count);
          else if (what === 'ask') await worker.ask(count);
          // The answer is lost with the link; the request comes again, and with it the same work.
          else if (what === 'repeat') await worker.ask(count, [], 2);
          else if (what === 'give') await worker.give(count, total, 1 + (count % 2));
          else if (what === 'return') await worker.giveBack();
          else if (what === 'leave') workers[index] = await worker.leave();
          else if (what === 'cut') worker.breakLink();
          else if (what === 'die') workers[index] = worker.die();
          else if (what === 'wait') await ground.pass((count * HEARTBEAT) / 3);
          else await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
          expect(ground.handOver.inFlight).toBeLessThanOrEqual(ground.added);
        }
        // Silence is no death: what the last of them hold is for others once their links end.
        for (const worker of workers) worker.breakLink();
        await finish(ground);
        expect(vi.getTimerCount()).toBe(0);
        expectOneEnd(ground);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('gives the messages of a killed worker to others soon, but not before it could be back', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await b.ask(1);
    a.breakLink();
    await ground.pass(HEARTBEAT / 3);
    await b.ask(1);
    expect(b.held).toEqual([]);
    await ground.pass(HEARTBEAT / 3);
    await b.ask(1);
    expect(b.held.map(({ text }) => text)).toEqual(['0']);
    await b.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.losses).toEqual({ workers: 1, redelivered: 1, givenUp: 0 });
    ground.handOver.close();
  });

  it('does not wait for a worker whose link was silent for two heartbeats before it broke', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await ground.pass(2 * HEARTBEAT);
    a.breakLink();
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('never counts a worker as dead whose function blocks its event loop', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    for (let time = 0; time < 4 * WORKER_TIMEOUT; time += HEARTBEAT) {
      await ground.pass(HEARTBEAT);
      await b.ask(1);
    }
    expect(b.held).toEqual([]);
    expect(ground.handOver.workers).toContainEqual(expect.objectContaining({ name: 'a', holds: 1 }));
    expect(ground.log).toEqual([['worker is silent, and its link is there', { worker: 'a', held: 1 }]]);
    await a.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.losses).toEqual({ workers: 0, redelivered: 0, givenUp: 0 });
    ground.handOver.close();
  });

  it('counts a silent worker as dead as soon as its link ends', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await ground.pass(2 * WORKER_TIMEOUT);
    a.breakLink();
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('forgets a silent worker that holds nothing, which can come again as it was', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await a.ask(0);
    await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
    expect(ground.handOver.workers).toEqual([]);
    await ground.add();
    await a.ask(1);
    expect(a.held).toHaveLength(1);
    await a.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    ground.handOver.close();
  });

  it('counts a worker as dead after a long silence when its link cannot be watched', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    a.isUnwatched = true;
    await ground.add();
    await a.ask(1);
    await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('counts no worker as dead because the Master itself did nothing for a while', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await ground.add();
    await a.ask(1);
    const before = performance.now();
    const now = vi.spyOn(performance, 'now').mockImplementation(() => before + 10 * WORKER_TIMEOUT);
    await ground.pass(HEARTBEAT);
    expect(ground.handOver.workers).toHaveLength(1);
    now.mockRestore();
    ground.handOver.close();
  });

  it('takes the first result, even from a worker that was wrongly counted as dead', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    a.breakLink();
    await ground.pass(HEARTBEAT);
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    await a.give(1, 1);
    await b.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('counts a request once that a dead worker sends again when it is back', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await ground.add();
    await a.ask(1);
    const [item] = a.held;
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(HEARTBEAT);
    expect(ground.handOver.losses.workers).toBe(1);
    await a.repeatLast();
    expect(ground.results).toEqual(['0:1', '0:2']);
    if (item !== undefined) a.held.unshift(item);
    await a.give(2, 4);
    expect(ground.results).toEqual(['0:1', '0:2', '0:3', '0:4']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('does not pass results on again when another worker runs the message', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(2 * HEARTBEAT);
    await b.ask(1);
    await b.give(1, 4);
    await b.give(3, 4);
    expect(ground.results).toEqual(['0:1', '0:2', '0:3', '0:4']);
    ground.handOver.close();
  });

  it('gives up a message that kills its workers, and no message beside it', async () => {
    const ground = new ModelGround();
    await ground.add(5);
    let worker = ground.worker('a');
    let deaths = 0;
    for (let round = 0; round < 40 && ground.handOver.inFlight > 0; round++) {
      await worker.ask(5);
      const [item] = worker.held;
      if (item?.text === '2') {
        deaths++;
        worker = worker.die();
        await ground.pass(2 * HEARTBEAT);
      } else if (item !== undefined) await worker.give(1, 1);
    }
    expect(deaths).toBe(MAX_DELIVERIES);
    expect(ground.givenUp).toEqual(['2']);
    expect([...ground.results].sort()).toEqual(['0:1', '1:1', '3:1', '4:1']);
    ground.handOver.close();
  });

  it('counts the workers that died, and their messages once: given to others, or given up', async () => {
    const ground = new ModelGround();
    await ground.add();
    let worker = ground.worker('a');
    for (let death = 1; death <= MAX_DELIVERIES; death++) {
      await worker.ask(1);
      expect(worker.held).toHaveLength(1);
      worker = worker.die();
      await ground.pass(2 * HEARTBEAT);
      const givenUp = Number(death === MAX_DELIVERIES);
      expect(ground.handOver.losses).toEqual({ workers: death, redelivered: death - givenUp, givenUp });
    }
    expect(ground.givenUp).toEqual(['0']);
    ground.handOver.close();
  });

  it('passes a failure of a second run on, though an earlier run had results', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(2 * HEARTBEAT);
    await b.ask(1);
    await b.fail('0:failed');
    expect(ground.results).toEqual(['0:1', '0:2', '0:failed']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('refuses requests in the name of a worker that has left', async () => {
    const ground = new ModelGround();
    const worker = ground.worker('a');
    await worker.ask(0);
    await worker.leave();
    await expect(worker.ask(1)).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(ground.handOver.workers).toEqual([]);
    ground.handOver.close();
  });

  it('takes results of as many requests of a worker as may wait to be gathered, and more once they are', async () => {
    const ground = new ModelGround();
    const worker = ground.worker('a');
    const gathering = deferred<void>();
    ground.gathering = gathering.promise;
    await ground.add(WORKER_RESULTS + 2);
    await worker.ask(WORKER_RESULTS + 2);
    for (let i = 0; i < WORKER_RESULTS; i++) await worker.give(1, 1);
    await expect(worker.give(1, 1)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    gathering.resolve();
    await ground.pass(0);
    for (let i = 0; i < 3; i++) await worker.give(1, 1);
    expect(ground.results).toHaveLength(WORKER_RESULTS + 1);
    ground.handOver.close();
  });

  it('gives a message with one worker left to it alone, and that worker no other meanwhile', async () => {
    const ground = new ModelGround();
    let worker = ground.worker('a');
    await ground.add(2);
    for (let death = 1; death < MAX_DELIVERIES; death++) {
      await worker.ask(4);
      expect(worker.held).toHaveLength(2);
      worker = worker.die();
      await ground.pass(2 * HEARTBEAT);
    }
    await ground.add(6);
    const [one, other] = [ground.worker('one'), ground.worker('other')];
    await one.ask(4);
    expect(one.held.map(({ text }) => text)).toEqual(['0']);
    await one.ask(4);
    expect(one.held).toHaveLength(1);
    await other.ask(4);
    expect(other.held.map(({ text }) => text)).toEqual(['1']);
    expect(one.held).toHaveLength(1);
    await one.give(1, 1);
    expect(one.held.map(({ text }) => text)).toEqual(['2', '3', '4', '5']);
    ground.handOver.close();
  });
});

/** New workers do what is left. */
async function finish(ground: ModelGround): Promise<void> {
  await ground.pass(2 * WORKER_TIMEOUT);
  const last = ground.worker('last');
  for (let round = 0; ground.handOver.inFlight > 0; round++) {
    expect(round).toBeLessThan(2_000);
    await last.ask(5);
    while (last.held.length > 0) await last.give(MOST_RESULTS, totalOf(last.held[0]?.text ?? '0'));
  }
  ground.handOver.close();
}

function expectOneEnd({ results, givenUp, added }: ModelGround): void {
  expect(new Set(givenUp).size).toBe(givenUp.length);
  for (let number = 0; number < added; number++) {
    const text = String(number);
    const own = results.filter((result) => result.startsWith(`${text}:`));
    const whole = Array.from({ length: totalOf(text) }, (_, i) => `${text}:${i + 1}`);
    expect(own).toEqual(givenUp.includes(text) ? whole.slice(0, own.length) : whole);
    if (givenUp.includes(text)) expect(own.length).toBeLessThan(whole.length);
  }
}
