import { isClosed, type PalmError } from '../protocol/errors.ts';
import { type Deferred, deferred } from './deferred.ts';

/** Calls that were accepted and have no outcome yet. Closing refuses later calls, and waits for these. */
export class OpenCalls {
  readonly #open = new Set<() => void>();
  /** Undefined while calls are accepted. */
  #idle: Deferred<void> | undefined;

  /**
   * Accepts a call.
   * @param onClose - called when {@link close} is called while this call is open, once or several times.
   * @returns the function to call when the call has its outcome.
   * @throws PalmError `CLOSED` after {@link close}.
   */
  begin(onClose: () => void = () => {}): () => void {
    if (this.#idle !== undefined) throw closed(false);
    this.#open.add(onClose);
    return () => {
      this.#open.delete(onClose);
      this.#look();
    };
  }

  /** Accepts no more calls. Resolves when all accepted calls have their outcome. */
  close(): Promise<void> {
    this.#idle ??= deferred();
    for (const onClose of this.#open) onClose();
    this.#look();
    return this.#idle.promise;
  }

  #look(): void {
    if (this.#open.size === 0) this.#idle?.resolve();
  }
}

/** The error of a call that had no outcome when its client was closed. */
export function closed(mayBeSent: boolean): PalmError {
  return isClosed('the client', mayBeSent && 'unknown');
}
