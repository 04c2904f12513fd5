/** Gives upgrades of an HTTP server to the relay at their path, and refuses those that no listener takes. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { startTimer } from '../../../src/async/timers.ts';
import type { Logger } from '../../../src/logging.ts';
import { inspectValue, invalidCall, messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import { Refusals } from './refusals.ts';

/** Makes a WebSocket of an upgrade, or refuses it. The socket has a listener for errors. */
export type HandleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A relay, as far as it handles upgrades. */
export interface UpgradeRoute {
  readonly handle: HandleUpgrade;
  readonly logger: Logger;
  /** Milliseconds that other listeners get to take an upgrade that is not a relay's. */
  readonly timeout: number;
}

/**
 * On the listener of an HTTP server that is shared by all relays there, the {@link UpgradeRouter} it belongs to. A process may hold
 * several copies of this module, as when one package imports frond and another requires it: all of them know the symbol. Its number
 * changes with what is called on `UpgradeRouter` from outside, so that two versions do not take each other for one.
 */
const OWNER = Symbol.for('frond.relay.upgrades.2');

type Listener = HandleUpgrade & { readonly [OWNER]?: UpgradeRouter };

/**
 * The upgrades of one HTTP server, for all relays on it: one listener, which knows their paths. So an upgrade to none of
 * these is answered once, and only when no listener of the server's owner has taken it.
 */
export class UpgradeRouter {
  readonly #server: HttpServer | HttpsServer;
  readonly #routes = new Map<string, UpgradeRoute>();
  readonly #refusals = new Refusals();
  readonly #listener: Listener;
  readonly #onError = (error: Error) => this.#failed(error);

  private constructor(server: HttpServer | HttpsServer) {
    this.#server = server;
    const handle: HandleUpgrade = (request, socket, head) => this.#handle(request, socket, head);
    this.#listener = Object.assign(handle, { [OWNER]: this });
  }

  /** Those of `server`: the same ones for every relay, as long as one of them takes upgrades. */
  static of(server: HttpServer | HttpsServer): UpgradeRouter {
    for (const listener of server.listeners('upgrade') as Listener[]) {
      const upgrades = listener[OWNER];
      if (upgrades !== undefined) return upgrades;
    }
    return new UpgradeRouter(server);
  }

  /**
   * Gives the upgrades to `path` to a relay, until the function that it returns is called.
   * @throws PalmError `INVALID_CALL` when another relay has the path.
   */
  add(path: string, route: UpgradeRoute): () => void {
    if (this.#routes.has(path)) {
      throw invalidCall(
        `the HTTP server has a relay at ${inspectValue(path)} already: give this one another path`,
      );
    }
    if (this.#routes.size === 0) {
      this.#server.on('upgrade', this.#listener);
      this.#server.on('error', this.#onError);
    }
    this.#routes.set(path, route);
    return () => {
      this.#routes.delete(path);
      if (this.#routes.size > 0) return;
      this.#server.off('upgrade', this.#listener);
      this.#server.off('error', this.#onError);
    };
  }

  /** While a server listens, only accepting fails: there are no descriptors left. That is no reason to end the process. */
  #failed(error: Error): void {
    if (this.#server.listening) {
      const [route] = this.#routes.values();
      route?.logger.warning('a connection could not be accepted', { reason: messageOf(error) });
    } else if (this.#server.listenerCount('error') === 1) {
      // It is the owner's, and goes where it would go without this listener.
      throw error;
    }
  }

  #handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // First of all: Node has removed its own listener, and a reset without any would end the process.
    socket.on('error', () => socket.destroy());
    if (socket.destroyed) return;
    const route = this.#routes.get(pathOf(request));
    if (route !== undefined) route.handle(request, socket, head);
    else if (this.#server.listenerCount('upgrade') === 1) this.#refusals.refuse(request, socket, NOBODY);
    else this.#refuseUntaken(request, socket);
  }

  /** Other listeners may take it now or later. Whether one has shows in the state of its socket. */
  #refuseUntaken(request: IncomingMessage, socket: Duplex): void {
    const before = written(socket);
    const stop = startTimer(this.#timeout, () => {
      if (isUntouched(socket) && written(socket) === before) this.#refusals.refuse(request, socket, NOBODY);
    });
    socket.once('close', stop);
  }

  get #timeout(): number {
    return Math.max(...[...this.#routes.values()].map(({ timeout }) => timeout));
  }
}

/** The path of a request, without its query. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

const NOBODY = { status: 404, code: CloseCode.unsupportedVersion, reason: 'there is no relay at this path' };

function written(socket: Duplex): number {
  return socket instanceof Socket ? socket.bytesWritten : 0;
}

/** Whether the socket is open and nothing reads from it. */
function isUntouched(socket: Duplex): boolean {
  const isRead = socket.readableFlowing !== null || socket.listenerCount('readable') > 0;
  return !isRead && !socket.destroyed && !socket.writableEnded;
}
