/** Reads frames out of a stream that its readers share. */
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { atMost } from '../../src/async/timers.ts';
import { PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import { type Bytes, encodeUtf8 } from '../../src/protocol/bytes.ts';
import { consume } from './consume.ts';
import type { Frames } from './frames.ts';
import { keepNewest } from './keep-newest.ts';
import type { NatsLink } from './link.ts';
import { READERS, type StreamName } from './names.ts';
import type { ConsumerMessages, StoredMessage } from './packages.ts';
import { giveAgain, type ReadQueue } from './reclaim.ts';
import type { Session } from './session.ts';

/** Says that a message is done, to the address that came with it. Any connection may say it. */
const DONE = encodeUtf8('+ACK');

/** Milliseconds before a stream that cannot be read is tried again. */
const READ_AGAIN = 100;

/** Messages that were acknowledged over a session which ended: NATS may give them again. As many as it gives unacknowledged. */
const REMEMBERED = 2 * PULLED;

const sizeOf = (frame: Bytes) => frame.length;

/**
 * Reads frames. A message is acknowledged when its reader has taken it. NATS gives the others again, to the next reader when this process
 * ends. What comes twice to one reader is given once.
 */
export class QueueReader {
  readonly #link: NatsLink;
  readonly #from: ReadQueue;
  readonly #frames: Frames;
  readonly #lost: (error: unknown) => void;
  readonly #queue = new BatchQueue<Bytes>(PULLED, { sizeOf, bytes: PULLED_BYTES });
  /** The messages of what is in the queue, in its order. */
  readonly #unread = new Map<string, StoredMessage>();
  readonly #seen = new Set<string>();
  readonly #acknowledged = new WeakSet<Bytes[]>();
  #messages: ConsumerMessages | undefined;
  /** Whether NATS may have given something that is not here. */
  #isOwed = false;
  #isStopped = false;

  /**
   * @param isOnly - whether nobody else reads the stream.
   * @param lost - told of a message that cannot be given, with why.
   */
  constructor(
    link: NatsLink,
    { stream, subject }: StreamName,
    isOnly: boolean,
    frames: Frames,
    lost: (error: unknown) => void,
  ) {
    this.#link = link;
    this.#from = { stream, subject, consumer: READERS, isOnly };
    this.#frames = frames;
    this.#lost = lost;
  }

  /** Reads over a session, until it or this ends. */
  async read(session: Session): Promise<void> {
    await this.#messages?.close();
    this.#isOwed = true;
    while (!this.#isStopped && session === this.#link.session) {
      try {
        const consumer = await session.jetStream.consumers.get(this.#from.stream, READERS);
        await this.#askAgain(session);
        const messages = await consume(consumer, this.#link.settings.heartbeat);
        if (this.#isStopped) return void messages.close();
        this.#messages = messages;
        for await (const message of messages) await this.#take(session, message);
        if (this.#messages !== messages) return;
        // NATS was silent, and gives an answer later that nobody takes.
        this.#isOwed = true;
      } catch {
        // The session has ended, or the stream is gone.
      }
      if (!this.#isStopped && session === this.#link.session) await atMost(READ_AGAIN, session.ended);
    }
  }

  /** Takes no more: the batches end after what was read. */
  stop(): void {
    this.#isStopped = true;
    void this.#messages?.close();
    this.#queue.end();
  }

  /** Ends reading. What is here stays for its reader, and NATS need not keep it. */
  async close(): Promise<void> {
    this.stop();
    this.#acknowledge(this.#unread.size);
    await this.#link.session?.flush();
  }

  /** The frames, in batches. */
  batches(): AsyncIterator<Bytes[], undefined> {
    return {
      next: async () => {
        const result = await this.#queue.next();
        // A reader that asked twice gets one batch twice.
        if (!result.done && !this.#acknowledged.has(result.value)) {
          this.#acknowledged.add(result.value);
          this.#acknowledge(result.value.length);
        }
        return result;
      },
    };
  }

  /** What was given to a question that has ended, or to a process, comes again. Where others read, too, NATS's own wait has to do. */
  async #askAgain(session: Session): Promise<void> {
    if (this.#isOwed && this.#from.isOnly)
      await giveAgain(session, this.#from, () => new Set([...this.#unread.values()].map(({ seq }) => seq)));
    this.#isOwed = false;
  }

  async #take(session: Session, message: StoredMessage): Promise<void> {
    // A stream that was made anew counts from 1 again.
    const key = `${message.seq} ${message.info.timestampNanos}`;
    if (this.#unread.has(key)) return void this.#unread.set(key, message);
    if (this.#seen.has(key)) return this.#done(message);
    const frames = this.#frames.read(session, message, true);
    try {
      const [frame] = frames instanceof Promise ? await frames : frames;
      if (this.#isStopped || frame === undefined) return;
      this.#remember(key);
      this.#unread.set(key, message);
      this.#queue.push([frame]);
    } catch (error) {
      if (session !== this.#link.session) return;
      this.#done(message);
      this.#lost(error);
    }
    if (this.#queue.isFull) await this.#queue.room();
  }

  #remember(key: string): void {
    this.#seen.add(key);
    keepNewest(this.#seen, REMEMBERED);
  }

  #acknowledge(count: number): void {
    let left = count;
    for (const [key, message] of this.#unread) {
      if (left-- === 0) break;
      this.#unread.delete(key);
      this.#done(message);
    }
  }

  #done({ reply }: StoredMessage): void {
    if (reply !== undefined) this.#link.session?.publish(reply, DONE);
  }
}
