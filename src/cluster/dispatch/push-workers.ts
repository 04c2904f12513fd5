import {
  FIRST_PUSH_STALL,
  PUSH_RUN,
  PUSH_STALL,
  PUSH_STALL_TIMES,
  PUSHED_CALL_UNITS,
  PUSHED_CALLS,
  PUSHED_EACH,
  STALL_DOUBLINGS,
  WORK_AHEAD,
} from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { headEnd, isTidyTail, payloadEnd, statusIn } from '../../protocol/envelope-head.ts';
import { NO_BYTES, type PalmMessage, Status } from '../../protocol/message.ts';
import { clientOf } from '../../protocol/topics.ts';
import type { BoundPush } from '../../transport.ts';

/** Weight of the newest time in the average. */
const NEWEST = 1 / 8;

/** A message that can be pushed to a worker. */
export interface Pushable {
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** Where messages to be pushed come from. */
export interface PushSource<T extends Pushable> {
  /** Number of messages that nobody asks for. */
  readonly waiting: number;
  /** Takes the next of them. */
  next(): T | undefined;
  /** Puts back a message that could not be pushed. */
  putBack(item: T): void;
  /** Takes messages that were pushed. */
  pushed?(items: readonly T[]): void;
  /** Whether other workers ask for work. They would have nothing to do if pushed workers had long queues. */
  hasLeasedWorkers(): boolean;
}

/**
 * Workers that work is pushed to, as pylm's are. What they hold can only be estimated from their results, and what a worker holds
 * when it dies is lost. While others ask for work, these get as much as those would ask for: one message each, and as much ahead
 * as they do in a few milliseconds. The estimate comes from the time between results, and begins anew after a pause.
 */
export class PushWorkers<T extends Pushable> {
  readonly #push: BoundPush;
  readonly #source: PushSource<T>;
  #isPushing = false;
  #out = 0;
  #peers = 0;
  /** Messages that each worker may hold while others ask for work. */
  #each = 1;
  /** Milliseconds that a message takes on average. */
  #usual = Number.POSITIVE_INFINITY;
  /** When the last results came, or when the first message left after none was out. */
  #since = 0;
  /** Times in a row that pushed messages were forgotten without a result. */
  #forgotten = 0;

  constructor(push: BoundPush, source: PushSource<T>) {
    this.#push = push;
    this.#source = source;
  }

  /** Pushed messages without a result, by estimate. */
  get out(): number {
    return this.#out;
  }

  /** Messages that may be pushed now. */
  get room(): number {
    const { peers } = this.#push;
    if (peers === 0) return 0;
    if (!this.#source.hasLeasedWorkers()) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.floor(this.#each * peers) - this.#out);
  }

  /** Notes that `count` results came. */
  cameBack(count: number): void {
    if (count === 0) return;
    const now = performance.now();
    const peers = Math.max(1, this.#push.peers);
    // A worker may have several results for one message.
    const done = Math.min(count, this.#out);
    if (done > 0) {
      const time = ((now - this.#since) * Math.min(peers, this.#out)) / done;
      this.#usual = Number.isFinite(this.#usual) ? this.#usual + (time - this.#usual) * NEWEST : time;
    }
    const most = Math.min(PUSHED_EACH, 1 + WORK_AHEAD / Math.max(this.#usual, 1e-3));
    this.#each = Math.min(most, this.#each + done / peers);
    this.#out -= done;
    this.#since = now;
    this.#forgotten = 0;
  }

  /** Notes that workers came or went. What a worker held that went is lost. */
  peersChanged(): void {
    const { peers } = this.#push;
    if (peers < this.#peers) this.#out = Math.ceil((this.#out * peers) / this.#peers);
    this.#peers = peers;
  }

  /** Forgets pushed messages when no result comes for long: a function without results ended them. */
  forgetOverdue(): void {
    const longest = Number.isFinite(this.#usual)
      ? Math.max(PUSH_STALL, PUSH_STALL_TIMES * this.#usual)
      : FIRST_PUSH_STALL;
    if (this.#out === 0 || performance.now() - this.#since < longest * 2 ** this.#forgotten) return;
    this.#out = 0;
    this.#forgotten = Math.min(STALL_DOUBLINGS, this.#forgotten + 1);
  }

  /** Pushes what nobody asks for. */
  async run(): Promise<void> {
    if (this.#isPushing) return;
    this.#isPushing = true;
    // Functions that were quick before a pause may be slow now.
    if (this.#out === 0 && performance.now() - this.#since >= PUSH_STALL) this.#each = 1;
    for (let { room } = this; room > 0 && this.#source.waiting > 0; room = this.room) {
      const items = this.#take(room);
      if (this.#out === 0) this.#since = performance.now();
      this.#out += items.length;
      try {
        await this.#push.send(items.map(({ frame }) => frame));
        this.#source.pushed?.(items);
      } catch {
        this.#out = Math.max(0, this.#out - items.length);
        for (const item of items) this.#source.putBack(item);
        break;
      }
    }
    this.#isPushing = false;
  }

  /** Takes messages to push: few when few wait, so that each worker gets a share. */
  #take(room: number): T[] {
    const { waiting } = this.#source;
    const share = Math.ceil(waiting / (2 * this.#push.peers));
    const count = Math.max(1, Math.min(room, PUSH_RUN, share));
    const items: T[] = [];
    for (let item = this.#source.next(); item !== undefined; item = this.#source.next()) {
      items.push(item);
      if (items.length === count) break;
    }
    return items;
  }
}

// Which calls were pushed to workers, so that no result names another.

/**
 * Pushed work has no lease: the Master cannot know who took a message, or how many results it has. But it knows what it pushed:
 * for which client, under which pipeline, which function at which stage. A result of anything else is made up. All calls of one
 * client to one function are one entry here, so a job is one entry, and a slow function's result finds its entry while others'
 * calls come and go.
 */
export class PushedCalls {
  readonly #mostCalls: number;
  readonly #mostCharacters: number;
  readonly #codec = new EnvelopeCodec();
  /** In order of last use. */
  readonly #calls = new Set<string>();
  #characters = 0;
  /** Heads of the last pushed message and of the last result: most are like the ones before. */
  #pushed: Uint8Array = NO_BYTES;
  #given: Uint8Array = NO_BYTES;

  constructor(mostCalls: number = PUSHED_CALLS, mostCharacters: number = PUSHED_CALL_UNITS) {
    this.#mostCalls = mostCalls;
    this.#mostCharacters = mostCharacters;
  }

  /** Number of calls that are remembered. */
  get size(): number {
    return this.#calls.size;
  }

  /** Notes that a message is pushed. */
  note(frame: Bytes): void {
    const end = headEnd(frame, 4);
    const isPlain = end > 0 && isTidy(frame);
    if (isPlain && beginsWith(frame, end, this.#pushed)) return;
    this.#use(nameOf(this.#codec.decode(frame)));
    // In an unusual frame a field may come again after the payload, so its head does not tell its call.
    this.#pushed = isPlain ? frame.slice(0, end) : NO_BYTES;
    // The call of the last result may be forgotten now.
    this.#given = NO_BYTES;
  }

  /** A result as it is passed on; undefined when its call was not pushed, or it is not an envelope. */
  resultOf(frame: Bytes): Bytes | undefined {
    const end = headEnd(frame, 4);
    const isPlain = end > 0 && isTidy(frame);
    if (isPlain && beginsWith(frame, end, this.#given)) return frame;
    let message: PalmMessage;
    try {
      message = this.#codec.decode(frame);
    } catch {
      return undefined;
    }
    const name = nameOf(message);
    if (!this.#calls.has(name)) return undefined;
    this.#use(name);
    this.#pushed = NO_BYTES;
    this.#given = isPlain ? frame.slice(0, end) : NO_BYTES;
    // Other readers may read an unusual frame differently: what was judged is what is passed on.
    return isPlain ? frame : this.#codec.encode(message);
  }

  #use(name: string): void {
    if (!this.#calls.delete(name)) this.#characters += name.length;
    this.#calls.add(name);
    for (const oldest of this.#calls) {
      if (this.#calls.size <= this.#mostCalls && this.#characters <= this.#mostCharacters) return;
      if (oldest === name) return;
      this.#calls.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

/** Whether a frame that {@link PushedCalls.resultOf} gave says how far a worker is. It is read without decoding it: hardly any does. */
export function isProgressFrame(frame: Uint8Array): boolean {
  return statusIn(frame, payloadEnd(frame, headEnd(frame))) === Status.progress;
}

function nameOf({ pipeline, client, stage, function: path }: PalmMessage): string {
  return JSON.stringify([pipeline, clientOf(client), stage, path]);
}

function isTidy(frame: Uint8Array): boolean {
  const end = payloadEnd(frame, headEnd(frame));
  return end >= 0 && isTidyTail(frame, end);
}

function beginsWith(frame: Uint8Array, end: number, head: Uint8Array): boolean {
  if (head.length !== end) return false;
  for (let i = 0; i < end; i++) if (frame[i] !== head[i]) return false;
  return true;
}
