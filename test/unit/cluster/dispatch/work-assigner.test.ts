/** Who gets which waiting messages: workers that ask, evenly and in their turn, and workers that are pushed to. */
import { describe, expect, it, vi } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { LeasedWorker } from '../../../../src/cluster/dispatch/leased-worker.ts';
import { Leases } from '../../../../src/cluster/dispatch/leases.ts';
import { WorkAssigner } from '../../../../src/cluster/dispatch/work-assigner.ts';
import { WORK_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { progressField } from '../../../../src/protocol/progress.ts';
import type { WorkItem } from '../../../../src/protocol/work-request.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { callOf } from '../../../support/leased-call.ts';

const settle = () => new Promise(setImmediate);
const codec = new EnvelopeCodec();

function ground({ maxDeliveries = 3, peers = 0, outLimit = 2 ** 30 } = {}) {
  const budgets = { waiting: new ByteBudget(2 ** 30), out: new ByteBudget(outLimit) };
  const leases = new Leases(maxDeliveries, budgets);
  const pushed: string[] = [];
  const state = { peers, hasLeased: true, refuses: false };
  const push = {
    address: '',
    get peers() {
      return state.peers;
    },
    onPeers: () => {},
    send: async (frames: readonly Bytes[]) => {
      if (state.refuses) throw new Error('gone');
      pushed.push(...frames.map(nameOf));
    },
    close: async () => {},
  };
  const onAssigned = vi.fn();
  const onProgress = vi.fn<(progress: PalmMessage) => void>();
  const batches: (readonly WorkItem[])[] = [];
  const assigner = new WorkAssigner({
    leases,
    push,
    out: budgets.out,
    hasLeasedWorkers: () => state.hasLeased,
    encode: (items) => {
      batches.push(items);
      return bytes(items.map(({ frame }) => nameOf(frame)).join(' '));
    },
    onProgress,
    onAssigned,
  });
  const add = (...names: string[]) => {
    for (const name of names)
      leases.add(codec.encode(palmMessage({ client: 'c/1', payload: bytes(name) })), callOf('c'));
  };
  const kept = new ByteBudget(1_000_000);
  let sequence = 0;
  /** A worker that waits for so many messages, and what it was given. */
  const worker = (id: string, want: number) => {
    const own = new LeasedWorker(id, id, kept);
    const given: string[] = [];
    const ask = () => {
      own.holdWorkRequest(++sequence, want, 2 ** 40, () => {}).then((answer) => given.push(textOf(answer)));
      assigner.wait(own);
    };
    ask();
    return Object.assign(given, { own, ask });
  };
  return { onProgress, leases, assigner, add, worker, pushed, state, onAssigned, batches, budgets };
}

function nameOf(frame: Bytes): string {
  return textOf(codec.decode(frame).payload).slice(0, 8);
}

describe('workers that wait for work', () => {
  it('share what waits evenly, the one that has waited longest first', async () => {
    const { assigner, add, worker, leases } = ground();
    const [a, b, c] = [worker('a', 10), worker('b', 10), worker('c', 10)];
    add('1', '2', '3', '4', '5', '6', '7');
    assigner.assign();
    await settle();
    expect([[...a], [...b], [...c]]).toEqual([['1 2 3'], ['4 5'], ['6 7']]);
    expect([leases.waiting, leases.holds('a'), leases.holds('b')]).toEqual([0, 3, 2]);
  });

  it('get no more than they want, and what is left goes to the others', async () => {
    const { assigner, add, worker, leases } = ground();
    const [a, b] = [worker('a', 1), worker('b', 2)];
    add('1', '2', '3', '4');
    assigner.assign();
    await settle();
    expect([[...a], [...b], leases.waiting]).toEqual([['1'], ['2 3'], 1]);
  });

  it('wait on where nothing waits for them, and are given what comes', async () => {
    const { assigner, add, worker, onAssigned } = ground();
    const a = worker('a', 2);
    assigner.assign();
    await settle();
    expect([[...a], onAssigned.mock.calls.length > 0]).toEqual([[], true]);
    add('1');
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1']);
    // It waits no more until it asks again.
    add('2');
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1']);
    a.ask();
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1', '2']);
  });

  it('are given nothing once they wait no more, and an empty answer when it is time', async () => {
    const { assigner, add, worker, batches } = ground();
    const [a, b] = [worker('a', 2), worker('b', 2)];
    assigner.waitsNoMore(a.own);
    assigner.giveNothing(b.own);
    add('1');
    assigner.assign();
    await settle();
    expect([[...a], [...b], batches]).toEqual([[], [''], [[]]]);
    a.ask();
    assigner.close();
    assigner.assign();
    await settle();
    expect([...a]).toEqual([]);
  });

  it('get nothing more while what workers hold fills its budget', async () => {
    const { assigner, add, worker, leases } = ground({ outLimit: 1 });
    const [a, b] = [worker('a', 1), worker('b', 1)];
    add('1', '2');
    assigner.assign();
    await settle();
    expect([[...a], [...b], leases.waiting]).toEqual([['1'], [], 1]);
  });

  it('get as many bytes at once as fit a reply, and one message of any size', async () => {
    const { assigner, worker, leases } = ground();
    const large = (name: string, size: number) =>
      codec.encode(palmMessage({ client: 'c/1', payload: bytes(name.padEnd(size, '.')) }));
    for (const name of ['1', '2', '3', '4']) leases.add(large(name, WORK_BYTES / 2), callOf('c'));
    const a = worker('a', 10);
    assigner.assign();
    await settle();
    expect(a.join().split(' ').length).toBe(2);
    expect(leases.waiting).toBe(2);
  });

  it('get nothing more in a reply that one message fills', async () => {
    const { assigner, worker, leases } = ground();
    const of = (size: number) => codec.encode(palmMessage({ client: 'c/1', payload: new Uint8Array(size) }));
    const around = of(WORK_BYTES).length - WORK_BYTES;
    const full = of(WORK_BYTES - around).slice();
    expect(full.length).toBe(WORK_BYTES);
    for (const frame of [full, of(1).slice()]) leases.add(frame, callOf('c'));
    const a = worker('a', 10);
    assigner.assign();
    await settle();
    expect([a.length, leases.holds('a'), leases.waiting]).toEqual([1, 1, 1]);
  });
});

describe('messages that must be alone', () => {
  it('go to workers that hold nothing, one to each, and each has its lease', async () => {
    const { assigner, add, worker, leases, batches } = ground({ maxDeliveries: 1 });
    add('1', '2', '3');
    const [a, b] = [worker('a', 10), worker('b', 10)];
    assigner.assign();
    await settle();
    expect([[...a], [...b]]).toEqual([['1'], ['2']]);
    expect(batches.map((items) => items.length)).toEqual([1, 1]);
    expect([leases.alone, leases.holdsAlone('a')]).toEqual([1, true]);
    // It gets no company.
    a.ask();
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1']);
  });

  it('go to one worker where several are free, and the others wait on', async () => {
    const { assigner, add, worker, leases } = ground({ maxDeliveries: 1 });
    add('1');
    const [a, b] = [worker('a', 1), worker('b', 1)];
    assigner.assign();
    add('2');
    assigner.assign();
    await settle();
    expect([[...a], [...b], leases.alone]).toEqual([['1'], ['2'], 0]);
  });

  it('keep workers free: others get no work that would have them busy', async () => {
    const { assigner, add, worker, leases } = ground({ maxDeliveries: 2 });
    add('1');
    const a = worker('a', 1);
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1']);
    leases.died('a');
    expect(leases.alone).toBe(1);
    add('2', '3');
    const b = worker('b', 5);
    assigner.assign();
    await settle();
    expect([...b]).toEqual(['1']);
    const c = worker('c', 5);
    assigner.assign();
    await settle();
    expect([...c]).toEqual(['2 3']);
  });

  it('keep as many workers free as there are of them, and no more', async () => {
    const { assigner, add, worker, leases } = ground({ maxDeliveries: 2 });
    add('1');
    worker('dies', 1);
    assigner.assign();
    const [a, b] = [worker('a', 1), worker('b', 1)];
    add('2', '3');
    assigner.assign();
    leases.died('dies');
    // Both hold something: none of them may take what must be alone.
    a.ask();
    b.ask();
    add('4', '5');
    assigner.assign();
    await settle();
    expect([[...a], [...b]]).toEqual([['2'], ['3', '4']]);
    expect([leases.alone, leases.inCompany]).toEqual([1, 1]);
  });

  it('stay alone with their worker: what else waits goes to another', async () => {
    const { assigner, add, worker, leases } = ground({ maxDeliveries: 2 });
    add('1');
    worker('dies', 1);
    assigner.assign();
    leases.died('dies');
    const a = worker('a', 1);
    assigner.assign();
    a.ask();
    const b = worker('b', 5);
    add('2');
    assigner.assign();
    await settle();
    expect([[...a], [...b]]).toEqual([['1'], ['2']]);
  });

  it('wait while the budget is full', async () => {
    const { assigner, add, worker, leases, budgets } = ground({ maxDeliveries: 1, outLimit: 100 });
    add('1');
    budgets.out.take(100);
    const a = worker('a', 1);
    assigner.assign();
    await settle();
    expect([[...a], leases.alone]).toEqual([[], 1]);
    budgets.out.give(100);
    assigner.assign();
    await settle();
    expect([...a]).toEqual(['1']);
  });
});

describe('workers that are pushed to', () => {
  it('get all of it where no worker asks, those that must be alone too', async () => {
    const { assigner, add, pushed, state, leases } = ground({ peers: 1, maxDeliveries: 1 });
    state.hasLeased = false;
    assigner.peersChanged();
    add('1', '2');
    assigner.assign();
    await settle();
    expect([pushed, leases.waiting, assigner.pushedOut]).toEqual([['1', '2'], 0, 2]);
  });

  it('get their share beside workers that ask, and nothing that must be alone', async () => {
    const { assigner, add, worker, pushed, leases } = ground({ peers: 1 });
    assigner.peersChanged();
    const a = worker('a', 10);
    add('1', '2', '3', '4');
    assigner.assign();
    await settle();
    expect([[...a], pushed, leases.waiting]).toEqual([['1 2'], ['3'], 1]);
    const alone = ground({ peers: 1, maxDeliveries: 1 });
    alone.assigner.peersChanged();
    alone.add('1');
    alone.assigner.assign();
    await settle();
    expect([alone.pushed, alone.leases.alone]).toEqual([[], 1]);
  });

  it('have no part of what waits while each has its share already', async () => {
    const { assigner, add, worker, pushed } = ground({ peers: 1 });
    assigner.peersChanged();
    add('1');
    assigner.assign();
    await settle();
    const a = worker('a', 10);
    add('2', '3', '4', '5');
    assigner.assign();
    await settle();
    expect([[...a], pushed]).toEqual([['2 3 4 5'], ['1']]);
  });

  it('lose nothing when their link does not take it', async () => {
    const { assigner, add, pushed, state, leases } = ground({ peers: 1 });
    state.hasLeased = false;
    state.refuses = true;
    assigner.peersChanged();
    add('1', '2');
    assigner.assign();
    await settle();
    expect([leases.waiting, assigner.pushedOut]).toEqual([2, 0]);
    state.refuses = false;
    assigner.assign();
    await settle();
    expect(pushed).toEqual(['1', '2']);
  });

  it('have their results told from those of nothing that was pushed', async () => {
    const { assigner, add, pushed, state } = ground({ peers: 1 });
    state.hasLeased = false;
    assigner.peersChanged();
    add('1');
    assigner.assign();
    await settle();
    expect(pushed).toEqual(['1']);
    const result = codec.encode(palmMessage({ client: 'c/1', payload: bytes('result') }));
    const strange = codec.encode(palmMessage({ client: 'stranger/1', payload: bytes('made up') }));
    const { results, refused } = assigner.pushedCameBack([result, strange]);
    expect([results.map(nameOf), refused]).toEqual([['result'], 1]);
    expect(assigner.pushedOut).toBe(0);
  });

  it('tell how far they are, which is no result, of messages that were pushed alone', async () => {
    const { assigner, add, state, onProgress } = ground({ peers: 1 });
    state.hasLeased = false;
    assigner.peersChanged();
    add('1');
    assigner.assign();
    await settle();
    const progress = { client: 'c/1', payload: bytes('{"done":1}'), status: Status.progress };
    const frames = [
      palmMessage(progress),
      // Between others of a call that has features, an ordinal and a wish.
      palmMessage({ ...progress, features: 3, ordinal: 7, unknown: progressField('2') }),
      palmMessage({ ...progress, client: 'stranger/1' }),
      // These fail: what they have in their tails is not progress.
      palmMessage({ ...progress, status: Status.failed, error: 'no' }),
      palmMessage({ ...progress, status: 0, unknown: progressField('2') }),
    ].map((message) => codec.encode(message).slice());
    const { results, refused } = assigner.pushedCameBack(frames.slice(0, 3));
    expect([results, refused]).toEqual([[], 1]);
    expect(assigner.pushedOut).toBe(1);
    expect(onProgress.mock.calls.map(([{ client, ordinal }]) => [client, ordinal])).toEqual([
      ['c/1', 0],
      ['c/1', 7],
    ]);
    expect(assigner.pushedCameBack(frames.slice(3))).toMatchObject({ refused: 0, results: { length: 2 } });
    expect([assigner.pushedOut, onProgress.mock.calls.length]).toEqual([0, 2]);
    // Its head is that of the result before, and beyond it cannot be read.
    const spoilt = codec.encode(palmMessage({ ...progress, error: 'xy' })).slice();
    spoilt[spoilt.length - 1] = 0xff;
    expect(assigner.pushedCameBack([spoilt])).toEqual({ results: [], refused: 1 });
  });

  it('get what came while there were none, once they are there', async () => {
    const { assigner, add, pushed, state } = ground();
    state.hasLeased = false;
    add('1');
    assigner.assign();
    await settle();
    expect(pushed).toEqual([]);
    state.peers = 1;
    assigner.peersChanged();
    await settle();
    expect(pushed).toEqual(['1']);
  });
});
