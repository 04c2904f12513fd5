/** What closing does: to what was accepted, to what was received, and to what is used afterwards. */
import { describe, expect, it } from 'vitest';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, eventually, until, within } from '../support/wait.ts';
import type { Ends } from './context.ts';
import { rejects } from './rejects.ts';

const closed = (sent?: boolean | 'unknown') =>
  expect.objectContaining(sent === undefined ? { code: 'CLOSED' } : { code: 'CLOSED', sent });

/** A frame so large that few of them fill what lies between two ends. */
const LARGE = new Uint8Array(262_144);

export function testClosing(ends: () => Ends): void {
  describe('closing', () => {
    it('drains without being told a time-out', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await pusher.ready();
      const sent = Array.from({ length: 300 }, (_, i) => String(i));
      pusher.send(sent.map(bytes)).catch(() => {});
      await client.close();
      expect(
        (await collect(pull, sent.length)).map(textOf),
        'close() gives what was accepted 1,000 ms to leave',
      ).toEqual(sent);
    });

    it('waits no longer for a server that takes nothing than it is told', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await pusher.ready();
      const fates: Promise<unknown>[] = [];
      for (let i = 0; i < 400; i++) fates.push(pusher.send([LARGE]).catch((error) => error));
      await within(3_000, client.close({ timeout: 50 }), 'closing with a time-out of 50 ms');
      const settled = await within(3_000, Promise.all(fates), 'closing settles every send');
      expect(settled.at(-1), 'the last send, which cannot have left').toEqual(closed());
    });

    it('says of a request that it may have been sent where it was', async () => {
      const { server, client, subject } = ends();
      let asked = () => {};
      const arrived = new Promise<void>((resolve) => {
        asked = resolve;
      });
      const { address } = await server.bindReply(subject.anyAddress, () => {
        asked();
        return new Promise(() => {});
      });
      const { reply } = client.request(address, bytes('x'));
      reply.catch(() => {});
      await within(5_000, arrived, 'the request at the server');
      await client.close();
      await rejects(reply, closed('unknown'), 'the server has it');
    });

    it('leaves what was received to be read, and then ends', async () => {
      const { server, client, subject } = ends();
      // When a transport has received what was sent cannot be seen from here: one of several tries finds it there.
      await eventually(async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        await within(5_000, pusher.send(['a', 'b', 'c'].map(bytes)), 'sends to a reader that waits');
        await new Promise((resolve) => setTimeout(resolve, 50));
        await pull.close();
        const read: string[] = [];
        for await (const batch of pull) read.push(...batch.map(textOf));
        return read.join('') === 'abc';
      }, 10_000);
      await eventually(async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        const subscription = client.subscribe(publisher.address, 'me/', { proofTimeout: 5_000 });
        await within(5_000, subscription.ready(), 'a subscription to become ready');
        await publisher.publish([{ topic: 'me/1', frames: [bytes('x')] }]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await subscription.close();
        const read: string[] = [];
        for await (const batch of subscription) read.push(...batch.map(({ topic }) => topic));
        await publisher.close();
        return read.length === 1;
      }, 10_000);
    });

    it('of a channel leaves it to be refused from then on', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await pusher.ready();
      await pusher.close();
      expect(pusher.isReady, 'a closed channel is not ready').toBe(false);
      await rejects(
        within(2_000, pusher.send([bytes('x')]), 'a send of a closed pusher'),
        closed(false),
        'a closed pusher sends nothing',
      );
      await rejects(
        within(2_000, pusher.ready(), 'ready() of a closed channel'),
        closed(),
        'ready() of a closed channel rejects',
      );
      await pusher.close();
    });

    it('of a bound end gives its address back, and rejects what waits there and what comes', async () => {
      const { server, subject } = ends();
      const push = await server.bindPush(subject.anyAddress);
      const waiting = push.send([bytes('x')]).catch((error: unknown) => error);
      await push.close();
      expect(await within(3_000, waiting, 'a send that waits for a puller'), 'a send that waited').toEqual(
        closed(),
      );
      await rejects(
        within(3_000, push.send([bytes('y')]), 'a send of a bound push that is closed'),
        closed(false),
        'a bound push that is closed sends nothing',
      );
      const publisher = await server.bindPublish(push.address);
      await publisher.close();
      await rejects(
        within(
          3_000,
          publisher.publish([{ topic: 't', frames: [bytes('z')] }]),
          'a publication after closing',
        ),
        closed(false),
        'a publisher that is closed publishes nothing',
      );
      await (await server.bindPull(push.address)).close();
    });

    it('of a bound end gives the sends that wait there time to leave', async () => {
      const { server, client, subject } = ends();
      const push = await server.bindPush(subject.anyAddress);
      const puller = client.pull(push.address);
      await within(5_000, puller.ready(), 'the puller to become ready');
      // A puller of one implementation may be ready a moment before a binder of another counts it.
      await within(
        5_000,
        until(() => push.peers > 0),
        'the count of the pullers',
      );
      const frame = new Uint8Array(16_384);
      const sent = Array.from({ length: 400 }, () => push.send([frame]));
      const fates = Promise.allSettled(sent);
      // Once it is closed, what was sent is on its way, and the reader may take its time.
      const closing = push.close({ timeout: 5_000 });
      expect(await collect(puller, sent.length), 'the frames that were sent before the end').toHaveLength(
        400,
      );
      await within(5_000, closing, 'closing, once all was read');
      const rejected = (await within(2_000, fates, 'the fates of the sends')).filter(
        ({ status }) => status === 'rejected',
      );
      expect(rejected, 'sends that had the time to leave').toEqual([]);
    });

    it('is the end of every verb', async () => {
      const { server, client, subject } = ends();
      const { address } = await server.bindPull(subject.anyAddress);
      await client.close();
      expect(() => client.push(address), 'push throws CLOSED').toThrowError(closed(false));
      expect(() => client.pull(address), 'pull throws CLOSED').toThrowError(closed(false));
      expect(() => client.subscribe(address, 't/'), 'subscribe throws CLOSED').toThrowError(closed(false));
      expect(() => client.request(address, bytes('x')), 'request throws CLOSED').toThrowError(closed(false));
      const bound = subject.anyAddress;
      await rejects(client.bindPull(bound), closed(false), 'bindPull rejects with CLOSED');
      await rejects(client.bindPush(bound), closed(false), 'bindPush rejects with CLOSED');
      await rejects(client.bindPublish(bound), closed(false), 'bindPublish rejects with CLOSED');
      await rejects(
        client.bindReply(bound, (request) => request),
        closed(false),
        'bindReply rejects with CLOSED',
      );
    });
  });
}
