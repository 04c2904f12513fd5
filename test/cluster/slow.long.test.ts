/** Who is slow holds up who is fast: in order, without loss up to what is documented, and without filling the memory. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { grounds, type TestCluster, testCluster } from '../support/cluster.ts';
import { notOnce, numberOf, readNumber, runJob } from '../support/jobs.ts';
import { megabytes } from '../support/leftovers.ts';
import { until, within } from '../support/wait.ts';

/** Milliseconds without progress after which a sender counts as held up. */
const STANDSTILL = 500;

/** Messages that may be on their way to somebody who does not read: Linux keeps up to tens of megabytes for a link of TCP. */
const MOST_ON_THE_WAY = 400_000;

describe.each(grounds)('on %s', (ground, make) => {
  const cluster = testCluster(make);

  it('the results of a server keep the order of the calls, however long each takes', async () => {
    const { start, connect } = cluster();
    const functions = {
      uneven: (payload: Uint8Array) => {
        const number = readNumber(payload);
        if (number % 3 === 0) return payload;
        if (number % 3 === 1) return Promise.resolve(payload);
        return new Promise<Uint8Array>((resolve) => setImmediate(() => resolve(payload)));
      },
    };
    const { dbAddress } = await start<Server>({ role: 'server', name: 'server', functions });
    const client = await connect({ dbAddress });
    const results: number[] = [];
    const payloads = Array.from({ length: 3_000 }, (_call, i) => numberOf(i));
    for await (const result of client.job('server.uneven', payloads, { messages: payloads.length })) {
      results.push(readNumber(result));
    }
    expect(results).toEqual(payloads.map(readNumber));
  });

  it('a pipeline whose function is slow gets all that a fast server publishes meanwhile', async () => {
    const { start, connect, transport, own } = cluster();
    const go = deferred<void>();
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
    const second = await start<Pipeline>({
      role: 'pipeline',
      name: 'second',
      subAddress: first.pubAddress,
      previous: 'first',
      functions: {
        held: async (payload) => {
          await go.promise;
          return payload;
        },
      },
    });
    await second.ready();
    const client = await connect({ dbAddress: first.dbAddress, subAddress: second.pubAddress });
    // Fewer than the deliveries that a publisher holds for one who reads slowly.
    const count = 9_000;
    // Not the client's own way: it would wait for answers before it sends more.
    const connection = own(await transport.open());
    const pusher = connection.push(first.pullAddress);
    const results = connection.subscribe(second.pubAddress, 'c/', { proofTimeout: 5_000 });
    await within(5_000, Promise.all([pusher.ready(), results.ready()]));
    const codec = new EnvelopeCodec();
    for (let i = 0; i < count; i += 100) {
      const frames = Array.from({ length: 100 }, (_frame, j) =>
        codec.encode(
          palmMessage({ client: 'c/1', function: 'first.echo second.held', payload: numberOf(i + j) }),
        ),
      );
      await within(10_000, pusher.send(frames), 'sending');
    }
    await within(
      20_000,
      until(() => first.counters.answered === count),
    );
    go.resolve();
    const times = new Uint8Array(count);
    for (let seen = 0; seen < count; ) {
      const { value = [] } = await within(10_000, results[Symbol.asyncIterator]().next(), `after ${seen}`);
      for (const { frames } of value) {
        for (const frame of frames) {
          const number = readNumber(codec.decode(frame).payload);
          times[number] = (times[number] ?? 0) + 1;
          seen++;
        }
      }
    }
    expect(notOnce(times)).toEqual([]);
    expect(second.counters.dropped).toBe(0);
    await client.close();
  });

  /** Pushes up to a million messages, in portions with turns of events between. Gives how many were taken. */
  async function flood({ transport, own }: TestCluster, pullAddress: string, path: string, portion: number) {
    const connection = own(await transport.open());
    const pusher = connection.push(pullAddress);
    await within(5_000, pusher.ready());
    const codec = new EnvelopeCodec();
    const message = palmMessage({ client: 'c/1', function: path, payload: new Uint8Array(100) });
    let sent = 0;
    const pushOn = async () => {
      while (sent < 1_000_000) {
        await pusher.send(Array.from({ length: portion }, () => codec.encode(message)));
        sent += portion;
        await new Promise(setImmediate);
      }
    };
    pushOn().catch(() => {});
    for (let before = -1; before < sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, STANDSTILL));
    }
    return { sent: () => sent, close: () => connection.close({ timeout: 0 }) };
  }

  // How frames come to be sent is tried on the transports of which it was a question.
  it.each(ground === 'zmtp' ? [100] : [1, 100, 4_096])(
    'a master without workers holds up who pushes %i at a time',
    async (portion) => {
      const own = cluster();
      const { start } = own;
      const master = await start<Master>({ role: 'master', name: 'master' });
      const before = await megabytes();
      const pushing = await flood(own, master.pullAddress, 'master.echo', portion);
      const held = pushing.sent();
      expect(held).toBeLessThan(ground === 'memory' ? 100_000 : MOST_ON_THE_WAY);
      expect((await megabytes()) - before).toBeLessThan(48);
      await start<Worker>({ role: 'worker', dbAddress: master.dbAddress });
      await within(
        10_000,
        until(() => pushing.sent() > held + 1_000),
        'going on',
      );
      await pushing.close();
      // One at a time takes a turn of events for each of 80 000, of a process that may be one of many.
    },
    60_000,
  );

  it('a slow worker holds up the master that pushes to it', async () => {
    const own = cluster();
    const { start } = own;
    const master = await start<Master>({ role: 'master', name: 'master' });
    await start<Worker>({
      role: 'worker',
      dbAddress: master.dbAddress,
      pushAddress: master.workerPushAddress,
      pullAddress: master.workerPullAddress,
      functions: { hang: () => new Promise<Uint8Array>(() => {}) },
    });
    const pushing = await flood(own, master.pullAddress, 'master.hang', 1_000);
    expect(pushing.sent()).toBeLessThan(MOST_ON_THE_WAY);
    await pushing.close();
  });

  it('workers faster than the gather are held up', async () => {
    const { start, connect } = cluster();
    let most = 0;
    const master = await start<Master>({
      role: 'master',
      name: 'master',
      async *gather(message) {
        if (readNumber(message.payload) % 50 === 0) {
          most = Math.max(most, master.counters.inFlight);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        yield message;
      },
    });
    const { dbAddress } = master;
    const workers = await Promise.all([1, 2].map(() => start<Worker>({ role: 'worker', dbAddress })));
    const client = await connect({ dbAddress });
    const before = await megabytes();
    expect(notOnce(await runJob(client, 'master.echo', 20_000))).toEqual([]);
    expect((await megabytes()) - before).toBeLessThan(24);
    expect(most).toBeLessThan(20_000);
    expect(workers.map(({ counters }) => counters.answered).reduce((a, b) => a + b)).toBe(20_000);
  });
});
