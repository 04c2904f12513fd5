import { EarliestTimer } from '../../../src/async/earliest.ts';
import type { ServerSocket } from './socket.ts';

/** Milliseconds between two looks at the clock of the system, which may be set, or go on while the machine sleeps. */
const LOOK = 1_000;

/** Closes connections when the time of their tokens is over. One timer for all. */
export class Expiry {
  readonly #expired: (line: ServerSocket) => void;
  /** Those whose time will be over. */
  readonly #lines = new Set<ServerSocket>();
  readonly #alarm = new EarliestTimer(() => this.#look());

  constructor(expired: (line: ServerSocket) => void) {
    this.#expired = expired;
  }

  /** What is known of the line's client has changed. */
  watch(line: ServerSocket): void {
    const expires = expiresOf(line);
    if (expires === Number.POSITIVE_INFINITY) this.#lines.delete(line);
    else {
      this.#lines.add(line);
      this.#lookAt(expires);
    }
  }

  forget(line: ServerSocket): void {
    this.#lines.delete(line);
    if (this.#lines.size === 0) this.#alarm.stop();
  }

  #look(): void {
    let next = Number.POSITIVE_INFINITY;
    const now = Date.now();
    for (const line of [...this.#lines]) {
      const expires = expiresOf(line);
      if (expires > now) next = Math.min(next, expires);
      else {
        this.#lines.delete(line);
        this.#expired(line);
      }
    }
    if (this.#lines.size > 0) this.#lookAt(next);
  }

  #lookAt(expires: number): void {
    this.#alarm.set(performance.now() + Math.min(LOOK, Math.max(0, expires - Date.now())));
  }
}

function expiresOf({ peer }: ServerSocket): number {
  return peer?.identity.expires ?? Number.POSITIVE_INFINITY;
}
