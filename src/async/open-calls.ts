import { PalmError } from '../protocol/errors.ts';
import { type Deferred, deferred } from './deferred.ts';

/** Calls that were accepted and have no outcome yet: closing refuses later ones, and waits for these. */
export class OpenCalls {
  readonly #open = new Set<() => void>();
  /** There once no more are accepted. */
  #idle: Deferred<void> | undefined;

  /**
   * Accepts a call.
   * @param onClose - called when no more are accepted while this one is open, once or several times.
   * @returns the function to call when it has its outcome.
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

  /** Accepts no more. Resolves when all that were accepted have their outcome. */
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

/** The error of a call that the client's closing left without an outcome. */
export function closed(mayHaveLeft: boolean): PalmError {
  return new PalmError('CLOSED', 'the client is closed', { sent: mayHaveLeft && 'unknown' });
}
