import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { HANDED_OVER_BYTES } from '../../../src/flow-control.ts';

interface QueuedSend {
  readonly bytes: number;
  readonly came: Deferred<boolean>;
}

/** Orders what the clients of a relay send to one address of a server: first come, first served. */
export class SharedSendQueue {
  /** In order of arrival. A send that is given up is removed at once, because a client may give up any number of them. */
  readonly #waiting = new Set<QueuedSend>();
  #handedOver = 0;

  /** How many sends wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks to hand so many bytes to the transport.
   * @param onWait - called with a function that gives the wait up, when others are first.
   * @returns true when the bytes may go now; otherwise a promise of true, or of false after `giveUp`.
   */
  enter(bytes: number, onWait: (giveUp: () => void) => void): true | Promise<boolean> {
    if (this.#handedOver < HANDED_OVER_BYTES) {
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

  /** So many bytes have left the transport, or were dropped. */
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
