import { BATCH } from '../flow-control.ts';
import { type Deferred, deferred } from './deferred.ts';
import { Fifo } from './fifo.ts';
import { startTimer } from './timers.ts';

/** A caller that waits for its turn, and the most places that it takes then. */
interface Waiter {
  readonly turn: Deferred<number>;
  readonly most: number;
}

/**
 * Places for what is under way, and the callers that wait for one, in their order. A kind of places says how many there are, and
 * looks after them while callers wait: answers may be lost, so places may never be given back.
 */
export abstract class Places {
  readonly #shift: number;
  readonly #waiting = new Fifo<Waiter>();
  #taken = 0;
  #stopTimer: (() => void) | undefined;

  /** @param shift - callers are let in once this power of two, as a part of all places, is free, and at most a batch. */
  constructor(shift: number) {
    this.#shift = shift;
  }

  /** Places in all, now. */
  protected abstract readonly total: number;

  /** Begins to look after the places, with {@link lookIn}. It ends when nobody waits any more. */
  protected abstract watch(): void;

  /** Number of places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether callers wait. */
  protected get isAwaited(): boolean {
    return this.#stopTimer !== undefined;
  }

  /** Takes up to `most` places. Returns how many it took: none while others wait. */
  take(most = 1): number {
    if (this.#waiting.size > 0) return 0;
    const taken = Math.max(0, Math.min(most, this.total - this.#taken));
    this.#taken += taken;
    return taken;
  }

  /** Takes from 1 to `most` places when it is this caller's turn. Resolves with their number. */
  wait(most = 1): Promise<number> {
    const taken = this.take(most);
    if (taken > 0) return Promise.resolve(taken);
    const turn = deferred<number>();
    this.#waiting.push({ turn, most });
    if (this.#stopTimer === undefined) this.watch();
    return turn.promise;
  }

  /** Gives `count` places back: their answers came, or nobody waits for them any more. */
  release(count: number): void {
    this.#taken = Math.max(0, this.#taken - count);
    this.admit();
  }

  /** Lets in those for whom there are places now. */
  protected admit(): void {
    if (this.#stopTimer === undefined) return;
    const { total } = this;
    // Not for each free place: callers that are let in together send in one batch.
    const company = Math.max(1, Math.min(BATCH, total >> this.#shift));
    let free = total - this.#taken;
    if (free < company) return;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      // Half of a batch now and half later costs twice.
      if (free < Math.min(next.most, company)) break;
      const taken = Math.min(next.most, free);
      this.#waiting.skip(1);
      free -= taken;
      this.#taken += taken;
      next.turn.resolve(taken);
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  /** Calls `look` after `delay` milliseconds, unless nobody waits by then. */
  protected lookIn(delay: number, look: () => void): void {
    this.#stopTimer = startTimer(delay, look);
  }

  /** Ends the wait of all callers. */
  protected dismiss(settle: (waiter: Waiter) => void): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) settle(next);
    this.#rest();
  }

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
