import { type Deferred, deferred } from './deferred.ts';

/** Limits the bytes that several users hold together. It refuses nobody: a user that wants more awaits {@link room} first. */
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

  /** Resolves when fewer bytes than the limit are held. */
  room(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    this.#room ??= deferred();
    return this.#room.promise;
  }
}
