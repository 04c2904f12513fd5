/** Requests in a worker's name over another link: what waits for the worker's own link to end, how long, and what is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { LeasedWorker } from '../../../../src/cluster/dispatch/leased-worker.ts';
import { LinkMoves } from '../../../../src/cluster/dispatch/link-moves.ts';
import { WORKER_MOVES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import {
  encodeWorkReply,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../../../src/protocol/work-request.ts';
import { bytes } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const HEARTBEAT = 1_000;
const WORKER_TIMEOUT = 30_000;
const RESULT: WorkItem = { lease: 1, kind: WorkKind.done, frame: bytes('result') };

function ground(limit = 1_000_000) {
  const budget = new ByteBudget(limit);
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const answered = encodeWorkReply(codec, [{ lease: 7, kind: WorkKind.open, frame: bytes('work') }]);
  const answer = vi.fn((..._call: unknown[]): Bytes | Promise<Bytes> => answered);
  const worker = new LeasedWorker('id', 'name', new ByteBudget(1_000));
  const moves = new LinkMoves({
    budget,
    logger,
    heartbeat: HEARTBEAT,
    workerTimeout: WORKER_TIMEOUT,
  });
  const gone = new Set<() => void>();
  const from = {
    link: 'other',
    onGone: (listener: () => void) => {
      gone.add(listener);
      return () => gone.delete(listener);
    },
  };
  const take = (fields: object = {}, origin: typeof from | undefined = from) => {
    const request = {
      worker: 'id',
      name: 'name',
      sequence: 1,
      want: 1,
      leaves: false,
      isAway: false,
      items: [],
      ...fields,
    };
    const own = { reply: undefined as Bytes | undefined };
    Promise.resolve(moves.take(worker, request, origin, () => answer(request, origin))).then((reply) => {
      own.reply = reply;
    });
    return Object.assign(own, { request });
  };
  const expectNothingLeft = () => {
    expect([budget.used, gone.size, worker.moving, vi.getTimerCount()]).toEqual([0, 0, 0, 0]);
  };
  return { budget, logger, answer, answered, worker, gone, from, take, expectNothingLeft };
}

const settle = () => vi.advanceTimersByTimeAsync(0);
/** What a reply brings, or why it refuses. */
const read = (reply: Bytes | undefined) => {
  if (reply === undefined) return 'nothing yet';
  try {
    return readWorkReply(codec, reply);
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a request in the name of a worker over another link', () => {
  it('is logged, and held within the budget', async () => {
    const own = ground();
    const { reply } = own.take({ items: [RESULT] });
    expect(own.logger.warning.mock.calls).toEqual([
      ['a request in the name of a worker came over another link', { worker: 'name' }],
    ]);
    expect(reply).toBeUndefined();
    expect(own.budget.used).toBeGreaterThan(RESULT.frame.length + 2_000);
    expect([own.worker.moving, own.gone.size, vi.getTimerCount()]).toEqual([1, 1, 1]);
    own.worker.moved();
    await settle();
    own.expectNothingLeft();
  });

  it('is answered as the worker’s own once its old link has ended', async () => {
    const own = ground();
    const held = own.take();
    own.worker.moved();
    await settle();
    expect(held.reply).toBe(own.answered);
    expect(own.answer.mock.calls).toEqual([[held.request, own.from]]);
    own.expectNothingLeft();
  });

  it('gets what the answer fails with as a refusal', async () => {
    const own = ground();
    const held = own.take();
    own.answer.mockImplementation(() => {
      throw new Error('no such worker');
    });
    own.worker.moved();
    await settle();
    expect(read(held.reply)).toContain('no such worker');
    own.expectNothingLeft();
  });

  it('for work gets none after a heartbeat, and comes again', async () => {
    const own = ground();
    const held = own.take();
    await vi.advanceTimersByTimeAsync(HEARTBEAT - 1);
    expect(held.reply).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(read(held.reply)).toEqual([]);
    expect(own.answer).not.toHaveBeenCalled();
    own.expectNothingLeft();
  });

  it('with results is refused when the worker’s link stays: they would count as taken', async () => {
    const own = ground();
    const held = own.take({ items: [RESULT] });
    await vi.advanceTimersByTimeAsync(WORKER_TIMEOUT - 1);
    expect(held.reply).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(read(held.reply)).toContain('this worker has another link');
    own.expectNothingLeft();
  });

  it('is dropped when its own link ends first', async () => {
    const own = ground();
    const held = own.take({ items: [RESULT] });
    for (const listener of own.gone) listener();
    await settle();
    expect(read(held.reply)).toEqual([]);
    expect(own.answer).not.toHaveBeenCalled();
    own.expectNothingLeft();
  });

  it('may come over a link that cannot be watched', async () => {
    const own = ground();
    const held = own.take({}, undefined);
    await settle();
    expect([own.gone.size, held.reply]).toEqual([own.gone.size, undefined]);
    own.worker.moved();
    await settle();
    own.expectNothingLeft();
  });

  it.each([{ isAway: true }, { isAway: true, items: [RESULT] }, { leaves: true }])(
    'that says good-bye changes nothing, and is not held: %j',
    async (fields) => {
      const own = ground();
      const held = own.take(fields);
      await settle();
      expect(read(held.reply)).toEqual([]);
      own.expectNothingLeft();
    },
  );

  it('that leaves its last results is held', async () => {
    const own = ground();
    const held = own.take({ leaves: true, items: [RESULT] });
    await settle();
    expect(held.reply).toBeUndefined();
    own.worker.moved();
    await settle();
    expect(held.reply).toBe(own.answered);
  });
});

describe('too many of them', () => {
  const refusal = expect.objectContaining({
    code: 'TOO_LARGE',
    message: 'too many requests in the name of this worker wait for its old link to end',
  });

  it(`are those beyond ${WORKER_MOVES} of a worker`, async () => {
    const own = ground();
    for (let i = 0; i < WORKER_MOVES; i++) own.take();
    expect(() => own.take()).toThrow(refusal);
    own.worker.moved();
    await settle();
    own.expectNothingLeft();
    own.take();
    own.worker.moved();
    await settle();
    own.expectNothingLeft();
  });

  it('are those for which the budget has no room', async () => {
    const own = ground(1);
    own.take();
    expect(own.budget.isFull).toBe(true);
    expect(() => own.take()).toThrow(refusal);
    own.worker.moved();
    await settle();
    own.expectNothingLeft();
  });
});
