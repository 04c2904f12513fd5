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
import { headEnd, isAfterHead, isTidyTail, payloadEnd } from '../../protocol/envelope-head.ts';
import { NO_BYTES, type PalmMessage } from '../../protocol/message.ts';
import { clientOf } from '../../protocol/topics.ts';
import type { BoundPush } from '../../transport.ts';

/** Weight of the newest time in the usual one. */
const NEWEST = 1 / 8;

/** A message on its way to a worker. */
export interface Pushable {
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** Where messages to be pushed come from. */
export interface PushSource<T extends Pushable> {
  /** Messages that nobody asks for. */
  readonly waiting: number;
  /** The next of them. */
  next(): T | undefined;
  /** Takes one back that could not be pushed. */
  putBack(item: T): void;
  /** Whether other workers ask for their work, who would have nothing to do if these had long queues. */
  hasLeasedWorkers(): boolean;
}

/**
 * Workers that take what is pushed, as pylm's do. What they have can only be guessed from what comes back, and what one has that
 * dies is lost. Where others ask for their work, these get as much as those would ask for: one message each, and in advance what
 * they do in a few milliseconds, by the time that results take to come; after a pause that begins anew.
 */
export class PushWorkers<T extends Pushable> {
  readonly #push: BoundPush;
  readonly #source: PushSource<T>;
  #isPushing = false;
  #out = 0;
  #peers = 0;
  /** Messages that each worker may have when others ask for theirs. */
  #each = 1;
  /** Milliseconds that a message usually takes. */
  #usual = Number.POSITIVE_INFINITY;
  /** When the last results came, or the first message left when none was out. */
  #since = 0;
  /** Times that what was out was forgotten, with no result between. */
  #forgotten = 0;

  constructor(push: BoundPush, source: PushSource<T>) {
    this.#push = push;
    this.#source = source;
  }

  /** Messages pushed that did not come back, as far as that can be told. */
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

  cameBack(count: number): void {
    if (count === 0) return;
    const now = performance.now();
    const peers = Math.max(1, this.#push.peers);
    // A worker may give several results for one message.
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

  /** Workers came or went. What one had that went is lost. */
  peersChanged(): void {
    const { peers } = this.#push;
    if (peers < this.#peers) this.#out = Math.ceil((this.#out * peers) / this.#peers);
    this.#peers = peers;
  }

  /** What is out does not count any more when nothing of it comes: a function that gives no results took it along. */
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
    // What was quick a while ago need not be now.
    if (this.#out === 0 && performance.now() - this.#since >= PUSH_STALL) this.#each = 1;
    for (let { room } = this; room > 0 && this.#source.waiting > 0; room = this.room) {
      const items = this.#take(room);
      if (this.#out === 0) this.#since = performance.now();
      this.#out += items.length;
      try {
        await this.#push.send(items.map(({ frame }) => frame));
      } catch {
        this.#out = Math.max(0, this.#out - items.length);
        for (const item of items) this.#source.putBack(item);
        break;
      }
    }
    this.#isPushing = false;
  }

  /** Few at a time while few wait, so that each worker gets a share. */
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
 * Work that is pushed has no lease: the Master cannot know who took a message, nor how many results it has. What it can
 * know is what it pushed: for which client, under which pipeline, which function at which stage. A result of anything
 * else is made up. Calls of one client are taken for one here, so that a job is one entry and a client's calls, one after
 * another, are one too: a function may take as long as it likes, while others' calls come and go.
 */
export class PushedCalls {
  readonly #mostCalls: number;
  readonly #mostCharacters: number;
  readonly #codec = new EnvelopeCodec();
  /** In order of last use. */
  readonly #calls = new Set<string>();
  #characters = 0;
  /** Heads of the message pushed last, and of the result that came last: most are like the one before. */
  #pushed: Uint8Array = NO_BYTES;
  #given: Uint8Array = NO_BYTES;

  constructor(mostCalls = PUSHED_CALLS, mostCharacters = PUSHED_CALL_UNITS) {
    this.#mostCalls = mostCalls;
    this.#mostCharacters = mostCharacters;
  }

  /** Calls remembered. */
  get size(): number {
    return this.#calls.size;
  }

  /** A message is pushed. */
  note(frame: Bytes): void {
    const end = headEnd(frame, 4);
    const isPlain = end > 0 && isTidy(frame);
    if (isPlain && beginsWith(frame, end, this.#pushed)) return;
    this.#use(nameOf(this.#codec.decode(frame)));
    // The head of a frame in which a field comes again after the payload is not what it says.
    this.#pushed = isPlain ? frame.slice(0, end) : NO_BYTES;
    // What was given last may be forgotten now.
    this.#given = NO_BYTES;
  }

  /** A result as it is passed on; undefined for one of a call that was not pushed, and for what is no envelope. */
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
    // Written in an unusual way, it may read otherwise elsewhere: what was judged is what is passed on.
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

function nameOf({ pipeline, client, stage, function: path }: PalmMessage): string {
  return JSON.stringify([pipeline, clientOf(client), stage, path]);
}

function isTidy(frame: Uint8Array): boolean {
  const start = headEnd(frame);
  const end = isAfterHead(frame, start) ? payloadEnd(frame, start) : -1;
  return end >= 0 && isTidyTail(frame, end);
}

function beginsWith(frame: Uint8Array, end: number, head: Uint8Array): boolean {
  if (head.length !== end) return false;
  for (let i = 0; i < end; i++) if (frame[i] !== head[i]) return false;
  return true;
}
