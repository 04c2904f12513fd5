/**
 * What nats.js writes to a socket that is just ending fails with an error that comes a moment later. Closing takes all listeners from the
 * socket before that moment, and an error without a listener ends the process.
 */
import type { NatsConnection } from './packages.ts';

interface Emitter {
  on(event: 'error', listener: () => void): unknown;
  removeAllListeners(): unknown;
}

/** The parts of nats.js that have the socket. They are not in its declarations, so a later version may be without them. */
interface WithSocket {
  readonly protocol?: { readonly transport?: { readonly socket?: Emitter } };
}

/** Has the socket of a connection keep a listener for errors when its listeners are removed. */
export function hearLateErrors(connection: NatsConnection): void {
  const socket = (connection as WithSocket).protocol?.transport?.socket;
  if (socket === undefined) return;
  const remove = socket.removeAllListeners;
  socket.removeAllListeners = function removeAllListeners(...events: []) {
    remove.apply(this, events);
    return this.on('error', () => {});
  };
}
