/** What every target claims about the code it tries. A claim that does not hold is a finding. */
import { isDeepStrictEqual } from 'node:util';
import { CommandError } from '../../../cli/errors.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

/** A claim did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws Violation when `holds` is false. */
export function claim(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}

/** @throws Violation when the two differ. */
export function claimSame(one: unknown, other: unknown, what: string): void {
  if (!isDeepStrictEqual(one, other)) throw new Violation(`${what}: ${told(one)} is not ${told(other)}`);
}

/** What `read` gives, or undefined when it refuses with one of the codes. Any other error is a finding. */
export function readOr<T>(read: () => T, ...codes: readonly string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isRefusal(error, codes)) return undefined;
    throw error;
  }
}

/** As {@link readOr}, for a reader that gives a promise. */
export async function readLaterOr<T>(
  read: () => Promise<T>,
  ...codes: readonly string[]
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isRefusal(error, codes)) return undefined;
    throw error;
  }
}

/** Characters of the longest error message that a refusal may have: it quotes at most a part of the input. */
const LONGEST_REFUSAL = 2_048;

function isRefusal(error: unknown, codes: readonly string[]): boolean {
  if (!(error instanceof PalmError) && !(error instanceof CommandError)) return false;
  claim(
    error.message.length <= LONGEST_REFUSAL,
    `the refusal has ${error.message.length} characters: ${error.message.slice(0, 100)}`,
  );
  return codes.includes(error.code);
}

/**
 * Bytes that a value keeps alive, roughly: its objects, strings and views, and each buffer except the input's.
 * @param input - the bytes that the value was read from.
 */
export function footprint(value: unknown, input: Uint8Array): number {
  const seen = new Set<unknown>([input.buffer]);
  const waiting: unknown[] = [value];
  let bytes = 0;
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') bytes += 16 + 2 * next.length;
    else if (typeof next !== 'object' || next === null) bytes += 8;
    else if (!seen.has(next)) {
      seen.add(next);
      bytes += 32;
      if (ArrayBuffer.isView(next)) {
        bytes += 96;
        if (!seen.has(next.buffer)) bytes += next.buffer.byteLength;
        seen.add(next.buffer);
      } else if (next instanceof Map) waiting.push(...next.keys(), ...next.values());
      else if (Array.isArray(next)) {
        bytes += 8 * next.length;
        for (const item of next) waiting.push(item);
      } else {
        for (const item of Object.values(next)) {
          bytes += 8;
          waiting.push(item);
        }
      }
    }
  }
  return bytes;
}

/** Bytes that the result of an empty input may keep. */
const BASE = 4_096;

/** @throws Violation when a value keeps more than `base` bytes and `perByte` for each byte that was read. */
export function claimBounded(
  value: unknown,
  input: Uint8Array,
  perByte: number,
  base = BASE,
  length = input.length,
): void {
  const size = footprint(value, input);
  claim(
    size <= base + perByte * length,
    `${size} bytes are kept of ${length}, of ${perByte} for each at most`,
  );
}

/** @throws Violation when an object in the value has a prototype that object and array literals do not have. */
export function claimPlain(value: unknown): void {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null || ArrayBuffer.isView(next)) continue;
    const prototype: unknown = Object.getPrototypeOf(next);
    claim(
      prototype === null || prototype === Object.prototype || prototype === Array.prototype,
      'what was read chose its own prototype',
    );
    for (const item of Object.values(next)) waiting.push(item);
  }
}

/** Number of keys on the prototypes that every object inherits from: it grows when one is polluted. */
export function inheritedKeys(): number {
  return (
    Reflect.ownKeys(Object.prototype).length +
    Reflect.ownKeys(Array.prototype).length +
    Reflect.ownKeys(Function.prototype).length
  );
}

function told(value: unknown): string {
  const text = JSON.stringify(value, (_, one) => {
    if (typeof one === 'bigint') return `${one}n`;
    return one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one;
  });
  return String(text).slice(0, 400);
}
