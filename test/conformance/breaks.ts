/** What the end of a link does to what was under way, and what comes after it. */
import { describe, expect, it } from 'vitest';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { Channel, RequestOrigin } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, eventually, within } from '../support/wait.ts';
import type { Ends } from './context.ts';
import { rejects } from './rejects.ts';

/** The next break of a channel. */
const broken = (channel: Channel): Promise<PalmError> =>
  new Promise((resolve) => {
    const end = channel.onBreak((error) => {
      end();
      resolve(error);
    });
  });

export function testBreaks(ends: () => Ends): void {
  describe('a break', () => {
    it('is told of by a pusher, which is not ready then, and works with the next server', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await within(5_000, pusher.ready(), 'the pusher to become ready');
      const told = broken(pusher);
      await pull.close();
      const error = await within(5_000, told, 'onBreak of the pusher');
      expect(error.code, 'the code that a broken link has').toBe('DISCONNECTED');
      expect(pusher.isReady, 'a pusher whose server is gone cannot be used').toBe(false);
      const next = await server.bindPull(pull.address);
      await within(10_000, pusher.ready(), 'a channel goes on dialling until it is closed');
      await pusher.send([bytes('again')]);
      expect((await collect(next, 1)).map(textOf), 'a channel works with the next server').toEqual(['again']);
    });

    it('is told of by a puller, which is not ready then, and works with the next server', async () => {
      const { server, client, subject } = ends();
      const push = await server.bindPush(subject.anyAddress);
      const puller = client.pull(push.address);
      await within(5_000, puller.ready(), 'the puller to become ready');
      const told = broken(puller);
      await push.close();
      expect(
        (await within(5_000, told, 'onBreak of the puller')).code,
        'a link that ends breaks with DISCONNECTED',
      ).toBe('DISCONNECTED');
      expect(puller.isReady, 'a puller whose server is gone cannot be used').toBe(false);
      const next = await server.bindPush(push.address);
      await within(10_000, puller.ready(), 'a channel goes on dialling until it is closed');
      await within(5_000, next.send([bytes('again')]), 'a send to the puller at the next server');
      expect((await collect(puller, 1)).map(textOf), 'a channel works with the next server').toEqual([
        'again',
      ]);
    });

    it('is told to a listener until that is ended, and to each of several', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await within(5_000, pusher.ready(), 'the pusher to become ready');
      let ended = 0;
      let kept = 0;
      const end = pusher.onBreak(() => ended++);
      pusher.onBreak(() => kept++);
      end();
      const told = broken(pusher);
      await pull.close();
      await within(5_000, told, 'onBreak of the pusher');
      expect({ ended, kept }, 'each listener hears of a break once, and one that was ended does not').toEqual(
        { ended: 0, kept: 1 },
      );
    });

    /** Sends until the server takes no more. Gives what came of the frames of each send. */
    async function fill(pusher: { send(frames: Uint8Array<ArrayBuffer>[]): Promise<void> }) {
      const fates = new Map<string, 'waits' | 'taken' | PalmError>();
      const sent: Promise<unknown>[] = [];
      let before = -1;
      for (let number = 0; number < 200_000; ) {
        for (let i = 0; i < 64; i++) {
          const name = String(number++);
          fates.set(name, 'waits');
          const frame = new Uint8Array(8_192);
          frame.set(bytes(name));
          sent.push(
            pusher.send([frame]).then(
              () => fates.set(name, 'taken'),
              (error: PalmError) => fates.set(name, error),
            ),
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
        const taken = [...fates.values()].filter((fate) => fate === 'taken').length;
        if (number - taken > 512 && taken === before) break;
        before = taken;
      }
      return { fates, settled: Promise.all(sent) };
    }

    const nameOf = (frame: Uint8Array<ArrayBuffer>) => textOf(frame.slice(0, frame.indexOf(0)));

    it('rejects the sends that wait, and nothing of a send that was rejected comes to the next server', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await within(5_000, pusher.ready(), 'the pusher to become ready');
      const { fates, settled } = await fill(pusher);
      // A client in another process, as a page, answers after it has made the sends; one that is made after the break waits.
      await within(20_000, client.identify(), 'what follows the sends');
      expect([...fates.values()], 'the server reads nothing: some sends wait').toContain('waits');
      await pull.close();
      await within(10_000, settled, 'a break settles every send that waits');
      const rejected = [...fates].filter(([, fate]) => fate !== 'taken');
      expect(rejected.length, 'sends that wait at a break are rejected').toBeGreaterThan(0);
      for (const [, fate] of rejected)
        expect(fate, 'a send that waits at a break rejects so').toMatchObject({ code: 'DISCONNECTED' });
      const next = await server.bindPull(pull.address);
      await within(10_000, pusher.ready(), 'the pusher to become ready again');
      await within(5_000, pusher.send([bytes('last\0')]), 'a send after the break');
      const came: string[] = [];
      const iterator = next[Symbol.asyncIterator]();
      while (came.at(-1) !== 'last') {
        const { value = [] } = await within(10_000, iterator.next(), 'what is sent after the break');
        came.push(...value.map(nameOf));
      }
      const names = new Set(rejected.map(([name]) => name));
      expect(
        came.filter((name) => names.has(name)),
        'frames of sends that failed, which run later all the same',
      ).toEqual([]);
    });

    it('keeps the sends for the next server that are made after it', async () => {
      const { server, client, subject } = ends();
      const pull = await server.bindPull(subject.anyAddress);
      const pusher = client.push(pull.address);
      await within(5_000, pusher.ready(), 'the pusher to become ready');
      const told = broken(pusher);
      await pull.close();
      await within(5_000, told, 'onBreak of the pusher');
      const sending = pusher.send([bytes('later')]);
      const next = await server.bindPull(pull.address);
      expect(
        (await collect(next, 1)).map(textOf),
        'a send after the break waits for the next server',
      ).toEqual(['later']);
      await within(5_000, sending, 'a send after the break');
    });

    it('gives a request that was made after it to the next server', async () => {
      const { server, client, subject } = ends();
      const first = await server.bindReply(subject.anyAddress, () => bytes('first'));
      await client.request(first.address, bytes('x')).reply;
      await first.close();
      await eventually(async () => {
        // The break may be seen a little later than the server that closed; a request in between is lost with it.
        const { reply } = client.request(first.address, bytes('x'));
        const answer = reply.then(textOf).catch(() => '');
        await server.bindReply(first.address, () => bytes('second')).catch(() => {});
        return (await within(10_000, answer, 'the reply to a request after the break')) === 'second';
      }, 20_000);
    });
  });

  describe('what is bound for something else', () => {
    it('refuses what waits, until something fits', async () => {
      const { server, client, subject } = ends();
      const wrong = await server.bindReply(subject.anyAddress, (request) => request);
      const pusher = client.push(wrong.address);
      const code = expect.stringMatching(/^(PROTOCOL|FORBIDDEN)$/);
      await rejects(
        within(10_000, pusher.ready(), 'the refusal of something else at the address'),
        { code },
        'ready() rejects where something else is bound',
      );
      expect(pusher.isReady, 'a refused channel is not ready').toBe(false);
      await rejects(
        within(5_000, pusher.send([bytes('x')]), 'a send to what refuses'),
        {
          code,
        },
        'a send to what refuses rejects with the refusal',
      );
      await wrong.close();
      const right = await server.bindPull(wrong.address);
      const reading = collect(right, 1);
      await eventually(async () => {
        await within(10_000, pusher.send([bytes('fits')]), 'a send to what refuses, or fits').catch(() => {});
        return pusher.isReady;
      }, 15_000);
      expect((await reading).map(textOf)[0], 'a refused channel goes on dialling, until something fits').toBe(
        'fits',
      );
    });
  });

  describe('the origin of a request', () => {
    it('is told to be gone when its client is closed, once, and not to a listener that was ended', async () => {
      const { server, client, subject } = ends();
      const transport = subject.transport;
      const told: string[] = [];
      const { address } = await server.bindReply(subject.anyAddress, (request, from) => {
        const name = textOf(request);
        const end = from.onGone(() => told.push(name));
        if (name === 'ended') end();
        return request;
      });
      const other = await transport.open();
      await other.request(address, bytes('other')).reply;
      await other.request(address, bytes('ended')).reply;
      await client.request(address, bytes('stays')).reply;
      await other.close();
      // Behind a relay the link is the relay's, which stays.
      if (subject.isIdentified === true) return;
      await within(
        10_000,
        (async () => eventually(async () => told.length > 0, 10_000))(),
        'onGone of the request',
      );
      expect(told, 'whose link is gone').toEqual(['other']);
    });

    it('is told to be gone also to a listener that comes later', async () => {
      const { server, client, subject } = ends();
      const origins: RequestOrigin[] = [];
      const { address } = await server.bindReply(subject.anyAddress, (request, from) => {
        origins.push(from);
        return request;
      });
      await client.request(address, bytes('x')).reply;
      await client.close();
      // Behind a relay the link is the relay's, which stays.
      if (subject.isIdentified === true) return;
      const gone = () => new Promise<void>((resolve) => origins[0]?.onGone(resolve));
      await within(10_000, gone(), 'the end of the link');
      await within(10_000, gone(), 'a listener that comes when the link is gone already');
    });

    it('has one link for all requests of a connection, and another for those of another', async () => {
      const { server, client, subject } = ends();
      const links: unknown[] = [];
      const { address } = await server.bindReply(subject.anyAddress, (request, from) => {
        links.push(from.link);
        return request;
      });
      const other = await subject.transport.open();
      for (const connection of [client, client, other])
        await within(5_000, connection.request(address, bytes('x')).reply, 'the reply to a request');
      await other.close();
      expect(links[1] === links[0], 'two requests over one link have one link').toBe(true);
      // A relay has one link for all its clients.
      if (subject.isIdentified !== true)
        expect(links[2] === links[0], 'requests of two connections have one link').toBe(false);
    });
  });
}
