import type { Delivery } from '../../src/transport.ts';
import { Bound, noMessages } from './bound.ts';
import { LONGEST_TOPIC } from './commands.ts';
import { MORE } from './frame-reader.ts';
import { readSubscription, topicKey } from './gather.ts';
import type { Link } from './link.ts';
import type { LinkEnd } from './link-role.ts';
import { Topics } from './topics.ts';
import { Violation } from './violation.ts';

/** Bytes that a subscription costs beside those of its topic. */
const OVERHEAD = 128;
/** Bytes published in one turn of events, from which on whoever publishes waits for the next: subscribers are written to meanwhile. */
const MOST_PUBLISHED = 262_144;
/** Confirmations that may wait for one peer: one that subscribes without end and does not read gets no more. */
const MOST_BEFORE_WELCOME = 65_536;

/** What is known of a subscriber. */
interface Subscriber {
  /** Topics, as the map has them. */
  readonly topics: Set<string>;
  bytes: number;
  /** Messages that were given to the link since it last took all. */
  waiting: number;
  isSlow: boolean;
}

const DONE = Promise.resolve();

/** Publishes, and proves subscriptions. A subscriber that is too slow loses what it has no room for, as with any PUB. */
export class ZmtpPublish extends Bound {
  readonly socketType = 'XPUB';
  override readonly takesControlOnly = true;
  readonly #subscribers = new Map<Link, Subscriber>();
  readonly #topics = new Topics<Link>();
  #topicBytes = 0;
  #published = 0;
  #nextTurn: Promise<void> | undefined;
  #lastTopic = '';
  #lastKey = '';
  #lastBytes: Uint8Array = new Uint8Array(0);

  publish(deliveries: readonly Delivery[]): Promise<void> {
    if (this.isClosed) return Promise.reject(this.closedError());
    for (const { topic, frames } of deliveries) {
      if (topic !== this.#lastTopic) {
        this.#lastBytes = Buffer.from(topic);
        this.#lastKey = topicKey(this.#lastBytes);
        this.#lastTopic = topic;
      }
      for (const link of this.#topics.match(this.#lastKey)) this.#give(link, this.#lastBytes, frames);
    }
    if (this.#published < MOST_PUBLISHED) return this.#nextTurn ?? DONE;
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#published = 0;
        this.#nextTurn = undefined;
        resolve();
      });
    });
    return this.#nextTurn;
  }

  override up(link: Link): void {
    super.up(link);
    this.#subscribers.set(link, { topics: new Set(), bytes: 0, waiting: 0, isSlow: false });
  }

  override down(link: Link, end: LinkEnd): void {
    super.down(link, end);
    const subscriber = this.#subscribers.get(link);
    if (subscriber === undefined) return;
    this.#subscribers.delete(link);
    this.#topicBytes -= subscriber.bytes;
    for (const topic of subscriber.topics) this.#topics.remove(topic, link, true);
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
      return;
    }
    if (this.#topics.add(key, link)) {
      subscriber.topics.add(key);
      subscriber.bytes += cost;
      this.#topicBytes += cost;
      this.#checkTopics(link, subscriber);
    }
    // Proof that the subscription has arrived, for those that know how to take it.
    if (topic.at(-1) !== SLASH || link.waiting > MOST_BEFORE_WELCOME) return;
    link.send(topic, true);
    link.send(NO_BYTES, false);
  }

  override writable(link: Link): void {
    super.writable(link);
    const subscriber = this.#subscribers.get(link);
    if (subscriber === undefined || link.waiting > 0) return;
    subscriber.waiting = 0;
    subscriber.isSlow = false;
  }

  #give(link: Link, topic: Uint8Array, frames: Delivery['frames']): void {
    const subscriber = this.#subscribers.get(link);
    if (subscriber === undefined || !link.isUp) return;
    const { sendHighWaterMark, sendHighWaterBytes } = this.settings;
    if (link.hasRoom) {
      subscriber.waiting = 0;
    } else if (++subscriber.waiting > sendHighWaterMark || link.waiting >= sendHighWaterBytes) {
      if (!subscriber.isSlow) this.reportSlow(subscriber.waiting);
      subscriber.isSlow = true;
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

const SLASH = 0x2f;
const NO_BYTES = new Uint8Array(0);
