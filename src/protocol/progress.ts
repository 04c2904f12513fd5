/** How far a function is, as its caller hears of it (docs/protocol/palm.md, "Progress"). */
import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import { PROGRESS } from './envelope-fields.ts';
import { PalmError } from './errors.ts';
import { NO_BYTES } from './message.ts';
import { clipped } from './printable.ts';
import { WireReader, writeVarint } from './wire.ts';

/** How far a function is. */
export interface Progress {
  /** What is done, in a unit of the function's: a finite number, 0 or more. */
  readonly done: number;
  /** What there is to do in all, in the same unit, `done` or more; undefined when that is not known. */
  readonly total: number | undefined;
  /** What is being done, for people: at most 200 UTF-16 units and an ellipsis; undefined when the function does not say. */
  readonly note: string | undefined;
}

/** UTF-16 units of a note. */
const LONGEST_NOTE = 200;

/** The character at the end of a topic of progress. Ids of calls have none. */
const MARK = '~';
const MARK_UNIT = 0x7e;

/** What follows the client's id in a topic of progress, without its end. */
const NAME = /^[0-9a-z]{1,16}$/;

/**
 * Progress of what a function, or a stranger, says. A total below `done` is not known, and a note that is not a string is left out.
 * @returns undefined when `done` is not a finite number of 0 or more.
 */
export function progressFrom(done: unknown, total: unknown, note: unknown): Progress | undefined {
  if (!isAmount(done)) return undefined;
  return {
    done,
    total: isAmount(total) && total >= done ? total : undefined,
    note: typeof note === 'string' ? clipped(note, LONGEST_NOTE) : undefined,
  };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
}

/** The payload of a message of progress: JSON. */
export function encodeProgress(progress: Progress): Bytes {
  return encodeUtf8(JSON.stringify(progress));
}

/** What a payload says; undefined when it is not one of progress. */
export function readProgress(payload: Bytes): Progress | undefined {
  try {
    const { done, total, note } = JSON.parse(decodeUtf8(payload)) as Record<string, unknown>;
    return progressFrom(done, total, note);
  } catch {
    return undefined;
  }
}

/**
 * The field by which a caller asks for progress, for {@link PalmMessage.unknown}.
 * @param name - what follows the client's id in the topic that it comes under: up to 16 of 0 to 9 and a to z.
 */
export function progressField(name: string): Bytes {
  const text = encodeUtf8(name);
  const field = new Uint8Array(3 + text.length);
  field.set(text, writeVarint(field, writeVarint(field, 0, PROGRESS), text.length));
  return field;
}

/**
 * The name that a message's caller gave, among the fields of {@link PalmMessage.unknown}; undefined when it did not ask.
 * @throws PalmError `PROTOCOL` when the name is not acceptable, or comes twice.
 */
export function progressName(unknown: Uint8Array): string | undefined {
  if (unknown.length === 0) return undefined;
  const reader = new WireReader(unknown);
  let name: string | undefined;
  while (reader.at < unknown.length) {
    const tag = reader.tag();
    if (tag !== PROGRESS) {
      reader.skip(tag);
      continue;
    }
    const end = reader.lengthEnd();
    const text = decodeUtf8(unknown, reader.at, end);
    reader.at = end;
    if (name !== undefined || !NAME.test(text))
      throw new PalmError('PROTOCOL', 'a call asks for progress under a name that is not acceptable');
    name = text;
  }
  return name;
}

/** The field of {@link progressField} alone, if there is one. @throws PalmError as {@link progressName}. */
export function ownProgressField(unknown: Uint8Array): Bytes {
  const name = progressName(unknown);
  return name === undefined ? NO_BYTES : progressField(name);
}

/** What follows the client's id and its slash in a topic of progress. */
export function progressCall(name: string): string {
  return name + MARK;
}

/** The topic under which the caller of a message hears of progress. @param client - of the message. */
export function progressTopic(client: string, name: string): string {
  return client.slice(0, client.lastIndexOf('/') + 1) + progressCall(name);
}

/** The topic of a call's answers, of the topic of its progress, where that is named after the call; of others the same. */
export function answersTopic(topic: string): string {
  return isProgressTopic(topic) ? topic.slice(0, -MARK.length) : topic;
}

/** Whether deliveries under a topic are progress, and no answers. */
export function isProgressTopic(topic: string): boolean {
  return topic.charCodeAt(topic.length - 1) === MARK_UNIT;
}
