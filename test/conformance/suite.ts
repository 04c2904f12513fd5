/** What the transport contract (src/transport.ts) means. Every transport passes this suite. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type {
  BindingConnection,
  ConnectionStatus,
  Delivery,
  Puller,
  Subscription,
} from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, first, until, within } from '../support/wait.ts';
import { testBreaks } from './breaks.ts';
import { testClosing } from './closing.ts';
import type { Subject } from './context.ts';
import { testIdentity } from './identity.ts';
import { testReaders } from './readers.ts';
import { rejects } from './rejects.ts';
import { testSettling } from './settling.ts';
import { testStored } from './stored.ts';

export type { Subject } from './context.ts';

/**
 * Adds the tests of the transport contract to a vitest file.
 * @param name - the transport, in the names of the tests.
 * @param make - makes the transport for one test.
 */
export function testTransport(name: string, make: () => Subject): void {
  describe(`transport contract: ${name}`, () => {
    let subject: Subject;
    let server: BindingConnection;
    let client: BindingConnection;

    beforeEach(async () => {
      subject = make();
      server = await (subject.binder ?? subject.transport).open();
      client = await subject.transport.open();
    });

    afterEach(async () => {
      await within(3_000, client.close(), 'closing the client');
      await within(3_000, server.close(), 'closing the server');
      await subject.close?.();
    });

    /** An address that was bound once and is free again. */
    async function freeAddress(): Promise<string> {
      const binding = await server.bindPull(subject.anyAddress);
      await binding.close();
      return binding.address;
    }

    /** To a publisher that is known to confirm. */
    const subscribe = (address: string, topic: string) =>
      client.subscribe(address, topic, { proofTimeout: 5_000 });

    const ends = () => ({ subject, server, client });
    testBreaks(ends);
    testClosing(ends);
    testReaders(ends);
    testIdentity(ends);
    testSettling(ends);
    testStored(ends);

    const ask = async (address: string, frame: Bytes) => client.request(address, frame).reply;

    describe('request', () => {
      it('gets the reply to its own request, with any number under way', async () => {
        const { address } = await server.bindReply(subject.anyAddress, (request) =>
          bytes(`re:${textOf(request)}`),
        );
        const replies = await Promise.all(
          Array.from({ length: 200 }, (_, i) => ask(address, bytes(String(i)))),
        );
        expect(replies.map(textOf), 'each request gets its own reply').toEqual(
          Array.from({ length: 200 }, (_, i) => `re:${i}`),
        );
      });

      it('is not held up by a reply that takes long', async () => {
        let release = () => {};
        const held = new Promise<Bytes>((resolve) => {
          release = () => resolve(bytes('late'));
        });
        const { address } = await server.bindReply(subject.anyAddress, (request) =>
          textOf(request) === 'slow' ? held : request,
        );
        const slow = ask(address, bytes('slow'));
        expect(
          textOf(
            await within(5_000, ask(address, bytes('quick')), 'a request behind one whose reply takes long'),
          ),
          'a reply belongs to its request',
        ).toBe('quick');
        release();
        expect(textOf(await slow), 'a late reply still comes').toBe('late');
      });

      it('takes an empty reply for a reply', async () => {
        const { address } = await server.bindReply(subject.anyAddress, () => new Uint8Array(0));
        expect(await ask(address, bytes('x')), 'an empty reply is a reply').toHaveLength(0);
      });

      it('waits for a server that comes later', async () => {
        const address = await freeAddress();
        const reply = ask(address, bytes('early'));
        await server.bindReply(address, (request) => request);
        expect(
          textOf(await within(5_000, reply, 'the reply of a server that came later')),
          'a request waits for its server',
        ).toBe('early');
      });

      it('rejects with the reason it is cancelled for, and sends nothing when that comes before the server', async () => {
        const address = await freeAddress();
        const { reply, cancel } = client.request(address, bytes('given up'));
        cancel(new Error('enough'));
        await rejects(reply, { message: 'enough' }, 'a cancelled request rejects with the reason');
        const seen: string[] = [];
        await server.bindReply(address, (request) => {
          seen.push(textOf(request));
          return request;
        });
        await within(5_000, ask(address, bytes('wanted')), 'a request after one that was cancelled');
        expect(seen, 'a request that was cancelled before it left is not sent').toEqual(['wanted']);
      });

      it('rejects with DISCONNECTED when the server goes, and works with the next one', async () => {
        const binding = await server.bindReply(subject.anyAddress, (request) =>
          textOf(request) === 'hang' ? new Promise<Bytes>(() => {}) : request,
        );
        await ask(binding.address, bytes('here'));
        const lost = ask(binding.address, bytes('hang'));
        lost.catch(() => {});
        await ask(binding.address, bytes('behind it'));
        await binding.close();
        await rejects(
          within(5_000, lost, 'the end of a request whose server is gone'),
          { code: 'DISCONNECTED', sent: 'unknown' },
          'a request that may have reached a server that is gone rejects so',
        );
        await server.bindReply(binding.address, (request) => request);
        expect(
          textOf(await within(5_000, ask(binding.address, bytes('again')), 'a request to the next server')),
          'requests go to the next server at the address',
        ).toBe('again');
      });

      it('rejects with CLOSED when its connection is closed', async () => {
        const { address } = await server.bindReply(subject.anyAddress, () => new Promise<Bytes>(() => {}));
        const pending = ask(address, bytes('x'));
        pending.catch(() => {});
        const never = ask(await freeAddress(), bytes('y'));
        never.catch(() => {});
        await client.close();
        await rejects(
          pending,
          {
            code: 'CLOSED',
          },
          'closing rejects requests that were sent',
        );
        await rejects(
          never,
          {
            code: 'CLOSED',
          },
          'closing rejects requests that wait for a server',
        );
        await rejects(
          ask(address, bytes('z')),
          {
            code: 'CLOSED',
            sent: false,
          },
          'a closed connection sends nothing',
        );
      });
    });

    describe('push to pull', () => {
      it('delivers every frame in order', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        const sent = Array.from({ length: 5_000 }, (_, i) => String(i));
        const sending = Promise.all(sent.map((text) => pusher.send([bytes(text)])));
        expect(
          (await collect(pull, sent.length)).map(textOf),
          'frames arrive whole, once, and in the order of the sends',
        ).toEqual(sent);
        await sending;
      });

      it('hands over what piled up as a batch', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        await pusher.ready();
        await pusher.send(Array.from({ length: 500 }, () => bytes('x')));
        const reader = pull[Symbol.asyncIterator]();
        let batches = 0;
        for (let read = 0; read < 500; batches++) {
          read += (await within(5_000, reader.next(), 'the next batch')).value?.length ?? 0;
        }
        expect(batches, 'what piled up comes as batches, not one frame at a time').toBeLessThan(500);
      });

      it('carries empty and large frames, as plain Uint8Arrays', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        const large = new Uint8Array(3_000_000).fill(7);
        await pusher.send([new Uint8Array(0), large, bytes('end')]);
        const frames = await collect(pull, 3);
        expect(
          frames.map((frame) => frame.length),
          'frames arrive with their lengths, empty ones too',
        ).toEqual([0, 3_000_000, 3]);
        expect(Buffer.compare(frames[1] ?? large.subarray(1), large), 'a large frame arrives unchanged').toBe(
          0,
        );
        for (const frame of frames)
          expect(frame.constructor, 'frames are plain Uint8Arrays').toBe(Uint8Array);
      });

      it('waits for a server that comes later', async () => {
        const address = await freeAddress();
        const pusher = client.push(address);
        expect(pusher.isReady, 'a channel without a server is not ready').toBe(false);
        const sending = pusher.send([bytes('early')]);
        const pull = await server.bindPull(address);
        expect((await collect(pull, 1)).map(textOf), 'a send waits for its server').toEqual(['early']);
        await sending;
        expect(pusher.isReady, 'a channel that has delivered is ready').toBe(true);
      });

      it('holds the sender up while nobody reads', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        await pusher.ready();
        const frame = new Uint8Array(1_000);
        const batch = Array.from({ length: 64 }, () => frame);
        let taken = 0;
        let stop = false;
        const sending = (async () => {
          while (!stop && taken < 2_000_000) {
            await pusher.send(batch);
            taken += batch.length;
          }
        })();
        let before = -1;
        await within(
          15_000,
          (async () => {
            while (before !== taken) {
              before = taken;
              await new Promise((resolve) => setTimeout(resolve, 300));
            }
          })(),
          'a send that waits while nobody reads',
        );
        expect(taken, 'a reader that does not read holds up the sender').toBeLessThan(2_000_000);
        stop = true;
        const iterator = pull[Symbol.asyncIterator]();
        let read = 0;
        while (read < taken)
          read +=
            (await within(5_000, iterator.next(), 'the next frames that were taken in charge')).value
              ?.length ?? 0;
        await within(5_000, sending, 'the sends, once the reader reads');
      });

      it('drains what was accepted when it is closed', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const pusher = client.push(pull.address);
        await pusher.ready();
        const sent = Array.from({ length: 3_000 }, (_, i) => String(i));
        const sending = pusher.send(sent.map(bytes));
        sending.catch(() => {});
        await client.close({ timeout: 3_000 });
        expect(
          (await collect(pull, sent.length)).map(textOf),
          'closing with a time-out lets what was accepted leave',
        ).toEqual(sent);
      });

      it('gives up what waits for an absent server when it is closed', async () => {
        const pusher = client.push(await freeAddress());
        const sending = pusher.send([bytes('x')]);
        sending.catch(() => {});
        await within(2_000, client.close(), 'closing while a send waits for an absent server');
        await rejects(sending, { code: 'CLOSED' }, 'closing rejects sends that wait');
        await rejects(
          pusher.send([bytes('y')]),
          {
            code: 'CLOSED',
          },
          'a closed pusher sends nothing',
        );
      });
    });

    describe('bound push to pullers', () => {
      it('gives each frame to one puller', async () => {
        const push = await server.bindPush(subject.anyAddress);
        const pullers = [client.pull(push.address), client.pull(push.address)];
        await Promise.all(pullers.map((puller) => puller.ready()));
        const seen: string[][] = [[], []];
        const reading = pullers.map(async (puller, i) => {
          for await (const batch of { [Symbol.asyncIterator]: () => puller[Symbol.asyncIterator]() }) {
            seen[i]?.push(...batch.map(textOf));
          }
        });
        const sent = Array.from({ length: 1_000 }, (_, i) => String(i));
        for (const text of sent) await push.send([bytes(text)]);
        await within(
          5_000,
          (async () => {
            while (seen.flat().length < sent.length) await new Promise(setImmediate);
          })(),
          'the frames, at one puller or the other',
        );
        expect(seen.flat().sort(), 'each frame goes to one puller').toEqual([...sent].sort());
        for (const own of seen) expect(own.length, 'pullers that read share the frames').toBeGreaterThan(0);
        await client.close();
        await within(2_000, Promise.all(reading), 'the ends of the pullers after closing');
      });

      it('knows how many pullers there are', async () => {
        const push = await server.bindPush(subject.anyAddress);
        expect(push.peers, 'no puller is counted before there is one').toBe(0);
        let told = 0;
        push.onPeers(() => told++);
        const pullers = [client.pull(push.address), client.pull(push.address)];
        const count = subject.pullsForAll === true ? 1 : 2;
        await within(
          5_000,
          until(() => push.peers === count),
          'the count of the pullers',
        );
        await within(
          5_000,
          Promise.all(pullers.map((puller) => puller.ready())),
          'pullers that are counted, and ready',
        );
        await pullers[0]?.close();
        await within(
          5_000,
          until(() => push.peers === 1),
          'the count after a puller has left',
        );
        // What is no puller does not count.
        client.subscribe(push.address, 'me/');
        const arrival = collect(pullers[1] as Puller, 1);
        await within(5_000, push.send([bytes('x')]), 'a send to the puller that stayed');
        // libzmq reports the end of a connection shortly before it takes it out of the turn: the frame may be lost with it.
        if (subject.losesSilently === true)
          await within(5_000, push.send([bytes('x')]), 'a second send to the puller that stayed');
        await arrival;
        expect(push.peers, 'only pullers count').toBe(1);
        expect(told, 'onPeers is called each time the number changes, and not otherwise').toBe(2 * count - 1);
      });

      it('waits while there is no puller', async () => {
        const push = await server.bindPush(subject.anyAddress);
        const sending = push.send([bytes('x')]);
        const puller = client.pull(push.address);
        expect((await collect(puller, 1)).map(textOf), 'a send waits for a puller').toEqual(['x']);
        await sending;
      });
    });

    describe('publish to subscribers', () => {
      const publication = (topic: string, ...texts: string[]): Delivery => ({
        topic,
        frames: texts.map(bytes),
      });

      it('reaches a subscription that is ready, from the first publication on', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        for (let i = 0; i < 50; i++) {
          const subscription = subscribe(publisher.address, `client${i}/`);
          await within(5_000, subscription.ready(), 'a subscription to become ready');
          await publisher.publish([publication(`client${i}/1`, 'answer')]);
          const [delivery] = await collect(subscription, 1);
          expect(delivery?.topic, 'a subscription that is ready misses no publication').toBe(`client${i}/1`);
          expect(delivery?.frames.map(textOf), 'a delivery has the frames that were published').toEqual([
            'answer',
          ]);
          await subscription.close();
        }
      });

      it('proves also a topic that does not end in a slash', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        for (let i = 0; i < 50; i++) {
          const subscription = subscribe(publisher.address, `server${i}`);
          await within(5_000, subscription.ready(), 'a subscription to become ready');
          expect(subscription.isProved, 'a publisher of this kind proves subscriptions').toBe(true);
          await publisher.publish([publication(`server${i}`, 'result')]);
          const [delivery] = await collect(subscription, 1);
          expect(delivery?.topic, 'a subscription that is ready misses no publication').toBe(`server${i}`);
          await subscription.close();
        }
      });

      it('gives a subscriber what begins with its topic and nothing else', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        const a = subscribe(publisher.address, 'a/');
        const b = subscribe(publisher.address, 'b/');
        await Promise.all([a.ready(), b.ready()]);
        await publisher.publish(
          ['ab/1', 'b/1', 'a', 'a/1', 'b/2', 'a/2'].map((topic) => publication(topic, topic)),
        );
        expect(
          (await collect(a, 2)).map(({ topic }) => topic),
          'a subscription gets the topics that begin with its own, in order',
        ).toEqual(['a/1', 'a/2']);
        expect(
          (await collect(b, 2)).map(({ topic }) => topic),
          'a subscription gets the topics that begin with its own, in order',
        ).toEqual(['b/1', 'b/2']);
      });

      it('keeps order and the frames of a delivery together', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        const subscription = subscribe(publisher.address, 'me/');
        await subscription.ready();
        await publisher.publish(
          Array.from({ length: 2_000 }, (_, i) => publication('me/', `${i}a`, `${i}b`)),
        );
        const deliveries = await collect(subscription, 2_000);
        expect(
          deliveries.map(({ frames }) => frames.map(textOf).join()),
          'deliveries under one topic keep their order, and their frames together',
        ).toEqual(Array.from({ length: 2_000 }, (_, i) => `${i}a,${i}b`));
      });

      it('gives each subscriber arrays of its own, which it may empty', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        const subscriptions = [subscribe(publisher.address, 'me/'), subscribe(publisher.address, 'me/')];
        await Promise.all(subscriptions.map((own) => own.ready()));
        const drain = async (subscription: Subscription) => {
          const batches = subscription[Symbol.asyncIterator]();
          const seen: string[] = [];
          while (seen.length < 200) {
            const { value: batch = [] } = await within(5_000, batches.next(), 'the next deliveries');
            seen.push(...batch.map(({ topic }) => topic));
            batch.length = 0;
          }
          return seen;
        };
        const drained = Promise.all(subscriptions.map(drain));
        const topics = Array.from({ length: 200 }, (_, i) => `me/${i}`);
        const published = topics.map((topic) => publication(topic, 'x'));
        await publisher.publish(published.slice(0, 150));
        await publisher.publish(published.slice(150));
        expect(await drained, "an array that one reader empties is not another reader's").toEqual([
          topics,
          topics,
        ]);
        expect(
          published.map(({ topic }) => topic),
          "the array of the publisher is not a reader's",
        ).toEqual(topics);
      });

      it('is no concern of the publisher when nobody listens', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        await within(
          10_000,
          publisher.publish(Array.from({ length: 20_000 }, () => publication('nobody/', 'x'))),
          'publishing without a subscriber',
        );
      });

      it('keeps what may wait for a subscription that comes a moment later, in order', async () => {
        // A relay has one subscription for all its clients, which is there already.
        if (subject.pullsForAll || subject.takesParts) return;
        const publisher = await server.bindPublish(subject.anyAddress);
        const late = (from: number, to: number) =>
          Array.from({ length: to - from }, (_, i) => ({
            ...publication('me', `${from + i}`),
            mayWait: true,
          }));
        await publisher.publish(late(0, 300));
        await publisher.publish([{ ...publication('you', 'other'), mayWait: true }]);
        const subscription = subscribe(publisher.address, 'me');
        await publisher.publish(late(300, 310));
        await subscription.ready();
        await publisher.publish(late(310, 600));
        const deliveries = await collect(subscription, 600);
        expect(
          deliveries.map(({ frames }) => frames.map(textOf).join()),
          'what may wait is kept for a subscription that comes a moment later, in order',
        ).toEqual(Array.from({ length: 600 }, (_, i) => `${i}`));
        const other = subscribe(publisher.address, 'yo');
        expect(
          (await collect(other, 1)).map(({ topic }) => topic),
          'what may wait is kept for each topic',
        ).toEqual(['you']);
      });

      it('breaks when the server goes and is proved again when it is back', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        const subscription = subscribe(publisher.address, 'me/');
        await subscription.ready();
        const broken = new Promise<PalmError>((resolve) => {
          const end = subscription.onBreak((error) => {
            end();
            resolve(error);
          });
        });
        await publisher.close();
        expect(
          (await within(5_000, broken, 'onBreak of the subscription')).code,
          'a link that ends breaks with DISCONNECTED',
        ).toBe('DISCONNECTED');
        expect(subscription.isReady, 'a subscription whose publisher is gone is not ready').toBe(false);
        const next = await server.bindPublish(publisher.address);
        await within(5_000, subscription.ready(), 'the subscription at the next publisher');
        await next.publish([publication('me/1', 'back')]);
        expect(
          (await collect(subscription, 1))[0]?.frames.map(textOf),
          'a subscription is made again at the next publisher',
        ).toEqual(['back']);
      });

      it('refuses an empty topic', async () => {
        const publisher = await server.bindPublish(subject.anyAddress);
        expect(
          () => client.subscribe(publisher.address, ''),
          'an empty topic is refused, as it would get all deliveries of others',
        ).toThrowError(expect.objectContaining({ code: 'INVALID_CALL' }));
      });
    });

    describe('addresses', () => {
      it('that it cannot read are refused by every verb', async () => {
        for (const address of subject.unreadable) {
          const refused = expect.objectContaining({
            code: 'INVALID_CALL',
            message: expect.stringContaining(address),
          });
          expect(
            () => subject.transport.checkAddress(address),
            'checkAddress refuses what cannot be read',
          ).toThrowError(refused);
          expect(
            () => client.push(address),
            'push refuses what cannot be read, before it dials',
          ).toThrowError(refused);
          expect(
            () => client.pull(address),
            'pull refuses what cannot be read, before it dials',
          ).toThrowError(refused);
          expect(
            () => client.subscribe(address, 't/'),
            'subscribe refuses what cannot be read, before it dials',
          ).toThrowError(refused);
          await rejects(
            ask(address, bytes('x')),
            refused,
            'request refuses what cannot be read, before it dials',
          );
          await rejects(server.bindPull(address), refused, 'binding refuses what cannot be read');
        }
      });

      it('that are taken cannot be bound again', async () => {
        const { address } = await server.bindPull(subject.anyAddress);
        await rejects(
          client.bindPull(address),
          { code: 'INVALID_CALL' },
          'an address that is taken cannot be bound again',
        );
        const pusher = client.push(address);
        await within(5_000, pusher.ready(), 'the first one is still bound');
      });

      it('that are bound for something else are an error, not a time-out', async () => {
        const { address } = await server.bindReply(subject.anyAddress, (request) => request);
        // With encryption a misfit cannot be told from a wrong key.
        const code = expect.stringMatching(/^(PROTOCOL|FORBIDDEN)$/);
        await rejects(
          within(5_000, client.push(address).ready(), 'the refusal of something else at the address'),
          { code },
          'ready() rejects where something else is bound',
        );
      });
    });

    describe('life', () => {
      it('tells what happens to its channels', async () => {
        const statuses: string[] = [];
        const publisher = await server.bindPublish(subject.anyAddress);
        const watching = (async () => {
          for await (const status of client.status()) {
            if (status.type === 'closed' || status.address === publisher.address) statuses.push(status.type);
          }
        })();
        await subscribe(publisher.address, 'me/').ready();
        const disconnected = first(client.status(), ({ type }) => type === 'disconnected');
        await publisher.close();
        await within(5_000, disconnected, 'the status disconnected');
        await client.close();
        await within(2_000, watching, 'the end of the status after closing');
        expect(statuses.slice(0, 2), 'the status begins with dialling and success').toEqual([
          'connecting',
          'connected',
        ]);
        expect(statuses, 'the status tells of a break').toContain('disconnected');
        expect(statuses.at(-1), 'the status ends with closed').toBe('closed');
      });

      it('tells each view the present state of the open channels first, and of which address it is', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const publisher = await server.bindPublish(subject.anyAddress);
        const pusher = client.push(pull.address);
        const subscription = subscribe(publisher.address, 'me/');
        await within(
          5_000,
          Promise.all([pusher.ready(), subscription.ready()]),
          'a pusher and a subscription to become ready',
        );
        // A subscription may be proved before the transport has told that it is connected.
        const isUp = (status: ConnectionStatus) =>
          status.type === 'connected' && status.address === publisher.address;
        await within(5_000, first(client.status(), isUp), 'the status connected');
        /** What a view of its own tells until it comes to the publisher. */
        const present = async () => {
          const told: string[] = [];
          const isLast = (status: ConnectionStatus) => {
            const address = status.type === 'closed' ? '' : status.address;
            told.push(`${status.type} ${address}`);
            return address === publisher.address;
          };
          await within(5_000, first(client.status(), isLast), 'the state of the subscription');
          return told;
        };
        for (let view = 0; view < 2; view++) {
          const told = await present();
          expect(told, 'a new view begins with the state of each open channel').toContain(
            `connected ${pull.address}`,
          );
          expect(told.at(-1), 'a state names the address that was dialled').toBe(
            `connected ${publisher.address}`,
          );
        }
        await pusher.close();
        expect((await present()).join(), 'a closed channel has no state').not.toContain(pull.address);
        expect(client.trouble, 'no trouble is told while all links are up').toBe('');
        const broken = first(client.status(), ({ type }) => type === 'disconnected');
        await publisher.close();
        await within(5_000, broken, 'the status disconnected');
        const [why] = (await present()).slice(-1);
        expect(why, 'a new view tells that a link is down').toMatch(/^(disconnected|reconnecting) /);
        expect(client.trouble, 'trouble says why links are down').toMatch(/^ \(.+\)$/);
      });

      it('resolves closed, closes twice, and ends what is being read', async () => {
        const pull = await client.bindPull(subject.anyAddress);
        const publisher = await server.bindPublish(subject.anyAddress);
        const subscription = subscribe(publisher.address, 'me/');
        const reading = Promise.all([
          pull[Symbol.asyncIterator]().next(),
          subscription[Symbol.asyncIterator]().next(),
        ]);
        await Promise.all([client.close(), client.close()]);
        expect(await client.closed, 'closed resolves with undefined when nothing went wrong').toBeUndefined();
        expect(
          (await within(2_000, reading, 'the ends of what is being read')).map(({ done }) => done),
          'closing ends what is being read',
        ).toEqual([true, true]);
        expect(() => client.push(pull.address), 'a closed connection dials nothing').toThrowError(
          expect.objectContaining({ code: 'CLOSED' }),
        );
      });

      it('is closed by await using', async () => {
        let held: BindingConnection | undefined;
        {
          await using connection = await subject.transport.open();
          held = connection;
        }
        expect(
          await within(2_000, held.closed, 'the end of a connection that await using closed'),
          'closed resolves with undefined when nothing went wrong',
        ).toBeUndefined();
      });

      it('closes no channel but its own', async () => {
        const pull = await server.bindPull(subject.anyAddress);
        const other = await subject.transport.open();
        await other.push(pull.address).send([bytes('a')]);
        await other.close();
        await client.push(pull.address).send([bytes('b')]);
        expect(
          (await collect(pull, 2)).map(textOf),
          'closing a connection leaves others and their channels alone',
        ).toEqual(['a', 'b']);
      });
    });
  });
}
