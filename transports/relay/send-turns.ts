import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';

/**
 * Bytes that are in the hands of the transport for one address of a server, from all clients together, before the next
 * client waits for its turn. What the transport has, nobody takes back, also when its client is gone: so it is little
 * enough to lie there, and as much as some batches.
 */
const MOST_HANDED_OVER = 1_048_576;

interface Turn {
  readonly bytes: number;
  readonly came: Deferred<boolean>;
  isGivenUp: boolean;
}

/** Lets the clients of a relay hand frames over to one address of a server, one after another. */
export class SendTurns {
  readonly #waiting = new Fifo<Turn>();
  #handedOver = 0;

  /** Bytes that were handed over and have not left. */
  get handedOver(): number {
    return this.#handedOver;
  }

  /**
   * Waits for a turn to hand over so many bytes, if others are in front.
   * @returns true when it has come; a promise of that, or of false after `giveUp`, where it has to be waited for.
   */
  enter(bytes: number, onWait: (giveUp: () => void) => void): true | Promise<boolean> {
    if (this.#waiting.size === 0 && this.#handedOver < MOST_HANDED_OVER) {
      this.#handedOver += bytes;
      return true;
    }
    const turn: Turn = { bytes, came: deferred(), isGivenUp: false };
    this.#waiting.push(turn);
    onWait(() => {
      turn.isGivenUp = true;
      turn.came.resolve(false);
    });
    return turn.came.promise;
  }

  /** So many bytes have left, or never will. */
  leave(bytes: number): void {
    this.#handedOver -= bytes;
    for (let turn = this.#waiting.peek(); turn !== undefined; turn = this.#waiting.peek()) {
      if (!turn.isGivenUp) {
        if (this.#handedOver >= MOST_HANDED_OVER) return;
        this.#handedOver += turn.bytes;
        turn.came.resolve(true);
      }
      this.#waiting.skip(1);
    }
  }
}
