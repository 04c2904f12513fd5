import type { XPublisher } from 'zeromq';
import type { Addon } from './sockets.ts';

/** Bytes that a subscription costs beside those of its topic, as they count here. */
const OVERHEAD = 32;
/** And one more subscriber of a topic that others have subscribed to. */
const REPEATED = 16;

/** Bytes of topics that may go with one connection, as they count here: of most clients it is one topic. */
const OF_ONE_CONNECTION = 512;

/** A subscription as an XPUB tells of it begins with this byte, and the end of one with 0. */
const SUBSCRIBED = 1;

/** What is known of who is subscribed to a topic. */
export interface Coverage {
  /** The longest of the subscriptions that the topic is under, one character for each byte. */
  readonly subscription: string;
  /** Whether several subscribers have that one, of which none was passed over. */
  readonly isShared: boolean;
  /** Whether one of the others gets everything. */
  readonly isObserved: boolean;
}

interface Subscription {
  cost: number;
  subscribers: number;
  /** Whether one of those that are there now takes nothing, and was passed over. */
  wasPassed: boolean;
}

/** An XPUB that tells how many topics are subscribed to, and can leave out subscribers that take no more. */
export type CountingPublisher = XPublisher & {
  readonly topics: number;
  /**
   * Sends to those subscribers that take it. One that does not gets nothing more until it has read half of what libzmq holds for it, and
   * holds up nobody until then.
   */
  sendPast(parts: Uint8Array[]): Promise<void>;
};

export function countingTopics({
  XPublisher,
}: Addon): new (
  ...options: ConstructorParameters<Addon['XPublisher']>
) => CountingPublisher {
  return class extends XPublisher {
    get topics(): number {
      return this.closed ? 0 : this.getInt32Option(ZMQ_TOPICS_COUNT);
    }

    sendPast(parts: Uint8Array[]): Promise<void> {
      const { emitWarning } = process;
      // The addon takes this option for one that waits for the next bind, and warns; libzmq uses it at once.
      process.emitWarning = () => {};
      try {
        this.noDrop = false;
        // With a time-out of 0 it is sent before this returns.
        return this.send(parts);
      } finally {
        this.noDrop = true;
        process.emitWarning = emitWarning;
      }
    }
  };
}

const ZMQ_TOPICS_COUNT = 116;

/**
 * What libzmq holds of the subscriptions of all peers, in bytes of topics: it takes 48 bytes of memory for each.
 *
 * - It says that a subscription has ended when a connection has, and also when a peer takes back what another one subscribed to, which
 *   ends nothing. So what is said to have ended goes on counting, until as many connections are gone as may have held it.
 * - It is ahead of what it tells, by a second of a peer that never stops. So topics that were not told of yet count, too.
 */
export class HeldTopics {
  readonly #subscriptions = new Map<string, Subscription>();
  /** How many subscriptions there are of each length: most have the same few. */
  readonly #lengths = new Map<number, number>();
  #recent: { readonly topic: string; readonly coverage: Coverage | undefined } | undefined;
  #held = 0;
  #ended = 0;
  /** What libzmq counts too many: topics that went with their connection. */
  #surplus = 0;

  /** Bytes of topics that may be held. */
  bytes(socket: CountingPublisher): number {
    const { size } = this.#subscriptions;
    const untold = socket.topics - this.#surplus - size;
    if (untold !== 0 && !socket.readable) this.#surplus += untold;
    else if (untold > 0 && size > 0) return this.#ended + this.#held * (1 + untold / size);
    return this.#held + this.#ended;
  }

  /** Who is subscribed to a topic, as far as it was told; undefined when nobody is. */
  coverage(topic: string): Coverage | undefined {
    if (this.#recent?.topic !== topic) this.#recent = { topic, coverage: this.#coverage(topic) };
    return this.#recent.coverage;
  }

  /** Takes what an XPUB tells. Gives the topic, one character for each byte, when it is a subscription. */
  take(news: Uint8Array): string | undefined {
    const topic = Buffer.from(news.buffer, news.byteOffset + 1, news.length - 1).toString('latin1');
    const before = this.#subscriptions.get(topic);
    this.#recent = undefined;
    if (news[0] === SUBSCRIBED) {
      const cost = before === undefined ? topic.length + OVERHEAD : REPEATED;
      this.#held += cost;
      if (before === undefined) {
        this.#subscriptions.set(topic, { cost, subscribers: 1, wasPassed: false });
        this.#lengths.set(topic.length, (this.#lengths.get(topic.length) ?? 0) + 1);
      } else {
        before.cost += cost;
        before.subscribers++;
        before.wasPassed = false;
      }
      return topic;
    }
    if (before !== undefined) this.#ends(topic, before);
    return undefined;
  }

  #coverage(topic: string): Coverage | undefined {
    const bytes = isAscii(topic) ? topic : Buffer.from(topic).toString('latin1');
    let subscription: string | undefined;
    let longest: Subscription | undefined;
    for (const length of this.#lengths.keys()) {
      if (length > bytes.length || length < (subscription?.length ?? 0)) continue;
      const prefix = bytes.slice(0, length);
      const found = this.#subscriptions.get(prefix);
      if (found !== undefined) [subscription, longest] = [prefix, found];
    }
    if (subscription === undefined || longest === undefined) return undefined;
    const isShared = longest.subscribers > 1 && !longest.wasPassed;
    const isObserved = subscription !== '' && this.#subscriptions.has('');
    return { subscription, isShared, isObserved };
  }

  #ends(topic: string, subscription: Subscription): void {
    subscription.subscribers--;
    subscription.wasPassed = false;
    const { cost, subscribers } = subscription;
    const ended = subscribers > 0 ? REPEATED : cost;
    subscription.cost -= ended;
    this.#held -= ended;
    this.#ended += ended;
    if (subscribers > 0) return;
    this.#subscriptions.delete(topic);
    this.#surplus++;
    const { length } = topic;
    const others = (this.#lengths.get(length) ?? 0) - 1;
    if (others > 0) this.#lengths.set(length, others);
    else this.#lengths.delete(length);
  }

  /** One of several subscribers takes nothing, and was passed over. */
  passed(subscription: string): void {
    const found = this.#subscriptions.get(subscription);
    if (found !== undefined) found.wasPassed = true;
    this.#recent = undefined;
  }

  connectionWent(): void {
    this.#ended = Math.max(0, this.#ended - OF_ONE_CONNECTION);
  }

  /** All connections went, and nothing is left to be told. */
  clear(socket: CountingPublisher): void {
    this.#subscriptions.clear();
    this.#lengths.clear();
    this.#recent = undefined;
    this.#held = 0;
    this.#ended = 0;
    this.#surplus = socket.topics;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
