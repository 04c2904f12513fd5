import { createHash } from 'node:crypto';
import type { Bytes } from '../../../src/protocol/utf8.ts';
import { inheritedKeys, Violation } from './claims.ts';

/** Something that reads bytes of strangers, and what is claimed of it. */
export interface Target {
  /** Bytes of the longest input that is tried. */
  readonly longest: number;
  /** Inputs to begin with. */
  readonly seeds: () => readonly Bytes[];
  /** Pieces that inputs are made of, which chance would not find soon. */
  readonly words?: readonly string[];
  /** @throws when what is claimed does not hold. */
  readonly check: (data: Bytes) => void | Promise<void>;
}

/** One input in so many is also tried at length. */
const PUMPED = 64;
const PUMPED_LENGTH = 65_536;

/**
 * Tries an input; of one in {@link PUMPED}, chosen by what is in it, also with a part of it repeated up to 64 KiB, which is what
 * shows time or memory that grows faster than what came.
 * @param isTimed - whether taking long is a finding.
 */
export async function attempt(target: Target, data: Bytes, isTimed: boolean): Promise<void> {
  await attemptOne(target, data, isTimed);
  const [first = 0, second = 0, third = 0] = createHash('sha1').update(data).digest();
  if (data.length < 2 || first % PUMPED !== 0) return;
  const from = (second * data.length) >> 8;
  const to = from + 1 + (((third * (data.length - from)) >> 8) % 64);
  await attemptOne(target, pumped(data, from, Math.min(to, data.length)), isTimed);
}

async function attemptOne({ check }: Target, data: Bytes, isTimed: boolean): Promise<void> {
  const keys = inheritedKeys();
  const started = performance.now();
  const checking = check(data);
  if (checking !== undefined) await checking;
  if (inheritedKeys() !== keys) throw new Violation('a prototype that everything inherits from was changed');
  const allowed = ALLOWED + ALLOWED_PER_BYTE * data.length;
  if (!isTimed || performance.now() - started <= allowed) return;
  // Others may have had the processor: it counts what it took three times.
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await check(data);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  const least = Math.min(...times);
  if (least > allowed) {
    throw new Violation(
      `${data.length} bytes took ${Math.round(least)} ms, of ${Math.round(allowed)} ms at most`,
    );
  }
}

/** Milliseconds: what is linear stays far below also when it is instrumented, what is quadratic is far above at 64 KiB. */
const ALLOWED = 100;
const ALLOWED_PER_BYTE = 0.01;

function pumped(data: Bytes, from: number, to: number): Bytes {
  const piece = data.subarray(from, to);
  const times = Math.ceil((PUMPED_LENGTH - data.length) / piece.length);
  const long = new Uint8Array(data.length + piece.length * times);
  long.set(data.subarray(0, to));
  let at = to;
  for (let i = 0; i < times; i++, at += piece.length) long.set(piece, at);
  long.set(data.subarray(to), at);
  return long;
}

/** Text of an input, for readers of text; what is no UTF-8 becomes U+FFFD, and `\ud800` in it half of a surrogate pair. */
export function textIn(data: Bytes): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(data).replaceAll('\\ud800', '\ud800');
}
