/** What a function gives back: bytes, several of them, or something that is not an answer. */
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, readSafely } from '../../protocol/errors.ts';

/**
 * The bytes of a result, which share its memory; undefined for what has none. Not instanceof alone: a frame or a worker of another
 * realm has typed arrays of its own.
 */
export function bytesOf(result: unknown): Bytes | undefined {
  // Its buffer is not looked at: a small array has none before somebody does.
  if (result instanceof Uint8Array) return result as Bytes;
  if (ArrayBuffer.isView(result)) {
    return new Uint8Array(result.buffer, result.byteOffset, result.byteLength) as Bytes;
  }
  return isArrayBuffer(result) ? new Uint8Array(result) : undefined;
}

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

/** A function gave back something that is no answer. */
export class WrongResult extends TypeError {
  /** @param container - what it was in. */
  constructor(result: unknown, container?: unknown) {
    const where = container === undefined ? '' : ` in ${inspectSafely(container)}`;
    super(
      `the function gave back ${inspectSafely(result)}${where}, and an answer must be bytes: a Uint8Array, or an iterable of those for several`,
    );
    this.name = 'TypeError';
  }
}

/** A function gave no result where one is waited for. */
export class NoResult extends Error {
  constructor(result: unknown) {
    const what = result === undefined ? 'gave back undefined' : 'gave no results';
    super(
      `the function ${what}, and its caller waits for an answer; only in a Pipeline or Sink may a function end a message`,
    );
    this.name = 'NoResult';
  }
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return (
    value instanceof ArrayBuffer ||
    (typeof value === 'object' && Object.prototype.toString.call(value) === '[object ArrayBuffer]')
  );
}

/** Anything may be given back, also what throws when it is looked at. */
function inspectSafely(value: unknown): string {
  return readSafely(() => inspectValue(value)) ?? 'something that cannot be told';
}
