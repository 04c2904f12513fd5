/** Which calls were pushed to workers, so that no result names another. */
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { headEnd, isAfterHead, isTidyTail, payloadEnd } from '../protocol/envelope-head.ts';
import { clientOf } from '../protocol/ids.ts';
import { NO_BYTES, type PalmMessage } from '../protocol/message.ts';
import type { Bytes } from '../protocol/bytes.ts';

/** Calls that are remembered, and characters of their names together. */
const MOST_CALLS = 65_536;
const MOST_CHARACTERS = 16_777_216;

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

  constructor(mostCalls = MOST_CALLS, mostCharacters = MOST_CHARACTERS) {
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
