import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { startTimer } from '../../src/async/timers.ts';
import { HELD_BYTES, HELD_TIME, HELD_TOPIC_BYTES, HELD_TOPICS } from '../../src/flow-control.ts';
import { isTakenBy } from '../../src/protocol/topics.ts';
import type { Delivery } from '../../src/transport.ts';
import { owned } from './owned.ts';

/** Bytes that a delivery costs beside its frames. */
const OVERHEAD = 256;

interface Held {
  readonly deliveries: Delivery[];
  bytes: number;
  readonly until: number;
}

/**
 * Deliveries under topics that have no subscriber yet. A stock pylm client subscribes and calls at once, over two connections, so its answer
 * may be ready before its subscription arrives. Deliveries are kept for a second and within the bounds.
 */
export class HeldDeliveries {
  /** By topic; the topic that has waited longest comes first. */
  readonly #topics = new Map<string, Held>();
  readonly #giveUp: (topic: string, deliveries: readonly Delivery[]) => void;
  #bytes = 0;
  #stopTimer: (() => void) | undefined;
  #idle: Deferred<void> | undefined;

  /**
   * Holds nothing yet.
   * @param giveUp - called with the deliveries of a topic that got no subscriber in time.
   */
  constructor(giveUp: (topic: string, deliveries: readonly Delivery[]) => void) {
    this.#giveUp = giveUp;
  }

  /** Bytes of all deliveries that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether no delivery waits. */
  get isEmpty(): boolean {
    return this.#topics.size === 0;
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  /** Keeps a delivery. Returns false when there is no room for it. */
  add({ topic, frames }: Delivery): boolean {
    let size = OVERHEAD + topic.length;
    for (const { length } of frames) size += length;
    const held = this.#topics.get(topic);
    const bytes = (held?.bytes ?? 0) + size;
    if (bytes > HELD_TOPIC_BYTES || this.#bytes + size > HELD_BYTES) return false;
    if (held === undefined && this.#topics.size === HELD_TOPICS) return false;
    this.#bytes += size;
    const delivery = { topic, frames: frames.map(owned) };
    if (held === undefined) {
      this.#topics.set(topic, { deliveries: [delivery], bytes, until: performance.now() + HELD_TIME });
      this.#stopTimer ??= startTimer(HELD_TIME, () => this.#expire());
    } else {
      held.bytes = bytes;
      held.deliveries.push(delivery);
    }
    return true;
  }

  /** Takes out the deliveries that a new subscription covers, in order for each topic. */
  release(subscription: string): readonly Delivery[] {
    if (this.isEmpty) return [];
    const released: Delivery[] = [];
    for (const topic of this.#topics.keys()) {
      if (isTakenBy(topic, subscription)) for (const delivery of this.#take(topic)) released.push(delivery);
    }
    return released;
  }

  /** Drops everything. */
  clear(): void {
    this.#topics.clear();
    this.#bytes = 0;
    this.#emptied();
  }

  #take(topic: string): readonly Delivery[] {
    const held = this.#topics.get(topic);
    if (held === undefined) return [];
    this.#topics.delete(topic);
    this.#bytes -= held.bytes;
    if (this.isEmpty) this.#emptied();
    return held.deliveries;
  }

  #emptied(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #expire(): void {
    this.#stopTimer = undefined;
    const now = performance.now();
    for (const [topic, { until }] of this.#topics) {
      if (until > now) {
        this.#stopTimer = startTimer(until - now, () => this.#expire());
        return;
      }
      this.#giveUp(topic, this.#take(topic));
    }
  }
}
