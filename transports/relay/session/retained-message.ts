/** Bytes of the objects around one message, and around one of its frames. */
const MESSAGE_COST = 512;
const FRAME_COST = 128;

/**
 * A message of a client that is kept in memory. Its frames are views of one buffer, so each of them keeps all of it. The whole
 * message counts until its last user has released it.
 */
export class RetainedMessage {
  /** Bytes that it counts for. */
  readonly bytes: number;
  readonly #onDone: (bytes: number) => void;
  #users = 1;

  /**
   * @param size - bytes of the message.
   * @param frames - how many frames are in it, of whatever kind.
   * @param onDone - called when its last user has released it.
   */
  constructor(size: number, frames: number, onDone: (bytes: number) => void) {
    this.bytes = size + MESSAGE_COST + frames * FRAME_COST;
    this.#onDone = onDone;
  }

  /** Adds a user, which calls {@link release} once. The first user is there from the beginning. */
  retain(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#users === 0) this.#onDone(this.bytes);
  }
}
