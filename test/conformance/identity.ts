/** Who a client is, and where it dials. */
import { describe, expect, it } from 'vitest';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';
import type { Ends } from './context.ts';
import { rejects } from './rejects.ts';

export function testIdentity(ends: () => Ends): void {
  describe('identity', () => {
    it('is an id of its own for each connection, which stays', async () => {
      const { server, client } = ends();
      await within(
        5_000,
        Promise.all([client.identify(), server.identify()]),
        'both connections to be identified',
      );
      expect(client.id, 'topics begin with it').toMatch(/^[\w-]+(\/\d+)?$/);
      expect(client.id, 'each connection has an id of its own').not.toBe(server.id);
      const { id, keyPrefix } = client;
      await within(5_000, client.identify(), 'identify() a second time');
      expect({ id: client.id, keyPrefix: client.keyPrefix }, 'identify() settles id and prefix once').toEqual(
        { id, keyPrefix },
      );
    });

    it('is the one that was wished for, or the wish is refused', async () => {
      const { client, subject } = ends();
      const identifying = within(5_000, client.identify('wished'), 'the answer to a wish for an id');
      if (subject.isIdentified === true) {
        await rejects(
          identifying,
          {
            code: 'INVALID_CALL',
          },
          'where the peer gives ids, a wish is refused',
        );
      } else {
        await identifying;
        expect(client.id, 'the id is the one that was wished for').toBe('wished');
        expect(client.keyPrefix, 'nobody else gives one').toBe('');
      }
    });

    it('takes results under its id', async () => {
      const { server, client, subject } = ends();
      await within(5_000, client.identify(), 'the connection to be identified');
      const publisher = await server.bindPublish(subject.anyAddress);
      const subscription = client.subscribe(publisher.address, `${client.id}/`, { proofTimeout: 5_000 });
      await within(5_000, subscription.ready(), 'a subscription to its own topics to become ready');
      await publisher.publish([{ topic: `${client.id}/1`, frames: [bytes('mine')] }]);
      const batch = await within(5_000, subscription[Symbol.asyncIterator]().next(), 'a result under its id');
      expect(batch.value?.[0]?.topic, 'a client gets results under its id').toBe(`${client.id}/1`);
    });
  });

  describe('an address that a server advertises', () => {
    it('can be dialled as it is resolved', async () => {
      const { server, client, subject } = ends();
      const { address } = await server.bindReply(subject.anyAddress, (request) => request);
      const other = await server.bindReply(subject.anyAddress, () => bytes('other'));
      const resolved = subject.transport.resolveAddress?.(other.address, address) ?? other.address;
      subject.transport.checkAddress(resolved);
      expect(
        textOf(
          await within(
            5_000,
            client.request(resolved, bytes('x')).reply,
            'the reply at the resolved address',
          ),
        ),
        'a resolved address leads to the server that advertised it',
      ).toBe('other');
    });
  });

  describe('a request that is given up', () => {
    it('rejects also when the server has it, and leaves others alone', async () => {
      const { server, client, subject } = ends();
      let arrive = () => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const { address } = await server.bindReply(subject.anyAddress, (request) => {
        if (textOf(request) !== 'hang') return request;
        arrive();
        return new Promise(() => {});
      });
      const { reply, cancel } = client.request(address, bytes('hang'));
      await within(5_000, arrived, 'the request at the server');
      cancel(new Error('enough'));
      await rejects(
        within(2_000, reply, 'the end of a request that is given up'),
        { message: 'enough' },
        'a request that is given up rejects with the reason',
      );
      cancel(new Error('twice'));
      expect(
        textOf(
          await within(
            5_000,
            client.request(address, bytes('next')).reply,
            'a request after one that was given up',
          ),
        ),
        'a request that is given up leaves others alone',
      ).toBe('next');
    });
  });
}
