/** Gives other events a turn, such as input and painting, which a chain of promises alone would starve. */
export class Turns {
  readonly #channel = new MessageChannel();
  #waiting: (() => void)[] = [];

  constructor() {
    this.#channel.port1.onmessage = () => this.#waiting.shift()?.();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#channel.port2.postMessage(null);
    });
  }

  close(): void {
    this.#channel.port1.close();
    // Waiters continue and find that the run is over.
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}
