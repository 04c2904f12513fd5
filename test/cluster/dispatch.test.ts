/** A Master whose workers leave, come again or are made up while their results wait to be gathered. */
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/async/byte-budget.ts';
import { deferred } from '../../src/async/deferred.ts';
import { Dispatcher } from '../../src/cluster/dispatch/dispatcher.ts';
import { atLevel, consoleLogger } from '../../src/logging.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import { bytes } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

const codec = new EnvelopeCodec();
const call = (text: string) => palmMessage({ client: 'c', function: 'm.f', payload: bytes(text) });

function open(budgets = { waiting: new ByteBudget(2 ** 26), out: new ByteBudget(2 ** 28) }) {
  let room: Promise<void> = Promise.resolve();
  const handOver = new Dispatcher({
    isVerbatim: false,
    budgets,
    push: { address: '', peers: 0, onPeers: () => {}, send: async () => {}, close: async () => {} },
    onProgress: () => {},
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

describe('a dispatcher', () => {
  it('gives no work to a worker that left while its last results waited to be gathered', async () => {
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

  it('answers a request that was sent again after a break, and not the one over the broken link', async () => {
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

  it('remembers a few thousand workers that hold nothing, and all that hold messages', async () => {
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

  it('numbers its leases differently from the Master before it', async () => {
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

  it('gives no more work while workers hold as many bytes as they may, and goes on as they finish', async () => {
    const out = new ByteBudget(1);
    const { handOver, ask, add } = open({ waiting: new ByteBudget(2 ** 26), out });
    await add('first');
    await add('second');
    const item = await onlyItem(ask('a', 1, 1));
    const asking = ask('b', 1, 1);
    await add('third');
    expect(handOver.waiting).toBe(2);
    await ask('a', 2, 0, [finished(item)]);
    await onlyItem(asking);
    handOver.close();
    expect(out.used).toBeGreaterThan(0);
  });

  it('keeps answers only for workers that hold their messages, and counts their bytes', async () => {
    const out = new ByteBudget(2 ** 28);
    const { handOver, ask, add } = open({ waiting: new ByteBudget(2 ** 26), out });
    for (let i = 0; i < 20; i++) {
      await add('x'.repeat(10_000));
      const item = await onlyItem(ask(`w${i}`, 1, 1));
      expect(out.used).toBeGreaterThan(20_000);
      expect(out.used).toBeLessThan(25_000);
      await ask(`w${i}`, 2, 0, [finished(item)]);
      expect(out.used).toBe(0);
    }
    handOver.close();
  });

  it('takes results of eight requests of a worker that wait to be gathered, and refuses the ninth', async () => {
    const { handOver, ask, add, holdResults } = open();
    await add('first');
    const item = await onlyItem(ask('a', 1, 1));
    const go = holdResults();
    const openItem = { ...item, kind: WorkKind.open };
    const taken = Array.from({ length: 8 }, (_, i) => ask('a', 2 + i, 0, [openItem]));
    await expect(ask('a', 10, 0, [openItem])).rejects.toMatchObject({ code: 'TOO_LARGE' });
    go();
    await within(2_000, Promise.all(taken));
    await ask('a', 11, 0, [finished(item)]);
    expect(handOver.inFlight).toBe(0);
    handOver.close();
  });

  it('takes messages from each client in turn', async () => {
    const { handOver, ask } = open();
    for (let i = 0; i < 20; i++) handOver.add({ ...call(`heavy ${i}`), client: `heavy/${i}` }, bytes(''));
    handOver.add({ ...call('light'), client: 'light/1' }, bytes(''));
    const seen: string[] = [];
    for (let sequence = 1; sequence <= 4; sequence++) {
      const item = await onlyItem(ask('a', sequence, 1));
      seen.push(codec.decode(item.frame).client.split('/')[0] ?? '');
      // A turn lasts a millisecond.
      for (const end = performance.now() + 2; performance.now() < end; );
    }
    expect(seen).toContain('light');
    handOver.close();
  });
});
