import { EarliestTimer } from '../../../src/async/earliest.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { ClientSession } from './session.ts';

/** Milliseconds between two looks at the system's clock, which may be set, and which goes on while the machine sleeps. */
const LOOK = 1_000;

/** Closes connections whose tokens have expired. One timer for all. */
export class Expiry {
  /** Connected clients whose tokens expire. */
  readonly #watched = new Set<ClientSession>();
  readonly #timer = new EarliestTimer(() => this.#look());

  /** The client is connected, or its identity has changed. */
  watch(session: ClientSession): void {
    const { expires } = session.identity;
    if (expires === Number.POSITIVE_INFINITY) this.#watched.delete(session);
    else {
      this.#watched.add(session);
      this.#lookAt(expires);
    }
  }

  forget(session: ClientSession): void {
    this.#watched.delete(session);
    if (this.#watched.size === 0) this.#timer.stop();
  }

  #look(): void {
    let next = Number.POSITIVE_INFINITY;
    const now = Date.now();
    for (const session of [...this.#watched]) {
      const { expires } = session.identity;
      if (expires > now) next = Math.min(next, expires);
      else {
        this.#watched.delete(session);
        session.disconnect(CloseCode.unauthorized, 'the token has expired');
      }
    }
    if (this.#watched.size > 0) this.#lookAt(next);
  }

  #lookAt(expires: number): void {
    this.#timer.set(performance.now() + Math.min(LOOK, Math.max(0, expires - Date.now())));
  }
}
