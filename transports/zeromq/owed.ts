import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { BATCH } from '../../src/flow-control.ts';
import type { Delivery } from '../../src/transport.ts';
import { owned } from '../shared/owned.ts';

/** Longest pause between two attempts while no subscriber takes anything, in milliseconds. ZeroMQ has no event for that. */
const LONGEST_PAUSE = 16;
/** Bytes that a delivery costs besides its frames. */
const OVERHEAD = 256;

/** The state of one slow subscriber. */
export interface OwedState {
  /** Milliseconds since it last took something. */
  readonly waited: number;
  /** Whether deliveries to it were dropped since then. */
  readonly isOver: boolean;
}

export interface OwedSettings {
  /** Tries to send a delivery. Resolves with false when the subscriber has no room now. Never rejects. */
  readonly send: (delivery: Delivery, state: OwedState) => Promise<boolean>;
  /** Most bytes that wait for one subscriber. */
  readonly budget: number;
  /** Most bytes that wait for all subscribers. */
  readonly total: number;
  /** Called when deliveries are dropped. */
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

  /** Takes out the oldest. */
  shift(): void {
    this.#took(this.first);
    this.#items[this.#at++] = undefined;
    if (this.#at < 1_024 || this.#at * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }

  /** Takes out the newest. */
  pop(): void {
    if (this.first !== undefined) this.#took(this.#items.pop());
  }

  #took(delivery: Delivery | undefined): void {
    if (delivery !== undefined) this.bytes -= sizeOf(delivery);
  }
}

/**
 * Deliveries that wait for slow subscribers. ZeroMQ counts messages whatever their size, and drops them silently. So it holds only a few, and the
 * rest waits here, counted in bytes. Without room, the newest delivery is dropped.
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

  /** Whether deliveries wait for a subscription. Later ones must then wait, too. */
  has(subscription: string): boolean {
    return this.#queues.has(subscription);
  }

  add(subscription: string, { topic, frames, mayWait }: Delivery): void {
    if (this.#isClosed) return;
    const delivery = { topic, frames: frames.map(owned), ...(mayWait && { mayWait }) };
    const size = sizeOf(delivery);
    const { budget, total, onLost } = this.#settings;
    const queue = this.#queues.get(subscription) ?? new Queue();
    // The first is always kept, whatever its size.
    if (queue.bytes > 0 && queue.bytes + size > budget) {
      queue.isOver = true;
      onLost(subscription, 1);
      return;
    }
    this.#queues.set(subscription, queue);
    queue.push(delivery, size);
    this.#bytes += size;
    // Nor is one that is alone dropped: each of its size would be, though other subscribers of its topic have room.
    if (this.#bytes > total && this.#bytes > size) this.#takeFromLargest();
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  /** Drops everything. */
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

  /** Sends as much as a subscriber takes. Resolves with whether it took anything. */
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
      // It may have been dropped meanwhile, as the newest of the longest queue.
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
