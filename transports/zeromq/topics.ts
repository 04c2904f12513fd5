import type { XPublisher } from 'zeromq';
import type { Addon } from './sockets.ts';

/** Bytes that a subscription counts besides its topic. */
const OVERHEAD = 32;
/** Bytes that a further subscriber of the same topic counts. */
const REPEATED = 16;

/** Bytes of topics that may go with one connection. Most clients have one topic. */
const OF_ONE_CONNECTION = 512;

/** The first bytes of what an XPUB reports: a subscription, and the end of one. Any other message is a peer's own, and says nothing. */
const SUBSCRIBED = 1;
const ENDED = 0;

/** The subscribers of a topic, as far as they are known. */
export interface Coverage {
  /** The longest subscription that covers the topic, one character for each byte. */
  readonly subscription: string;
  /** Whether several subscribers have that subscription. */
  readonly isShared: boolean;
  /** Whether one of them had no room and was skipped: then another one has none. */
  readonly wasPassed: boolean;
  /** Whether another subscriber gets everything. */
  readonly isObserved: boolean;
}

interface Subscription {
  cost: number;
  subscribers: number;
  /** Whether one of the present subscribers has no room and was skipped. */
  wasPassed: boolean;
}

/** An XPUB that knows how many topics are subscribed to, and can skip subscribers without room. */
export type CountingPublisher = XPublisher & {
  readonly topics: number;
  /**
   * Sends to the subscribers that have room. One without room gets nothing more until it has read half of what libzmq holds for it, and does not
   * delay others until then.
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
      // The addon warns that this option waits for the next bind, but libzmq applies it at once.
      process.emitWarning = () => {};
      try {
        this.noDrop = false;
        // With a time-out of 0 the message is sent before this returns.
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
 * Counts the bytes of topics that libzmq holds for all peers. It takes 48 bytes of memory for each.
 *
 * - libzmq reports the end of a subscription when a connection ends, but also when a peer cancels what another peer subscribed to, which ends
 *   nothing. So an ended subscription still counts until as many connections are gone as may have held it.
 * - libzmq is up to a second ahead of its reports when a peer subscribes without a pause. So topics that are not reported yet count, too.
 */
export class HeldTopics {
  readonly #subscriptions = new Map<string, Subscription>();
  /** How many subscriptions there are of each length. Most have one of a few lengths. */
  readonly #lengths = new Map<number, number>();
  #recent: { readonly topic: string; readonly coverage: Coverage | undefined } | undefined;
  #held = 0;
  #ended = 0;
  /** Bytes that are counted too much: topics that went with their connection. */
  #surplus = 0;

  /** Most bytes of topics. */
  bytes(socket: CountingPublisher): number {
    const { size } = this.#subscriptions;
    const untold = socket.topics - this.#surplus - size;
    if (untold !== 0 && !socket.readable) this.#surplus += untold;
    else if (untold > 0 && size > 0) return this.#ended + this.#held * (1 + untold / size);
    return this.#held + this.#ended;
  }

  /** The subscribers of a topic, as far as libzmq reported them; undefined when there are none. */
  coverage(topic: string): Coverage | undefined {
    if (this.#recent?.topic !== topic) this.#recent = { topic, coverage: this.#coverage(topic) };
    return this.#recent.coverage;
  }

  /** Called with each topic that has lost its last subscriber, one character for each byte. */
  onEnd: ((topic: string) => void) | undefined;

  /** Takes a report of an XPUB. Returns the topic of a new subscription, one character for each byte. */
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
    if (before !== undefined && news[0] === ENDED) this.#ends(topic, before);
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
    const isObserved = subscription !== '' && this.#subscriptions.has('');
    const { subscribers, wasPassed } = longest;
    return { subscription, isShared: subscribers > 1, wasPassed, isObserved };
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
    this.onEnd?.(topic);
  }

  /** Notes that one of several subscribers was skipped. */
  passed(subscription: string): void {
    const found = this.#subscriptions.get(subscription);
    if (found !== undefined) found.wasPassed = true;
    this.#recent = undefined;
  }

  connectionWent(): void {
    this.#ended = Math.max(0, this.#ended - OF_ONE_CONNECTION);
  }

  /** Forgets everything, after all connections went and all reports were read. */
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
