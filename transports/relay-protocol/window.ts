/** Bytes that a client has under way to one address, over all of its channels, which share the relay's window. */
export class SendWindow {
  readonly #onRoom = new Set<() => void>();
  #outstanding = 0;

  /** Bytes that were sent and not taken by the server. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Calls `listener` when room has become free. Returns a function that stops this. */
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
