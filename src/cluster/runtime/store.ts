/** Stores for the values of clients and functions. */

import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, PalmError } from '../../protocol/errors.ts';
import { bytesOf } from './results.ts';

/** A key-value store. Each method may return its result or a promise of it. */
export interface Store {
  /**
   * Reads a key.
   * @returns its value, or undefined when the key is missing.
   */
  get(key: string): Bytes | undefined | Promise<Bytes | undefined>;
  /** Keeps the value, which nobody else uses from then on. */
  set(key: string, value: Bytes): void | Promise<void>;
  /**
   * Removes the key and its value.
   * @returns whether the key was there.
   */
  delete(key: string): boolean | Promise<boolean>;
}

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Bytes of keys (two for each UTF-16 unit) and values that are kept at most, and 256 for each key. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

const DEFAULT_MAX_BYTES = 268_435_456;

/** Bytes that an entry costs beside its key and value, for the objects around them: about 200 in Node. */
const ENTRY_COST = 256;

/** A store in memory. When it is full, it drops the values that were not used for longest. */
export class MemoryStore implements Store {
  readonly #maxBytes: number;
  /** In order of last use, since a Map keeps the order of insertion. */
  readonly #values = new Map<string, Bytes>();
  #bytes = 0;

  /** An empty store. */
  constructor({ maxBytes = DEFAULT_MAX_BYTES }: MemoryStoreOptions = {}) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are kept, as {@link MemoryStoreOptions.maxBytes} counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of keys. */
  get size(): number {
    return this.#values.size;
  }

  /**
   * Reads a key.
   * @returns its value, or undefined when the key is missing.
   */
  get(key: string): Bytes | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /**
   * Keeps the value, and drops others when there is no room.
   * @throws PalmError `TOO_LARGE` when the value alone is over the limit; the key keeps its old value.
   */
  set(key: string, value: Bytes): void {
    const size = sizeOf(key, value);
    if (size > this.#maxBytes) {
      throw new PalmError(
        'TOO_LARGE',
        `a value of ${value.length} bytes is over the store's limit of ${this.#maxBytes} bytes`,
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

  /**
   * Removes a key and its value.
   * @returns whether the key was there.
   */
  delete(key: string): boolean {
    const value = this.#values.get(key);
    if (value === undefined) return false;
    this.#bytes -= sizeOf(key, value);
    return this.#values.delete(key);
  }
}

/**
 * A user's store as a server uses it: each value is bytes or undefined, and each later result is a native promise, whatever library
 * the store's promises are from.
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

/** The bytes of a value. Many stores return null for a missing key. */
function checkedValue(key: string, value: unknown): Bytes | undefined {
  if (value === undefined || value === null) return undefined;
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  throw new TypeError(
    `the store returned ${inspectValue(value)} for key ${inspectValue(key)}, but a value must be a Uint8Array`,
  );
}

function sizeOf(key: string, value: Bytes): number {
  return ENTRY_COST + 2 * key.length + value.length;
}
