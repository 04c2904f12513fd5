/** Messages that wait for a function: bounded in bytes, and taken from each client in turn. */
import type { ByteBudget } from '../../async/byte-budget.ts';
import { type Deferred, deferred } from '../../async/deferred.ts';
import { Turns } from '../../async/turns.ts';
import { checkLimit } from '../../checks.ts';
import { PULLED } from '../../flow-control.ts';
import { type Bytes, isAlike } from '../../protocol/bytes.ts';
import { clientRange, priorityOf } from '../../protocol/envelope-head.ts';
import { NO_BYTES } from '../../protocol/message.ts';
import { clientOf } from '../../protocol/topics.ts';
import type { CallHolder, CancelledFrames } from './cancellations.ts';
import type { Source } from './flow.ts';

/** Default of `maxWaiting`, in bytes. */
const MAX_WAITING = 67_108_864;

/** Bytes that a message costs beside its own, for the objects around them: 600 to 1,200 were measured in Node. */
const MESSAGE_COST = 1_024;

/** Bytes of a client's id by which clients that take turns are told apart. */
const LONGEST_ID = 256;

/** Ends the name under which a client's prompt messages take turns. */
const PROMPT = ' prompt';

/** What waits of a source whose reading is bounded in messages, and whom to tell when it is less than may wait. */
interface Ahead {
  readonly most: number;
  readonly isPrompt: boolean;
  waiting: number;
  few: Deferred<void> | undefined;
}

/** Bytes that a waiting message takes of a budget. */
export function costOf(frame: Uint8Array): number {
  return frame.length + MESSAGE_COST;
}

/** Holds up clients of which the part behind an intake has enough. Its owner calls {@link Intake.letOn} when that changes. */
export interface Gate {
  /** Whether it has enough of some client. */
  readonly isFull: boolean;
  /** Whether it has enough of this one. */
  holdsUp(client: string): boolean;
}

export interface IntakeSettings {
  /** Budget that waiting messages take from, until they are done. */
  readonly budget: ByteBudget;
  /** Another budget: nothing is read while it is full. */
  readonly other?: ByteBudget;
  /** Holds up clients of which much is behind here already; those of others pass. */
  readonly gate?: Gate | undefined;
  /** Called when reading stops because a budget is full. */
  readonly onFull: () => void;
  /** Called with the number of messages that were dropped because their callers cancelled them. */
  readonly onCancelled?: (count: number) => void;
  /** Whether nobody waits for an answer to a message that has come. It is dropped, as a cancelled one. */
  readonly isUnwanted?: ((frame: Bytes) => boolean) | undefined;
  /** Called with each message that is done with. */
  readonly onReleased?: ((frame: Bytes) => void) | undefined;
  /** Messages of a source that may wait here before no more are read: where others share the work, they would have none. Default: any number. */
  readonly ahead?: number | undefined;
}

/**
 * Reads ahead of a flow until the budget is full. Then the transport holds senders up, which is right for a single client
 * with much to do. When there is room, calls of other clients are read too, since transports take turns between links, and
 * their turn comes next here.
 */
export class Intake implements Source<Bytes>, Iterable<Bytes>, CallHolder {
  readonly #settings: IntakeSettings;
  readonly #turns: Turns<Bytes>;
  readonly #clients = new ClientOf();
  #sources = 0;
  /** What a message of the last batch cost on average. */
  #usual = MESSAGE_COST;
  #reader: Deferred<IteratorResult<Iterable<Bytes>, undefined>> | undefined;
  /** Messages that wait, of sources whose reading is bounded in messages. */
  readonly #bounded = new Map<Bytes, Ahead>();
  /** A batch that came while nothing waited. It is taken in order, unless its messages have to wait. */
  #batch: readonly Bytes[] = [];
  #at = 0;
  readonly #iterator: Iterator<Bytes, undefined> = {
    next: () => {
      if (this.#at < this.#batch.length && this.#settings.gate?.isFull) this.held();
      const value = this.#at < this.#batch.length ? this.#batch[this.#at++] : this.#turns.shift();
      if (value !== undefined) {
        if (this.#bounded.size > 0) this.#left(value);
        return { done: false, value };
      }
      this.#batch = [];
      this.#at = 0;
      return { done: true, value };
    },
  };

  constructor(settings: IntakeSettings) {
    this.#settings = settings;
    const { gate } = settings;
    this.#turns = new Turns<Bytes>(gate && ((owner) => gate.holdsUp(owner)));
  }

  /** Messages that wait. */
  get size(): number {
    return this.#turns.size + this.#batch.length - this.#at;
  }

  /**
   * Reads a source until it ends. Add all sources before the first `next`.
   * @param isPrompt - whether its messages are of clients that wait for few: they are read as soon as none of them waits, whatever else does.
   */
  async read(source: AsyncIterator<readonly Bytes[], undefined>, isPrompt = false): Promise<void> {
    const { budget, other } = this.#settings;
    const most = isPrompt ? 1 : this.#settings.ahead;
    const ahead: Ahead | undefined =
      most === undefined ? undefined : { most, isPrompt, waiting: 0, few: undefined };
    this.#sources++;
    for (;;) {
      while (ahead !== undefined && ahead.waiting >= ahead.most) {
        ahead.few ??= deferred();
        await ahead.few.promise;
      }
      const { done, value: batch } = await source.next(this.#most());
      if (done) break;
      const value = this.#wanted(batch);
      if (ahead !== undefined) {
        for (const frame of value) this.#bounded.set(frame, ahead);
        ahead.waiting += value.length;
      }
      let cost = 0;
      for (const frame of value) cost += costOf(frame);
      if (value.length > 0) this.#usual = cost / value.length;
      if (this.size === 0 && budget.used + cost < budget.limit && !other?.isFull) {
        budget.take(cost);
        this.#batch = value;
        this.#at = 0;
      } else {
        this.held();
        for (const frame of value) {
          if (budget.isFull || other?.isFull) await this.#room();
          budget.take(costOf(frame));
          this.#push(frame);
        }
      }
      this.#wake();
    }
    this.#sources--;
    this.#wake();
  }

  #wanted(batch: readonly Bytes[]): readonly Bytes[] {
    const { isUnwanted, onReleased, onCancelled } = this.#settings;
    const unwanted = isUnwanted === undefined ? [] : batch.filter(isUnwanted);
    if (unwanted.length === 0) return batch;
    for (const frame of unwanted) onReleased?.(frame);
    onCancelled?.(unwanted.length);
    const dropped = new Set(unwanted);
    return batch.filter((frame) => !dropped.has(frame));
  }

  /**
   * Messages to take of each peer: undefined for all that have come. Where there is room for few, a peer that sends much must not fill it
   * before another's message is read.
   */
  #most(): number | undefined {
    const { budget, other } = this.#settings;
    if (other?.isFull) return 1;
    const room = (budget.limit - budget.used) / (this.#usual * Math.max(1, this.#turns.owners));
    return room >= PULLED ? undefined : Math.max(1, Math.floor(room));
  }

  async #room(): Promise<void> {
    const { budget, other, onFull } = this.#settings;
    this.#wake();
    onFull();
    while (budget.isFull || other?.isFull) await (budget.isFull ? budget.room() : other?.room());
  }

  /** Resolves with an iterable of waiting messages. Take them one by one: whose turn it is may change at any time. */
  next(): Promise<IteratorResult<Iterable<Bytes>, undefined>> {
    const now = this.#now();
    if (now !== undefined) return Promise.resolve(now);
    this.#reader ??= deferred();
    return this.#reader.promise;
  }

  [Symbol.iterator](): Iterator<Bytes, undefined> {
    return this.#iterator;
  }

  /** Sorts the batch by clients, since its messages have to wait: clients take turns from now on. */
  held(): void {
    for (; this.#at < this.#batch.length; this.#at++) {
      const frame = this.#batch[this.#at];
      if (frame !== undefined) this.#push(frame);
    }
    this.#batch = [];
    this.#at = 0;
  }

  #push(frame: Bytes): void {
    const client = this.#clients.of(frame);
    // What is prompt does not wait behind what else its client has here, and while it waits no other prompt message is read.
    const isPrompt = this.#bounded.size > 0 && this.#bounded.get(frame)?.isPrompt;
    this.#turns.push(isPrompt ? `${client}${PROMPT}` : client, frame, priorityOf(frame));
  }

  /** A message does not wait any more. */
  #left(frame: Bytes): void {
    const ahead = this.#bounded.get(frame);
    if (ahead === undefined) return;
    this.#bounded.delete(frame);
    ahead.waiting--;
    if (ahead.waiting >= ahead.most) return;
    ahead.few?.resolve();
    ahead.few = undefined;
  }

  /** Says that clients that were held up may pass again. */
  letOn(): void {
    this.#turns.letOn();
    this.#wake();
  }

  release(frame: Bytes): void {
    this.#settings.budget.give(costOf(frame));
    this.#settings.onReleased?.(frame);
  }

  /** Drops waiting messages. Returns their number. */
  cancel(frames: CancelledFrames): number {
    if (this.size === 0) return 0;
    this.held();
    const dropped = this.#turns.remove(
      (owner) => frames.mayBeOf(owner),
      (frame) => frames.has(frame),
    );
    for (const frame of dropped) {
      this.#left(frame);
      this.release(frame);
    }
    this.#settings.onCancelled?.(dropped.length);
    return dropped.length;
  }

  #now(): IteratorResult<Iterable<Bytes>, undefined> | undefined {
    if (this.#at < this.#batch.length || this.#turns.isReady) return { done: false, value: this };
    return this.#sources === 0 && this.size === 0 ? { done: true, value: undefined } : undefined;
  }

  #wake(): void {
    if (this.#reader === undefined) return;
    const now = this.#now();
    if (now === undefined) return;
    this.#reader.resolve(now);
    this.#reader = undefined;
  }
}

/** Tells whose a frame is: the part of its `client` up to the last slash, without the call. */
class ClientOf {
  #bytes: Uint8Array = NO_BYTES;
  #id = '';

  of(frame: Uint8Array): string {
    const [start, whole] = clientRange(frame);
    const end = Math.min(whole, start + LONGEST_ID);
    const recent = this.#bytes;
    const length = end - start;
    if (length === recent.length && isAlike(frame, start, recent, 0, length)) return this.#id;
    this.#bytes = frame.slice(start, end);
    let id = '';
    // Without decoding: the string only tells clients apart.
    for (let at = start; at < end; at++) id += String.fromCharCode(frame[at] as number);
    const client = clientOf(id);
    // The string that it was before, if it is the same: others compare it with that, and two strings with the same characters take longer.
    if (client !== this.#id) this.#id = client;
    return this.#id;
  }
}

/**
 * Checks the option `maxWaiting`.
 * @throws PalmError `INVALID_CALL` when it is neither a positive whole number nor Infinity.
 */
export function checkMaxWaiting(maxWaiting: unknown = MAX_WAITING): number {
  return checkLimit('maxWaiting (bytes)', maxWaiting);
}
