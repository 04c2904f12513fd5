/** Where a server keeps the values of its clients and functions. */

import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, PalmError } from '../../protocol/errors.ts';
import { bytesOf } from './results.ts';

/** A key-value store. Each method may answer at once or later. */
export interface Store {
  /** Gives the value; undefined where there is none. */
  get(key: string): Bytes | undefined | Promise<Bytes | undefined>;
  /** Keeps the value; it is the store's own from now on. */
  set(key: string, value: Bytes): void | Promise<void>;
  /**
   * Removes the key and its value.
   * @returns whether the key was there.
   */
  delete(key: string): boolean | Promise<boolean>;
}

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Bytes of keys (two for each character) and values that are kept at most, with 256 for each key. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

const DEFAULT_MAX_BYTES = 268_435_456;

/** What a key costs beside its characters and its value: entry, string and array. About 200 in Node. */
const ENTRY_COST = 256;

/** A store in memory. When it is full, the values unused for longest go first. */
export class MemoryStore implements Store {
  readonly #maxBytes: number;
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #values = new Map<string, Bytes>();
  #bytes = 0;

  /** An empty store. */
  constructor({ maxBytes = DEFAULT_MAX_BYTES }: MemoryStoreOptions = {}) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes kept, as {@link MemoryStoreOptions.maxBytes} counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keys kept. */
  get size(): number {
    return this.#values.size;
  }

  /** Gives the value, which counts as used now; undefined where there is none. */
  get(key: string): Bytes | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /**
   * Keeps the value. Where there is no room for it, the values unused for longest go.
   * @throws PalmError `TOO_LARGE` when the value alone is over the limit; the key keeps the value it had.
   */
  set(key: string, value: Bytes): void {
    const size = sizeOf(key, value);
    if (size > this.#maxBytes) {
      throw new PalmError(
        'TOO_LARGE',
        `a value of ${value.length} bytes is over the store's limit of ${this.#maxBytes}`,
      );
    }
    this.delete(key);
    this.#values.set(key, value);
    this.#bytes += size;
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  /** Removes the key and its value. Says whether it was there. */
  delete(key: string): boolean {
    const value = this.#values.get(key);
    if (value === undefined) return false;
    this.#bytes -= sizeOf(key, value);
    return this.#values.delete(key);
  }
}

/**
 * A user's store as a server uses it: a value is bytes or undefined, whatever the store gives, and what is to come later is a
 * promise, whatever library it is of.
 */
export function checkedStore(store: Store): Store {
  return {
    get: (key) => when(store.get(key), (value) => checkedValue(key, value)),
    set: (key, value) => when(store.set(key, value), () => {}),
    delete: (key) => when(store.delete(key), Boolean),
  };
}

function when<T>(value: unknown, next: (value: unknown) => T): T | Promise<T> {
  const isLater = typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
  return isLater ? Promise.resolve(value).then(next) : next(value);
}

/** Many stores give null for a key that is missing. */
function checkedValue(key: string, value: unknown): Bytes | undefined {
  if (value === undefined || value === null) return undefined;
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  throw new TypeError(
    `the store gave ${inspectValue(value)} for key ${inspectValue(key)}, and a value must be a Uint8Array`,
  );
}

function sizeOf(key: string, value: Bytes): number {
  return ENTRY_COST + 2 * key.length + value.length;
}
