/** Whoever reads: what a reader may do, and what one that does not read does to others. */
import { describe, expect, it } from 'vitest';
import type { BatchSource, Delivery } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, within } from '../support/wait.ts';
import type { Ends } from './context.ts';

/** Leaves a loop over the batches after the first of them. */
async function readOne<T>(source: BatchSource<T>): Promise<T[]> {
  const loop = async () => {
    for await (const batch of source) return batch;
    throw new Error('there was nothing to read');
  };
  return within(5_000, loop(), 'the next batch');
}

export function testReaders(ends: () => Ends): void {
  describe('a reader', () => {
    it('may leave its loop, and read on later', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await pusher.send([bytes('a')]);
      expect((await readOne(pull)).map(textOf), 'a reader of a bound pull gets what came').toEqual(['a']);
      await within(5_000, pusher.send([bytes('b')]), 'a send to a reader that left its loop');
      expect((await readOne(pull)).map(textOf), 'leaving the loop of a bound pull closes nothing').toEqual([
        'b',
      ]);

      const publisher = await server.bindPublish(subject.anyAddress);
      const subscription = client.subscribe(publisher.address, 'me/', { proofTimeout: 5_000 });
      await within(5_000, subscription.ready(), 'a subscription to become ready');
      for (const topic of ['me/1', 'me/2']) {
        await publisher.publish([{ topic, frames: [bytes('x')] }]);
        expect(
          (await readOne(subscription)).map((delivery) => delivery.topic),
          'leaving the loop of a subscription closes nothing',
        ).toEqual([topic]);
      }

      const push = await server.bindPush(subject.anyAddress);
      const puller = client.pull(push.address);
      for (const text of ['a', 'b']) {
        await within(5_000, push.send([bytes(text)]), 'a send to a puller');
        expect((await readOne(puller)).map(textOf), 'leaving the loop of a puller closes nothing').toEqual([
          text,
        ]);
      }
    });

    it('may say how many frames it awaits, and gets them all, whatever it says', async () => {
      const { server, client, subject } = ends();
      const publisher = await server.bindPublish(subject.anyAddress);
      const many = 200;
      for (const awaited of [0, many, 1_000_000]) {
        const options = { proofTimeout: 5_000, awaited: () => awaited };
        const subscription = client.subscribe(publisher.address, `${awaited}/`, options);
        await within(5_000, subscription.ready(), 'a subscription to become ready');
        const topics = Array.from({ length: many }, (_, i) => `${awaited}/${i}`);
        const reading = collect(subscription, many);
        for (const topic of topics) await publisher.publish([{ topic, frames: [bytes('x')] }]);
        // Order is kept within a topic alone.
        expect(
          (await reading).map(({ topic }) => topic).sort(),
          'awaited is a hint: it changes when deliveries come, and not which',
        ).toEqual(topics.sort());
        await subscription.close();
      }
    });

    it('that stopped gets what was read and then the end, while those that push stay connected', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await pusher.send([bytes('before')]);
      expect((await collect(pull, 1)).map(textOf), 'a reader gets what came before stop()').toEqual([
        'before',
      ]);
      pull.stop();
      const end = await within(5_000, pull[Symbol.asyncIterator]().next(), 'the end of the batches');
      expect(end.done, 'it takes no more').toBe(true);
      let breaks = 0;
      pusher.onBreak(() => breaks++);
      const sending = pusher.send([bytes('after')]).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(
        { isReady: pusher.isReady, breaks },
        'those that push to a reader that stopped stay connected',
      ).toEqual({ isReady: true, breaks: 0 });
      await pull.close();
      await within(
        5_000,
        Promise.race([sending, client.close({ timeout: 0 })]),
        'closing while a send waits for a reader that stopped',
      );
    });

    it('that reads nothing does not hold up the publisher, nor another reader', async () => {
      const { server, client, subject } = ends();
      const publisher = await server.bindPublish(subject.anyAddress);
      const options = { proofTimeout: 5_000, maxUnread: 100 };
      const deaf = client.subscribe(publisher.address, 'all/', options);
      const awake = client.subscribe(publisher.address, 'all/1', { proofTimeout: 5_000 });
      await within(5_000, Promise.all([deaf.ready(), awake.ready()]), 'both subscriptions to become ready');
      const many = Array.from({ length: 5_000 }, () => ({ topic: 'all/0', frames: [bytes('x')] }));
      await within(10_000, publisher.publish(many), 'publishing to one that reads nothing');
      await within(
        5_000,
        publisher.publish([{ topic: 'all/1', frames: [bytes('y')] }]),
        'publishing behind what one does not read',
      );
      expect(
        (await collect(awake, 1)).map(({ topic }) => topic),
        'a reader gets its deliveries while another reads nothing',
      ).toEqual(['all/1']);
    });

    it('that is too slow loses nothing, or hears of it by a break with LOST', async () => {
      const { server, client, subject } = ends();
      if (subject.losesSilently === true) return;
      const publisher = await server.bindPublish(subject.anyAddress);
      const subscription = client.subscribe(publisher.address, 'me/', { proofTimeout: 5_000 });
      await within(5_000, subscription.ready(), 'a subscription to become ready');
      const breaks: string[] = [];
      const broken = new Promise<undefined>((resolve) => {
        subscription.onBreak(({ code }) => {
          breaks.push(code);
          resolve(undefined);
        });
      });
      const [rounds, size] = [12, 10_000];
      for (let round = 0; round < rounds; round++) {
        const many = Array.from({ length: size }, (_, i) => ({
          topic: `me/${round * size + i}`,
          frames: [bytes('x')],
        }));
        await within(20_000, publisher.publish(many), 'publishing to a slow reader');
      }
      const read: number[] = [];
      const numberOf = ({ topic }: Delivery) => Number(topic.slice(3));
      const iterator = subscription[Symbol.asyncIterator]();
      while (breaks.length === 0 && read.length < rounds * size) {
        const what = `what comes after ${read.length} deliveries`;
        const next = await within(20_000, Promise.race([iterator.next(), broken]), what);
        for (const delivery of next?.value ?? []) read.push(numberOf(delivery));
      }
      if (breaks.length > 0)
        expect(breaks[0], 'a subscription that has to drop deliveries breaks with LOST').toBe('LOST');
      // Order is kept within a topic alone.
      else
        expect(
          read.sort((a, b) => a - b),
          'a slow reader that is not told of a loss has lost nothing',
        ).toEqual(Array.from({ length: rounds * size }, (_, i) => i));
    }, 60_000);
  });
}
