/** A Master's hand-over when workers leave, come again or are made up while their results wait to be taken. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import { HandOver } from '../../src/cluster/hand-over.ts';
import { atLevel, consoleLogger } from '../../src/logging.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import { encodeWorkRequest, readWorkReply, type WorkItem, WorkKind } from '../../src/protocol/work.ts';
import { bytes } from '../bytes.ts';
import { within } from '../wait.ts';

const codec = new EnvelopeCodec();
const call = (text: string) => palmMessage({ client: 'c', function: 'm.f', payload: bytes(text) });

function open() {
  let room: Promise<void> = Promise.resolve();
  const handOver = new HandOver({
    isVerbatim: false,
    push: { address: '', peers: 0, onPeers: () => {}, send: async () => {}, close: async () => {} },
    onResults: () => room,
    logger: atLevel(consoleLogger(''), 'silent'),
    onGivenUp: () => {},
    heartbeat: 1_000,
    workerTimeout: 60_000,
    maxDeliveries: 3,
  });
  const ask = async (worker: string, sequence: number, want: number, items: readonly WorkItem[] = []) => {
    const leaves = want < 0;
    const request = { worker, name: worker, sequence, want: Math.max(0, want), leaves, isAway: false, items };
    const reply: Bytes = await handOver.answer(codec.decode(encodeWorkRequest(codec, request)));
    return readWorkReply(codec, reply);
  };
  const add = async (text: string) => {
    handOver.add(call(text), bytes(''));
    await handOver.flush();
  };
  /** Has results wait until the function it gives is called. */
  const holdResults = () => {
    const gate = deferred<void>();
    room = gate.promise;
    return () => {
      room = Promise.resolve();
      gate.resolve();
    };
  };
  return { handOver, ask, add, holdResults };
}

const LEAVES = -1;

async function onlyItem(items: Promise<WorkItem[]>): Promise<WorkItem> {
  const [item, ...rest] = await within(2_000, items);
  if (item === undefined || rest.length > 0) throw new Error(`${rest.length + 1} items and not one`);
  return item;
}

const finished = ({ lease, frame }: WorkItem): WorkItem => ({ lease, kind: WorkKind.done, frame });

describe('handing over', () => {
  it('gives nothing to a worker that left while its last results waited to be taken', async () => {
    const { handOver, ask, add, holdResults } = open();
    await add('first');
    const item = await onlyItem(ask('a', 1, 1));
    const go = holdResults();
    const asking = ask('a', 2, 1, [finished(item)]);
    await within(2_000, ask('a', 3, LEAVES));
    go();
    await Promise.resolve();
    await add('second');
    expect(await within(2_000, asking)).toEqual([]);
    await onlyItem(ask('b', 1, 1));
    handOver.close();
  });

  it('answers who asked again after a break, and not the link that broke', async () => {
    const { handOver, ask, add, holdResults } = open();
    await add('first');
    const item = await onlyItem(ask('a', 1, 1));
    const go = holdResults();
    const lost = ask('a', 2, 1, [finished(item)]);
    const again = ask('a', 2, 1, [finished(item)]);
    go();
    expect(await within(2_000, lost)).toEqual([]);
    await add('second');
    await onlyItem(again);
    handOver.close();
  });

  it('remembers no more than a few thousand workers that hold nothing, and all that hold something', async () => {
    const { handOver, ask, add } = open();
    await add('kept');
    const item = await onlyItem(ask('holder', 1, 1));
    for (let i = 0; i < 10_000; i++) await ask(`made up ${i}`, 1, 0, [finished(item)]);
    expect(handOver.workers.length).toBeLessThan(5_000);
    expect(handOver.workers).toContainEqual(expect.objectContaining({ name: 'holder', holds: 1 }));
    await ask('holder', 2, 0, [finished(item)]);
    expect(handOver.inFlight).toBe(0);
    handOver.close();
  });

  it('numbers its leases unlike the Master before it', async () => {
    const first = open();
    const second = open();
    await first.add('old');
    await second.add('new');
    const old = await onlyItem(first.ask('a', 1, 1));
    await onlyItem(second.ask('b', 1, 1));
    await second.ask('a', 2, 0, [finished(old)]);
    expect(second.handOver.inFlight).toBe(1);
    first.handOver.close();
    second.handOver.close();
  });
});
