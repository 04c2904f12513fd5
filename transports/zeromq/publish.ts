import { atMost } from '../../src/async/deadline.ts';
import type { Fifo } from '../../src/async/fifo.ts';
import type { CloseOptions, Delivery } from '../../src/transport.ts';
import { isWithinProcess } from './address.ts';
import { Bound } from './bound.ts';
import { receive } from './reader.ts';
import { type CountingPublisher, HeldTopics } from './topics.ts';
import { SocketWriter } from './writer.ts';

/** Publishes, and proves subscriptions. */
export class ZeromqPublish extends Bound<CountingPublisher> {
  readonly #topics = new HeldTopics();
  /** All peers were dropped, and what is still told of them is nobody's. */
  #isDropping = false;
  readonly #writer = new SocketWriter<Delivery>(this.socket, {
    ready: () => this.useWhenOpen(),
    gather: gatherDelivery,
  });

  publish(deliveries: readonly Delivery[]): Promise<void> {
    return this.#writer.write(deliveries);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await atMost(options.timeout ?? 0, this.#writer.idle());
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

  /** Answers a subscription to `…/` with an empty delivery on that topic: proof that it has arrived. */
  async #followSubscriptions(): Promise<void> {
    let unsent = 0;
    for (let read = 1; ; read++) {
      const parts = await receive(this.socket);
      if (parts === undefined) return;
      // What is read without waiting leaves no turn to others.
      if (read % LONGEST_RUN === 0) await new Promise(setImmediate);
      // No subscriber sends more than one part.
      const [news] = parts;
      if (news === undefined || news.length === 0 || parts.length > 1) continue;
      if (this.#isDropping) continue;
      const isSubscription = this.#topics.take(news);
      if (this.#topics.bytes(this.socket) > MOST_TOPIC_BYTES && !isWithinProcess(this.address)) {
        this.#isDropping = true;
        this.dropPeers(`subscriptions to more than ${MOST_TOPIC_BYTES} bytes of topics: all were ended`);
        continue;
      }
      if (!isSubscription || news[news.length - 1] !== SLASH) continue;
      const topic = new TextDecoder().decode(news.subarray(1));
      unsent++;
      const sent = this.publish([{ topic, frames: [new Uint8Array(0)] }])
        .catch(() => {})
        .then(() => unsent--);
      // Results shall not wait behind the welcomes of who subscribes without end.
      if (unsent >= MOST_WELCOMES) await sent;
    }
  }
}

/**
 * Bytes of topics that all subscribers together may subscribe to, 32 more for each: 4 600 clients with a topic of 24 bytes. A relay is one,
 * however many clients it has. libzmq takes 48 bytes of memory for each byte, and takes a connection's topics apart in the thread of
 * JavaScript: 1 MiB of them was a quarter of a second of silence.
 */
const MOST_TOPIC_BYTES = 262_144;
const MOST_WELCOMES = 64;
const LONGEST_RUN = 256;
const SLASH = 0x2f;

function gatherDelivery(deliveries: Fifo<Delivery>) {
  const { topic = '', frames = [] } = deliveries.peek() ?? {};
  return { parts: [Buffer.from(topic), ...frames], taken: 1 };
}
