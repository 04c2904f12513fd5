import type { BoundPush } from '../transport.ts';

/** Messages pushed at once at most, and those that each worker may have when others ask for their work. */
const LARGEST_PUSH = 64;
const MOST_EACH = 64;

/** A message on its way to a worker. */
export interface Pushable {
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** Where messages to be pushed come from. */
export interface PushSource<T extends Pushable> {
  /** Messages that nobody asks for. */
  readonly waiting: number;
  /** The next of them. */
  next(): T | undefined;
  /** Takes one back that could not be pushed. */
  putBack(item: T): void;
}

/** Workers that take what is pushed, as pylm's do. What they have can only be guessed from what comes back. */
export class PushShare<T extends Pushable> {
  readonly #push: BoundPush;
  readonly #source: PushSource<T>;
  #isPushing = false;
  #out = 0;
  #back = 0;

  constructor(push: BoundPush, source: PushSource<T>) {
    this.#push = push;
    this.#source = source;
  }

  /** Messages pushed that did not come back, as far as that can be told. */
  get out(): number {
    return this.#out;
  }

  /** Messages that ever came back. */
  get back(): number {
    return this.#back;
  }

  cameBack(count: number): void {
    this.#back += count;
    this.#out = Math.max(0, this.#out - count);
  }

  /** What is out does not count any more: a function that gives nothing back, or a worker that went, took it along. */
  forget(): void {
    this.#out = 0;
  }

  /**
   * Pushes what nobody asks for.
   * @param isShared - whether other workers ask for their work, who would have nothing to do if these had long queues.
   */
  async run(isShared: () => boolean): Promise<void> {
    if (this.#isPushing) return;
    this.#isPushing = true;
    const push = this.#push;
    while (this.#source.waiting > 0 && push.peers > 0) {
      if (isShared() && this.#out >= MOST_EACH * push.peers) break;
      const items = this.#take(push.peers);
      this.#out += items.length;
      try {
        await push.send(items.map(({ frame }) => frame));
      } catch {
        this.#out = Math.max(0, this.#out - items.length);
        for (const item of items) this.#source.putBack(item);
        break;
      }
    }
    this.#isPushing = false;
  }

  /** Few at a time while few wait, so that each worker gets a share. */
  #take(peers: number): T[] {
    const { waiting } = this.#source;
    const count = Math.max(1, Math.min(LARGEST_PUSH, Math.ceil(waiting / (2 * peers))));
    const items: T[] = [];
    for (let item = this.#source.next(); item !== undefined; item = this.#source.next()) {
      items.push(item);
      if (items.length === count) break;
    }
    return items;
  }
}
