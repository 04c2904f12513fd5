/** A relay that takes calls over HTTP, and servers behind it. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { number, object } from 'valibot';
import { afterEach } from 'vitest';
import { Pipeline, Server } from '../../../src/cluster/index.ts';
import { fn, json } from '../../../src/functions/index.ts';
import { readPriority } from '../../../src/protocol/priority.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { RelayIdentity } from '../../../transports/relay/options.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { type RunningRelay, startRelay, type TestRelayOptions } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';

export const CALLER = 'a caller of 16 or more';

export interface Scene extends RunningRelay {
  readonly server: Server;
  /** Signals of calls to `waits`. */
  readonly signals: AbortSignal[];
  /** Posts a body to a path, as somebody who may call everything. */
  post(path: string, body?: string | Uint8Array, headers?: Record<string, string>): Promise<Response>;
  /** A socket to the relay's port, and all that comes of it. */
  raw(): Promise<{ readonly socket: Socket; text(): Promise<string> }>;
}

/** Opens scenes, and closes what they opened when a test is over. */
export function testScenes(): (options?: Partial<TestRelayOptions>) => Promise<Scene> {
  let opened: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const one of opened.reverse()) await within(5_000, Promise.resolve(one.close()), 'closing');
    opened = [];
  });
  return async (options = {}) => {
    const transport = memory();
    const any = 'memory://*';
    const bound = {
      transport,
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
    } as const;
    const signals: AbortSignal[] = [];
    const server = await Server.start({
      ...bound,
      name: 'server',
      concurrency: Number.POSITIVE_INFINITY,
      functions: {
        upper: (payload) => bytes(textOf(payload).toUpperCase()),
        same: (payload) => payload,
        priority: (_payload, { message }) => bytes(String(readPriority(message.unknown))),
        cache: (_payload, { message }) => bytes(message.cache),
        big: (payload) => new Uint8Array(Number(textOf(payload))),
        boom: () => {
          throw new RangeError('boom');
        },
        half: fn({ input: object({ of: number() }), output: json<number>() }, ({ of }) => of / 2),
        odd: (payload) => {
          if (Number(textOf(payload)) % 2 === 0) throw new RangeError('even');
          return payload;
        },
        waits: (_payload, { signal }) => {
          signals.push(signal);
          return new Promise<Uint8Array>(() => {});
        },
        *count(payload) {
          for (let i = 0; i < Number(textOf(payload)); i++) yield bytes(`${i}\n${i}`);
        },
        tells: async (payload, { progress }) => {
          progress(0, 2, textOf(payload));
          await undefined;
          progress(2, 2);
          return payload;
        },
        *flood() {
          for (;;) yield new Uint8Array(65_536);
        },
      },
    });
    const first = await Server.start({
      ...bound,
      name: 'first',
      pipelined: true,
      functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
    });
    const second = await Pipeline.start({
      transport,
      dbAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      name: 'second',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      functions: { twice: (payload) => bytes(textOf(payload).repeat(2)) },
    });
    await second.ready();
    opened.push(second, first, server);
    const everything: RelayIdentity = { name: 'caller', servers: ['*'], functions: ['*'] };
    const relay = await startRelay({
      transport,
      servers: Object.fromEntries(
        [server, first, second].map(({ name, dbAddress }) => [name, { dbAddress }]),
      ),
      authenticate: (token) => (token === CALLER ? everything : undefined),
      http: true,
      ...options,
    });
    opened.push(relay);
    return {
      ...relay,
      server,
      signals,
      post: (path, body = '', headers = {}) =>
        fetch(`http://127.0.0.1:${relay.port}${path}`, {
          method: 'POST',
          body: body as string,
          headers: { authorization: `Bearer ${CALLER}`, ...headers },
        }),
      raw: async () => {
        const socket = connectTcp(relay.port, '127.0.0.1');
        await once(socket, 'connect');
        opened.push({ close: () => socket.destroy() });
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
        });
        socket.on('error', () => {});
        const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
        return {
          socket,
          text: async () => {
            await within(45_000, ended, 'the end of the connection');
            return text;
          },
        };
      },
    };
  };
}
