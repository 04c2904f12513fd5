import { afterEach, expect, it, vi } from 'vitest';
import { Flow, type Source } from '../../../../src/cluster/runtime/flow.ts';
import { BAD_FRAMES_HOLD, RESULT_HOLD } from '../../../../src/flow-control.ts';
import { atLevel, consoleLogger } from '../../../../src/logging.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Serves one batch with a clock that is a millisecond later each time. Returns how many frames each turn of the event loop had. */
async function turnsOf(frame: Bytes, count: number): Promise<number[]> {
  const batches: Bytes[][] = [Array.from({ length: count }, () => frame)];
  const turns = [0];
  const flow = new Flow<Bytes>({
    step: () => {},
    outlet: { add: () => {}, done: () => {}, flush: async () => true },
    frameOf: (own) => {
      turns.push((turns.pop() ?? 0) + 1);
      return own;
    },
    concurrency: 1,
    tally: { received: 0, answered: 0, failed: 0, ended: 0, cancelled: 0, dropped: 0 },
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
  expect(Math.max(...(await turnsOf(good, 40)))).toBe(RESULT_HOLD + 1);
  expect(Math.max(...(await turnsOf(new Uint8Array([0xff]), 40)))).toBe(BAD_FRAMES_HOLD + 1);
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
  const standard = Error.stackTraceLimit;
  const tally = { received: 0, answered: 0, failed: 0, ended: 0, cancelled: 0, dropped: 0, inFlight: 0 };
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
    tally,
    logger: atLevel(consoleLogger('flow'), 'silent'),
    handsOut: false,
    isIntake: true,
  });
  await flow.serve(source);
  expect(limits).toEqual([standard, 0, 0, 0, standard, standard]);
  expect(Error.stackTraceLimit).toBe(standard);
  expect({ steps, dropped: tally.dropped }).toEqual({ steps: ['me/1', 'me/1'], dropped: 4 });
});
