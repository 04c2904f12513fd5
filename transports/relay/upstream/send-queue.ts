import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { HANDED_OVER_BYTES } from '../../../src/flow-control.ts';

interface QueuedSend {
  readonly bytes: number;
  readonly came: Deferred<boolean>;
}

/** Lets the clients of a relay hand frames over to one address of a server, one after another. */
export class SharedSendQueue {
  /** In the order in which they came. One that is given up is gone at once: a client may give up without end. */
  readonly #waiting = new Set<QueuedSend>();
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
    const send: QueuedSend = { bytes, came: deferred() };
    this.#waiting.add(send);
    onWait(() => {
      if (this.#waiting.delete(send)) send.came.resolve(false);
    });
    return send.came.promise;
  }

  /** So many bytes have left, or never will. */
  leave(bytes: number): void {
    this.#handedOver -= bytes;
    for (const send of this.#waiting) {
      if (this.#handedOver >= HANDED_OVER_BYTES) return;
      this.#waiting.delete(send);
      this.#handedOver += send.bytes;
      send.came.resolve(true);
    }
  }
}
