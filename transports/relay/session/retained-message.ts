/** Bytes that the objects around one message cost, and those around one of its frames, however small they are. */
const MESSAGE_COST = 512;
const FRAME_COST = 128;

/**
 * A message that came from a client. Its frames are views of one piece of memory, so the smallest of them keeps all of it:
 * the whole message counts until nothing of it is needed any more.
 */
export class RetainedMessage {
  /** Bytes that it counts for. */
  readonly bytes: number;
  readonly #onDone: (bytes: number) => void;
  #users = 1;

  /**
   * @param size - bytes of the message.
   * @param frames - how many frames are in it, of whatever kind.
   * @param onDone - told when nothing of it is needed any more.
   */
  constructor(size: number, frames: number, onDone: (bytes: number) => void) {
    this.bytes = size + MESSAGE_COST + frames * FRAME_COST;
    this.#onDone = onDone;
  }

  /** Somebody needs it beside those that do. Each calls {@link release} once. */
  retain(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#users === 0) this.#onDone(this.bytes);
  }
}
