/** In which lane of a server the calls of a client wait. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NATS_LANES } from '../../../../src/flow-control.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import { CallLanes } from '../../../../transports/nats/call-lanes.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import type { Session } from '../../../../transports/nats/session.ts';
import { bytes } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const KNOWN = 1_000;
const KEPT = 10_000;
const LOOK_TIMEOUT = 500;
const MOST_CALLS = 16;

const codec = new EnvelopeCodec();
const cluster = new ClusterNames('palm');
const names = cluster.server('nats:server');

/** A message of a job, or with `isSingle` an eval. */
function frameOf(client: string, isSingle = false) {
  const features = isSingle ? Feature.batches | Feature.single : Feature.batches;
  return codec.encode(palmMessage({ client, function: 's.f', features })).slice();
}

/** A NATS in whose lanes so much waits and is given. */
function natsWith(waiting: readonly number[], given: readonly number[] = []) {
  const asked: string[] = [];
  const info = async (stream: string, consumer: string) => {
    asked.push(`${stream} ${consumer}`);
    const lane = consumer === 'frond' ? 0 : Number(consumer.slice('frond-'.length)) - 1;
    return { num_pending: waiting[lane] ?? 0, num_ack_pending: given[lane] ?? 0 };
  };
  return { session: { manager: { consumers: { info } } } as unknown as Session, asked };
}

/** The number of the lane that a frame is put in, counted from 1. */
function laneOf(lanes: CallLanes, frame: ReturnType<typeof frameOf>, server = names): number {
  const { consumer } = lanes.queueOf(frame, server);
  return consumer === 'frond' ? 1 : Number(consumer.slice('frond-'.length));
}

describe('a client that begins', () => {
  it('is put where least waits, whether it was given to a server or not', async () => {
    const lanes = new CallLanes();
    const { session, asked } = natsWith([5, 1, 0, 4], [0, 1, 3, 0]);
    expect(lanes.mustLook([frameOf('a/1')], names)).toBe(true);
    await lanes.look(session, names);
    expect(asked).toEqual(
      ['frond', 'frond-2', 'frond-3', 'frond-4'].map((own) => `PALM_palm_IN_server ${own}`),
    );
    expect(NATS_LANES).toBe(4);
    expect(laneOf(lanes, frameOf('a/1'))).toBe(2);
    // The one of `a` counts: 3 wait there now, as in the third.
    expect([laneOf(lanes, frameOf('b/1')), laneOf(lanes, frameOf('c/1'))]).toEqual([2, 3]);
  });

  it('is told apart from others, and servers are, too', async () => {
    const lanes = new CallLanes();
    await lanes.look(natsWith([0, 0, 0, 0]).session, names);
    const clients = ['a/1', 'b/1', 'relay/1/1', 'relay/2/1'];
    expect(clients.map((client) => laneOf(lanes, frameOf(client)))).toEqual([1, 2, 3, 4]);
    const other = cluster.server('nats:other');
    expect(lanes.mustLook([frameOf('x/1')], names)).toBe(false);
    expect(lanes.mustLook([frameOf('x/1')], other)).toBe(true);
  });

  it('has nobody asked again for a second, and not for what may pass others, or cannot be read', async () => {
    const lanes = new CallLanes();
    const odd = [frameOf('a/1', true), bytes(''), bytes('no envelope')];
    expect(lanes.mustLook(odd, names)).toBe(false);
    expect(odd.map((frame) => laneOf(lanes, frame as never))).toEqual([1, 1, 1]);
    await lanes.look(natsWith([]).session, names);
    await vi.advanceTimersByTimeAsync(KNOWN - 1);
    expect(lanes.mustLook([frameOf('b/1')], names)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(lanes.mustLook([...odd, frameOf('b/1')], names)).toBe(true);
  });

  it.each([
    ['says no', async () => Promise.reject(new Error('no consumer'))],
    ['says nothing', () => new Promise(() => {})],
  ])('is put in the first lane where NATS %s, within half a second', async (_, info) => {
    const lanes = new CallLanes();
    let isOver = false;
    const looking = lanes.look({ manager: { consumers: { info } } } as unknown as Session, names);
    looking.then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(LOOK_TIMEOUT);
    expect(isOver).toBe(true);
    expect(lanes.mustLook([frameOf('a/1')], names)).toBe(false);
    expect(laneOf(lanes, frameOf('a/1'))).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a client that has begun', () => {
  const full = (lane: number) => natsWith([1, 2, 3, 4].map((own) => (own === lane ? 1_000 : 0))).session;

  it('keeps its lane for a call, however much others have put there and however long it was silent', async () => {
    const lanes = new CallLanes();
    await lanes.look(full(1), names);
    expect(laneOf(lanes, frameOf('a/1'))).toBe(2);
    lanes.answered('a/1', 1);
    await vi.advanceTimersByTimeAsync(10 * KEPT);
    expect(lanes.mustLook([frameOf('a/1')], names)).toBe(false);
    await lanes.look(full(2), names);
    expect(laneOf(lanes, frameOf('a/1'))).toBe(2);
  });

  it('keeps it for its other calls while one has no answer, for 10 s from the last', async () => {
    const lanes = new CallLanes();
    await lanes.look(full(1), names);
    for (const call of ['a/1', 'a/1', 'a/2']) expect(laneOf(lanes, frameOf(call))).toBe(2);
    lanes.answered('a/1', 2);
    lanes.answered('a/unknown', 1);
    lanes.answered('b/2', 1);
    await vi.advanceTimersByTimeAsync(KEPT - 1);
    await lanes.look(full(2), names);
    expect(laneOf(lanes, frameOf('a/3'))).toBe(2);
    await vi.advanceTimersByTimeAsync(KEPT);
    expect(lanes.mustLook([frameOf('a/4')], names)).toBe(true);
    await lanes.look(full(2), names);
    expect(laneOf(lanes, frameOf('a/4'))).toBe(1);
    // A call that has begun stays where it is.
    expect([laneOf(lanes, frameOf('a/3')), laneOf(lanes, frameOf('a/4'))]).toEqual([2, 1]);
  });

  it('may begin in another when all is answered', async () => {
    const lanes = new CallLanes();
    await lanes.look(full(1), names);
    for (const call of ['a/1', 'a/2']) laneOf(lanes, frameOf(call));
    lanes.answered('a/1', 1);
    // More than was asked for.
    lanes.answered('a/2', 5);
    await lanes.look(full(2), names);
    expect(laneOf(lanes, frameOf('a/3'))).toBe(1);
    lanes.answered('a/3', 1);
    await lanes.look(full(1), names);
    expect(laneOf(lanes, frameOf('a/4'))).toBe(2);
  });

  it('is known by its last 16 calls', async () => {
    const lanes = new CallLanes();
    await lanes.look(full(1), names);
    for (let i = 0; i < MOST_CALLS; i++) laneOf(lanes, frameOf(`a/${i}`));
    // The first was heard of again, so the second is the oldest.
    laneOf(lanes, frameOf('a/0'));
    laneOf(lanes, frameOf('a/more'));
    await vi.advanceTimersByTimeAsync(KEPT);
    expect([0, 1, 2].map((i) => lanes.mustLook([frameOf(`a/${i}`)], names))).toEqual([false, true, false]);
  });
});

it('clients beyond 16,384 push out the one that was heard of longest ago', async () => {
  const lanes = new CallLanes();
  for (let i = 0; i < 16_384; i++) lanes.queueOf(frameOf(`${i}/x`), names);
  lanes.queueOf(frameOf('0/x'), names);
  lanes.queueOf(frameOf('one more/x'), names);
  expect(['0/x', '1/x', '2/x'].map((call) => lanes.mustLook([frameOf(call)], names))).toEqual([
    false,
    true,
    false,
  ]);
});

it('the messages of a call are in one lane, whatever else happens', async () => {
  const aCall = fc.tuple(fc.constantFrom('a', 'b', 'relay/1'), fc.constantFrom('1', '2', '3'));
  const aStep = fc.oneof(
    {
      weight: 6,
      arbitrary: aCall.map(([client, call]) => ({ kind: 'sent', call: `${client}/${call}` }) as const),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(aCall, fc.nat(3))
        .map(([[client, call], count]) => ({ kind: 'answered', call: `${client}/${call}`, count }) as const),
    },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.nat(9), { minLength: 4, maxLength: 4 })
        .map((waiting) => ({ kind: 'look', waiting }) as const),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(1, KNOWN, KEPT).map((time) => ({ kind: 'time', time }) as const),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { maxLength: 60, size: 'max' }), async (steps) => {
      const lanes = new CallLanes();
      const where = new Map<string, number>();
      for (const step of steps) {
        if (step.kind === 'answered') lanes.answered(step.call, step.count);
        else if (step.kind === 'look') await lanes.look(natsWith(step.waiting).session, names);
        else if (step.kind === 'time') await vi.advanceTimersByTimeAsync(step.time);
        else {
          const lane = laneOf(lanes, frameOf(step.call));
          expect(lane).toBe(where.get(step.call) ?? lane);
          where.set(step.call, lane);
        }
      }
    }),
  );
});
