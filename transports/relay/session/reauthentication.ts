import { setImmediate as macrotask } from 'node:timers/promises';
import { startTimer } from '../../../src/async/timers.ts';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import type { ConnectionInfo, Identity } from '../auth/identity.ts';
import type { Admission } from '../http/admission.ts';
import type { ClientSession } from './session.ts';

/** Clients that the hook is asked for at once, and in one turn of the event loop. */
const SLICE = 64;

export interface ReauthenticationContext {
  readonly admission: Admission;
  /** Those of all clients, connected or away. */
  readonly sessions: Iterable<ClientSession>;
  readonly logger: Logger;
  /** Milliseconds that the hook gets to answer for one client. */
  readonly timeout: number;
  /** The token of the client is not its own any more. */
  revoked(peer: ClientSession): void;
  /** The client is who it was. What it may do, or until when, may have changed. */
  identified(peer: ClientSession, identity: Identity): void;
}

/** What a client showed when it came in. */
interface Credentials {
  readonly token: string | undefined;
  readonly visitor: ConnectionInfo;
}

/** Asks again who the clients are that were let in, as when tokens were taken back. */
export class Reauthentication {
  readonly #context: ReauthenticationContext;
  /** Goes with the session: nothing else holds a token. */
  readonly #credentials = new WeakMap<ClientSession, Credentials>();
  #round: Promise<void> = Promise.resolve();
  /** The round that has not begun. */
  #next: Promise<void> | undefined;

  constructor(context: ReauthenticationContext) {
    this.#context = context;
  }

  /** The client came in, or back, with this token. */
  admitted(peer: ClientSession, token: string | undefined, visitor: ConnectionInfo): void {
    const before = this.#credentials.get(peer)?.token?.length ?? 0;
    peer.holds((token?.length ?? 0) - before);
    this.#credentials.set(peer, { token, visitor });
  }

  /** Resolves when every client that was in was asked for, by what is known from now on. Never rejects. */
  again(): Promise<void> {
    this.#context.admission.changed();
    this.#next ??= this.#round.then(() => {
      this.#next = undefined;
      this.#round = this.#askForAll();
      return this.#round;
    });
    return this.#next;
  }

  async #askForAll(): Promise<void> {
    // Those whose answer came before the change are in by then.
    await macrotask();
    const peers = [...this.#context.sessions];
    for (let from = 0; from < peers.length; from += SLICE) {
      await Promise.all(peers.slice(from, from + SLICE).map((peer) => this.#askFor(peer)));
      await macrotask();
    }
  }

  async #askFor(peer: ClientSession): Promise<void> {
    const credentials = this.#credentials.get(peer);
    if (credentials === undefined) return;
    const { admission, logger, timeout } = this.#context;
    let identity: Identity | undefined;
    try {
      identity = await within(timeout, admission.ask(credentials.token, credentials.visitor));
    } catch (error) {
      // A hook that fails says nothing of anybody.
      const fields = { client: peer.id, identity: peer.identity.name, reason: messageOf(error) };
      logger.error('a client could not be authenticated again, and goes on as before', fields);
      return;
    }
    // It has come back with another token meanwhile.
    if (this.#credentials.get(peer) !== credentials) return;
    if (identity?.name !== peer.identity.name) this.#context.revoked(peer);
    else if (identity !== peer.identity) this.#context.identified(peer, identity);
  }
}

async function within<T>(timeout: number, promise: Promise<T>): Promise<T> {
  let stop = () => {};
  const expired = new Promise<never>((_, reject) => {
    stop = startTimer(timeout, () => reject(new Error(`no answer within ${timeout} ms`)));
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    stop();
  }
}
