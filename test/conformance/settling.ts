/** What is pulled and has to be settled, for transports whose bound ends can share an address. */
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BoundPull, Connection, Settler, Subscription } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, eventually, within } from '../support/wait.ts';
import type { Ends } from './context.ts';
import { rejects } from './rejects.ts';

const SHARED = { shared: 'the same' };

function settlerOf({ settler }: Pick<BoundPull | Subscription, 'settler'>): Settler {
  if (settler === undefined) throw new Error('a transport that settles gives a settler to who shares');
  return settler;
}

/** Adds the tests. */
export function testSettling(ends: () => Ends): void {
  describe('bound ends that share an address', () => {
    it('have no settler without being shared, and refuse those that share it as something else', async ({
      skip,
    }) => {
      const { server, client, subject } = ends();
      skip(subject.settles !== true);
      const own = await server.bindPull(subject.anyAddress);
      expect(own.settler, 'reading is taking where an address is not shared').toBeUndefined();
      const refusal = { code: 'INVALID_CALL' };
      await rejects(client.bindPull(own.address, SHARED), refusal, 'an address that is not shared is taken');
      const shared = await server.bindPull(subject.anyAddress, SHARED);
      for (const other of [{ shared: 'another' }, undefined])
        await rejects(client.bindPull(shared.address, other), refusal, 'who shares gives the same text');
    });

    it('give each frame to one of them, and again what is settled so or left by one that closes', async ({
      skip,
    }) => {
      const { server, subject } = ends();
      skip(subject.settles !== true);
      const first = await server.bindPull(subject.anyAddress, SHARED);
      await using connection = await subject.transport.open();
      const second = await connection.bindPull(first.address, SHARED);
      const pusher = server.push(first.address);
      const names = Array.from({ length: 40 }, (_, number) => String(number));
      await pusher.send(names.map(bytes));
      const done: string[] = [];
      /** What has come before. */
      const seen = new Set<string>();
      const read = async (pull: BoundPull) => {
        const settler = settlerOf(pull);
        for await (const batch of pull)
          for (const frame of batch) {
            const name = textOf(frame);
            const isFirst = !seen.has(name);
            seen.add(name);
            if (!isFirst) done.push(name);
            settler.settle([frame], isFirst ? 'again' : 'done');
          }
      };
      const [readingFirst, readingSecond] = [read(first), read(second)];
      await within(
        10_000,
        (async () => {
          while (done.length < names.length) await new Promise((resolve) => setTimeout(resolve, 10));
        })(),
        () => `all of them, not only ${done.length}`,
      );
      expect([...done].sort(), 'a frame that is to come again does, to one of them').toEqual(
        [...names].sort(),
      );
      // What the first has and does not settle, the second one gets.
      await first.close();
      await within(5_000, readingFirst, 'the end of the first');
      await pusher.send([bytes('later')]);
      await within(
        10_000,
        (async () => {
          while (!done.includes('later')) await new Promise((resolve) => setTimeout(resolve, 10));
        })(),
        'what came later',
      );
      await second.close();
      await within(5_000, readingSecond, 'the end of the second');
    });

    it('name a frame the same when another has it, and what is named so reaches a subscriber once', async ({
      skip,
    }) => {
      const { server, client, subject } = ends();
      skip(subject.settles !== true);
      const first = await server.bindPull(subject.anyAddress, SHARED);
      // An address of the system ends with the last that has it.
      (await server.bindPull(first.address, SHARED)).stop();
      const publisher = await server.bindPublish(subject.anyAddress);
      const subscription = client.subscribe(publisher.address, 'me/');
      await within(5_000, subscription.ready(), 'the subscription');
      await client.push(first.address).send([bytes('a')]);
      const [frame] = (await collect(first, 1)) as [Bytes];
      const id = settlerOf(first).idOf(frame);
      await publisher.publish([
        { topic: 'me/1', frames: [bytes('x'), bytes('y')], ids: [`${id}/0`, `${id}/1`] },
      ]);
      await within(5_000, publisher.stored?.() ?? Promise.resolve(), 'what is stored');
      await first.close();
      const second = await client.bindPull(first.address, SHARED);
      const [again] = (await collect(second, 1)) as [Bytes];
      expect(textOf(again), 'what a closed end has not settled goes to another').toBe('a');
      expect(settlerOf(second).idOf(again), 'a frame keeps its name').toBe(id);
      await publisher.publish([
        { topic: 'me/1', frames: [bytes('x')], ids: [`${id}/0`] },
        { topic: 'me/1', frames: [bytes('y'), bytes('z')], ids: [`${id}/1`, `${id}/2`] },
        { topic: 'me/1', frames: [bytes('end')], ids: [''] },
      ]);
      settlerOf(second).settle([again], 'done');
      const came: string[] = [];
      while (came.at(-1) !== 'end')
        for (const { frames } of await collect(subscription, 1)) came.push(...frames.map(textOf));
      expect(came, 'what has the name of what came before is left out').toEqual(['x', 'y', 'z', 'end']);
    });

    it('share a subscription: each delivery goes to one, again to another, and waits while none is there', async ({
      skip,
    }) => {
      const { server, client, subject } = ends();
      const { givenAddress } = subject;
      if (givenAddress === undefined) return skip();
      const [address, shared] = [givenAddress(), givenAddress()];
      expect(client.settles?.(address), 'a transport that shares subscriptions says so').toBe(true);
      const publisher = await server.bindPublish(address);
      await using connection = await subject.transport.open();
      const subscribe = (by: Connection) => by.subscribe(address, 'work', { shared });
      const [first, second] = [subscribe(client), subscribe(connection)];
      await within(10_000, Promise.all([first.ready(), second.ready()]), 'both');
      const names = Array.from({ length: 40 }, (_, number) => String(number));
      for (let number = 0; number < 40; number += 2) {
        const own = names.slice(number, number + 2);
        const ids = own.map((name) => `source/${name}`);
        await publisher.publish([{ topic: 'work', frames: own.map(bytes), ids }]);
      }
      await publisher.publish([{ topic: 'work/more', frames: [bytes('not for them')] }]);
      const seen = new Set<string>();
      const done: string[] = [];
      const named: string[] = [];
      const read = async (subscription: Subscription) => {
        const settler = settlerOf(subscription);
        for await (const batch of subscription)
          for (const frame of batch.flatMap(({ frames }) => frames)) {
            const name = textOf(frame);
            const isFirst = !seen.has(name);
            seen.add(name);
            named.push(`${name} ${settler.idOf(frame)}`);
            if (!isFirst) done.push(name);
            settler.settle([frame], isFirst ? 'again' : 'done');
          }
      };
      const [readingFirst, readingSecond] = [read(first), read(second)];
      const isDone = (count: number) => eventually(async () => done.length >= count, 10_000);
      await isDone(names.length);
      expect([...done].sort(), 'what is to come again does, to one of them').toEqual([...names].sort());
      const isNamed = (line: string) => line === `${line.split(' ')[0]} source/${line.split(' ')[0]}`;
      expect(
        named.filter((line) => !isNamed(line)),
        'a frame has the name that its publisher gave it',
      ).toEqual([]);
      await first.close();
      await within(5_000, readingFirst, 'the end of the first');
      await publisher.publish([{ topic: 'work', frames: [bytes('later')] }]);
      await isDone(names.length + 1);
      await second.close();
      await within(5_000, readingSecond, 'the end of the second');
      await publisher.publish([{ topic: 'work', frames: [bytes('waits')] }]);
      const third = subscribe(connection);
      const readingThird = read(third);
      await isDone(names.length + 2);
      expect(done.slice(-2), 'what comes while none of them is there waits').toEqual(['later', 'waits']);
      await third.close();
      await within(5_000, readingThird, 'the end of the third');
    });
  });
}
