import { setImmediate as macrotask } from 'node:timers/promises';
import { startTimer } from '../../../src/async/timers.ts';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { Identity } from '../auth/identity.ts';
import type { Admission } from '../http/admission.ts';
import type { ClientSession } from './session.ts';
import type { Sessions } from './sessions.ts';

/** How many clients the hook is asked for at once, and in one turn of the event loop. */
const SLICE = 64;

export interface ReauthenticationContext {
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly logger: Logger;
  /** Milliseconds that the hook gets to answer for one client. */
  readonly timeout: number;
}

/** Authenticates all clients again, as after tokens were revoked. */
export class Reauthentication {
  readonly #context: ReauthenticationContext;
  #round: Promise<void> = Promise.resolve();
  /** The next round, if it is planned and has not begun. */
  #next: Promise<void> | undefined;

  constructor(context: ReauthenticationContext) {
    this.#context = context;
  }

  /** Resolves when all clients were authenticated by what is known from now on. Never rejects. */
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
    // Clients whose answer came before the change have their session by then.
    await macrotask();
    const sessions = [...this.#context.sessions];
    for (let from = 0; from < sessions.length; from += SLICE) {
      await Promise.all(sessions.slice(from, from + SLICE).map((session) => this.#askFor(session)));
      await macrotask();
    }
  }

  async #askFor(session: ClientSession): Promise<void> {
    const { credentials } = session;
    if (credentials === undefined) return;
    const { admission, sessions, logger, timeout } = this.#context;
    let identity: Identity | undefined;
    try {
      identity = await within(timeout, admission.ask(credentials.token, credentials.info));
    } catch (error) {
      // A hook that fails does not revoke anything.
      const fields = { client: session.id, identity: session.identity.name, reason: messageOf(error) };
      logger.error('a client could not be authenticated again, and goes on as before', fields);
      return;
    }
    // The client has come back with another token meanwhile.
    if (session.credentials !== credentials) return;
    if (identity?.name !== session.identity.name) {
      session.end(CloseCode.unauthorized, 'the token is not valid any more');
    } else if (identity !== session.identity) sessions.identified(session, identity);
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
