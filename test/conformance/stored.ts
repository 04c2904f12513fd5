/** What is published and stored: of transports that have `store`. */
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, within } from '../support/wait.ts';
import type { Ends } from './context.ts';

const publication = (topic: string, text: string): Delivery => ({ topic, frames: [bytes(text)] });
const texts = (deliveries: readonly Delivery[]) => deliveries.map(({ frames }) => frames.map(textOf).join());

export function testStored(ends: () => Ends): void {
  describe('what is published and stored', () => {
    it('is read from its beginning, and goes on with what comes', async () => {
      const { server, client } = ends();
      if (client.store === undefined) return;
      const publisher = await server.bindPublish(ends().subject.anyAddress);
      const live = client.subscribe(publisher.address, 'me/');
      await within(5_000, live.ready(), 'a subscription to become ready');
      await publisher.publish(['1', '2', '3'].map((text) => publication('me/1', text)));
      await publisher.publish([publication('you/1', 'not mine')]);
      const seen = await collect(live, 3);
      const late = client.subscribe(publisher.address, 'me/', { from: 'start' });
      const again = client.subscribe(publisher.address, 'me/', { from: 'start' });
      const begun = await collect(late, 3);
      expect(texts(begun), 'what was published before a subscription comes in its order').toEqual([
        '1',
        '2',
        '3',
      ]);
      const positions = begun.map(({ position }) => position);
      expect(positions, 'all subscriptions give a delivery the same position').toEqual(
        seen.map(({ position }) => position),
      );
      expect(positions, 'positions rise').toEqual(
        [...new Set(positions)].sort((a, b) => Number(a) - Number(b)),
      );
      await publisher.publish([publication('me/1', '4')]);
      expect(texts(await collect(late, 1)), 'what is published later comes behind it').toEqual(['4']);
      expect(texts(await collect(again, 4)), 'each subscription has all of it').toEqual(['1', '2', '3', '4']);
      const next = client.subscribe(publisher.address, 'me/', { from: positions[1] });
      expect(texts(await collect(next, 2)), 'a position is that of the last delivery that was read').toEqual([
        '3',
        '4',
      ]);
    });

    it('is not read by a subscription that does not ask for it', async () => {
      const { server, client } = ends();
      if (client.store === undefined) return;
      const publisher = await server.bindPublish(ends().subject.anyAddress);
      await client.store(publisher.address, publication('me/1', 'before'));
      const subscription = client.subscribe(publisher.address, 'me/');
      await within(5_000, subscription.ready(), 'a subscription to become ready');
      await publisher.publish([publication('me/1', 'after')]);
      expect(texts(await collect(subscription, 1)), 'it begins with what is published later').toEqual([
        'after',
      ]);
    });

    it('takes a delivery of one that is not the publisher, in the order of both', async () => {
      const { server, client } = ends();
      if (client.store === undefined) return;
      const publisher = await server.bindPublish(ends().subject.anyAddress);
      const live = client.subscribe(publisher.address, 'me/');
      await within(5_000, live.ready(), 'a subscription to become ready');
      await within(5_000, client.store(publisher.address, publication('me/1', 'added')), 'storing');
      expect(texts(await collect(live, 1)), 'who is subscribed has it').toEqual(['added']);
      await publisher.publish([publication('me/1', 'published')]);
      await collect(live, 1);
      await publisher.close();
      await within(5_000, client.store(publisher.address, publication('me/1', 'late')), 'storing alone');
      await server.bindPublish(publisher.address);
      const late = client.subscribe(publisher.address, 'me/', { from: 'start' });
      expect(texts(await collect(late, 3)), 'it is stored among those of the publisher').toEqual([
        'added',
        'published',
        'late',
      ]);
    });

    it('adds nothing once its connection is closed', async () => {
      const { client, subject } = ends();
      const { store } = client;
      if (store === undefined) return;
      await client.close();
      const storing = store.call(client, subject.anyAddress, publication('me/1', 'x'));
      await expect(within(5_000, storing, 'storing'), 'a closed connection stores nothing').rejects.toThrow(
        expect.objectContaining({ code: 'CLOSED' }),
      );
    });
  });
}
