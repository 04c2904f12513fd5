/**
 * A client begins a further batch on a pushing channel while fewer bytes are out. Each credit makes it as much more, up to the relay's
 * window, as TCP begins: who has much to send soon has all of it, and a crowd that begins at once does not lay everything
 * at the relay's door.
 */
export const FIRST_WINDOW = 8_192;

/** Bytes that a client has under way to one address, over all of its channels: the relay's window is for all of them. */
export class SendWindow {
  readonly #onRoom = new Set<() => void>();
  #outstanding = 0;

  /** Bytes that were sent and that the server has not taken. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Calls `listener` when there is room that was not there before. Gives the function that ends this. */
  onRoom(listener: () => void): () => void {
    this.#onRoom.add(listener);
    return () => this.#onRoom.delete(listener);
  }

  take(bytes: number): void {
    this.#outstanding += bytes;
  }

  release(bytes: number): void {
    this.#outstanding -= bytes;
    for (const listener of [...this.#onRoom]) listener();
  }
}
