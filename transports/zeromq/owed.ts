import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { BATCH } from '../../src/flow-control.ts';
import type { Delivery } from '../../src/transport.ts';
import { owned } from '../shared/owned.ts';

/** Milliseconds between two tries while no subscriber takes anything, at most: ZeroMQ does not tell when one does. */
const LONGEST_PAUSE = 16;
/** Bytes that a delivery costs beside its frames. */
const OVERHEAD = 256;

/** How it is with one subscriber. */
export interface OwedState {
  /** Milliseconds since it last took something. */
  readonly waited: number;
  /** Whether deliveries to it have been dropped since then. */
  readonly isOver: boolean;
}

export interface OwedSettings {
  /** Tries to send a delivery. Gives false when the subscriber takes no more for now. Never rejects. */
  readonly send: (delivery: Delivery, state: OwedState) => Promise<boolean>;
  /** Bytes that one subscriber may be owed. */
  readonly budget: number;
  /** Bytes that all may be owed together. */
  readonly total: number;
  /** Told when deliveries are dropped. */
  readonly onLost: (subscription: string, count: number) => void;
}

class Queue {
  #items: (Delivery | undefined)[] = [];
  #at = 0;
  bytes = 0;
  movedAt = performance.now();
  isOver = false;

  get first(): Delivery | undefined {
    return this.#items[this.#at];
  }

  push(delivery: Delivery, size: number): void {
    this.#items.push(delivery);
    this.bytes += size;
  }

  /** Takes the oldest away. */
  shift(): void {
    this.#took(this.first);
    this.#items[this.#at++] = undefined;
    if (this.#at < 1_024 || this.#at * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }

  /** Takes the newest away. */
  pop(): void {
    if (this.first !== undefined) this.#took(this.#items.pop());
  }

  #took(delivery: Delivery | undefined): void {
    if (delivery !== undefined) this.bytes -= sizeOf(delivery);
  }
}

/**
 * What subscribers are owed that read more slowly than is published for them. ZeroMQ counts messages, whatever their size, and drops
 * without a word; so it holds only a few, and the rest waits here, counted in bytes. The newest is dropped when there is no room.
 */
export class OwedDeliveries {
  readonly #settings: OwedSettings;
  /** By subscription. */
  readonly #queues = new Map<string, Queue>();
  #bytes = 0;
  #isRunning = false;
  #isClosed = false;
  #idle: Deferred<void> | undefined;

  constructor(settings: OwedSettings) {
    this.#settings = settings;
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** Whether anything waits for a subscription: then what comes after it has to wait, too. */
  has(subscription: string): boolean {
    return this.#queues.has(subscription);
  }

  add(subscription: string, { topic, frames, mayWait }: Delivery): void {
    if (this.#isClosed) return;
    const delivery = { topic, frames: frames.map(owned), ...(mayWait && { mayWait }) };
    const size = sizeOf(delivery);
    const { budget, total, onLost } = this.#settings;
    const queue = this.#queues.get(subscription) ?? new Queue();
    // The first is always kept, however large.
    if (queue.bytes > 0 && queue.bytes + size > budget) {
      queue.isOver = true;
      onLost(subscription, 1);
      return;
    }
    this.#queues.set(subscription, queue);
    queue.push(delivery, size);
    this.#bytes += size;
    if (this.#bytes > total) this.#takeFromLargest();
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Resolves when nothing is owed. */
  idle(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  /** Gives up what is owed. */
  close(): void {
    this.#isClosed = true;
    this.#queues.clear();
    this.#bytes = 0;
    this.#settle();
  }

  #takeFromLargest(): void {
    const [first, ...others] = this.#queues;
    if (first === undefined) return;
    let [subscription, largest] = first;
    for (const [other, queue] of others) {
      if (queue.bytes > largest.bytes) [subscription, largest] = [other, queue];
    }
    const { bytes } = largest;
    largest.pop();
    largest.isOver = true;
    this.#bytes -= bytes - largest.bytes;
    this.#settings.onLost(subscription, 1);
  }

  async #run(): Promise<void> {
    let pause = 0;
    while (this.#queues.size > 0) {
      const wait = pause;
      await new Promise<void>((resolve) => (wait === 0 ? setImmediate(resolve) : setTimeout(resolve, wait)));
      let hasMoved = false;
      for (const [subscription, queue] of this.#queues) {
        if (await this.#send(subscription, queue)) hasMoved = true;
      }
      pause = hasMoved ? 0 : Math.min(Math.max(1, 2 * pause), LONGEST_PAUSE);
    }
    this.#isRunning = false;
    this.#settle();
  }

  /** Sends what a subscriber takes. Gives whether it took anything. */
  async #send(subscription: string, queue: Queue): Promise<boolean> {
    for (let sent = 0; ; sent++) {
      const { first } = queue;
      if (first === undefined) {
        this.#queues.delete(subscription);
        return true;
      }
      if (sent === BATCH) return true;
      const waited = performance.now() - queue.movedAt;
      const isSent = await this.#settings.send(first, { waited, isOver: queue.isOver });
      if (this.#isClosed) return false;
      if (!isSent) return sent > 0;
      queue.movedAt = performance.now();
      queue.isOver = false;
      // It may have been dropped meanwhile, as the newest of the largest.
      if (queue.first !== first) continue;
      const { bytes } = queue;
      queue.shift();
      this.#bytes -= bytes - queue.bytes;
    }
  }

  #settle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

function sizeOf({ topic, frames }: Delivery): number {
  let size = OVERHEAD + topic.length;
  for (const { length } of frames) size += length;
  return size;
}
