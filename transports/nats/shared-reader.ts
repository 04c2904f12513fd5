/** Reads frames out of a stream that several ends share, and settles each when its reader says so. */
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { harmless } from '../../src/async/harmless.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { NATS_FIRST_READ, NATS_HELD, NATS_READ_AHEAD, PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import { type Bytes, encodeUtf8 } from '../../src/protocol/bytes.ts';
import type { Settlement, Settler } from '../../src/transport.ts';
import { fetchMessages } from './consume.ts';
import { idsOf } from './frames.ts';
import type { NatsHost } from './host.ts';
import { keepNewest } from './keep-newest.ts';
import type { SharedQueue } from './names.ts';
import type { ConsumerMessages, StoredMessage } from './packages.ts';
import { RunCounts } from './run-counts.ts';
import type { Session } from './session.ts';
import { HOLD } from './streams.ts';

/** What is said of a message, to the address that came with it. Any connection may say it. */
const SAID = { done: encodeUtf8('+ACK'), again: encodeUtf8('-NAK'), failed: encodeUtf8('+TERM') } as const;

/** Says that a message is still being worked at. */
const AT_WORK = encodeUtf8('+WPI');

/** Milliseconds before a stream that cannot be read is tried again. */
const READ_AGAIN = 100;

/** Messages that were settled over a session which ended: NATS may give them again. */
const REMEMBERED = 2 * PULLED;

const sizeOf = (frame: Bytes) => frame.length;

/** A message that was given to this end and is not settled. */
interface Held {
  readonly key: string;
  readonly frames: readonly Bytes[];
  message: StoredMessage;
  /** Frames that are not settled. */
  left: number;
  outcome: Settlement;
  /** Resolves when it is settled, for one that is given alone. Others have no promise. */
  readonly settled: Deferred<void> | undefined;
}

/**
 * Reads frames and holds each until it is settled. It asks NATS for no more than its reader takes in a moment, so that others have some.
 *
 * NATS counts how often it gave a message to anybody, and gives those again that a process had when it died: the one it died of, and many that
 * it had only read. So a message that comes for the third time is given alone, and that is noted at NATS before: what is counted as its
 * deaths from then on are its own.
 */
export class SharedReader implements Settler {
  readonly #host: NatsHost;
  readonly #shared: SharedQueue;
  readonly #queue = new BatchQueue<Bytes>(PULLED, { sizeOf, bytes: PULLED_BYTES });
  readonly #held = new Map<Bytes, Held>();
  readonly #byKey = new Map<string, Held>();
  /** What was settled. NATS may not have heard of it. */
  readonly #seen = new Set<string>();
  /** Messages to be given alone. */
  readonly #suspects: Held[] = [];
  readonly #runs: RunCounts;
  readonly #lost: () => void;
  readonly #owed: () => void;
  /** The place of a message that is being read. */
  #taken: number | undefined;
  #isTrying = false;
  #givenUp: ((frame: Bytes, deaths: number) => void) | undefined;
  #source = '';
  #messages: ConsumerMessages | undefined;
  /** Resolves when its reader first asks: before that nobody hears of what is given up, and others would miss what is here. */
  readonly #asked = deferred<void>();
  #room: Deferred<void> | undefined;
  #idle: Deferred<void> | undefined;
  /** Messages that may be here and not taken by the reader. */
  #ahead = NATS_FIRST_READ;
  #given = { count: 0, at: 0 };
  #stopTimer: (() => void) | undefined;
  #isStopped = false;

  /**
   * @param lost - called for a message that cannot be read any more.
   * @param owed - called when NATS may have given this end something that it does not have.
   */
  constructor(host: NatsHost, shared: SharedQueue, lost: () => void, owed: () => void) {
    this.#host = host;
    this.#shared = shared;
    this.#lost = lost;
    this.#owed = owed;
    this.#runs = new RunCounts(host, shared);
  }

  settle(frames: readonly Bytes[], outcome: Settlement): void {
    for (const frame of frames) {
      const held = this.#held.get(frame);
      if (held === undefined) continue;
      this.#held.delete(frame);
      // One of its frames that is to come again has all of them come.
      if (held.outcome !== 'again' && outcome !== 'done') held.outcome = outcome;
      if (--held.left > 0) continue;
      this.#byKey.delete(held.key);
      held.settled?.resolve();
      if (held.outcome !== 'again') this.#remember(held);
      this.#say(held.message, SAID[held.outcome]);
    }
    if (this.#held.size === 0) this.#idle?.resolve();
  }

  idOf(frame: Bytes): string {
    const held = this.#held.get(frame);
    if (held === undefined) return '';
    const { frames, message } = held;
    const place = frames.indexOf(frame);
    // What its publisher has called it, so that the results of what is published twice have the same names. Callers give no names.
    const own = this.#shared.isOnly ? undefined : idsOf(message)?.[place];
    if (own) return own;
    return place === 0 ? `${this.#source}/${message.seq}` : `${this.#source}/${message.seq}/${place}`;
  }

  onGivenUp(listener: (frame: Bytes, deaths: number) => void): void {
    this.#givenUp = listener;
  }

  /** The places in the stream of what it has. */
  get places(): readonly number[] {
    const places = [...this.#byKey.values()].map(({ message }) => message.seq);
    return this.#taken === undefined ? places : [...places, this.#taken];
  }

  /** Its stream was made then: one that is made anew counts from 1 again. */
  madeAt(time: number): void {
    this.#source = `${this.#shared.name}@${time.toString(36)}`;
  }

  /** Reads over a session, until it or this ends. */
  async read(session: Session): Promise<void> {
    await this.#messages?.close();
    await this.#asked.promise;
    const isCurrent = () => !this.#isStopped && session === this.#host.link.session;
    while (isCurrent()) {
      let isAsked = false;
      try {
        const consumer = await session.jetStream.consumers.get(this.#shared.stream, this.#shared.consumer);
        while (isCurrent()) {
          const count = await this.#untilRoom();
          if (!isCurrent()) return;
          const messages = await fetchMessages(consumer, count, this.#host.link.settings.heartbeat);
          this.#messages = messages;
          isAsked = true;
          for await (const message of messages) {
            this.#taken = message.seq;
            await this.#take(session, message);
            this.#taken = undefined;
          }
          isAsked = false;
        }
      } catch {
        // The session has ended, the stream is gone, or NATS was silent, and gives an answer later that nobody takes.
        if (isAsked && isCurrent()) this.#owed();
      }
      if (isCurrent()) await atMost(READ_AGAIN, session.ended);
    }
  }

  /** Takes no more: the batches end after what was read. */
  stop(): void {
    this.#isStopped = true;
    this.#asked.resolve();
    this.#room?.resolve();
    void this.#messages?.close();
    this.#queue.end();
  }

  /** Resolves when nothing is left to settle. */
  async idle(): Promise<void> {
    if (this.#held.size === 0) return;
    this.#idle ??= deferred();
    await this.#idle.promise;
  }

  /** Ends reading. Others get what is not settled. */
  async close(): Promise<void> {
    this.stop();
    this.settle([...this.#held.keys()], 'again');
    this.#stopTimer?.();
    await this.#host.link.session?.flush();
  }

  /** The frames, in batches. */
  batches(): AsyncIterator<Bytes[], undefined> {
    return {
      next: async () => {
        this.#asked.resolve();
        this.#measure();
        const result = await this.#queue.next();
        this.#given = { count: result.value?.length ?? 0, at: performance.now() };
        this.#tellRoom();
        return result;
      },
    };
  }

  /** Reads as far ahead as the reader takes in a moment, by how long it had with the last batch. */
  #measure(): void {
    const { count, at } = this.#given;
    if (count === 0) return;
    const taken = (count * NATS_HELD) / Math.max(performance.now() - at, 1e-3);
    this.#ahead = Math.max(1, Math.min(NATS_READ_AHEAD, 4 * this.#ahead, Math.ceil(taken)));
  }

  async #untilRoom(): Promise<number> {
    for (;;) {
      const room = this.#ahead - this.#queue.size - this.#suspects.length;
      if (room > 0 || this.#isStopped) return Math.max(1, room);
      this.#room = deferred();
      await this.#room.promise;
    }
  }

  #tellRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #take(session: Session, message: StoredMessage): Promise<void> {
    const key = `${message.seq} ${message.info.timestampNanos}`;
    const known = this.#byKey.get(key);
    // NATS had not heard in time that it is being worked at here.
    if (known !== undefined) {
      known.message = message;
      return;
    }
    if (this.#seen.has(key)) return this.#say(message, SAID.done);
    if (this.#isStopped) return this.#say(message, SAID.again);
    const reading = this.#host.frames.read(session, message, false);
    let frames: readonly Bytes[];
    try {
      frames = reading instanceof Promise ? await reading : reading;
    } catch {
      if (session !== this.#host.link.session) return;
      this.#say(message, SAID.failed);
      this.#lost();
      return;
    }
    if (frames.length === 0) return this.#say(message, SAID.failed);
    if (this.#isStopped) return this.#say(message, SAID.again);
    const isSuspect = message.info.deliveryCount > this.#runs.unnoted;
    const settled = isSuspect ? deferred<void>() : undefined;
    const held: Held = { key, frames, message, left: frames.length, outcome: 'done', settled };
    for (const frame of frames) this.#held.set(frame, held);
    this.#byKey.set(key, held);
    this.#stopTimer ??= startTimer(HOLD, () => this.#holdAll());
    if (!isSuspect) return this.#queue.push(frames);
    this.#suspects.push(held);
    void this.#trySuspects();
  }

  /** Gives messages that may be deadly one after another. */
  async #trySuspects(): Promise<void> {
    if (this.#isTrying) return;
    this.#isTrying = true;
    for (let held = this.#suspects.shift(); held !== undefined; held = this.#suspects.shift()) {
      this.#tellRoom();
      if (!this.#byKey.has(held.key)) continue;
      const deaths = await this.#runs.begin(held.message.seq);
      // NATS does not answer: it comes again, here or elsewhere.
      if (deaths === undefined) {
        await new Promise<void>((resolve) => startTimer(READ_AGAIN, resolve));
        this.settle(held.frames, 'again');
      } else if (deaths < this.#host.link.settings.maxDeliveries) this.#queue.push(held.frames);
      else this.#giveUp(held, deaths);
      await held.settled?.promise;
    }
    this.#isTrying = false;
  }

  #giveUp({ frames }: Held, deaths: number): void {
    const tell = this.#givenUp;
    if (tell === undefined) this.settle(frames, 'failed');
    else for (const frame of frames) harmless(() => tell(frame, deaths));
  }

  #holdAll(): void {
    this.#stopTimer = undefined;
    if (this.#held.size === 0) return;
    for (const { message } of this.#byKey.values()) this.#say(message, AT_WORK);
    this.#stopTimer = startTimer(HOLD, () => this.#holdAll());
  }

  #remember({ key, message }: Held): void {
    const { session } = this.#host.link;
    if (session !== undefined && this.#shared.isOnly) this.#host.frames.forget(session, message);
    if (message.info.deliveryCount > this.#runs.unnoted) this.#runs.end(message.seq);
    this.#seen.add(key);
    keepNewest(this.#seen, REMEMBERED);
  }

  #say({ reply }: StoredMessage, what: Bytes): void {
    if (reply !== undefined) this.#host.link.session?.publish(reply, what);
  }
}
