import { type Deferred, deferred } from './deferred.ts';

/** Bytes that several together may hold. Nobody is refused: those that would take more wait for {@link room} first. */
export class ByteBudget {
  readonly limit: number;
  #used = 0;
  #room: Deferred<void> | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.limit;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    if (this.#room === undefined || this.isFull) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  /** Resolves when less than the limit is held. */
  room(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    this.#room ??= deferred();
    return this.#room.promise;
  }
}
