/** Lets events in between: input, painting, and what others wait for. A chain of promises alone would starve them. */
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
    // Whoever waits goes on, and finds that it is over.
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}
