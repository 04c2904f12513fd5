import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { macrotasks } from '../../../../src/async/macrotask.ts';
import {
  type Emit,
  Flow,
  type FlowSettings,
  type Outlet,
  type Source,
} from '../../../../src/cluster/runtime/flow.ts';
import { Meter } from '../../../../src/cluster/runtime/meter.ts';
import { Again } from '../../../../src/cluster/runtime/threads/thread-died.ts';
import { BAD_FRAMES_HOLD, RESULT_HOLD, RUN, UNTIMED_MESSAGES } from '../../../../src/flow-control.ts';
import { atLevel, consoleLogger } from '../../../../src/logging.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Serves one batch with a clock that is a millisecond later each time. Returns how many frames each turn of the event loop had. */
async function turnsOf(frame: Bytes, count: number, step?: () => void): Promise<number[]> {
  const batches: Bytes[][] = [Array.from({ length: count }, () => frame)];
  const turns = [0];
  const flow = new Flow<Bytes>({
    step,
    outlet: { add: () => {}, done: () => {}, flush: async () => true },
    frameOf: (own) => {
      turns.push((turns.pop() ?? 0) + 1);
      return own;
    },
    concurrency: 1,
    meter: new Meter(),
    logger: atLevel(consoleLogger('flow'), 'silent'),
    handsOut: false,
    isIntake: true,
  });
  let time = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => ++time);
  const serving = flow.serve({
    next: async () => {
      const value = batches.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
  });
  let isDone = false;
  serving.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise(setImmediate);
    turns.push(0);
  }
  return turns.filter((had) => had > 0);
}

it('leaves the turn to others sooner while frames are not envelopes', async () => {
  const good = new EnvelopeCodec().encode(palmMessage({ client: 'me/1', function: 's.f' }));
  const bad: Bytes = new Uint8Array([0xff]);
  expect(Math.max(...(await turnsOf(good, 40, () => {})))).toBe(RESULT_HOLD + 1);
  for (const step of [() => {}, undefined])
    expect(Math.max(...(await turnsOf(bad, 40, step)))).toBe(BAD_FRAMES_HOLD + 1);
});

it('looks at the clock a few times only where nothing is done with frames', async () => {
  const good = new EnvelopeCodec().encode(palmMessage({ client: 'me/1', function: 's.f' }));
  const most = (RESULT_HOLD + 1) * UNTIMED_MESSAGES;
  expect(Math.max(...(await turnsOf(good, 2 * most)))).toBe(most);
});

it('records no stack for the frames of a flood that are not envelopes', async () => {
  const good = new EnvelopeCodec().encode(palmMessage({ client: 'me/1', function: 's.f' }));
  const bad: Bytes = new Uint8Array([0xff]);
  const decode = EnvelopeCodec.prototype.decode;
  const limits: (number | undefined)[] = [];
  vi.spyOn(EnvelopeCodec.prototype, 'decode').mockImplementation(function (this: EnvelopeCodec, ...args) {
    limits.push(Error.stackTraceLimit);
    return decode.apply(this, args);
  });
  const before = Error.stackTraceLimit;
  // One of its own: what another test leaves does not count.
  const standard = 7;
  Error.stackTraceLimit = standard;
  const meter = new Meter();
  const batches: Bytes[][] = [[bad, bad, bad, good, good, bad]];
  const source: Source<Bytes> = {
    next: async () => {
      const value = batches.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
  };
  const steps: string[] = [];
  const flow = new Flow<Bytes>({
    step: ({ client }) => steps.push(client),
    outlet: { add: () => {}, done: () => {}, flush: async () => true },
    frameOf: (frame) => frame,
    concurrency: 1,
    meter,
    logger: atLevel(consoleLogger('flow'), 'silent'),
    handsOut: false,
    isIntake: true,
  });
  await flow.serve(source);
  expect(limits).toEqual([standard, 0, 0, 0, standard, standard]);
  expect(Error.stackTraceLimit).toBe(standard);
  Error.stackTraceLimit = before;
  expect({ steps, dropped: meter.tally.dropped }).toEqual({ steps: ['me/1', 'me/1'], dropped: 4 });
});

const codec = new EnvelopeCodec();
const frameOf = (text: string): Bytes =>
  codec.encode(palmMessage({ client: 'c/1', function: 's.f', payload: bytes(text) })).slice();
const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
};

/** A flow whose steps a test ends, and what came of it, in order. */
function ground(options: Partial<FlowSettings<string>> = {}) {
  // After some time results leave early.
  vi.spyOn(performance, 'now').mockReturnValue(0);
  const log: string[] = [];
  const begun = new Map<
    string,
    Deferred<unknown> & {
      readonly emit: Emit;
      readonly message: PalmMessage;
      readonly again: Again | undefined;
    }
  >();
  const meter = new Meter();
  const counters = meter.tally;
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const flow = new Flow<string>({
    step: (message, emit, again) => {
      const end = deferred<unknown>();
      const text = textOf(message.payload);
      log.push(`begin ${text}`);
      begun.set(text, { ...end, emit, message, again });
      return end.promise;
    },
    outlet: {
      add: ({ payload }, of) => void log.push(`${of} gave ${textOf(payload)}`),
      done: (of) => void log.push(`${of} done`),
      flush: async () => {
        log.push('flush');
        return true;
      },
    },
    frameOf,
    concurrency: 1,
    meter,
    logger,
    handsOut: true,
    isIntake: true,
    ...options,
  });
  const serve = (...batches: (readonly string[])[]) => {
    const source: Source<string> = {
      next: async () => {
        const value = batches.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      release: (item: string) => void log.push(`${item} released`),
      held: () => void log.push('held'),
    };
    const served = { is: false, source };
    flow.serve(source).then(() => {
      served.is = true;
    });
    return served;
  };
  const end = async (text: string, outcome?: unknown) => {
    begun.get(text)?.resolve(outcome);
    await settle();
  };
  const emit = (text: string, result: string, isLast?: boolean) => {
    const own = begun.get(text);
    return own?.emit({ ...own.message, payload: bytes(result) }, isLast);
  };
  /** What came since the last call, without flushes. */
  const came = () => log.splice(0).filter((line) => line !== 'flush');
  return { flow, log, came, counters, meter, logger, serve, end, emit, begun };
}

describe('messages whose step ends in its own turn', () => {
  it('have their results leave together, each before its end', async () => {
    const { log, serve, counters, flow } = ground({
      step: (message, emit) => {
        expect(emit(message)).toBeUndefined();
      },
    });
    const served = serve(['a', 'b'], ['c']);
    await settle();
    expect(log).toEqual([
      ...['a gave a', 'a done', 'a released', 'b gave b', 'b done', 'b released', 'flush'],
      ...['c gave c', 'c done', 'c released', 'flush', 'flush'],
    ]);
    expect([served.is, counters.received, flow.running]).toEqual([true, 3, 0]);
  });

  it('need no source that wants to know', async () => {
    const { flow, log } = ground({ step: (message, emit) => emit(message) });
    const batches = [['a'], ['b']];
    await flow.serve({
      next: async () => {
        const value = batches.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    });
    expect(log.filter((line) => line.endsWith('done'))).toEqual(['a done', 'b done']);
  });
});

it('has the clock read when a message begins, and again before anybody hears that it is done', async () => {
  let time = 0;
  const heard: (readonly [what: string, at: number])[] = [];
  const own = ground({
    step: () => {
      time += 20;
    },
    frameOf: (text) => {
      heard.push([`${text} begins`, own.meter.now]);
      return frameOf(text);
    },
    outlet: {
      add: () => {},
      done: (text) => heard.push([`${text} is done`, own.meter.now]),
      flush: async () => true,
    },
  });
  vi.spyOn(performance, 'now').mockImplementation(() => time);
  own.serve(['a', 'b'], ['c']);
  await settle();
  expect(heard).toEqual([
    ['a begins', 0],
    ['a is done', 20],
    ['b begins', 20],
    ['b is done', 40],
    ['c begins', 40],
    ['c is done', 60],
  ]);
});

it('has the clock read before anybody hears that a message is done whose step took time', async () => {
  const heard: number[] = [];
  const own = ground({
    outlet: { add: () => {}, done: () => heard.push(own.meter.now), flush: async () => true },
  });
  own.serve(['a']);
  await settle();
  vi.spyOn(performance, 'now').mockReturnValue(70);
  await own.end('a');
  expect(heard).toEqual([70]);
});

it('has the clock read before anybody hears that a message is done with its last result', async () => {
  const heard: number[] = [];
  const own = ground({
    outlet: { add: () => {}, done: () => heard.push(own.meter.now), flush: async () => true },
  });
  own.serve(['a']);
  await settle();
  vi.spyOn(performance, 'now').mockReturnValue(70);
  own.emit('a', 'result', true);
  expect(heard).toEqual([70]);
  await own.end('a');
  expect(heard).toEqual([70]);
});

describe('messages whose step takes time', () => {
  it('are worked on as many at a time as is said, and the others wait', async () => {
    const { came, serve, end, flow } = ground({ concurrency: 2 });
    const served = serve(['a', 'b', 'c', 'd']);
    await settle();
    expect([came(), flow.running]).toEqual([['begin a', 'begin b', 'held'], 2]);
    // One of them waits here: the next is not taken out of the batch before it has its place.
    expect(flow.held).toBe(1);
    await end('b');
    expect([came(), flow.running]).toEqual([['b done', 'b released', 'begin c', 'held'], 2]);
    await end('a');
    await end('c');
    expect([came(), flow.running]).toEqual([['a done', 'a released', 'begin d', 'c done', 'c released'], 1]);
    expect([served.is, flow.held]).toEqual([false, 0]);
    await end('d');
    expect([came(), flow.running, served.is]).toEqual([['d done', 'd released'], 0, true]);
  });

  it('keep their order one at a time', async () => {
    const { came, serve, end } = ground();
    serve(['a', 'b']);
    await settle();
    expect(came()).toEqual(['begin a', 'held']);
    await end('a');
    expect(came()).toEqual(['a done', 'a released', 'begin b']);
    await end('b');
  });

  it('need no source that wants to know', async () => {
    const { flow, begun, end } = ground();
    const batches = [['a', 'b']];
    const serving = flow.serve({
      next: async () => {
        const value = batches.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    });
    await settle();
    await end('a');
    expect([...begun.keys()]).toEqual(['a', 'b']);
    flow.cancel(() => true);
    await end('b');
    await serving;
  });

  it('get a place that became free while finished results left', async () => {
    const gate = deferred<boolean>();
    const flush = vi.fn(() => Promise.resolve(true)).mockReturnValueOnce(gate.promise);
    const { serve, end, begun } = ground({ outlet: { add: () => {}, done: () => {}, flush } });
    serve(['a', 'b']);
    await settle();
    await end('a');
    expect([...begun.keys()]).toEqual(['a']);
    gate.resolve(true);
    await settle();
    expect([...begun.keys()]).toEqual(['a', 'b']);
    await end('b');
  });

  it('have finished results leave before others wait for a place', async () => {
    const { log, serve, end } = ground({
      step: (message, emit) => {
        const text = textOf(message.payload);
        if (text === 'a') return emit(message);
        return new Promise(() => {});
      },
    });
    serve(['a', 'b', 'c']);
    await settle();
    expect(log).toEqual(['a gave a', 'a done', 'a released', 'flush', 'held']);
    await end('b');
  });

  it('tell the step when more may come, and whether any is wanted', async () => {
    const { serve, emit, log, end } = ground();
    serve(['a']);
    await settle();
    log.length = 0;
    const more = [emit('a', '1'), emit('a', '2')];
    expect(await Promise.all(more)).toEqual([true, true]);
    // What comes in one turn leaves together.
    expect(log).toEqual(['a gave 1', 'a gave 2', 'flush']);
    expect(await emit('a', '3')).toBe(true);
    expect(log.slice(3)).toEqual(['a gave 3', 'flush']);
    await end('a');
    const unwanted = ground({ outlet: { add: () => {}, done: () => {}, flush: async () => false } });
    unwanted.serve(['a']);
    await settle();
    expect(await unwanted.emit('a', '1')).toBe(false);
    await unwanted.end('a');
  });

  it('are done with their last result, and not once more at their end', async () => {
    const { serve, emit, came, end } = ground();
    serve(['a']);
    await settle();
    emit('a', '1', false);
    expect(came()).toEqual(['begin a', 'a gave 1']);
    emit('a', '2', true);
    expect(came()).toEqual(['a gave 2', 'a done']);
    await end('a');
    expect(came()).toEqual(['a released']);
  });

  it(`let other events in at every ${RUN}th result`, async () => {
    const { serve, emit, end } = ground();
    serve(['a']);
    await settle();
    const later = macrotasks();
    for (let round = 0; round < 2; round++) {
      let isIn = false;
      later(() => {
        isIn = true;
      });
      for (let i = 1; i < RUN; i++) await emit('a', String(i));
      expect(isIn).toBe(false);
      expect(await emit('a', 'last')).toBe(true);
      expect(isIn).toBe(true);
    }
    await end('a');
  });

  it('of several sources share the places', async () => {
    const { serve, end, came } = ground();
    const [one, other] = [serve(['a']), serve(['b'])];
    await settle();
    expect(came()).toEqual(['begin a', 'held']);
    await end('a');
    expect(came()).toEqual(['a done', 'a released', 'begin b']);
    await end('b');
    expect([one.is, other.is]).toEqual([true, true]);
  });

  it('are read anew and run again when the step says so, and end once', async () => {
    const { serve, begun, came, end, flow, emit } = ground();
    const served = serve(['a']);
    await settle();
    const first = begun.get('a');
    const again = new Again(1, 2);
    await end('a', again);
    const second = begun.get('a');
    expect([came(), flow.running, served.is]).toEqual([['begin a', 'begin a'], 1, false]);
    expect([first?.again, second?.again]).toEqual([undefined, again]);
    expect(second?.message).not.toBe(first?.message);
    emit('a', 'r');
    await end('a');
    expect([came(), flow.running, served.is]).toEqual([['a gave r', 'a done', 'a released'], 0, true]);
  });
});

describe('messages that wait for a place and are cancelled', () => {
  it.each([true, false])('are let go of and counted; they came in here: %s', async (isIntake) => {
    const { flow, serve, came, end, counters } = ground({ isIntake });
    const served = serve(['a', 'b', 'c']);
    await settle();
    came();
    expect(flow.cancel((item) => item === 'c')).toBe(0);
    expect(flow.cancel((item) => item === 'b')).toBe(1);
    await settle();
    expect(came()).toEqual(['b done', 'b released', 'held']);
    // It is gone.
    expect(flow.cancel((item) => item === 'b')).toBe(0);
    expect(counters).toMatchObject({ cancelled: 1, received: isIntake ? 2 : 0 });
    await end('a');
    expect(came()).toEqual(['a done', 'a released', 'begin c']);
    await end('c');
    expect([served.is, flow.running]).toEqual([true, 0]);
    expect(counters.received).toBe(isIntake ? 3 : 0);
  });

  it('are no others: those that are worked on go on', async () => {
    const { flow, serve, came, end, counters } = ground();
    serve(['a', 'b']);
    await settle();
    came();
    expect(flow.cancel(() => true)).toBe(1);
    await settle();
    expect(came()).toEqual(['b done', 'b released']);
    await end('a');
    expect([came(), counters.cancelled]).toEqual([['a done', 'a released'], 1]);
  });
});

describe('items', () => {
  it('that are no longer wanted are passed over', async () => {
    const { came, serve, counters } = ground({ frameOf: () => undefined });
    const served = serve(['a']);
    await settle();
    expect([came(), served.is, counters.received]).toEqual([[], true, 0]);
  });

  it('that are not envelopes or messages, or name nobody to answer to, are dropped, and the log says why', async () => {
    const progress = palmMessage({ client: 'c/1', function: 's.f', status: Status.progress });
    const frames = {
      a: new Uint8Array([0xff]),
      b: codec.encode(palmMessage({ function: 's.f' })).slice(),
      c: codec.encode(progress).slice(),
    };
    const { came, serve, counters, logger } = ground({ frameOf: (item) => frames[item as 'a' | 'b' | 'c'] });
    serve(['a', 'b', 'c']);
    await settle();
    expect(came()).toEqual(['a', 'b', 'c'].flatMap((item) => [`${item} done`, `${item} released`]));
    expect(counters).toMatchObject({ received: 3, dropped: 3 });
    expect(logger.warning.mock.calls).toEqual([
      ['bad frame', { size: 1, reason: expect.stringMatching(/./) }],
      ['bad frame', { size: frames.b.length, reason: 'it names no client to answer to' }],
      ['bad frame', { size: frames.c.length, reason: 'it is progress, and no message' }],
    ]);
  });

  it('are passed on where nothing is done with them', async () => {
    const whole = frameOf('a');
    const given: (readonly [PalmMessage, string])[] = [];
    const log: string[] = [];
    const outlet: Outlet<string> = {
      add: (message, of) => void given.push([message, of]),
      done: (of) => void log.push(`${of} done`),
      flush: async () => log.push('flush') > 0,
    };
    const { serve, counters } = ground({ step: undefined, frameOf: () => whole, outlet });
    serve(['a', 'b']);
    await settle();
    const message = codec.decode(whole);
    expect(given).toEqual([
      [message, 'a'],
      [message, 'b'],
    ]);
    expect(log.slice(0, 3)).toEqual(['a done', 'b done', 'flush']);
    expect(counters).toMatchObject({ received: 2, dropped: 0 });
  });

  it('give each function a payload of its own, where functions get them', async () => {
    for (const handsOut of [true, false]) {
      const whole = frameOf('a');
      const own: PalmMessage[] = [];
      const { serve } = ground({ frameOf: () => whole, handsOut, step: (message) => void own.push(message) });
      serve(['a']);
      await settle();
      expect(own[0]?.payload.buffer === whole.buffer).toBe(!handsOut);
    }
  });
});
