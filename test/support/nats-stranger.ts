/** A connection to NATS that is none of frond. */
import { loadPackages, type NatsConnection } from '../../transports/nats/packages.ts';

/** Connects. It is closed with its scope. */
export async function stranger(
  servers: string | readonly string[],
): Promise<NatsConnection & AsyncDisposable> {
  const connection = await loadPackages().connect({
    servers,
    name: 'test',
    reconnect: false,
    noAsyncTraces: true,
    timeout: 5_000,
    pingInterval: 60_000,
  });
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() });
}
