/** Relays for tests of what becomes of them: real ones, on ports that the system chose, that may be started again there. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, type ConnectOptions } from '../../src/index.ts';
import type { CloseOptions } from '../../src/transport.ts';
import { createRelay, type Relay } from '../../transports/relay/index.ts';
import type { RelayOptions } from '../../transports/relay/options.ts';
import { websocket } from '../../transports/websocket/node.ts';
import type { WebsocketOptions } from '../../transports/websocket/options.ts';
import { within } from './wait.ts';

export const TOKEN = 'open sesame';

/** May do everything. */
export const EVERYTHING = {
  name: 'all',
  servers: ['*'],
  functions: ['*'],
  cache: 'all',
  work: true,
} as const;

export interface RunningRelay {
  readonly url: string;
  readonly port: number;
  readonly relay: Relay;
  /** What `/metrics` says of a figure. */
  figure(name: string): Promise<number>;
  /** Answers the HTTP request for a path: its status and text. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>;
  close(options?: CloseOptions): Promise<void>;
}

export type TestRelayOptions = Partial<RelayOptions> &
  Pick<RelayOptions, 'transport' | 'servers'> & {
    /** Where one was before. */
    readonly port?: number;
  };

export async function startRelay({ port = 0, ...options }: TestRelayOptions): Promise<RunningRelay> {
  const server = createServer((request, response) => {
    if (!relay.respond(request, response)) response.writeHead(404).end();
  });
  const relay = await createRelay({
    server,
    authenticate: (token) => (token === TOKEN ? EVERYTHING : undefined),
    loggingLevel: 'silent',
    metrics: () => true,
    ...options,
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${own}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, text: await response.text() };
  };
  let closing: Promise<void> | undefined;
  const close = async (how: CloseOptions = { timeout: 0 }) => {
    await within(10_000, relay.close(how), 'closing the relay');
    server.closeAllConnections();
    await within(2_000, new Promise((resolve) => server.close(resolve)), 'closing the HTTP server');
  };
  return {
    url: `ws://127.0.0.1:${own}/`,
    port: own,
    relay,
    ask,
    figure: async (name) => {
      const { text } = await ask('/metrics');
      return Number(new RegExp(`^frond_relay_${name} (.*)$`, 'm').exec(text)?.[1]);
    },
    close: (how) => {
      closing ??= close(how);
      return closing;
    },
  };
}

/** The transport to a relay, quick to come back. */
export function toRelay(url: string, options: WebsocketOptions = {}) {
  return websocket(url, { token: TOKEN, maxDelay: 10, ...options });
}

export function connect(url: string, options: Partial<ConnectOptions> = {}): Promise<Client> {
  return Client.connect({
    transport: toRelay(url),
    serverName: 'server',
    loggingLevel: 'silent',
    timeout: 10_000,
    ...options,
  });
}
