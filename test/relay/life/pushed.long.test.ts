/** Workers that a Master pushes to through a relay, as pylm's do: what they hold is the relay's to remember. */
import { describe, expect, it } from 'vitest';
import { Worker, type WorkerOptions } from '../../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import type { BoundPull, BoundPush } from '../../../src/transport.ts';
import { grounds, type TestGround, testCluster } from '../../support/cluster.ts';
import { notOnce, numberOf, readNumber } from '../../support/jobs.ts';
import { startRelay, toRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';
import { Scissors } from './scissors.ts';

/** Milliseconds that a worker is waited for which is not to come back, and that one may be away under a burden. */
const SHORT = 200;
const LONG = 10_000;
const codec = new EnvelopeCodec();

/** What a Master pushes, by number, and how often each has come back. */
class Bench {
  readonly push: BoundPush;
  readonly times: Uint8Array;
  back = 0;
  readonly #count: number;

  constructor(push: BoundPush, pull: BoundPull, count: number) {
    this.push = push;
    this.#count = count;
    this.times = new Uint8Array(count);
    this.#read(pull);
  }

  /**
   * Pushes all of it, no more than some hundreds ahead of the results, as pylm's brake has it.
   * @param lost - how many need not come back.
   */
  async run(most = 500, lost = 0): Promise<void> {
    for (let next = 0; next < this.#count; ) {
      await until(() => next - this.back < most);
      const frames = [];
      for (; frames.length < 50 && next < this.#count; next++) {
        const message = palmMessage({ client: 'c/1', function: 'master.work', payload: numberOf(next) });
        frames.push(codec.encode(message).slice());
      }
      await this.push.send(frames);
    }
    await until(() => this.back >= this.#count - lost);
  }

  async #read(pull: BoundPull): Promise<void> {
    for await (const frames of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
      for (const frame of frames) {
        const number = readNumber(codec.decode(frame).payload);
        const times = (this.times[number] ?? 0) + 1;
        this.times[number] = times;
        if (times === 1) this.back++;
      }
    }
  }
}

function scene(make: () => TestGround) {
  const open = testCluster(make);
  return async (count: number, resumeWindow = SHORT) => {
    const cluster = open();
    const connection = cluster.own(await cluster.transport.open());
    const push = await connection.bindPush(cluster.any);
    const pull = await connection.bindPull(cluster.any);
    const relay = cluster.own(
      await startRelay({
        transport: cluster.transport,
        servers: { master: { workerPushAddress: push.address, workerPullAddress: pull.address } },
        limits: { resumeWindow },
      }),
    );
    const startWorker = async (url = relay.url, options: Partial<WorkerOptions> = {}) => {
      const worker = await Worker.start({
        transport: toRelay(url),
        dbAddress: 'master',
        pushAddress: 'master',
        pullAddress: 'master/results',
        loggingLevel: 'silent',
        functions: { work: (payload) => payload },
        timeout: 10_000,
        ...options,
      });
      return cluster.own(worker);
    };
    const wire = async () => cluster.own(await startWire(relay.port));
    return { bench: new Bench(push, pull, count), relay, startWorker, wire };
  };
}

const received = (workers: readonly Worker[]) =>
  workers.map(({ counters }) => counters.received).reduce((sum, count) => sum + count);

describe.each(grounds)('on %s', (_, make) => {
  const open = scene(make);

  it('do all there is, each message once', async () => {
    const { bench, startWorker } = await open(4_000);
    const workers = await Promise.all([startWorker(), startWorker()]);
    await within(15_000, bench.run(), 'the work');
    expect(notOnce(bench.times)).toEqual([]);
    for (const worker of workers) expect(received([worker])).toBeGreaterThan(400);
  }, 30_000);

  it('are cut and go on: nothing is lost, and nothing is run twice', async () => {
    const { bench, startWorker, wire } = await open(4_000, LONG);
    const cut = await wire();
    const workers = await Promise.all([startWorker(cut.url), startWorker(cut.url)]);
    const scissors = new Scissors(cut, 4);
    const cutting = scissors.run(50);
    await within(20_000, bench.run(), 'the work');
    scissors.isOver = true;
    await within(3_000, cutting, 'the cuts');
    expect(scissors.cuts).toBeGreaterThan(5);
    expect(notOnce(bench.times)).toEqual([]);
    expect(received(workers)).toBe(4_000);
  }, 30_000);

  it('one vanishes before it took anything: all of it is for the next', async () => {
    const { bench, startWorker, wire } = await open(400);
    const cut = await wire();
    const stuck = await startWorker(cut.url, { functions: { work: () => new Promise(() => {}) } });
    const run = bench.run();
    await within(
      3_000,
      until(() => stuck.counters.inFlight === 1),
    );
    cut.isOpen = false;
    cut.cut('rst');
    await startWorker();
    await within(5_000, run, 'the work');
    expect(notOnce(bench.times)).toEqual([]);
  }, 30_000);

  it('one vanishes in the middle: what it has not finished is for the other', async () => {
    const { bench, startWorker, wire } = await open(4_000);
    const cut = await wire();
    const [, vanishing] = await Promise.all([startWorker(), startWorker(cut.url)]);
    const run = bench.run();
    await within(
      5_000,
      until(() => bench.back > 1_500),
    );
    cut.isOpen = false;
    cut.cut('rst');
    await within(10_000, run, 'the work');
    expect(received([vanishing])).toBeGreaterThan(0);
    // What it had begun may have come back before it vanished, and then once more.
    expect([...bench.times].filter((count) => count === 0)).toEqual([]);
    expect([...bench.times].filter((count) => count > 1).length).toBeLessThanOrEqual(32);
  }, 30_000);

  it('one closes in the middle: it finishes what it has, and the rest is for the other', async () => {
    const { bench, startWorker } = await open(5_000);
    const workers = await Promise.all([startWorker(), startWorker()]);
    const run = bench.run();
    for (let round = 1; round <= 4; round++) {
      await within(
        5_000,
        until(() => bench.back > 1_000 * round),
      );
      workers.push(await startWorker());
      await within(2_000, workers.shift()?.close() ?? Promise.resolve(), 'closing');
    }
    await within(10_000, run, 'the work');
    expect(notOnce(bench.times)).toEqual([]);
  }, 30_000);

  it('one that is away for too long works again when it is back, and goes on with nothing of before', async () => {
    const { bench, startWorker, wire, relay } = await open(800);
    const cut = await wire();
    const worker = await startWorker(cut.url, {
      functions: { work: (payload) => new Promise((resolve) => setTimeout(resolve, 1, payload)) },
    });
    // What it is at when the link breaks it has taken: its result is lost with the session.
    const run = bench.run(100, 3);
    for (let round = 1; round <= 3; round++) {
      await within(
        5_000,
        until(() => bench.back > 200 * round),
      );
      cut.isOpen = false;
      cut.cut('rst');
      while ((await relay.figure('sessions')) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      cut.isOpen = true;
    }
    await within(10_000, run, 'the work');

    expect([...bench.times].filter((count) => count === 0).length).toBeLessThanOrEqual(3);
    expect([...bench.times].filter((count) => count > 1).length).toBeLessThanOrEqual(48);
    expect(worker.counters.inFlight).toBeLessThanOrEqual(1);
  }, 30_000);
});
