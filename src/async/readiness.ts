import type { PalmError } from '../protocol/errors.ts';
import { type Deferred, deferred } from './deferred.ts';
import { harmless } from './harmless.ts';

/** Whether a channel can be used now. It can be waited for, and listeners hear when it breaks. */
export class Readiness {
  #state: 'waiting' | 'ready' | 'refused' | 'closed' = 'waiting';
  #error: PalmError | undefined;
  #waiting: Deferred<void> | undefined;
  readonly #listeners = new Set<(error: PalmError) => void>();

  /** Whether it can be used now. */
  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Whether it is closed for good. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Resolves when ready; rejects when refused or closed. */
  ready(): Promise<void> {
    if (this.#state === 'ready') return Promise.resolve();
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#waiting === undefined) {
      this.#waiting = deferred();
      // Callers that wait see the rejection. Perhaps nobody waits.
      this.#waiting.promise.catch(() => {});
    }
    return this.#waiting.promise;
  }

  /** Calls `listener` each time it breaks. Gives the function that ends this. */
  onBreak(listener: (error: PalmError) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It can be used from now on; without effect once closed. */
  setReady(): void {
    if (this.#state === 'closed') return;
    this.#state = 'ready';
    this.#error = undefined;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** The channel was ready and is not any more. It may be ready again later. */
  setBroken(error: PalmError): void {
    if (this.#state !== 'ready') return;
    this.#state = 'waiting';
    for (const listener of [...this.#listeners]) harmless(() => listener(error));
  }

  /** The peer refused the channel. Callers that wait fail, until {@link setReady}. */
  setRefused(error: PalmError): void {
    this.setBroken(error);
    if (this.#state === 'closed') return;
    this.#state = 'refused';
    this.#fail(error);
  }

  /** The channel will not be ready again. */
  setClosed(error: PalmError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#fail(error);
    this.#listeners.clear();
  }

  #fail(error: PalmError): void {
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
