import type { Fifo } from '../../src/async/fifo.ts';
import { harmless } from '../../src/async/harmless.ts';
import { atMost } from '../../src/async/timers.ts';
import { CONFIRMATIONS, OWED_SUBSCRIBERS, READ_RUN, STANDSTILL } from '../../src/flow-control.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { asksForProof, SLASH } from '../../src/protocol/topics.ts';
import type { BoundPublish, CloseOptions, Delivery } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { HeldDeliveries } from '../shared/held-deliveries.ts';
import { Bound } from './bound.ts';
import { OwedDeliveries, type OwedState } from './owed.ts';
import { receive } from './reader.ts';
import { type CountingPublisher, HeldTopics } from './topics.ts';
import { SocketWriter } from './writer.ts';

export interface PublishSettings {
  /** Most bytes that are kept for one slow subscriber. */
  readonly maxOwed: number;
}

/** Publishes, and confirms subscriptions. Deliveries wait for slow subscribers. */
export class ZeromqPublish extends Bound<CountingPublisher> implements BoundPublish {
  readonly #topics = new HeldTopics();
  /** Whether all peers were dropped. Events about them are then ignored. */
  #isDropping = false;
  /** Deliveries for topics without a subscriber. */
  readonly #held = new HeldDeliveries((topic, deliveries) => {
    // ZeroMQ may have a subscriber that it has not reported yet.
    for (const { frames } of deliveries) this.#owed.add(this.#unit(topic), { topic, frames });
  });
  readonly #owed: OwedDeliveries;
  readonly #writer: SocketWriter<Delivery>;
  #sending: Delivery = NOTHING;
  readonly #listeners: ((topic: string, isThere: boolean) => void)[] = [];
  #isClosing = false;

  /** @param socket - with `noDrop` and a `sendTimeout` of 0, so that it fails at once when a subscriber has no room. */
  constructor(socket: CountingPublisher, host: ChannelHost, { maxOwed }: PublishSettings) {
    super(socket, host);
    this.#owed = new OwedDeliveries({
      send: (delivery, state) => this.#trySend(delivery, state),
      budget: maxOwed,
      total: OWED_SUBSCRIBERS * maxOwed,
      onLost: (topic, count) => host.report({ type: 'lost', address: this.address, topic, count }),
    });
    const sending = {
      get closed() {
        return socket.closed;
      },
      get readable() {
        return socket.readable;
      },
      get writable() {
        return socket.writable;
      },
      send: (parts: Uint8Array[]) => socket.send(parts).catch(this.#onFull),
    };
    this.#writer = new SocketWriter<Delivery>(sending, {
      gather: (deliveries) => this.#gather(deliveries),
    });
  }

  onSubscribers(listener: (topic: string, isThere: boolean) => void): void {
    this.#listeners.push(listener);
    this.#topics.onEnd = (topic) => {
      if (!this.#isClosing) this.#tell(Buffer.from(topic, 'latin1').toString(), false);
    };
  }

  publish(deliveries: readonly Delivery[]): Promise<void> {
    return this.#writer.write(deliveries);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    this.#isClosing = true;
    await atMost(options.timeout ?? 0, this.#emptied());
    this.#held.clear();
    this.#owed.close();
    await super.close(options);
  }

  protected start(): void {
    this.#followSubscriptions();
  }

  protected override someoneWent(): void {
    this.#topics.connectionWent();
  }

  protected override mayBindAgain(): boolean {
    if (this.socket.readable) return false;
    this.#isDropping = false;
    this.#topics.clear(this.socket);
    return true;
  }

  /** Confirms a subscription to `…/` with an empty delivery on that topic. */
  async #followSubscriptions(): Promise<void> {
    let unsent = 0;
    for (let read = 1; ; read++) {
      const parts = await receive(this.socket);
      if (parts === undefined) return;
      // Reads that need not wait leave other events no turn.
      if (read % READ_RUN === 0) await new Promise(setImmediate);
      // Subscribers send messages of one part.
      const [news] = parts;
      if (news === undefined || news.length === 0 || parts.length > 1) continue;
      if (this.#isDropping) continue;
      const subscription = this.#topics.take(news);
      if (this.#topics.bytes(this.socket) > MOST_TOPIC_BYTES) {
        this.#isDropping = true;
        this.dropPeers(`subscriptions to more than ${MOST_TOPIC_BYTES} bytes of topics: all were ended`);
        continue;
      }
      if (subscription === undefined) continue;
      const topic = new TextDecoder().decode(news.subarray(1));
      this.#tell(topic, true);
      this.#arrived(topic);
      if (news[news.length - 1] !== SLASH) continue;
      unsent++;
      const sent = this.publish([{ topic, frames: [new Uint8Array(0)] }])
        .catch(() => {})
        .then(() => unsent--);
      // Results must not wait behind the confirmations of a peer that subscribes without end.
      if (unsent >= CONFIRMATIONS) await sent;
    }
  }

  #tell(topic: string, isThere: boolean): void {
    for (const listener of this.#listeners) harmless(() => listener(topic, isThere));
  }

  /** Sends the deliveries that waited for a new subscription, before later ones. */
  #arrived(subscription: string): void {
    for (const delivery of this.#held.release(subscription)) {
      this.#owed.add(this.#unit(delivery.topic), delivery);
    }
  }

  #gather(deliveries: Fifo<Delivery>) {
    const delivery = deliveries.peek();
    if (delivery === undefined || this.#isPutAside(delivery)) return { parts: [], taken: 1 };
    this.#sending = delivery;
    return { parts: partsOf(delivery), taken: 1 };
  }

  /** Keeps a delivery that cannot leave now. Returns whether it did. */
  #isPutAside(delivery: Delivery): boolean {
    const { topic, mayWait = false } = delivery;
    // The common case: an answer whose client is subscribed and has room.
    if (!mayWait && this.#owed.isEmpty) return false;
    const unit = this.#unit(topic);
    if (this.#owed.has(unit)) {
      this.#owed.add(unit, delivery);
      return true;
    }
    if (!mayWait) return false;
    if (this.#topics.coverage(topic) === undefined) return this.#held.add(delivery);
    if (!this.socket.readable) return false;
    // The subscriber may have gone, as when a stock pylm client calls again.
    this.#owed.add(unit, delivery);
    return true;
  }

  /** The key of the queue that a topic waits in: its subscription, or the topic when it has none. */
  #unit(topic: string): string {
    return this.#topics.coverage(topic)?.subscription ?? topic;
  }

  readonly #onFull = (error: unknown): void => {
    if (!isFull(error)) throw error;
    this.#owed.add(this.#unit(this.#sending.topic), this.#sending);
  };

  async #trySend(delivery: Delivery, { waited, isOver }: OwedState): Promise<boolean> {
    const { topic, frames, mayWait } = delivery;
    const coverage = this.#topics.coverage(topic);
    if (mayWait && coverage === undefined && this.#held.add({ topic, frames })) return true;
    if (await this.#fits(delivery)) return true;
    if (coverage === undefined) return false;
    const { subscription, isShared, wasPassed, isObserved } = coverage;
    // A subscriber to everything must not delay the others.
    if (isObserved && !(await this.#fits(PROBE))) {
      await this.#sendPast(PROBE);
      return this.#fits(delivery);
    }
    const standsStill = waited > STANDSTILL;
    // One that was skipped may have had room for a moment and be full again. It must not hold up the others for ever.
    const mayPass = wasPassed ? isOver && standsStill : isOver || (asksForProof(subscription) && standsStill);
    if (!isShared || !mayPass) return false;
    this.#topics.passed(subscription);
    await this.#sendPast(delivery);
    return true;
  }

  /** Sends to all subscribers, or to none when one of them has no room. */
  async #fits(delivery: Delivery): Promise<boolean> {
    try {
      await this.socket.send(partsOf(delivery));
      return true;
    } catch (error) {
      return !isFull(error);
    }
  }

  async #sendPast(delivery: Delivery): Promise<void> {
    if (!this.socket.closed) await this.socket.sendPast(partsOf(delivery)).catch(() => {});
  }

  async #emptied(): Promise<void> {
    await this.#writer.idle();
    for (;;) {
      await this.#held.idle();
      if (this.#owed.isEmpty) return;
      await this.#owed.idle();
    }
  }
}

/** A topic that only subscribers to everything get. They see such a delivery for each client that subscribes. */
const PROBE: Delivery = { topic: `${randomId()}/`, frames: [new Uint8Array(0)] };

const NOTHING: Delivery = { topic: '', frames: [] };

/**
 * Most bytes of topics that all subscribers together may hold; each topic counts 32 bytes more. That is 4,600 clients with a topic of 24 bytes. A
 * relay is one client. libzmq takes 48 bytes of memory for each byte, and removes a connection's topics in the thread of JavaScript: 1 MiB of them
 * blocked it for a quarter of a second.
 */
const MOST_TOPIC_BYTES = 262_144;

function partsOf({ topic, frames }: Delivery): Uint8Array[] {
  return [Buffer.from(topic), ...frames];
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
