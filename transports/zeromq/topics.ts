import type { XPublisher } from 'zeromq';
import type { Addon } from './addon.ts';

/** Bytes that a subscription costs beside those of its topic, as they count here. */
const OVERHEAD = 32;
/** And one more subscriber of a topic that others have subscribed to. */
const REPEATED = 16;

/** Bytes of topics that may go with one connection, as they count here: of most clients it is one topic. */
const OF_ONE_CONNECTION = 512;

/** A subscription as an XPUB tells of it begins with this byte, and the end of one with 0. */
const SUBSCRIBED = 1;

/** An XPUB that tells how many topics are subscribed to. */
export type CountingPublisher = XPublisher & { readonly topics: number };

export function countingTopics({
  XPublisher,
}: Addon): new (
  ...options: ConstructorParameters<Addon['XPublisher']>
) => CountingPublisher {
  return class extends XPublisher {
    get topics(): number {
      return this.closed ? 0 : this.getInt32Option(ZMQ_TOPICS_COUNT);
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
  readonly #costs = new Map<string, number>();
  #held = 0;
  #ended = 0;
  /** What libzmq counts too many: topics that went with their connection. */
  #surplus = 0;

  /** Bytes of topics that may be held. */
  bytes(socket: CountingPublisher): number {
    const { size } = this.#costs;
    const untold = socket.topics - this.#surplus - size;
    if (untold !== 0 && !socket.readable) this.#surplus += untold;
    else if (untold > 0 && size > 0) return this.#ended + this.#held * (1 + untold / size);
    return this.#held + this.#ended;
  }

  /** Takes what an XPUB tells. Gives whether it is a subscription. */
  take(news: Uint8Array): boolean {
    const topic = Buffer.from(news.buffer, news.byteOffset + 1, news.length - 1).toString('latin1');
    const before = this.#costs.get(topic);
    if (news[0] === SUBSCRIBED) {
      const cost = before === undefined ? topic.length + OVERHEAD : REPEATED;
      this.#costs.set(topic, (before ?? 0) + cost);
      this.#held += cost;
      return true;
    }
    if (before !== undefined) {
      this.#costs.delete(topic);
      this.#held -= before;
      this.#ended += before;
      this.#surplus++;
    }
    return false;
  }

  connectionWent(): void {
    this.#ended = Math.max(0, this.#ended - OF_ONE_CONNECTION);
  }

  /** All connections went, and nothing is left to be told. */
  clear(socket: CountingPublisher): void {
    this.#costs.clear();
    this.#held = 0;
    this.#ended = 0;
    this.#surplus = socket.topics;
  }
}
