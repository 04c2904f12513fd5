/** Ids of clients and calls, and random keys. */
import { nanoid } from 'nanoid';
import { inspectValue, invalidCall, PalmError } from './errors.ts';

/**
 * A random id of 21 characters from `A-Za-z0-9_-`, 126 bits from the platform's secure random source. Always of
 * one length, because SUB matches topics by prefix: no id is the beginning of another.
 */
export function randomId(): string {
  if (typeof globalThis.crypto?.getRandomValues !== 'function') {
    throw new PalmError(
      'INVALID_CALL',
      'this platform has no crypto.getRandomValues, which ids need; load a polyfill first',
    );
  }
  return nanoid();
}

const UNFIT = /[\s\p{Cc}\p{Surrogate}]/u;

/**
 * Checks an id or session: a text that is not empty and holds no white space or control character.
 * @throws PalmError `INVALID_CALL` naming `what`.
 */
export function checkId(what: string, id: unknown): string {
  if (typeof id !== 'string' || id === '')
    throw invalidCall(`${what} must be a text that is not empty, not ${inspectValue(id)}`);
  if (UNFIT.test(id))
    throw invalidCall(
      `${what} must hold no space, control character or half of a surrogate pair, not ${inspectValue(id)}`,
    );
  return id;
}

/** Enough that no two of those who count meet, and little, because it goes along in each message: 72 bits. */
const COUNTED_LENGTH = 12;

/** Ids that differ from each other, and from everybody else's: a random part, and a count. For what is no secret. */
export function countedIds(): () => string {
  const random = `${randomId().slice(0, COUNTED_LENGTH)}-`;
  let count = 0;
  return () => `${random}${++count}`;
}
