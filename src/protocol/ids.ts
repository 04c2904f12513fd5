/** Ids of clients and calls, and random keys. */
import { nanoid } from 'nanoid';
import { encodeUtf8 } from './bytes.ts';
import { invalidCall, mustBe } from './errors.ts';

/**
 * A random id of 21 characters from `A-Za-z0-9_-`: 126 bits from the platform's secure random source. All ids have one
 * length, so that no id is the beginning of another: SUB matches topics by prefix.
 * @throws PalmError `INVALID_CALL` when the platform has no such source.
 */
export function randomId(): string {
  if (typeof globalThis.crypto?.getRandomValues !== 'function') {
    throw invalidCall('this platform has no crypto.getRandomValues: load a polyfill');
  }
  return nanoid();
}

const FIT = /^[^\s\p{Cc}\p{Surrogate}]+$/u;

/**
 * Checks an id or session: a non-empty string without white space and control characters.
 * @param what - names the option in the error.
 * @throws PalmError `INVALID_CALL` when it is not one.
 */
export function checkId(what: string, id: unknown): string {
  if (typeof id !== 'string' || !FIT.test(id))
    throw mustBe(what, 'a string without spaces and control characters', id);
  return id;
}

/** Characters of the random part, 72 bits: enough that no two are the same, and few, since each message carries them. */
const COUNTED_LENGTH = 12;

/** A source of ids, each a random part and a count. They differ from each other and from everybody else's, but can be guessed. */
export function countedIds(): () => string {
  const begin = countedBeginning();
  let count = 0;
  return () => `${begin}${++count}`;
}

function countedBeginning(): string {
  return `${randomId().slice(0, COUNTED_LENGTH)}-`;
}

const ZERO = 0x30;
const NINE = 0x39;

/** The same as UTF-8, without a string for each. The bytes change with the next id: whoever keeps them makes a copy. */
export function countedIdBytes(): () => Uint8Array {
  const begin = encodeUtf8(countedBeginning());
  let id = new Uint8Array([...begin, ZERO]);
  return () => {
    let at = id.length - 1;
    for (; id[at] === NINE; at--) id[at] = ZERO;
    if (at < begin.length) {
      id = new Uint8Array([...begin, ZERO, ...id.subarray(begin.length)]);
      at = begin.length;
    }
    id[at] = (id[at] as number) + 1;
    return id;
  };
}

/**
 * The id of a job that outlives its client (job-id.ts reads it). Here, because what makes one is loaded without what reads one.
 * @param secret - a random id.
 */
export function jobId(server: string, client: string, secret: string): string {
  return `${server}/${client}/${secret}`;
}
