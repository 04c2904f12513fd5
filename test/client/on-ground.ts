import { afterEach, beforeEach } from 'vitest';
import { Client, type ConnectOptions } from '../../src/index.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { type RawHandler, type RawServer, startRawServer } from '../support/raw-server.ts';
import { within } from '../support/wait.ts';

/** What the suites of clients and clusters run on. */
export interface Ground {
  /** Whose connections dial and bind. */
  readonly transport: BindingTransport;
  /** The transport of servers made by hand, where it has to be another. */
  readonly rawTransport?: BindingTransport;
  /** What binding takes so that the address is chosen by the system. */
  readonly anyAddress: string;
  /** Lets go of what the ground stands on, after everything on it is closed. */
  close?(): Promise<void>;
}

export const echo: RawHandler = ({ payload }) => [payload];

/** What a suite has of its ground. */
export interface OnGround {
  readonly ground: Ground;
  /** Called after the test, the last one first. */
  readonly cleanup: (() => Promise<void>)[];
  serveRaw(handle?: RawHandler): Promise<RawServer>;
  /** A raw server, and a client of it. */
  startRaw(
    handle?: RawHandler,
    options?: Partial<ConnectOptions>,
  ): Promise<{ server: RawServer; client: Client }>;
}

/** A ground of its own for each test of the suite that calls this, and what is to be closed after the test. */
export function onGround(make: () => Ground): OnGround {
  let ground: Ground;
  const cleanup: (() => Promise<void>)[] = [];

  beforeEach(() => {
    ground = make();
  });

  afterEach(async () => {
    for (const close of cleanup.splice(0).reverse()) await within(5_000, close(), 'closing');
    await ground.close?.();
  });

  async function serveRaw(handle: RawHandler = echo): Promise<RawServer> {
    const { transport, rawTransport = transport, anyAddress } = ground;
    const server = await startRawServer(rawTransport, anyAddress, handle);
    cleanup.push(() => server.close());
    return server;
  }

  return {
    get ground() {
      return ground;
    },
    cleanup,
    serveRaw,
    async startRaw(
      handle: RawHandler = echo,
      options: Partial<ConnectOptions> = {},
    ): Promise<{ server: RawServer; client: Client }> {
      const server = await serveRaw(handle);
      const client = await Client.connect({
        transport: ground.transport,
        dbAddress: server.dbAddress,
        loggingLevel: 'silent',
        ...options,
      });
      cleanup.push(() => client.close());
      return { server, client };
    },
  };
}
