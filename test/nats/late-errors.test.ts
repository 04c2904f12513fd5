import { expect, it } from 'vitest';
import { hearLateErrors } from '../../transports/nats/late-errors.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';

it('a connection that is closed while its socket ends ends no process', async () => {
  await using server = await NatsServer.start();
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
  for (let turns = 0; turns < 4; turns++) {
    const connection = await stranger(server.url);
    hearLateErrors(connection);
    socketOf(connection).end();
    connection.publish('x', new Uint8Array(3));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    void connection.close();
    await connection.closed();
    // The error comes with the next turn of events.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }
  process.removeAllListeners('uncaughtException');
  for (const listener of others) process.on('uncaughtException', listener);
  expect(uncaught).toEqual([]);
});

/** What nats.js does not declare. */
function socketOf(connection: object): { end(): void } {
  const { protocol } = connection as { protocol: { transport: { socket: { end(): void } } } };
  return protocol.transport.socket;
}
