/** Takes messages in, has something done with each, and passes on what that gives. Every role is made of one or two. */

import { type Deferred, deferred } from '../../async/deferred.ts';
import { macrotasks } from '../../async/macrotask.ts';
import { RESULT_HOLD, RUN } from '../../flow-control.ts';
import type { Logger } from '../../logging.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { messageOf } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { MutableCounters } from './status.ts';

/**
 * Passes a result on; `isLast` when it is known that no other follows. Gives a promise when the result came later than
 * the message's own turn: it resolves when more may come, with false when no more are wanted.
 */
export type Emit = (result: PalmMessage, isLast?: boolean) => undefined | Promise<boolean>;

/** What is done with a message. Never throws or rejects. A promise when it takes its time. */
export type Step = (message: PalmMessage, emit: Emit) => unknown;

/** Where results go. `T` is what a message came in as. */
export interface Outlet<T> {
  /** Takes a result. It leaves with the next flush. */
  add(result: PalmMessage, of: T): void;
  /** No more results of this one come. */
  done(of: T): void;
  /** Sends what was added. Resolves when more may be added, with false when no more are wanted. Never rejects. */
  flush(): Promise<boolean>;
}

/** Where messages come from: by the batch, of which each is taken when its turn comes. */
export interface Source<T> extends AsyncIterator<Iterable<T>, undefined> {
  /** Nothing is done with it any more. */
  release?(item: T): void;
  /** Work takes its time: from now on it matters who waits for what. */
  held?(): void;
}

export interface FlowSettings<T> {
  readonly step: Step;
  readonly outlet: Outlet<T>;
  /** The envelope that is in an item; undefined when it is no longer wanted. */
  readonly frameOf: (item: T) => Bytes | undefined;
  /** Messages that may be worked on at the same time; with 1, results keep the order of the messages. */
  readonly concurrency: number;
  readonly tally: MutableCounters;
  readonly logger: Logger;
  /** Whether payloads are handed to functions, which may do with theirs what they like. */
  readonly handsOut: boolean;
  /** Whether its messages count as received: results of workers were received when they went out to them. */
  readonly isIntake: boolean;
}

export class Flow<T> {
  readonly #settings: FlowSettings<T>;
  readonly #codec = new EnvelopeCodec();
  #running = 0;
  #free: Deferred<void> | undefined;
  #idle: Deferred<void> | undefined;
  /** Whether a message is in its own turn: its results leave with those of the others. */
  #isInTurn = false;
  #flushing: Promise<boolean> | undefined;
  #heldSince = 0;
  readonly #later = macrotasks();
  #run = 0;

  constructor(settings: FlowSettings<T>) {
    this.#settings = settings;
  }

  /** Messages that are being worked on. */
  get running(): number {
    return this.#running;
  }

  /** Takes from a source until it ends. Several may be served at once. */
  async serve(source: Source<T>): Promise<void> {
    const { outlet, concurrency } = this.#settings;
    for (;;) {
      const { done, value } = await source.next();
      if (done) break;
      this.#heldSince = performance.now();
      for (const item of value) {
        while (this.#running >= concurrency) {
          // What is finished must not wait for what takes its time.
          await outlet.flush();
          source.held?.();
          if (this.#running >= concurrency) await this.#untilFree();
        }
        this.#begin(item, source);
        if (performance.now() - this.#heldSince > RESULT_HOLD) {
          source.held?.();
          await outlet.flush();
          // A batch may be long, and functions may give nothing that would have to be waited for.
          await new Promise<void>((resolve) => this.#later(resolve));
          this.#heldSince = performance.now();
        }
      }
      await outlet.flush();
    }
    while (this.#running > 0) await this.#untilIdle();
    await outlet.flush();
  }

  #begin(item: T, source: Source<T>): void {
    const { step, outlet, tally, frameOf, isIntake } = this.#settings;
    const frame = frameOf(item);
    if (frame === undefined) return;
    if (isIntake) tally.received++;
    const message = this.#read(frame);
    if (message === undefined) {
      outlet.done(item);
      source.release?.(item);
      return;
    }
    let isDone = false;
    const emit: Emit = (result, isLast) => {
      outlet.add(result, item);
      if (this.#isInTurn) return undefined;
      if (isLast) {
        isDone = true;
        outlet.done(item);
      }
      return ++this.#run % RUN === 0 ? this.#flushAfterEvents() : this.#flushSoon();
    };
    this.#isInTurn = true;
    const finishing = step(message, emit);
    this.#isInTurn = false;
    if (!(finishing instanceof Promise)) {
      outlet.done(item);
      source.release?.(item);
      return;
    }
    this.#running++;
    const end = () => {
      if (!isDone) outlet.done(item);
      source.release?.(item);
      this.#finished();
    };
    finishing.then(end, end);
  }

  #read(frame: Bytes): PalmMessage | undefined {
    const { tally, logger, handsOut } = this.#settings;
    let reason: string;
    try {
      const message = this.#codec.decode(frame, handsOut);
      if (message.client !== '') return message;
      reason = 'it names no client to answer to';
    } catch (error) {
      reason = messageOf(error);
    }
    dropped(tally, logger, 'bad frame', { size: frame.length, reason });
    return undefined;
  }

  #finished(): void {
    this.#running--;
    this.#flushSoon();
    this.#free?.resolve();
    this.#free = undefined;
    if (this.#running > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #untilFree(): Promise<void> {
    this.#free ??= deferred();
    return this.#free.promise;
  }

  #untilIdle(): Promise<void> {
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  async #flushAfterEvents(): Promise<boolean> {
    await new Promise<void>((resolve) => this.#later(resolve));
    return this.#flushSoon();
  }

  /** What several messages give in the same turn of events leaves together. */
  #flushSoon(): Promise<boolean> {
    this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return this.#settings.outlet.flush();
    });
    return this.#flushing;
  }
}

/** Counts what had to be dropped, and logs it. @param logger - a sparing one: a flood must not become one of lines. */
export function dropped(
  tally: MutableCounters,
  logger: Logger,
  what: string,
  fields: Readonly<Record<string, string | number>>,
): void {
  tally.dropped++;
  logger.warning(what, fields);
}
