/** Servers that are started again at other addresses: clients ask their db_address again, and follow. */
import { afterEach, describe, expect, it } from 'vitest';
import { Hub, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import type { TestGround } from '../support/cluster.ts';
import { eventually, within } from '../support/wait.ts';

const cleanup: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await within(5_000, close(), 'closing');
});

function kept<T extends { close(): Promise<unknown> }>(own: T): T {
  cleanup.push(() => own.close());
  return own;
}

/** @param make - gives the transport, and what binding takes so that the system chooses the address. */
export function testMoves(name: string, make: () => Pick<TestGround, 'transport' | 'any'>): void {
  describe(`a server that is started again elsewhere: ${name}`, () => {
    const { transport, any } = make();

    /** As README's own Server: one address is fixed, and the others are the system's to choose. */
    async function start(
      dbAddress: string,
      by: string,
      options: { name?: string; pipelined?: boolean } = {},
    ) {
      const server = await Server.start({
        transport,
        name: options.name ?? 'moving',
        dbAddress,
        pullAddress: any,
        pubAddress: any,
        pipelined: options.pipelined ?? false,
        loggingLevel: 'silent',
        functions: {
          say: (payload) => bytes(`${textOf(payload)} by ${by}`),
          hang: () => new Promise<never>(() => {}),
        },
      });
      return kept(server);
    }

    async function connect(dbAddress: string, options: { subAddress?: string; timeout?: number } = {}) {
      const client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent', ...options });
      return kept(client).with(text());
    }

    /** Closes a server, and waits until a client has seen both of its links break: what it calls now has to wait. */
    async function cut(client: Client<string, string>, server: Server): Promise<void> {
      const gone = new Set<string>();
      const seen = (async () => {
        for await (const status of client.status()) {
          if (status.type === 'disconnected') gone.add(status.address);
          if (gone.has(server.pullAddress) && gone.has(server.pubAddress)) return;
        }
      })();
      await server.close();
      await within(5_000, seen, 'the break');
      // What was read before the end of a link is handed on first.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }

    it('is called there, as often as it moves', async () => {
      let server = await start(any, 'the first');
      const { dbAddress } = server;
      const client = await connect(dbAddress);
      expect(await client.eval('moving.say', 'said')).toBe('said by the first');
      for (const by of ['the second', 'the third', 'the fourth']) {
        const { pullAddress } = server;
        await cut(client, server);
        server = await start(dbAddress, by);
        expect(server.pullAddress).not.toBe(pullAddress);
        expect(await within(10_000, client.eval('moving.say', 'said'))).toBe(`said by ${by}`);
      }
      const results: string[] = [];
      for await (const one of client.job('moving.say', ['a', 'b'], { messages: 2 })) results.push(one);
      expect(results).toEqual(['a by the fourth', 'b by the fourth']);
    });

    it('is called there by those who waited while it was away', async () => {
      const server = await start(any, 'the first');
      const client = await connect(server.dbAddress);
      await cut(client, server);
      const waiting = client.eval('moving.say', 'said');
      const mapped = client.map('moving.say', ['a', 'b'])[Symbol.asyncIterator]();
      const first = mapped.next();
      await start(server.dbAddress, 'the second');
      expect(await within(10_000, waiting)).toBe('said by the second');
      expect(await within(10_000, first)).toMatchObject({ value: 'a by the second' });
      await mapped.return?.();
    });

    it('has lost the calls that were under way, which say so at once', async () => {
      const server = await start(any, 'the first');
      const client = await connect(server.dbAddress);
      const call = client.eval('moving.hang', 'x');
      const outcome = call.catch((error) => error);
      await eventually(async () => server.counters.inFlight > 0);
      await server.close({ timeout: 0 });
      await start(server.dbAddress, 'the second');
      expect(await within(5_000, outcome)).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
      expect(await within(10_000, client.eval('moving.say', 'said'))).toBe('said by the second');
    });

    it('maps on with the inputs that were under way', async () => {
      const server = await start(any, 'the first');
      const client = await connect(server.dbAddress);
      const inputs = Array.from({ length: 400 }, (_, i) => String(i));
      const results: string[] = [];
      let next: Promise<unknown> | undefined;
      for await (const one of client.map('moving.say', inputs, {
        retries: 10,
        retryDelay: 50,
        window: 16,
      })) {
        results.push(one);
        if (results.length === 100) next = server.close().then(() => start(server.dbAddress, 'the second'));
      }
      await next;
      expect(results.map((one) => one.split(' ')[0])).toEqual(inputs);
      expect(results.at(-1)).toBe('399 by the second');
    });

    it('is refused when it bears another name, and taken again when it is the right one', async () => {
      const server = await start(any, 'the first');
      const client = await connect(server.dbAddress);
      await cut(client, server);
      const waiting = client.eval('moving.say', 'said').catch((error) => error);
      const other = await start(server.dbAddress, 'another', { name: 'other' });
      expect(await within(10_000, waiting)).toMatchObject({
        code: 'WRONG_SERVER',
        message: expect.stringContaining('server "other", not "moving"'),
      });
      await expect(client.eval('moving.say', 'said')).rejects.toMatchObject({ code: 'WRONG_SERVER' });
      await other.close();
      await start(server.dbAddress, 'the second');
      await eventually(
        () =>
          client.eval('moving.say', 'said').then(
            (answer) => answer === 'said by the second',
            () => false,
          ),
        10_000,
      );
    });

    it('lets a client that is closed meanwhile go', async () => {
      const server = await start(any, 'the first');
      const client = await connect(server.dbAddress);
      await cut(client, server);
      const waiting = client.eval('moving.say', 'said').catch((error) => error);
      await within(2_000, client.close(), 'closing');
      expect(await waiting).toMatchObject({ code: 'CLOSED' });
    });

    describe('before others, which ask it where it publishes', () => {
      const echoed = { loud: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()) };
      const common = { transport, dbAddress: any, pubAddress: any, loggingLevel: 'silent' } as const;

      const ends = {
        Pipeline: (previousDbAddress: string) =>
          Pipeline.start({
            ...common,
            name: 'end',
            previousDbAddress,
            previous: 'moving',
            functions: echoed,
          }),
        Sink: (previousDbAddress: string) =>
          Sink.start({
            ...common,
            name: 'end',
            previousDbAddresses: [previousDbAddress],
            previous: ['moving'],
            functions: echoed,
          }),
        Hub: async (previousDbAddress: string) => {
          const hub = await Hub.start({
            ...common,
            name: 'end',
            previousDbAddress,
            previous: 'moving',
            workerPullAddress: any,
            workerPushAddress: any,
          });
          const { dbAddress } = hub;
          kept(await Worker.start({ transport, dbAddress, functions: echoed, loggingLevel: 'silent' }));
          return hub;
        },
      };

      it.each(Object.entries(ends))('is followed by a %s', async (_role, startEnd) => {
        let server = await start(any, 'the first', { pipelined: true });
        const { dbAddress } = server;
        const end = kept(await startEnd(dbAddress));
        await within(5_000, end.ready());
        const client = await connect(dbAddress, { subAddress: end.pubAddress });
        const call = () => client.eval(['moving.say', 'end.loud'], 'said', { timeout: 15_000 });
        expect(await call()).toBe('SAID BY THE FIRST');
        for (const by of ['the second', 'the third']) {
          const { pubAddress } = server;
          await server.close();
          server = await start(dbAddress, by, { pipelined: true });
          expect(server.pubAddress).not.toBe(pubAddress);
          // What the server publishes before it is found again goes to nobody.
          await eventually(async () => isAt(end, server), 10_000);
          await within(5_000, end.ready());
          await eventually(
            () =>
              call().then(
                (answer) => answer === `SAID BY ${by.toUpperCase()}`,
                () => false,
              ),
            15_000,
          );
        }
      });

      it('finds one that comes later, and needs to be told of one', async () => {
        const first = await start(any, 'the first', { pipelined: true });
        const { dbAddress } = first;
        await first.close();
        const end = kept(await ends.Pipeline(dbAddress));
        expect(end.subAddress).toBeUndefined();
        const server = await start(dbAddress, 'the second', { pipelined: true });
        await within(5_000, end.ready());
        expect(end.subAddress).toBe(server.pubAddress);
        const asked = kept(
          await Client.connect({ transport, dbAddress: end.dbAddress, loggingLevel: 'silent' }),
        );
        expect(await asked.with(text()).get('sub_address')).toBe(server.pubAddress);
        await expect(
          Pipeline.start({ ...common, name: 'end', previous: 'moving', functions: echoed }),
        ).rejects.toMatchObject({
          code: 'INVALID_CALL',
          message: expect.stringContaining('previousDbAddress'),
        });
      });
    });
  });
}

function isAt(end: Pipeline | Sink | Hub, server: Server): boolean {
  return ('subAddresses' in end ? end.subAddresses[0] : end.subAddress) === server.pubAddress;
}
