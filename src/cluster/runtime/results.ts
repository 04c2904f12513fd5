/** What a function returns: bytes, several of them, or something that is not an answer. */
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, readSafely } from '../../protocol/errors.ts';

/**
 * The bytes of a result, which share its memory; undefined for a value without bytes. Not by instanceof alone: another realm, such
 * as a frame of a page, has typed arrays of its own.
 */
export function bytesOf(result: unknown): Bytes | undefined {
  // Without reading its buffer: a small array gets one only when it is read.
  if (result instanceof Uint8Array) return result as Bytes;
  if (ArrayBuffer.isView(result)) {
    return new Uint8Array(result.buffer, result.byteOffset, result.byteLength) as Bytes;
  }
  return isArrayBuffer(result) ? new Uint8Array(result) : undefined;
}

/** Whether a value can be iterated, in turn or asynchronously. Strings do not count. */
export function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  );
}

/** The same results, with each rejection in them handled: a list may not be read to its end, and an unhandled one ends the process. */
export function handled<T>(results: T): T {
  if (Array.isArray(results) || results instanceof Set) {
    for (const one of results) if (one instanceof Promise) one.catch(() => {});
  } else if (results instanceof Promise) results.catch(() => {});
  return results;
}

/** The error when a function returns something that is not an answer. */
export class WrongResult extends TypeError {
  /** @param container - the iterable that held the result. */
  constructor(result: unknown, container?: unknown) {
    const where = container === undefined ? '' : ` in ${inspectSafely(container)}`;
    super(
      `the function returned ${inspectSafely(result)}${where}, but an answer must be bytes: a Uint8Array, or an iterable of them for several answers`,
    );
    this.name = 'TypeError';
  }
}

/** The error when a function returns nothing and its caller waits for an answer. */
export class NoResult extends Error {
  constructor(result: unknown) {
    const what = result === undefined ? 'returned undefined' : 'returned no results';
    super(
      `the function ${what}, but its caller waits for an answer; only a function of a Pipeline or Sink may end a message`,
    );
    this.name = 'NoResult';
  }
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return value instanceof ArrayBuffer || Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

/** A value as an error shows it. A function may return anything, even a value that throws when it is read. */
function inspectSafely(value: unknown): string {
  return readSafely(() => inspectValue(value)) ?? 'a value that cannot be read';
}
