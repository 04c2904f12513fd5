/** What the client does, on any transport. */
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/client/call.ts';
import { resolveOptions } from '../../src/client/connect-options.ts';
import { ClientCore } from '../../src/client/core.ts';
import { Server, type ServerOptions } from '../../src/cluster/index.ts';
import {
  Client,
  type ConnectOptions,
  json,
  msgpack,
  PalmError,
  type TapEvent,
  text,
} from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import type { Delivery } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type RawHandler, startRawServer } from '../support/raw-server.ts';
import { first, within } from '../support/wait.ts';
import { type Ground, onGround } from './on-ground.ts';

export type { Ground } from './on-ground.ts';

const refused = (text: string) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(text), sent: false });

export function testClient(name: string, make: () => Ground): void {
  describe(`client: ${name}`, () => {
    const on = onGround(make);
    const { cleanup } = on;

    async function serve(options: Partial<ServerOptions> = {}): Promise<Server> {
      const { transport, anyAddress } = on.ground;
      const server = await Server.start({
        transport,
        name: 'server',
        dbAddress: anyAddress,
        pullAddress: anyAddress,
        pubAddress: anyAddress,
        loggingLevel: 'silent',
        functions: {
          upper: (payload) => bytes(textOf(payload).toUpperCase()),
          boom: () => {
            throw new RangeError('too far');
          },
          later: async (payload) => {
            await new Promise((resolve) => setTimeout(resolve, Number(textOf(payload))));
            return payload;
          },
          hang: (_payload, { signal }) =>
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
          deaf: () => new Promise(() => {}),
          nothing: (() => undefined) as never,
          cache: (_payload, { message }) => bytes(message.cache),
          pipeline: (_payload, { message }) => bytes(message.pipeline),
        },
        ...options,
      });
      cleanup.push(() => server.close());
      return server;
    }

    async function connect(dbAddress: string, options: Partial<ConnectOptions> = {}): Promise<Client> {
      const client = await Client.connect({
        transport: on.ground.transport,
        dbAddress,
        loggingLevel: 'silent',
        ...options,
      });
      cleanup.push(() => client.close());
      return client;
    }

    async function serveRaw(handle: RawHandler, config?: Record<string, string>) {
      const { transport, rawTransport = transport, anyAddress } = on.ground;
      const server = await startRawServer(rawTransport, anyAddress, handle, config);
      cleanup.push(() => server.close());
      return server;
    }

    /** An address that nobody is at. */
    async function deadAddress(): Promise<string> {
      const server = await startRawServer(on.ground.transport, on.ground.anyAddress, () => []);
      await server.close();
      return server.dbAddress;
    }

    describe('connect', () => {
      it('learns name and addresses from the server', async () => {
        const server = await serve();
        const client = await connect(server.dbAddress);
        expect(client.serverName).toBe('server');
        expect(textOf(await client.eval('server.upper', bytes('hello')))).toBe('HELLO');
      });

      it('refuses a server of another name', async () => {
        const server = await serve();
        const attempt = Client.connect({
          transport: on.ground.transport,
          serverName: 'other',
          dbAddress: server.dbAddress,
        });
        await expect(attempt).rejects.toMatchObject({
          code: 'WRONG_SERVER',
          message: expect.stringContaining('"server"'),
        });
      });

      it('asks nothing with thisConfig', async () => {
        const server = await serveRaw(() => [bytes('answer')]);
        const client = await connect(server.dbAddress, {
          serverName: 'raw',
          thisConfig: true,
          pushAddress: server.pullAddress,
          subAddress: server.pubAddress,
        });
        expect(textOf(await client.eval('raw.f', bytes('')))).toBe('answer');
        expect(server.requests).toEqual([]);
      });

      it('takes given addresses instead of the advertised ones', async () => {
        const config = { pull_address: 'memory://nowhere', pub_address: 'memory://nowhere' };
        const server = await serveRaw(() => [bytes('answer')], config);
        const client = await connect(server.dbAddress, {
          pushAddress: server.pullAddress,
          subAddress: server.pubAddress,
        });
        expect(textOf(await client.eval('raw.f', bytes('')))).toBe('answer');
      });

      it('to a dead address is a TIMEOUT in the time given, and frees everything', async () => {
        const attempt = Client.connect({
          transport: on.ground.transport,
          dbAddress: await deadAddress(),
          timeout: 150,
        });
        await expect(within(2_000, attempt)).rejects.toMatchObject({ code: 'TIMEOUT' });
      });

      it('is given up with the reason of its signal', async () => {
        const controller = new AbortController();
        const dbAddress = await deadAddress();
        const attempt = Client.connect({
          transport: on.ground.transport,
          dbAddress,
          signal: controller.signal,
        });
        controller.abort(new Error('enough'));
        await expect(attempt).rejects.toThrow('enough');
      });

      it('to a server that takes no calls still gives its cache', async () => {
        const server = await serveRaw(() => [], { pull_address: '' });
        const client = await connect(server.dbAddress);
        await client.set(bytes('v'), 'k');
        expect(textOf((await client.get('k')) ?? bytes(''))).toBe('v');
        await expect(client.eval('raw.f', bytes(''))).rejects.toEqual(refused('takes no calls'));
        expect(() => client.job('raw.f', [])).toThrowError(refused('takes no calls'));
        expect(() => client.map('raw.f', [])).toThrowError(refused('takes no calls'));
        expect(() => client.mapSettled('raw.f', [])).toThrowError(refused('takes no calls'));
      });

      it.each([
        ['dbAddress', { dbAddress: 'nonsense' }, 'nonsense'],
        ['pushAddress', { pushAddress: 'nonsense' }, 'nonsense'],
        ['subAddress', { subAddress: 'nonsense' }, 'nonsense'],
        ['serverName', { serverName: 'a b' }, '"a b"'],
        ['serverName with a dot', { serverName: 'a.b' }, '"a.b"'],
        ['session that is empty', { session: '' }, 'session'],
        ['session with a space', { session: 'a b' }, '"a b"'],
        ['id with a NUL', { id: 'a\0' }, 'id'],
        ['id that is empty', { id: '' }, 'id'],
        ['timeout of 0', { timeout: 0 }, 'timeout'],
        ['timeout of NaN', { timeout: Number.NaN }, 'timeout'],
        ['thisConfig without addresses', { thisConfig: true }, 'thisConfig'],
      ])('refuses a bad %s before anything is sent', async (_, options, text) => {
        const server = await serveRaw(() => []);
        const { transport } = on.ground;
        await expect(Client.connect({ transport, dbAddress: server.dbAddress, ...options })).rejects.toEqual(
          refused(text),
        );
        expect(server.requests).toEqual([]);
      });
    });

    describe('eval', () => {
      it('runs any number at once, each getting its own', async () => {
        const client = await connect((await serve()).dbAddress);
        const sent = Array.from({ length: 1_000 }, (_, i) => `word ${i}`);
        const answers = await Promise.all(sent.map((word) => client.eval('server.upper', bytes(word))));
        expect(answers.map(textOf)).toEqual(sent.map((word) => word.toUpperCase()));
      });

      it('gives a plain Uint8Array, of its own', async () => {
        const client = await connect((await serve()).dbAddress);
        const answer = await client.eval('server.echo', Buffer.from('hello'));
        expect(answer.constructor).toBe(Uint8Array);
        expect(new Blob([answer]).size).toBe(5);
      });

      it('carries payloads of any size', async () => {
        const client = await connect((await serve()).dbAddress);
        for (const size of [0, 1, 127, 128, 16_384, 5_000_000]) {
          const payload = new Uint8Array(size).fill(size % 251);
          expect(Buffer.compare(await client.eval('server.echo', payload), payload)).toBe(0);
        }
      });

      it('waits for as many answers as it is told', async () => {
        const server = await serveRaw(() => ['a', 'b', 'c'].map(bytes));
        const client = await connect(server.dbAddress);
        const answers = await client.eval('raw.scatter', bytes(''), { messages: 3 });
        expect(answers.map(textOf)).toEqual(['a', 'b', 'c']);
      });

      it('hands the cache field and the session to the function untouched', async () => {
        const server = await serve();
        const client = await connect(server.dbAddress, { session: 'S1-' });
        expect(textOf(await client.eval('server.cache', bytes(''), { cache: 'mine é 😀' }))).toBe(
          'mine é 😀',
        );
        expect(textOf(await client.eval('server.pipeline', bytes('')))).toBe('S1-');
      });

      it('sends the stages of a pipeline as pylm does', async () => {
        const server = await serveRaw(() => [bytes('')]);
        const client = await connect(server.dbAddress);
        await client.eval(['raw.f', 'second.g'], bytes('x'));
        await client.eval('raw.f second.g', bytes('x'));
        expect(server.received.map(({ function: path, stage }) => [path, stage])).toEqual([
          ['raw.f second.g', 0],
          ['raw.f second.g', 0],
        ]);
      });

      it('throws REMOTE with the name and text of what the function threw', async () => {
        const client = await connect((await serve()).dbAddress);
        const failed = client.eval('server.boom', bytes(''));
        await expect(failed).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'RangeError' });
        await expect(failed).rejects.toThrow('too far');
        await expect(client.eval('server.missing', bytes(''))).rejects.toThrow('no function');
        await expect(client.eval('server.nothing', bytes(''))).rejects.toMatchObject({
          code: 'REMOTE',
          remoteName: 'NoResult',
        });
        await expect(client.eval(['server.constructor'], bytes(''))).rejects.toThrow('no function');
        expect(textOf(await client.eval('server.upper', bytes('alive')))).toBe('ALIVE');
      });

      it('takes an answer of 0 for a failure only when told to', async () => {
        const server = await serveRaw(() => [bytes('0')]);
        const plain = await connect(server.dbAddress);
        expect(textOf(await plain.eval('raw.f', bytes('')))).toBe('0');
        const wary = await connect(server.dbAddress, { errorSentinel: true });
        await expect(wary.eval('raw.f', bytes(''))).rejects.toMatchObject({ code: 'REMOTE' });
      });

      it('times out with TIMEOUT, other calls unharmed', async () => {
        const server = await serveRaw(({ function: path }) => (path === 'raw.never' ? [] : [bytes('here')]));
        const client = await connect(server.dbAddress);
        const late = client.eval('raw.never', bytes(''), { timeout: 80 });
        const other = client.eval('raw.f', bytes(''));
        await expect(within(2_000, late)).rejects.toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
        await expect(late).rejects.toThrow('raw.never');
        expect(textOf(await other)).toBe('here');
      });

      it('is not confused by an answer that comes too late', async () => {
        // It answers both calls when the second comes. A server that takes cancels would not answer the first.
        const codec = new EnvelopeCodec();
        const answers: Delivery[] = [];
        const server = await serveRaw((message) => {
          answers.push({ topic: message.client, frames: [codec.encode(message)] });
          return answers.length === 2 ? answers : [];
        });
        const client = await connect(server.dbAddress);
        const given = client.eval('raw.f', bytes('late'), { timeout: 40 });
        await expect(given).rejects.toMatchObject({ code: 'TIMEOUT' });
        expect(textOf(await client.eval('raw.f', bytes('next')))).toBe('next');
        expect(client.unclaimed).toBe(1);
      });

      it('rejects with the reason of its signal', async () => {
        const client = await connect((await serve()).dbAddress);
        const controller = new AbortController();
        const call = client.eval('server.hang', bytes(''), { signal: controller.signal });
        controller.abort(new Error('enough'));
        await expect(call).rejects.toThrow('enough');
        await expect(
          client.eval('server.echo', bytes(''), { signal: AbortSignal.abort() }),
        ).rejects.toMatchObject({
          name: 'AbortError',
        });
      });

      it('leaves nothing behind: no entry, no listener', async () => {
        const server = await serveRaw(() => []);
        const core = await ClientCore.open(
          resolveOptions({
            transport: on.ground.transport,
            dbAddress: server.dbAddress,
            loggingLevel: 'silent',
          }),
          () => import('../../src/client/later.ts'),
        );
        cleanup.push(() => core.close({}));
        const path = core.callLink();
        const { signal } = new AbortController();
        const listeners = new Set<unknown>();
        let most = 0;
        const add = signal.addEventListener.bind(signal);
        const remove = signal.removeEventListener.bind(signal);
        signal.addEventListener = (...args: Parameters<typeof add>) => {
          most = Math.max(most, listeners.add(args[1]).size);
          add(...args);
        };
        signal.removeEventListener = (...args: Parameters<typeof remove>) => {
          listeners.delete(args[1]);
          remove(...args);
        };
        const spec = { function: 'raw.f', cache: '', pipeline: 'p', features: 1 };
        const calls = Array.from({ length: 2_000 }, () =>
          evaluate(path, {
            spec,
            payload: bytes(''),
            messages: 1,
            errorSentinel: false,
            decode: (own) => own,
            signal,
            signals: core.signals,
            timeout: 50,
          }),
        );
        const outcomes = await within(10_000, Promise.allSettled(calls));
        expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
        expect(path.mailbox.ids().length).toBe(0);
        expect([most, listeners.size]).toEqual([1, 0]);
      });

      it('ends with DISCONNECTED when the server goes, and the next call finds the new server', async () => {
        const { transport } = on.ground;
        const server = await serve();
        const { dbAddress, pullAddress, pubAddress } = server;
        const client = await connect(dbAddress);
        const call = client.eval('server.deaf', bytes(''));
        call.catch(() => {});
        await client.eval('server.upper', bytes('x'), { timeout: 300 }).catch(() => {});
        const gone = Promise.all(
          [pullAddress, pubAddress].map((own) =>
            first(
              client.status(),
              ({ type, ...status }) =>
                type === 'disconnected' && 'address' in status && status.address === own,
            ),
          ),
        );
        await server.close({ timeout: 50 });
        await expect(within(5_000, call)).rejects.toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
        await within(5_000, gone);
        const meanwhile = client.eval('server.upper', bytes('queued'));
        const next = await Server.start({
          transport,
          name: 'server',
          dbAddress,
          pullAddress,
          pubAddress,
          loggingLevel: 'silent',
          functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
        });
        cleanup.push(() => next.close());
        expect(textOf(await within(10_000, meanwhile))).toBe('QUEUED');
        for (let i = 0; i < 20; i++)
          expect(textOf(await client.eval('server.upper', bytes('again')))).toBe('AGAIN');
      });

      it('that was never sent says so, and is not sent later', async () => {
        const server = await serveRaw(() => [bytes('x')]);
        const client = await connect(server.dbAddress);
        await client.eval('raw.f', bytes('x'));
        await server.close();
        await within(
          5_000,
          (async () => {
            for (;;) {
              const outcome = await client
                .eval('raw.lost', bytes(''), { timeout: 100 })
                .catch((error) => error);
              if (outcome instanceof PalmError && outcome.code === 'TIMEOUT' && outcome.sent === false)
                return;
            }
          })(),
        );
      });

      it('fails when its answer is garbled, and only that one', async () => {
        const server = await serveRaw((message) =>
          message.function === 'raw.bad'
            ? [{ topic: message.client, frames: [new Uint8Array([0x0a, 0xff])] }]
            : [bytes('fine')],
        );
        const client = await connect(server.dbAddress);
        const bad = client.eval('raw.bad', bytes(''));
        const fine = client.eval('raw.f', bytes(''));
        await expect(bad).rejects.toMatchObject({ code: 'PROTOCOL' });
        expect(textOf(await fine)).toBe('fine');
      });

      it.each([
        ['no dot', 'echo', '"echo"'],
        ['two dots', 'server.echo.x', '"server.echo.x"'],
        ['an empty name', 'server.', '"server."'],
        ['an empty string', '', '""'],
        ['an empty list', [], 'empty list'],
        ['a bad second stage', ['raw.f', 'second'], 'stage 1'],
        ['a space at the end', 'raw.f ', 'stage 1'],
        ['two spaces', 'raw.f  second.g', 'stage 1'],
        ['a line feed', 'raw.f\nx.g', 'raw.f'],
        ['another server', 'other.f', '"other.f"'],
        ['a lone surrogate', 'raw.\ud800', 'ud800'],
        ['no text at all', 7 as never, '7'],
      ])('refuses a path with %s before anything is sent', async (_, path, text) => {
        const server = await serveRaw(() => [bytes('')]);
        const client = await connect(server.dbAddress);
        await expect(client.eval(path, bytes('x'))).rejects.toEqual(refused(text));
        expect(() => client.job(path, [bytes('x')])).toThrowError(refused(text));
        await client.eval('raw.f', bytes(''));
        expect(server.received).toHaveLength(1);
      });

      it.each([
        ['payload', {} as never, {}, 'Uint8Array'],
        ['payload that is text', 'text' as never, {}, 'Uint8Array'],
        ['payload of other integers', new Uint16Array(2) as never, {}, 'Uint8Array'],
        ['messages of -1', bytes(''), { messages: -1 }, 'messages'],
        ['messages of 1.5', bytes(''), { messages: 1.5 }, 'messages'],
        ['messages of NaN', bytes(''), { messages: Number.NaN }, 'messages'],
        ['timeout', bytes(''), { timeout: -1 }, 'timeout'],
        ['cache', bytes(''), { cache: 5 as never }, 'cache'],
      ])('refuses a bad %s before anything is sent', async (_, payload, options, text) => {
        const server = await serveRaw(() => [bytes('')]);
        const client = await connect(server.dbAddress);
        await expect(client.eval('raw.f', payload, options)).rejects.toEqual(refused(text));
        await client.eval('raw.f', bytes(''));
        expect(server.received).toHaveLength(1);
      });
    });

    describe('cache', () => {
      it('sets, gets and deletes', async () => {
        const client = await connect((await serve()).dbAddress);
        expect(await client.set(bytes('value'), 'key é 😀')).toBe('key é 😀');
        expect(textOf((await client.get('key é 😀')) ?? bytes(''))).toBe('value');
        expect(await client.delete('key é 😀')).toBe(true);
        expect(await client.get('key é 😀')).toBeUndefined();
        expect(await client.delete('key é 😀')).toBe(false);
      });

      it('makes a random key', async () => {
        const client = await connect((await serve()).dbAddress);
        const keys = await Promise.all(Array.from({ length: 50 }, (_, i) => client.set(bytes(String(i)))));
        expect(new Set(keys).size).toBe(50);
        expect(textOf((await client.get(keys[7] ?? '')) ?? bytes(''))).toBe('7');
      });

      it('tells an empty value from a missing key on a frond server', async () => {
        const client = await connect((await serve()).dbAddress);
        await client.set(bytes(''), 'empty');
        expect(await client.get('empty')).toEqual(bytes(''));
        expect(await client.delete('empty')).toBe(true);
      });

      it('never deletes a missing key on a plain server', async () => {
        const server = await serveRaw(() => []);
        const client = await connect(server.dbAddress);
        expect(await client.delete('absent')).toBe(false);
        await client.set(bytes('v'), 'k');
        expect(await Promise.all([client.delete('k'), client.delete('k'), client.delete('k')])).toEqual([
          true,
          false,
          false,
        ]);
        expect(server.requests.filter((request) => request.startsWith('delete'))).toEqual(['delete k']);
      });

      it('puts the session in front of every key, gives keys as they are stored, and takes them so', async () => {
        const server = await serve();
        const client = await connect(server.dbAddress, { session: 'S1-' });
        const bare = await connect(server.dbAddress);
        expect(await client.set(bytes('v'), 'k')).toBe('S1-k');
        expect(textOf((await client.get('k')) ?? bytes(''))).toBe('v');
        expect(textOf((await client.get('S1-k')) ?? bytes(''))).toBe('v');
        expect(textOf((await bare.get('S1-k')) ?? bytes(''))).toBe('v');
        expect(await bare.get('k')).toBeUndefined();
        const random = await client.set(bytes('r'));
        expect(textOf((await client.get(random)) ?? bytes(''))).toBe('r');
        expect(textOf((await bare.get(random)) ?? bytes(''))).toBe('r');
        expect(await client.delete('k')).toBe(true);
        expect(await bare.get('S1-k')).toBeUndefined();
        expect(await client.delete(random)).toBe(true);
        expect(await client.delete(random)).toBe(false);
        await bare.set(bytes('by a stock worker'), 'r');
        expect(textOf((await client.get('r')) ?? bytes(''))).toBe('by a stock worker');
        // What is not the session's is not deleted by mistake.
        expect(await client.delete('r')).toBe(false);
        await client.set(bytes('own'), 'r');
        expect(textOf((await client.get('r')) ?? bytes(''))).toBe('own');
        await client.set(bytes('not k'), 'S1-k');
        await client.set(bytes('k'), 'k');
        expect(textOf((await client.get('S1-k')) ?? bytes(''))).toBe('not k');
      });

      it.each([
        'name',
        'pull_address',
        'pub_address',
        'db_address',
        'sub_address_0',
        'worker_push_address',
        'frond_x',
      ])('refuses to write the reserved key %s, and so does a frond server', async (key) => {
        const server = await serveRaw(() => []);
        const client = await connect(server.dbAddress);
        const asked = server.requests.length;
        await expect(client.set(bytes('evil'), key)).rejects.toEqual(refused(key));
        await expect(client.delete(key)).rejects.toEqual(refused(key));
        expect(server.requests).toHaveLength(asked);
        const session = key.slice(0, 2);
        const sneaky = await connect(server.dbAddress, { session });
        await expect(sneaky.set(bytes('evil'), key.slice(2))).rejects.toEqual(refused(key));
      });

      it.each([
        ['an empty key', ''],
        ['a key that is no text', 5 as never],
        ['a lone surrogate', '\ud800'],
      ])('refuses %s before anything is sent', async (_, key) => {
        const server = await serveRaw(() => []);
        const client = await connect(server.dbAddress);
        const asked = server.requests.length;
        await expect(client.get(key)).rejects.toMatchObject({ code: 'INVALID_CALL' });
        if (key !== '')
          await expect(client.set(bytes(''), key)).rejects.toMatchObject({ code: 'INVALID_CALL' });
        await expect(client.delete(key)).rejects.toMatchObject({ code: 'INVALID_CALL' });
        await expect(client.set('text' as never, 'k')).rejects.toEqual(refused('Uint8Array'));
        expect(server.requests).toHaveLength(asked);
      });

      it('times out, is aborted, and is closed', async () => {
        const server = await serve({
          store: { get: () => new Promise(() => {}), set: () => new Promise(() => {}), delete: () => false },
        });
        const client = await connect(server.dbAddress);
        await expect(client.get('k', { timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
        const controller = new AbortController();
        const aborted = client.set(bytes('v'), 'k', { signal: controller.signal });
        controller.abort(new Error('enough'));
        await expect(aborted).rejects.toThrow('enough');
        const closed = client.get('k');
        closed.catch(() => {});
        await client.close();
        await expect(closed).rejects.toMatchObject({ code: 'CLOSED' });
      });

      it('reports what the store refuses', async () => {
        const server = await serve({
          store: {
            get: () => {
              throw new Error('disk on fire');
            },
            set: () => {},
            delete: () => false,
          },
        });
        const client = await connect(server.dbAddress);
        await expect(client.get('k')).rejects.toMatchObject({ code: 'REMOTE' });
        await expect(client.get('k')).rejects.toThrow('disk on fire');
      });
    });

    describe('with a codec', () => {
      it('takes and gives values', async () => {
        const client = await connect((await serve()).dbAddress);
        expect(await client.with(text()).eval('server.upper', 'hello')).toBe('HELLO');
        const values = client.with(json<{ a: number }>());
        expect(await values.eval('server.echo', { a: 1 })).toEqual({ a: 1 });
        await values.set({ a: 2 }, 'k');
        expect(await values.get('k')).toEqual({ a: 2 });
        const packed = client.with(msgpack<unknown>());
        expect(await packed.eval('server.echo', { a: [1, 'b', null, 2 ** 40] })).toEqual({
          a: [1, 'b', null, 2 ** 40],
        });
        const results: string[] = [];
        for await (const result of client.with(text()).job('server.upper', ['a', 'b'], { messages: 2 }))
          results.push(result);
        expect(results).toEqual(['A', 'B']);
      });

      it('names what cannot be encoded or decoded', async () => {
        const client = await connect((await serve()).dbAddress);
        await expect(client.with(json<unknown>()).eval('server.echo', undefined)).rejects.toEqual(
          refused('JSON'),
        );
        await expect(client.with(text()).eval('server.echo', 5 as never)).rejects.toEqual(refused('text'));
        await client.set(bytes('{'), 'k');
        await expect(client.with(json()).get('k')).rejects.toMatchObject({ code: 'PROTOCOL' });
      });
    });

    describe('tap', () => {
      it('that throws is told in the log and harms no call', async () => {
        const server = await serve();
        const told: string[] = [];
        const line = (message: string) => told.push(message);
        const logger = { debug: line, info: () => {}, warning: line, error: line };
        const tap = () => {
          throw new Error('tapped out');
        };
        const client = await connect(server.dbAddress, { tap, logger, loggingLevel: 'debug' });
        for (let i = 0; i < 3; i++) expect(textOf(await client.eval('server.upper', bytes('x')))).toBe('X');
        await client.set(bytes('v'), 'k');
        expect(told.join()).toContain('tap');
      });

      it('sees every envelope that leaves or arrives', async () => {
        const server = await serve();
        const seen: TapEvent[] = [];
        const client = await connect(server.dbAddress, { tap: (event) => seen.push(event) });
        seen.length = 0;
        await client.eval('server.upper', bytes('hi'));
        await client.set(bytes('v'), 'k');
        expect(seen.map(({ direction, channel }) => `${direction} ${channel}`)).toEqual([
          'out push',
          'in sub',
          'out db',
          'in db',
        ]);
        const [call, answer] = seen;
        expect(textOf(call?.message?.payload ?? bytes(''))).toBe('hi');
        expect(textOf(answer?.message?.payload ?? bytes(''))).toBe('HI');
        expect(answer?.topic).toBe(call?.message?.client);
      });
    });

    describe('life', () => {
      it('keeps clients on one server apart, also when one id begins with the other', async () => {
        const server = await serve();
        const a = await connect(server.dbAddress, { id: 'a' });
        const ab = await connect(server.dbAddress, { id: 'ab' });
        const answers = await Promise.all([
          a.eval('server.upper', bytes('x')),
          ab.eval('server.upper', bytes('y')),
        ]);
        expect(answers.map(textOf)).toEqual(['X', 'Y']);
        expect([a.unclaimed, ab.unclaimed]).toEqual([0, 0]);
      });

      it('ends calls with CLOSED when it is closed, and refuses later ones', async () => {
        const client = await connect((await serve()).dbAddress);
        const call = client.eval('server.hang', bytes(''));
        call.catch(() => {});
        await client.close();
        await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
        await expect(client.eval('server.echo', bytes(''))).rejects.toMatchObject({ code: 'CLOSED' });
        await expect(client.get('k')).rejects.toMatchObject({ code: 'CLOSED' });
        expect(await client.closed).toBeUndefined();
        await client.close();
      });

      it('refuses calls that are made while it closes, and says of those that wait for their turn that they were not sent', async () => {
        const server = await serveRaw(() => []);
        const client = await connect(server.dbAddress);
        const call = () => client.eval('raw.f', bytes(''));
        // More than may be out, with a server that cannot prove its subscriptions.
        const calls = Array.from({ length: 520 }, call);
        const closing = client.close({ timeout: 100 });
        const late = [call(), call()];
        let [ended, refused] = [0, 0];
        for (const one of calls) one.catch(() => ended++);
        for (const one of late) one.catch(() => refused++);
        for (let turn = 0; turn < 20; turn++) await null;
        // At once: no timer had its turn yet.
        expect([ended, refused]).toEqual([0, 2]);
        const outcomes = await within(2_000, Promise.allSettled([...calls, ...late]));
        await within(2_000, closing);
        const unsent = outcomes.map((outcome) => {
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
          return outcome.status === 'rejected' && outcome.reason.sent === false;
        });
        expect(unsent.slice(500)).toEqual(Array.from({ length: 22 }, () => true));
        expect(server.received.length).toBeLessThanOrEqual(500);
        expect(unsent.filter((own) => !own).length).toBeGreaterThanOrEqual(server.received.length);
      });

      it('is closed by await using', async () => {
        const server = await serve();
        let status: Promise<unknown[]>;
        {
          await using client = await Client.connect({
            transport: on.ground.transport,
            dbAddress: server.dbAddress,
          });
          status = (async () => {
            const all = [];
            for await (const one of client.status()) all.push(one);
            return all;
          })();
        }
        expect((await within(2_000, status)).at(-1)).toMatchObject({ type: 'closed' });
      });
    });
  });
}
