/** Sends messages into a stream: in order, many under way, each stored once. */
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import { startTimer } from '../../src/async/timers.ts';
import { NATS_STORING, NATS_STORING_BYTES } from '../../src/flow-control.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { type Acknowledgement, acknowledgement, type Frames, isFull, type Packed } from './frames.ts';
import type { NatsLink, SessionUser } from './link.ts';
import type { Message } from './packages.ts';
import type { Session } from './session.ts';

/** Bytes that a message counts beside its own. */
const OVERHEAD = 256;

/** Milliseconds after which a message that NATS has not acknowledged is sent again, under the same id. */
const SEND_AGAIN = 5_000;

/** Milliseconds before a stream that was full, or not there, is tried again: at first, and at most. */
const FIRST_WAIT = 10;
const LONGEST_WAIT = 500;

/** The messages of one `add`. */
interface Batch {
  /** Messages that are not stored yet. */
  left: number;
  /** Messages that are stored, or may be: then the batch is completed, and not rejected. */
  begun: number;
  readonly stored: Deferred<void>;
}

interface Entry {
  /** Its place among those that were added. */
  readonly number: number;
  readonly id: string;
  readonly subject: string;
  packed: Packed;
  readonly size: number;
  readonly batch: Batch;
  /** Whether NATS may have it. */
  isBegun: boolean;
  /** Ends listening for its acknowledgement. */
  forget: (() => void) | undefined;
  sentAt: number;
}

/** What a sender sends, and where. */
export interface SenderSettings {
  readonly link: NatsLink;
  readonly frames: Frames;
  /** Milliseconds that pieces of large frames are kept. */
  readonly age: number;
  /** Whether messages that NATS does not have yet leave now. */
  isOpen(): boolean;
  /** Bytes that the stream has room for. Absent for one that drops what is oldest. */
  room?(session: Session): Promise<number>;
  /** Called when the stream is gone, before it is tried again. */
  missing?(session: Session): Promise<unknown>;
}

/** Sends messages into a stream. What is under way when a session ends is sent again over the next one, under the same ids. */
export class StreamSender implements SessionUser {
  readonly #settings: SenderSettings;
  readonly #id = randomId();
  #number = 0;
  #queue = new Fifo<Entry>();
  /** By the order in which they left. */
  readonly #flying = new Set<Entry>();
  #flyingBytes = 0;
  #queuedBytes = 0;
  /** Came back, and wait until nothing is under way: so the order stays. */
  #returned: Entry[] = [];
  #session: Session | undefined;
  #isRunning = false;
  #wait = 0;
  /** Bytes that may leave before the stream is asked for its room. */
  #credit = 0;
  #stopTimer: (() => void) | undefined;
  #idle: Deferred<void> | undefined;
  #space: Deferred<void> | undefined;

  constructor(settings: SenderSettings) {
    this.#settings = settings;
  }

  /** Adds messages. The promise resolves when the stream has them all; it rejects as {@link drop} and {@link end} say. */
  add(
    messages: readonly {
      readonly subject: string;
      readonly packed: Packed;
      /** What NATS knows it by, if it may be sent by another sender too. */
      readonly id?: string | undefined;
    }[],
  ): Promise<void> {
    const batch: Batch = { left: messages.length, begun: 0, stored: deferred() };
    if (messages.length === 0) batch.stored.resolve();
    for (const { subject, packed, id } of messages) {
      const number = this.#number++;
      const own = id || `${this.#id}.${number}`;
      const size = OVERHEAD + packed.data.length;
      this.#queue.push({
        number,
        id: own,
        subject,
        packed,
        size,
        batch,
        isBegun: false,
        forget: undefined,
        sentAt: 0,
      });
      this.#queuedBytes += size;
    }
    this.run();
    return batch.stored.promise;
  }

  /** Resolves when little enough waits here. */
  space(): Promise<void> {
    if (this.#queuedBytes < NATS_STORING_BYTES) return Promise.resolve();
    this.#space ??= deferred();
    return this.#space.promise;
  }

  /** Resolves when all is stored. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  /** Rejects what NATS has nothing of. */
  drop(error: PalmError): void {
    this.#reject(({ begun }) => begun === 0, error);
  }

  /** Rejects everything that is left, and sends nothing more. */
  end(error: (sent: false | 'unknown') => PalmError): void {
    this.#settings.link.leave(this);
    this.#stopTimer?.();
    this.#reject(({ begun }) => begun === 0, error(false));
    this.#reject(() => true, error('unknown'));
    for (const entry of this.#flying) {
      entry.forget?.();
      entry.batch.stored.reject(error('unknown'));
    }
    this.#flying.clear();
    this.#session = undefined;
    this.#space?.resolve();
    this.#tellIdle();
  }

  up(session: Session): void {
    this.#session = session;
    this.#credit = 0;
    this.run();
  }

  down(): void {
    this.#session = undefined;
    this.#returnAll();
  }

  failed(): void {}

  /** Sends what may leave. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().finally(() => {
      this.#isRunning = false;
      // Something may have come between the end of the run and this.
      if (this.#mayRun) this.run();
    });
  }

  get #isIdle(): boolean {
    return this.#queue.size === 0 && this.#flying.size === 0 && this.#returned.length === 0;
  }

  get #mayRun(): boolean {
    if (this.#session === undefined || this.#returned.length > 0) return false;
    if (this.#flying.size >= NATS_STORING || this.#flyingBytes >= NATS_STORING_BYTES) return false;
    const next = this.#queue.peek();
    return next !== undefined && (next.batch.begun > 0 || this.#settings.isOpen());
  }

  async #run(): Promise<void> {
    while (this.#mayRun) {
      const session = this.#session as Session;
      const entry = this.#queue.peek() as Entry;
      if (
        this.#credit < entry.size &&
        this.#settings.room !== undefined &&
        !(await this.#askRoom(session, entry))
      )
        continue;
      const fitting = this.#settings.frames.fit(session, entry.packed, this.#settings.age);
      if (fitting instanceof Promise) {
        const fitted = await fitting.catch(() => undefined);
        if (fitted === undefined) await new Promise<void>((resolve) => startTimer(this.#nextWait(), resolve));
        else entry.packed = fitted;
        // It may have been dropped meanwhile, or the session has ended.
        if (fitted === undefined || this.#queue.peek() !== entry || session !== this.#session) continue;
      }
      this.#queue.shift();
      this.#fly(session, entry);
    }
  }

  /** Asks how much the stream takes. Others fill it too, so that a sender uses a quarter before it asks again. */
  async #askRoom(session: Session, entry: Entry): Promise<boolean> {
    const { room } = this.#settings;
    const bytes = await room?.(session).catch(() => 0);
    if (session !== this.#session || this.#queue.peek() !== entry) return false;
    const free = (bytes ?? 0) - this.#flyingBytes;
    if (free > entry.size) {
      this.#credit = Math.max(entry.size, free / 4);
      return true;
    }
    await new Promise<void>((resolve) => startTimer(this.#nextWait(), resolve));
    return false;
  }

  #nextWait(): number {
    this.#wait = Math.min(LONGEST_WAIT, Math.max(FIRST_WAIT, 2 * this.#wait));
    return this.#wait;
  }

  #fly(session: Session, entry: Entry): void {
    this.#begin(entry, true);
    this.#credit -= entry.size;
    this.#queuedBytes -= entry.size;
    if (this.#space !== undefined && this.#queuedBytes < NATS_STORING_BYTES) {
      this.#space.resolve();
      this.#space = undefined;
    }
    entry.sentAt = performance.now();
    this.#flying.add(entry);
    this.#flyingBytes += entry.size;
    this.#stopTimer ??= startTimer(SEND_AGAIN, () => this.#sweep());
    const { data, headers } = entry.packed;
    const own = { ...headers, 'Nats-Msg-Id': entry.id };
    entry.forget = session.send(entry.subject, data, own, {
      reply: (message) => this.#answered(session, entry, message),
      ended: () => {},
    });
  }

  #answered(session: Session, entry: Entry, message: Message | undefined): void {
    if (!this.#land(entry)) return;
    const answer = message === undefined ? undefined : acknowledgement(message);
    if (answer !== undefined && answer.error === undefined) {
      this.#wait = 0;
      this.#stored(entry);
    } else {
      this.#notStored(entry, answer);
      if (answer === undefined) void this.#settings.missing?.(session).catch(() => {});
    }
    this.#settle();
  }

  #stored({ batch }: Entry): void {
    if (--batch.left === 0) batch.stored.resolve();
  }

  /** NATS said that it does not have it: what it may have had before is gone with its stream. */
  #notStored(entry: Entry, answer: Acknowledgement | undefined): void {
    if (answer === undefined || isFull(answer)) this.#begin(entry, false);
    this.#credit = 0;
    this.#returned.push(entry);
  }

  #begin(entry: Entry, isBegun: boolean): void {
    if (entry.isBegun === isBegun) return;
    entry.isBegun = isBegun;
    entry.batch.begun += isBegun ? 1 : -1;
  }

  #land(entry: Entry): boolean {
    if (!this.#flying.delete(entry)) return false;
    this.#flyingBytes -= entry.size;
    entry.forget?.();
    entry.forget = undefined;
    return true;
  }

  /** What came back waits until nothing is under way, and a moment more. Then it leaves first. */
  #settle(): void {
    if (this.#isIdle) this.#tellIdle();
    if (this.#flying.size > 0 || this.#returned.length === 0) {
      this.run();
      return;
    }
    const again = () => {
      const waiting = [...this.#returned].sort((a, b) => a.number - b.number);
      this.#returned = [];
      for (const entry of waiting) this.#queuedBytes += entry.size;
      const queue = this.#queue;
      this.#queue = new Fifo();
      for (const entry of waiting) this.#queue.push(entry);
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) this.#queue.push(next);
      if (!this.#settings.isOpen()) this.#dropClosed();
      this.run();
    };
    if (this.#session === undefined) again();
    else startTimer(this.#nextWait(), again);
  }

  /** What has come back after the break that rejected the others. */
  #dropClosed(): void {
    if (this.#session === undefined) return;
    this.drop(new PalmError('DISCONNECTED', 'the server is gone', { sent: false }));
  }

  #sweep(): void {
    this.#stopTimer = undefined;
    const old = performance.now() - SEND_AGAIN / 2;
    if ([...this.#flying].some(({ sentAt }) => sentAt < old)) this.#returnAll();
    if (this.#flying.size > 0) this.#stopTimer = startTimer(SEND_AGAIN, () => this.#sweep());
  }

  #returnAll(): void {
    for (const entry of [...this.#flying]) {
      this.#land(entry);
      this.#returned.push(entry);
    }
    this.#settle();
  }

  #reject(isMeant: (batch: Batch) => boolean, error: PalmError): void {
    const keep = (entry: Entry) => {
      if (!isMeant(entry.batch)) return true;
      entry.batch.stored.reject(error);
      return false;
    };
    const queue = this.#queue;
    this.#queue = new Fifo();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (keep(next)) this.#queue.push(next);
      else this.#queuedBytes -= next.size;
    }
    this.#returned = this.#returned.filter(keep);
    if (this.#isIdle) this.#tellIdle();
  }

  #tellIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
