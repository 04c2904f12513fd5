/** Takes messages in, runs a step for each, and passes its results on. Every role has one flow or two. */

import { type Deferred, deferred } from '../../async/deferred.ts';
import { macrotasks } from '../../async/macrotask.ts';
import { BAD_FRAMES_HOLD, RESULT_HOLD, RUN, UNTIMED_MESSAGES } from '../../flow-control.ts';
import type { Logger } from '../../logging.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { messageOf } from '../../protocol/errors.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import type { Meter } from './meter.ts';
import type { MutableCounters } from './status.ts';
import { Again } from './threads/thread-died.ts';

/**
 * Passes a result on. `isLast` says that no other result follows. Returns a promise when the result comes after the message's own
 * turn: it resolves when more may come, with false when no more are wanted.
 */
export type Emit = (result: PalmMessage, isLast?: boolean) => undefined | Promise<boolean>;

/**
 * What is done with a message. Never throws or rejects. Returns a promise when it goes on after the message's own turn. When that
 * resolves with an {@link Again}, the message is read anew, and the step is run again with it.
 */
export type Step = (message: PalmMessage, emit: Emit, again?: Again) => unknown;

/** Where results go. `T` is the item that held the message. */
export interface Outlet<T> {
  /** Takes a result of `of`. It leaves with the next flush. */
  add(result: PalmMessage, of: T): void;
  /** Says that no more results of `of` come. */
  done(of: T): void;
  /** Sends what was added. Resolves when more may be added, with false when no more are wanted. Never rejects. */
  flush(): Promise<boolean>;
}

/** Where messages come from: batches, of which each item is taken when its turn comes. */
export interface Source<T> extends AsyncIterator<Iterable<T>, undefined> {
  /** Says that the item is done with. */
  release?(item: T): void;
  /** Says that items have to wait: from now on clients take turns. */
  held?(): void;
}

export interface FlowSettings<T> {
  /** Undefined where each message is its own result. */
  readonly step: Step | undefined;
  readonly outlet: Outlet<T>;
  /** The frame in an item; undefined when the item is no longer wanted. */
  readonly frameOf: (item: T) => Bytes | undefined;
  /** Messages that may be worked on at the same time. With 1, results keep the order of the messages. */
  readonly concurrency: number;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Whether users' functions get the payloads: each then has a buffer of its own, which they may change. */
  readonly handsOut: boolean;
  /** Whether messages count as received. Workers' results do not: their messages were counted before. */
  readonly isIntake: boolean;
}

/** Runs a step for each message of its sources, at most `concurrency` at a time, and sends the results in batches. */
export class Flow<T> {
  readonly #settings: FlowSettings<T>;
  readonly #codec = new EnvelopeCodec();
  #running = 0;
  /** Items that wait for a place. */
  readonly #held = new Set<T>();
  #free: Deferred<void> | undefined;
  #idle: Deferred<void> | undefined;
  /** Whether a step runs in its message's own turn: its results leave with those of other messages. */
  #isInTurn = false;
  #flushing: Promise<boolean> | undefined;
  #heldSince = 0;
  /** Whether the last frame was not an envelope: the next may not be either. */
  #isAfterBad = false;
  readonly #later = macrotasks();
  #run = 0;

  constructor(settings: FlowSettings<T>) {
    this.#settings = settings;
  }

  /** Drops items that wait for a place. Returns their number. */
  cancel(isCancelled: (item: T) => boolean): number {
    let count = 0;
    for (const item of this.#held) if (isCancelled(item) && this.#held.delete(item)) count++;
    const { meter, isIntake } = this.#settings;
    meter.tally.cancelled += count;
    if (isIntake) meter.tally.received += count;
    if (count > 0) this.#freed();
    return count;
  }

  /** Messages that are being worked on. */
  get running(): number {
    return this.#running;
  }

  /** Messages that wait for a place. */
  get held(): number {
    return this.#held.size;
  }

  /** Takes messages from a source until it ends. Several sources may be served at once. */
  async serve(source: Source<T>): Promise<void> {
    const { step, outlet, concurrency, meter } = this.#settings;
    let passed = 0;
    for (;;) {
      const { done, value } = await source.next();
      if (done) break;
      meter.now = performance.now();
      this.#heldSince = meter.now;
      for (const item of value) {
        const isHeld = this.#running >= concurrency;
        if (isHeld) this.#held.add(item);
        while (this.#running >= concurrency && this.#held.has(item)) {
          // Finished results must not wait for slow functions.
          await outlet.flush();
          source.held?.();
          if (this.#running >= concurrency) await this.#untilFree();
          meter.now = performance.now();
        }
        if (isHeld && !this.#held.delete(item)) {
          outlet.done(item);
          source.release?.(item);
          continue;
        }
        this.#begin(item, source);
        if (step === undefined) {
          // To look at the clock takes as long as to pass a message on.
          if (!this.#isAfterBad && ++passed % UNTIMED_MESSAGES > 0) continue;
          meter.tick(performance.now());
        }
        if (meter.now - this.#heldSince > (this.#isAfterBad ? BAD_FRAMES_HOLD : RESULT_HOLD)) {
          source.held?.();
          await outlet.flush();
          // A batch may be long, and none of its functions may return a promise: other events get their turn.
          await new Promise<void>((resolve) => this.#later(resolve));
          meter.now = performance.now();
          this.#heldSince = meter.now;
        }
      }
      await outlet.flush();
    }
    while (this.#running > 0) await this.#untilIdle();
    await outlet.flush();
  }

  #begin(item: T, source: Source<T>): void {
    const { step, outlet, meter, frameOf, isIntake } = this.#settings;
    const frame = frameOf(item);
    if (frame === undefined) return;
    if (isIntake) meter.came(frame.length);
    const message = this.#read(frame);
    if (message === undefined) {
      if (step !== undefined) meter.tick(performance.now());
      outlet.done(item);
      source.release?.(item);
      return;
    }
    if (step === undefined) {
      outlet.add(message, item);
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
        meter.now = performance.now();
        outlet.done(item);
      }
      return ++this.#run % RUN === 0 ? this.#flushAfterEvents() : this.#flushSoon();
    };
    this.#isInTurn = true;
    const finishing = step(message, emit);
    this.#isInTurn = false;
    // Before anybody hears that it is done: they go by the same reading of the clock.
    meter.tick(performance.now());
    if (!(finishing instanceof Promise)) {
      outlet.done(item);
      source.release?.(item);
      return;
    }
    this.#running++;
    const end = (outcome?: unknown) => {
      if (!isDone) meter.now = performance.now();
      const message = outcome instanceof Again ? this.#read(frame) : undefined;
      if (message !== undefined) {
        Promise.resolve(step(message, emit, outcome as Again)).then(end, end);
        return;
      }
      if (!isDone) outlet.done(item);
      source.release?.(item);
      this.#finished();
    };
    finishing.then(end, end);
  }

  #read(frame: Bytes): PalmMessage | undefined {
    const { meter, logger, handsOut } = this.#settings;
    let reason: string;
    try {
      const message = this.#isAfterBad
        ? withoutStack(() => this.#codec.decode(frame, handsOut))
        : this.#codec.decode(frame, handsOut);
      this.#isAfterBad = false;
      if (message.client !== '' && message.status !== Status.progress) return message;
      // Progress travels beside the messages: among them a stranger put it.
      reason = message.client === '' ? 'it names no client to answer to' : 'it is progress, and no message';
    } catch (error) {
      reason = messageOf(error);
      this.#isAfterBad = true;
    }
    dropped(meter.tally, logger, 'bad frame', { size: frame.length, reason });
    return undefined;
  }

  #finished(): void {
    this.#running--;
    this.#flushSoon();
    this.#freed();
    if (this.#running > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #freed(): void {
    this.#free?.resolve();
    this.#free = undefined;
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

  /** Sends the results of one turn of the event loop together. */
  #flushSoon(): Promise<boolean> {
    this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return this.#settings.outlet.flush();
    });
    return this.#flushing;
  }
}

/**
 * Runs something whose errors get no stack, where the engine allows it. In a flood of frames that are not envelopes the stacks, which nobody
 * reads, take most of the time.
 */
function withoutStack<T>(run: () => T): T {
  const engine: { stackTraceLimit?: number | undefined; readonly prototype: Error } = Error;
  const before = engine.stackTraceLimit;
  engine.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    engine.stackTraceLimit = before;
  }
}

/**
 * Counts something that had to be dropped, and logs it.
 * @param logger - a sparing logger: a flood of drops must not become a flood of lines.
 */
export function dropped(
  tally: MutableCounters,
  logger: Logger,
  what: string,
  fields: Readonly<Record<string, string | number>>,
): void {
  tally.dropped++;
  logger.warning(what, fields);
}
