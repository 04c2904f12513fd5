/** What the suites of transport, client and cluster run on: one nats-server for the tests of a file. */
import { afterAll, beforeAll } from 'vitest';
import type { BindingTransport } from '../../src/transport.ts';
import { nats } from '../../transports/nats/index.ts';
import { NatsServer } from '../support/nats-server.ts';

export interface NatsGround {
  readonly transport: BindingTransport;
  readonly anyAddress: string;
}

/** Starts a server before the tests of a file, and ends it after them. Gives what makes a ground on it. */
export function natsGround(): () => NatsGround {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  return () => ({
    // A full queue holds senders up: one of 16 MiB is full soon.
    transport: nats({ servers: server.url, queueBytes: 16_777_216 }),
    anyAddress: 'nats:*',
  });
}
