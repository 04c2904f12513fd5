/** What the relay's owner gives to be called, when it fails: nothing ends, and nobody waits for ever. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../../src/logging.ts';
import { memory } from '../../../transports/memory/index.ts';
import { createRelay } from '../../../transports/relay/index.ts';
import type { UpstreamTarget } from '../../../transports/relay/options.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { EVERYTHING, startRelay } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';

const besieged = testRelays();

afterEach(() => {
  vi.restoreAllMocks();
});

/** A rejection that nobody handles fails the test run, and so does an exception in an event. */
const failures: Readonly<Record<string, () => never>> = {
  throws: () => {
    throw new Error('boom');
  },
  rejects: (async () => {
    throw new Error('boom');
  }) as unknown as () => never,
};

describe.each(Object.entries(failures))('a logger that %s', (_, fail) => {
  it("harms neither the relay nor a client whose link breaks: both go on, and the relay's lines go to the console", async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    const logger: Logger = { debug: fail, info: fail, warning: fail, error: fail };
    const first = await besieged({ logger });
    const client = await first.connect('attacker-token', { logger, loggingLevel: 'debug' });
    const statuses = client.status()[Symbol.asyncIterator]();
    const knocks = await first.dial();
    knocks.sendBytes(bytes('what is no frame'));
    expect((await knocks.end()).code).toBe(4400);
    const { port, transport, server } = first;
    await first.close({ timeout: 0 });
    const broken = async () => {
      for (;;) if ((await statuses.next()).value?.type === 'disconnected') return;
    };
    await within(5_000, broken(), 'the break');
    const again = first.own(
      await startRelay({
        port,
        transport,
        servers: { server: { dbAddress: server.dbAddress } },
        authenticate: () => EVERYTHING,
        logger,
        loggingLevel: 'debug',
      }),
    );
    expect(again.port).toBe(port);
    expect(textOf(await within(10_000, client.eval('server.upper', bytes('on'))))).toBe('ON');
    await client.close();
    const lines = told.mock.calls.map((call) => call.slice(0, 2).join(' '));
    expect(lines.some((line) => line.startsWith('the logger threw: connection ended'))).toBe(true);
  });
});

describe('servers as a function', () => {
  const bad: readonly (readonly [string, () => unknown])[] = [
    ['throws', failures['throws'] as () => unknown],
    ['rejects', failures['rejects'] as () => unknown],
    ['gives a promise', async () => ({ dbAddress: 'memory://1' })],
    ['gives an address that cannot be read', () => ({ dbAddress: 'nonsense' })],
    ['gives null', () => null],
    ['gives a text', () => 'memory://1'],
  ];

  it.each(bad)('that %s: there is no such server, and the client stays', async (_, give) => {
    const transport = memory();
    const log: string[] = [];
    const line: Logger['info'] = (message, fields) => log.push(`${message} ${JSON.stringify(fields)}`);
    const relay = await startRelay({
      transport,
      servers: give as () => UpstreamTarget | undefined,
      authenticate: () => EVERYTHING,
      logger: { debug: line, info: line, warning: line, error: line },
      loggingLevel: 'error',
    });
    const { WebsocketConnection } = await import('../../../transports/websocket/connection.ts');
    const { resolveOptions } = await import('../../../transports/websocket/options.ts');
    const { WebSocket } = await import('ws');
    const settings = resolveOptions(relay.url, { WebSocket: WebSocket as never, token: 'x' }, undefined);
    const connection = new WebsocketConnection(settings);
    try {
      await within(5_000, connection.identify(), 'the welcome');
      const asked = connection.request('other', bytes('x')).reply;
      await expect(within(5_000, asked, 'the reply')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(within(5_000, connection.push('other').ready())).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      expect(relay.relay.connections).toBe(1);
      expect(log[0]).toMatch(/^a server cannot be looked up \{"server":"other","reason":/);
    } finally {
      await connection.close();
      await relay.close();
    }
  });
});

describe('onChange', () => {
  it('that throws: the relay does not start, and leaves nothing behind', async () => {
    const http = createServer();
    const authenticate = Object.assign(() => undefined, { onChange: failures['throws'] as () => never });
    const started = createRelay({ server: http, transport: memory(), servers: {}, authenticate });
    await expect(started).rejects.toThrow('boom');
    expect(http.listenerCount('upgrade')).toBe(0);
    expect(http.listenerCount('error')).toBe(0);
  });

  it('whose end throws: the relay closes all the same, and one at a path that is taken ends it too', async () => {
    let ended = 0;
    const onChange = () => () => {
      ended++;
      throw new Error('boom');
    };
    const authenticate = Object.assign(() => undefined, { onChange });
    const options = {
      server: createServer(),
      transport: memory(),
      servers: {},
      authenticate,
      loggingLevel: 'silent',
    } as const;
    const relay = await createRelay(options);
    await expect(createRelay(options)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(ended).toBe(1);
    await within(5_000, relay.close({ timeout: 0 }), 'closing');
    expect(ended).toBe(2);
  });
});
