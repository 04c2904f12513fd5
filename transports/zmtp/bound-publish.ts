import { harmless } from '../../src/async/harmless.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { CONFIRMATION_BACKLOG_BYTES, PUBLISHED_RUN_BYTES } from '../../src/flow-control.ts';
import { asksForProof, LONGEST_TOPIC, SLASH } from '../../src/protocol/topics.ts';
import type { BoundPublish, CloseOptions, Delivery } from '../../src/transport.ts';
import { HeldDeliveries } from '../shared/held-deliveries.ts';
import { Bound, noMessages } from './bound.ts';
import { MORE } from './frame-reader.ts';
import { readSubscription, topicKey, topicOfKey } from './gather.ts';
import type { Link, LinkEnd } from './link.ts';
import { Topics } from './topics.ts';
import { Violation } from './violation.ts';

/** Bytes that a subscription costs besides its topic. */
const OVERHEAD = 128;
/** Milliseconds that the next answer to a stock pylm client waits for its new subscription: it opens one for each call. */
const LONGEST_LINGER = 1;

/** What the publisher knows of a subscriber. */
interface Subscriber {
  /** Its topics, as keys of the map. */
  readonly topics: Set<string>;
  bytes: number;
  /** Whether it has received a delivery with `mayWait`: it may be a stock pylm client. */
  wasAnswered: boolean;
}

const DONE = Promise.resolve();

/** Publishes, and confirms subscriptions. A subscriber that is too slow loses deliveries, which the status reports as `lost`. */
export class ZmtpPublish extends Bound implements BoundPublish {
  readonly socketType = 'XPUB';
  override readonly takesControlOnly = true;
  readonly #subscribers = new Map<Link, Subscriber>();
  readonly #topics = new Topics<Link>();
  #topicBytes = 0;
  #published = 0;
  #nextTurn: Promise<void> | undefined;
  /** Deliveries for topics without a subscriber. They are dropped when none comes in time. */
  readonly #held = new HeldDeliveries(() => {});
  /** Deliveries to publish at the end of this turn of events: those that may wait must not go to a subscriber that has hung up. */
  #later: Delivery[] = [];
  /** Deliveries whose subscriber may be leaving, by topic. */
  readonly #lingering = new Map<string, Delivery[]>();
  /** How many deliveries each subscription lost in this turn of events. */
  readonly #lost = new Map<string, number>();
  readonly #listeners: ((topic: string, isThere: boolean) => void)[] = [];
  #isClosing = false;
  #lastTopic = '';
  #lastKey = '';
  #lastBytes: Uint8Array = new Uint8Array(0);

  onSubscribers(listener: (topic: string, isThere: boolean) => void): void {
    this.#listeners.push(listener);
  }

  publish(deliveries: readonly Delivery[]): Promise<void> {
    if (this.isClosed || this.#isClosing) return Promise.reject(this.closedError());
    for (const delivery of deliveries) {
      if (delivery.mayWait || this.#later.length > 0 || this.#lingering.size > 0)
        this.#publishLater(delivery);
      else this.#publishNow(delivery);
    }
    if (this.#published < PUBLISHED_RUN_BYTES) return this.#nextTurn ?? DONE;
    return this.#turn();
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed || this.#isClosing) return super.close(options);
    this.#isClosing = true;
    const { timeout = 0 } = options;
    const started = performance.now();
    this.#publishWhatIsLater();
    this.#lingerNoMore();
    if (timeout > 0) await atMost(timeout, this.#held.idle());
    this.#held.clear();
    await super.close({ timeout: Math.max(0, timeout - (performance.now() - started)) });
  }

  override up(link: Link): void {
    super.up(link);
    this.#subscribers.set(link, { topics: new Set(), bytes: 0, wasAnswered: false });
  }

  override down(link: Link, end: LinkEnd): void {
    super.down(link, end);
    const subscriber = this.#subscribers.get(link);
    if (subscriber === undefined) return;
    this.#subscribers.delete(link);
    this.#topicBytes -= subscriber.bytes;
    for (const topic of subscriber.topics) {
      this.#topics.remove(topic, link, true);
      this.#tellEnd(topic);
    }
  }

  /** Peers of ZMTP 3.0 send subscriptions as messages. */
  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number): void {
    const subscription = (flags & MORE) === 0 ? readSubscription(bytes, start, end) : undefined;
    if (subscription === undefined) noMessages();
    this.subscription(link, subscription.topic, subscription.isOn);
  }

  subscription(link: Link, topic: Uint8Array, isOn: boolean): void {
    const subscriber = this.#subscribers.get(link);
    if (subscriber === undefined) return;
    if (topic.length > LONGEST_TOPIC)
      throw new Violation(`it subscribed to a topic of ${topic.length} bytes`, 'TOO_LARGE');
    const key = topicKey(topic);
    const cost = key.length + OVERHEAD;
    if (!isOn) {
      if (!this.#topics.remove(key, link)) return;
      subscriber.topics.delete(key);
      subscriber.bytes -= cost;
      this.#topicBytes -= cost;
      this.#tellEnd(key);
      return;
    }
    if (this.#topics.add(key, link)) {
      subscriber.topics.add(key);
      subscriber.bytes += cost;
      this.#topicBytes += cost;
      this.#checkTopics(link, subscriber);
    }
    for (const listener of this.#listeners) harmless(() => listener(topicOfKey(key), true));
    // They leave before later deliveries.
    this.#lingerNoMore();
    if (!this.#held.isEmpty) {
      for (const delivery of this.#held.release(topicOfKey(key))) {
        this.#publishNow({ ...delivery, mayWait: true });
      }
    }
    // Confirms the subscription to peers that asked for it.
    if (topic.at(-1) !== SLASH || link.waiting > CONFIRMATION_BACKLOG_BYTES) return;
    link.send(topic, true);
    link.send(NO_BYTES, false);
  }

  /** Tells that a subscription has ended, if nobody else has one to the same topic. */
  #tellEnd(key: string): void {
    if (this.#listeners.length === 0 || this.#isClosing || this.isClosed || this.#topics.has(key)) return;
    const topic = topicOfKey(key);
    for (const listener of this.#listeners) harmless(() => listener(topic, false));
  }

  #publishNow(delivery: Delivery): void {
    const { topic, frames, mayWait = false } = delivery;
    let isAnybodys = false;
    for (const link of this.#topics.match(this.#keyOf(topic))) {
      if (!link.isUp) continue;
      isAnybodys = true;
      this.#give(link, this.#lastBytes, frames, mayWait);
    }
    if (mayWait && !isAnybodys) this.#held.add(delivery);
  }

  /** Waits for the end of this turn of events, in which the end of a stock pylm client's old link may also arrive: it opens a link for each call. */
  #publishLater(delivery: Delivery): void {
    this.#later.push(delivery);
    for (const { length } of delivery.frames) this.#published += length;
    void this.#turn();
  }

  #publishWhatIsLater(): void {
    const later = this.#later;
    this.#later = [];
    for (const delivery of later) {
      const { topic, mayWait = false } = delivery;
      const before = this.#lingering.get(topic);
      if (before !== undefined) before.push(delivery);
      else if (mayWait && this.#mayLeave(topic)) this.#linger(delivery);
      else this.#publishNow(delivery);
    }
  }

  /** Whether a topic belongs to a stock client that already got an answer. Stock clients have one topic, without a slash. */
  #mayLeave(topic: string): boolean {
    return this.#topics.match(this.#keyOf(topic)).some((link) => {
      const { topics, wasAnswered = false } = this.#subscribers.get(link) ?? {};
      return wasAnswered && topics?.size === 1 && !asksForProof(topics.values().next().value ?? '');
    });
  }

  #linger(delivery: Delivery): void {
    if (this.#lingering.size === 0) {
      // Until what arrived meanwhile is read, too.
      startTimer(LONGEST_LINGER, () => setImmediate(() => this.#lingerNoMore()));
    }
    this.#lingering.set(delivery.topic, [delivery]);
  }

  #lingerNoMore(): void {
    if (this.#lingering.size === 0) return;
    const lingering = [...this.#lingering.values()];
    this.#lingering.clear();
    for (const deliveries of lingering) for (const delivery of deliveries) this.#publishNow(delivery);
  }

  #keyOf(topic: string): string {
    if (topic !== this.#lastTopic) {
      this.#lastBytes = Buffer.from(topic);
      this.#lastKey = topicKey(this.#lastBytes);
      this.#lastTopic = topic;
    }
    return this.#lastKey;
  }

  /** Resolves in the next turn of events. */
  #turn(): Promise<void> {
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined;
        this.#published = 0;
        this.#publishWhatIsLater();
        resolve();
      });
    });
    return this.#nextTurn;
  }

  #lose(link: Link): void {
    if (this.#lost.size === 0) setImmediate(() => this.#reportLost());
    const subscription = this.#topics.subscriptionOf(this.#lastKey, link);
    this.#lost.set(subscription, (this.#lost.get(subscription) ?? 0) + 1);
  }

  #reportLost(): void {
    for (const [subscription, count] of this.#lost) {
      const topic = topicOfKey(subscription);
      this.host.report({ type: 'lost', address: this.address, topic, count });
    }
    this.#lost.clear();
  }

  #give(link: Link, topic: Uint8Array, frames: Delivery['frames'], mayWait: boolean): void {
    if (mayWait) {
      const subscriber = this.#subscribers.get(link);
      if (subscriber !== undefined) subscriber.wasAnswered = true;
    }
    if (!link.hasRoom && link.waiting >= this.settings.sendHighWaterBytes) {
      this.#lose(link);
      return;
    }
    this.#published += topic.length;
    link.send(topic, frames.length > 0);
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i] ?? NO_BYTES;
      this.#published += frame.length;
      link.send(frame, i < frames.length - 1);
    }
    if (!link.hasRoom) this.hold(link);
  }

  #checkTopics(link: Link, subscriber: Subscriber): void {
    const { maxTopicBytes, maxTopicBytesTotal } = this.settings;
    if (subscriber.bytes > maxTopicBytes) {
      throw new Violation(`it subscribed to more than ${maxTopicBytes} bytes of topics`, 'TOO_LARGE');
    }
    if (this.#topicBytes <= maxTopicBytesTotal) return;
    let [most, bytes] = [link, subscriber.bytes];
    for (const [own, held] of this.#subscribers) if (held.bytes > bytes) [most, bytes] = [own, held.bytes];
    const text = `all peers subscribed to more than ${maxTopicBytesTotal} bytes of topics, and it had the most`;
    most.refuse(new Violation(text, 'TOO_LARGE'));
  }
}
const NO_BYTES = new Uint8Array(0);
