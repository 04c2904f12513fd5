/** Reads what is published together with others that bind the same address: each delivery goes to one of them, and is settled. */
import { atMost } from '../../src/async/timers.ts';
import { invalidCall } from '../../src/protocol/errors.ts';
import type { Delivery, Settler, Subscription } from '../../src/transport.ts';
import { Dialled } from './dialled.ts';
import type { NatsHost } from './host.ts';
import type { SharedQueue } from './names.ts';
import { Reclaimer } from './reclaim.ts';
import type { Session } from './session.ts';
import { SharedReader } from './shared-reader.ts';
import { ensureOut, ensurePublished } from './streams.ts';

/** A subscription that is shared. What is published while none of its ends is there waits, as long as NATS keeps results. */
export class SharedSubscription extends Dialled implements Subscription {
  readonly isProved = true;
  readonly settler: Settler;
  readonly #topic: string;
  readonly #subject: string;
  readonly #queue: SharedQueue;
  readonly #reader: SharedReader;
  readonly #reclaimer: Reclaimer;
  /** The session over which it is read. */
  #reading: Session | undefined;
  /** When the stream was made. */
  #made: string | undefined;

  /**
   * @param shared - the address that its ends bind.
   * @throws PalmError `INVALID_CALL` for a topic that nobody can publish under.
   */
  constructor(host: NatsHost, address: string, topic: string, shared: string) {
    super(host, address, 'publish');
    const subject = this.names.topicSubject(topic);
    if (subject === undefined) throw invalidCall(`the topic ${topic.slice(0, 60)}… is too long for NATS`);
    this.#topic = topic;
    this.#subject = subject;
    this.#queue = host.names.published(subject, shared);
    this.#reader = new SharedReader(
      host,
      this.#queue,
      () => host.report({ type: 'lost', address, topic, count: 1 }),
      () => this.#reclaimer.owe(),
    );
    this.settler = this.#reader;
    this.#reclaimer = new Reclaimer(host, [this.#queue], () => this.#reader.places);
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    const batches = this.#reader.batches();
    return {
      next: async () => {
        const { done, value } = await batches.next();
        return done
          ? { done: true, value: undefined }
          : { done: false, value: [{ topic: this.#topic, frames: value }] };
      },
    };
  }

  /** Goes on when the publisher is gone: what it published is still there. */
  protected override async attach(session: Session): Promise<void> {
    if (this.#reading === session) return;
    const { names, link } = this.host;
    const { created } = await ensureOut(session, names, link.settings);
    const isNew = this.#made !== undefined && this.#made !== created;
    await ensurePublished(session, this.#queue, this.#subject, link.settings, isNew);
    if (this.isClosed) return;
    this.#made = created;
    this.#reading = session;
    this.#reader.madeAt(Date.parse(created));
    void this.#reader.read(session);
    this.#reclaimer.begin(session);
    void session.ended.then(() => {
      if (this.#reading === session) this.#reclaimer.end();
    });
  }

  protected override async drain(timeout: number): Promise<void> {
    this.#reader.stop();
    await atMost(timeout, this.#reader.idle());
  }

  protected override async finish(): Promise<void> {
    this.#reclaimer.end();
    await this.#reader.close();
  }
}
