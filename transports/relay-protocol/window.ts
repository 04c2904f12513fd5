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
