/** A transport for the suites whose dialling verbs go through a real relay, and whose binding verbs do not. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BindingConnection, BindingTransport, Transport } from '../../../src/transport.ts';
import { createRelay } from '../../../transports/relay/index.ts';
import type { RelayOptions } from '../../../transports/relay/options.ts';
import { websocket } from '../../../transports/websocket/node.ts';
import { within } from '../wait.ts';
import { ThroughConnection } from './connection.ts';
import { Directory } from './directory.ts';

export interface ThroughOptions {
  /**
   * Whether frames and topics are any, and travel as the relay lets them pass; else they are a client's, and travel as they
   * are.
   */
  readonly wrap: boolean;
  /** How the relay is dialled. Default: from this process. */
  readonly dial?: (url: string, token: string) => Transport;
  readonly relay?: Partial<RelayOptions>;
}

export interface Through {
  readonly transport: BindingTransport;
  /** The same, for servers whose functions the relay has to be told, as pylm's. */
  readonly rawTransport: BindingTransport;
  /** Ends the relay. */
  close(): Promise<void>;
}

/** What shows the suites' clients to the relay, which lets nobody else in. */
const TOKEN = 'open sesame';

/** Starts a relay to what `upstream` reaches, when a connection is first opened. */
export function throughRelay(upstream: BindingTransport, options: ThroughOptions): Through {
  const directory = new Directory(options.wrap);
  const { dial = (url, token) => websocket(url, { token }) } = options;
  let starting: Promise<StartedRelay> | undefined;
  // Asked about addresses only, which no relay is needed for.
  const names = dial('ws://127.0.0.1:1/', TOKEN);
  const make = (isStock: boolean): BindingTransport => ({
    name: 'through',
    checkAddress: (address) => directory.checkAddress(upstream, names, address),
    resolveAddress: (advertised, via) => names.resolveAddress?.(advertised, via) ?? advertised,
    open: async (): Promise<BindingConnection> => {
      starting ??= startRelay(upstream, directory, options.relay);
      const { url } = await starting;
      const [bound, dialled] = await Promise.all([upstream.open(), dial(url, TOKEN).open()]);
      if (options.wrap) await within(5_000, dialled.identify(), 'the welcome of the relay');
      return new ThroughConnection({
        upstream,
        names,
        directory,
        bound,
        dialled,
        isStock,
        wrap: options.wrap,
      });
    },
  });
  return {
    transport: make(false),
    rawTransport: make(true),
    close: async () => (await starting)?.close(),
  };
}

interface StartedRelay {
  readonly url: string;
  close(): Promise<void>;
}

async function startRelay(
  transport: Transport,
  directory: Directory,
  options: Partial<RelayOptions> = {},
): Promise<StartedRelay> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = await createRelay({
    server,
    transport,
    servers: (name) => directory.target(name),
    authenticate: (token) =>
      token === TOKEN
        ? { name: 'suite', servers: ['*'], functions: ['*'], cache: 'all', work: true }
        : undefined,
    // The suites send payloads of up to 5 MB.
    limits: { maxFrame: 8 * 1_048_576 },
    loggingLevel: 'silent',
    ...options,
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/`,
    close: async () => {
      await within(5_000, relay.close(), 'closing the relay');
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await within(2_000, closed, 'closing the HTTP server');
    },
  };
}
