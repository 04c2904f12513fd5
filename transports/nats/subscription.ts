/** Reads what is published, out of the stream of publications: from a known place on, and without a hole that nobody hears of. */
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { NATS_RECALLED, PUBLISHED, PUBLISHED_BYTES } from '../../src/flow-control.ts';
import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Delivery, SubscribeOptions, Subscription } from '../../src/transport.ts';
import { consume } from './consume.ts';
import { Dialled } from './dialled.ts';
import { idsOf } from './frames.ts';
import type { NatsHost } from './host.ts';
import type {
  Consumer,
  ConsumerMessages,
  Message,
  NatsSubscription as NatsSubscriber,
  StoredMessage,
  StreamInfo,
} from './packages.ts';
import { SeenIds } from './seen-ids.ts';
import { NOTHING, type Session } from './session.ts';
import { ensureOut } from './streams.ts';

/** Bytes that a delivery costs beside its frames. */
const OVERHEAD = 256;

/** Milliseconds before a stream that cannot be read is tried again. */
const READ_AGAIN = 100;

/** Milliseconds in which what a publisher that is gone had published is read, and in which its reader takes it. */
const READ_OUT = 1_000;
const SETTLE = 20;

/** How often a quiet subscription moves its position on while NATS keeps a result. */
const FOLLOWED = 4;

function sizeOf({ topic, frames }: Delivery): number {
  let size = OVERHEAD + topic.length;
  for (const { length } of frames) size += length;
  return size;
}

export class NatsSubscription extends Dialled implements Subscription {
  readonly isProved = true;
  readonly topic: string;
  readonly #seen = new SeenIds();
  readonly #queue = new BatchQueue<Delivery>(PUBLISHED, { sizeOf, bytes: PUBLISHED_BYTES });
  /** The last place of the stream up to which everything has come; undefined before it is known where this begins. */
  #position: number | undefined;
  /** The last place up to which the reader has it all. */
  #given: number | undefined;
  /** The session whose stream is read, and resolves when reading has begun. */
  #reading: { readonly session: Session; readonly begun: Promise<void> } | undefined;
  #messages: ConsumerMessages | undefined;
  #consumer: Consumer | undefined;
  /** Has the publisher hear that somebody listens. */
  #listening: { readonly session: Session; readonly subscriptions: readonly NatsSubscriber[] } | undefined;
  /** Resolves when what a publisher that is gone had published is read. */
  #going: Promise<void> | undefined;
  readonly #from: SubscribeOptions['from'];
  /** Whether it has begun before the place that was asked for, to know what comes again. */
  #hasRecalled = false;
  /** What was lost before this was ready, which is told then. */
  #lostBefore: string | undefined;

  constructor(host: NatsHost, address: string, topic: string, { from }: SubscribeOptions = {}) {
    super(host, address, 'publish');
    this.topic = topic;
    this.#from = from;
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    return this.#queue;
  }

  get position(): number | undefined {
    if (this.#queue.size === 0) this.#given = this.#position;
    return this.#given;
  }

  /** What the publisher had published comes before the news of its end, which passes it on its way. */
  override gone(error: PalmError): void {
    const { session } = this.host.link;
    if (session === undefined || this.#consumer === undefined) super.gone(error);
    else this.#going = this.#readOut(this.#consumer).finally(() => super.gone(error));
  }

  async #readOut(consumer: Consumer): Promise<void> {
    const until = performance.now() + READ_OUT;
    try {
      while (performance.now() < until && (await consumer.info()).num_pending > 0);
    } catch {
      // The session has ended.
    }
    await new Promise<void>((resolve) => startTimer(SETTLE, resolve));
  }

  /** Goes on when the publisher is gone: what it published is still there. */
  protected override async attach(session: Session): Promise<void> {
    await this.#going;
    this.#listen(session);
    if (this.#reading?.session !== session) this.#reading = { session, begun: this.#begin(session) };
    try {
      await this.#reading.begun;
    } catch (error) {
      this.#reading = undefined;
      throw error;
    }
  }

  protected override entered(): void {
    if (this.#lostBefore !== undefined) this.#tellLost(this.#lostBefore);
    this.#lostBefore = undefined;
  }

  protected override async finish(): Promise<void> {
    for (const one of this.#listening?.subscriptions ?? []) one.unsubscribe();
    this.#queue.end();
    await this.#messages?.close();
  }

  #listen(session: Session): void {
    if (this.#listening?.session === session) return;
    const hear = ({ reply }: Message) => reply && session.publish(reply, NOTHING);
    const subjects = this.names.listeners(this.topic);
    this.#listening = { session, subscriptions: subjects.map((one) => session.subscribe(one, hear)) };
    session.publish(this.names.come, encodeUtf8(this.topic));
  }

  async #begin(session: Session): Promise<void> {
    const consumer = await this.#open(session);
    void this.#read(session, consumer);
  }

  /** Has a consumer made that begins behind what has come. */
  async #open(session: Session): Promise<Consumer> {
    const { names, link } = this.host;
    const { state } = await ensureOut(session, names, link.settings);
    this.#position ??= this.#begins(state);
    // A stream that was made anew counts from 1 again.
    const isAnother = state.last_seq < this.#position;
    if (isAnother || state.first_seq > this.#position + 1) this.#lose(isAnother ? 0 : state.first_seq - 1);
    const recalled = typeof this.#from === 'number' && !this.#hasRecalled ? NATS_RECALLED : 0;
    this.#hasRecalled = true;
    return session.jetStream.consumers.get(names.out.stream, {
      filter_subjects: this.names.filters(this.topic),
      opt_start_seq: Math.max(0, this.#position - recalled) + 1,
    });
  }

  #begins({ first_seq: first, last_seq: last }: StreamInfo['state']): number {
    if (typeof this.#from === 'number') return this.#from;
    return this.#from === 'start' ? Math.max(0, first - 1) : last;
  }

  async #read(session: Session, first: Consumer): Promise<void> {
    const { heartbeat, resultAge } = this.host.link.settings;
    let consumer: Consumer | undefined = first;
    while (!this.isClosed && session === this.host.link.session) {
      let stopTimer = () => {};
      let isOver = false;
      try {
        consumer ??= await this.#open(session);
        const own = consumer;
        this.#consumer = own;
        const follow = () => {
          if (isOver) return;
          stopTimer = startTimer(resultAge / FOLLOWED, () => void this.#follow(session, own).finally(follow));
        };
        follow();
        const messages = await consume(own, heartbeat);
        this.#messages = messages;
        for await (const message of messages) await this.#take(session, message);
      } catch {
        // The session has ended, or the stream is gone.
      }
      isOver = true;
      stopTimer();
      // It would be there for five minutes.
      consumer?.delete().catch(() => {});
      consumer = undefined;
      if (!this.isClosed && session === this.host.link.session) await atMost(READ_AGAIN, session.ended);
    }
  }

  /** Moves the position on while there is nothing for this subscription, so that what others' deliveries push out is no loss. */
  async #follow({ manager: { streams } }: Session, consumer: Consumer): Promise<void> {
    try {
      const { state } = await streams.info(this.host.names.out.stream);
      const { num_pending: pending, delivered } = await consumer.info();
      if (this.#position === undefined || pending > 0 || delivered.stream_seq > this.#position) return;
      this.#position = Math.max(this.#position, state.last_seq);
    } catch {
      // The session has ended, or the consumer is another by now.
    }
  }

  async #take(session: Session, message: StoredMessage): Promise<void> {
    if (message.seq <= (this.#position ?? 0)) {
      // Somebody has it already, and it may come again.
      for (const id of idsOf(message) ?? []) this.#seen.isNew(id);
      return;
    }
    try {
      const read = this.host.frames.read(session, message, false);
      const given = read instanceof Promise ? await read : read;
      const ids = idsOf(message);
      // A server that runs a call again which another one had when it died publishes what is here already.
      const frames = ids === undefined ? given : given.filter((_, i) => this.#seen.isNew(ids[i] ?? ''));
      const topic = this.names.topicOf(message.subject);
      this.host.promptCalls.answered(topic, frames.length);
      this.host.lanes.answered(topic, frames.length);
      if (frames.length > 0) this.#queue.push([{ topic, frames, position: message.seq }]);
    } catch (error) {
      if (session !== this.host.link.session) return;
      this.#tellLost(error instanceof PalmError ? error.message : 'a delivery cannot be read');
    }
    this.#position = message.seq;
    if (!this.#queue.isFull || this.isClosed) return;
    this.host.report({ type: 'slow', address: this.address, queued: this.#queue.size }, this);
    await this.#queue.room();
    await this.#look(session);
  }

  /** Whether NATS has dropped anything while nothing was read, beyond what nats.js has here. */
  async #look({ manager: { streams } }: Session): Promise<void> {
    // Asked first: what NATS drops from here on was perhaps not delivered.
    const asked = this.#consumer?.info();
    const here = await asked?.then(({ delivered }) => delivered.stream_seq).catch(() => 0);
    const info = streams.info(this.host.names.out.stream);
    const first = await info.then(({ state }) => state.first_seq).catch(() => 0);
    if (this.#position !== undefined && first > Math.max(this.#position, here ?? 0) + 1)
      this.#lose(first - 1);
  }

  #lose(position: number): void {
    this.#position = position;
    this.#tellLost(
      `NATS has dropped deliveries from ${this.address} that were not read yet: read faster, or raise resultBytes or resultAge`,
    );
  }

  #tellLost(text: string): void {
    if (!this.isReady) {
      // Of what was lost before it was first ready, only who asked for what is stored has to hear.
      if (typeof this.#from === 'number') this.#lostBefore = text;
      return;
    }
    this.setBroken(new PalmError('LOST', text, { sent: true }));
    this.setReady();
  }
}
