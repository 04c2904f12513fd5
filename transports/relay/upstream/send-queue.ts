import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { HANDED_OVER_BYTES } from '../../../src/flow-control.ts';

interface Turn {
  readonly bytes: number;
  readonly came: Deferred<boolean>;
}

/** Lets the clients of a relay hand frames over to one address of a server, one after another. */
export class SendTurns {
  /** In the order in which they came. One that is given up is gone at once: a client may give up without end. */
  readonly #waiting = new Set<Turn>();
  #handedOver = 0;

  /** Turns that are waited for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a turn to hand over so many bytes, if others are in front.
   * @returns true when it has come; a promise of that, or of false after `giveUp`, where it has to be waited for.
   */
  enter(bytes: number, onWait: (giveUp: () => void) => void): true | Promise<boolean> {
    if (this.#waiting.size === 0 && this.#handedOver < HANDED_OVER_BYTES) {
      this.#handedOver += bytes;
      return true;
    }
    const turn: Turn = { bytes, came: deferred() };
    this.#waiting.add(turn);
    onWait(() => {
      if (this.#waiting.delete(turn)) turn.came.resolve(false);
    });
    return turn.came.promise;
  }

  /** So many bytes have left, or never will. */
  leave(bytes: number): void {
    this.#handedOver -= bytes;
    for (const turn of this.#waiting) {
      if (this.#handedOver >= HANDED_OVER_BYTES) return;
      this.#waiting.delete(turn);
      this.#handedOver += turn.bytes;
      turn.came.resolve(true);
    }
  }
}
