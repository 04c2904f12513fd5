/** Work and results that are large: what travels in one request stays within bounds, and all of it arrives. */
import { expect, it } from 'vitest';
import { ByteBudget } from '../../src/async/byte-budget.ts';
import { Dispatcher } from '../../src/cluster/dispatch/dispatcher.ts';
import { LeasedLink } from '../../src/cluster/worker-link/leased-link.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkReply,
  encodeWorkRequest,
  readWorkReply,
  readWorkRequest,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import { clock } from '../support/clock.ts';
import { within } from '../support/wait.ts';

const MEBIBYTE = 1_048_576;
const silent = { debug() {}, info() {}, warning() {}, error() {} };

it('a worker is given no more than a mebibyte beyond one message', async () => {
  const push = {
    address: '',
    peers: 0,
    onPeers() {},
    send: async () => {},
    close: async () => {},
  };
  const handOver = new Dispatcher({
    push,
    onProgress: () => {},
    onResults: async () => {},
    logger: silent,
    isVerbatim: false,
    budgets: { waiting: new ByteBudget(2 ** 26), out: new ByteBudget(2 ** 28) },
    onGivenUp: () => {},
    heartbeat: 1_000,
    workerTimeout: 30_000,
    maxDeliveries: 3,
  });
  const payload = new Uint8Array(300_000);
  for (let i = 0; i < 20; i++)
    handOver.add(palmMessage({ client: 'c/1', function: 's.f', payload }), payload);
  const codec = new EnvelopeCodec();
  const ask = async (sequence: number) => {
    const request = { worker: 'w', name: 'w', sequence, want: 100, leaves: false, isAway: false, items: [] };
    const reply = handOver.answer(codec.decode(encodeWorkRequest(codec, request)));
    await handOver.flush();
    return readWorkReply(new EnvelopeCodec(), await reply);
  };
  const counts: number[] = [];
  for (let sequence = 1; counts.reduce((sum, count) => sum + count, 0) < 20; sequence++) {
    counts.push((await ask(sequence)).length);
  }
  expect(counts).toEqual([4, 4, 4, 4, 4]);
  handOver.close();
});

it('a worker sends its results a mebibyte at a time, and sends the last before it leaves', async () => {
  const codec = new EnvelopeCodec();
  const sizes: number[] = [];
  let results = 0;
  let given = false;
  const ask = async (frame: Bytes): Promise<Bytes> => {
    const request = readWorkRequest(codec.decode(frame));
    sizes.push(frame.length);
    results += request.items.length;
    if (request.want === 0 || given)
      return request.want === 0 ? encodeWorkReply(codec, []) : new Promise(() => {});
    given = true;
    const message = codec.encode(palmMessage({ client: 'c/1', function: 's.f' }));
    const items = Array.from({ length: 12 }, (_, i) => ({
      lease: i + 1,
      kind: WorkKind.open,
      frame: message,
    }));
    return encodeWorkReply(codec, items);
  };
  const work = new LeasedLink({ ask, id: 'me', name: 'w', clock, concurrency: 12 });
  const { value = [] } = await within(5_000, work.next());
  const payload = new Uint8Array(300_000);
  for (const item of value) {
    work.begin(item);
    work.add(palmMessage({ client: 'c/1', payload }), item);
    work.done(item);
  }
  work.stop();
  await within(5_000, work.leave(5_000));
  expect(results).toBe(12);
  for (const size of sizes) expect(size).toBeLessThan(MEBIBYTE + 1_000);
});
