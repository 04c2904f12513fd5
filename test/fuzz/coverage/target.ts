import type { Bytes } from '../../../src/protocol/bytes.ts';
import { inheritedKeys, Violation } from './claims.ts';

/** Code that reads strangers' bytes, and the claims about it. */
export interface Target {
  /** Bytes of the longest input that the fuzzer makes. */
  readonly longest: number;
  /** Inputs that the search begins with. */
  readonly seeds: () => readonly Bytes[];
  /** The dictionary: pieces of inputs that random bytes would not soon contain. In Latin-1. */
  readonly words?: readonly string[];
  /** Reads one input. @throws Violation, or any other error, when a claim does not hold. */
  readonly check: (data: Bytes) => void | Promise<void>;
}

/** One input in so many is also tried in a long form. */
const PUMPED = 64;
const PUMPED_LENGTH = 65_536;

/**
 * Tries an input. One input in {@link PUMPED}, chosen by its content, is tried again with a part of it repeated up to 64 KiB:
 * that shows time or memory that grows faster than the input.
 * @param isTimed - whether too much CPU time is a finding.
 */
export function attempt(target: Target, data: Bytes, isTimed: boolean): void | Promise<void> {
  const trying = attemptOne(target, data, isTimed);
  const hash = hashOf(data);
  if (data.length < 2 || hash % PUMPED !== 0) return trying;
  const from = Math.floor(hash / PUMPED) % data.length;
  const to = Math.min(data.length, from + 1 + (Math.floor(hash / PUMPED / 1_024) % 64));
  const long = pumped(data, from, to);
  if (trying === undefined) return attemptOne(target, long, isTimed);
  return trying.then(() => attemptOne(target, long, isTimed));
}

function attemptOne(target: Target, data: Bytes, isTimed: boolean): void | Promise<void> {
  const keys = inheritedKeys();
  const started = performance.now();
  const finish = (): void | Promise<void> => {
    if (inheritedKeys() !== keys)
      throw new Violation('a prototype that every object inherits from was changed');
    const isSlow = performance.now() - started > allowedFor(data);
    return isSlow && isTimed ? checkTime(target, data) : undefined;
  };
  const checking = target.check(data);
  return checking === undefined ? finish() : checking.then(finish);
}

/** Measures CPU time three times and takes the least, because other processes may have interrupted the first run. */
async function checkTime({ check }: Target, data: Bytes): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await check(data);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1_000);
  }
  const [least, allowed] = [Math.min(...times), allowedFor(data)];
  if (least <= allowed) return;
  const [took, most] = [least, allowed].map(Math.round);
  throw new Violation(`${data.length} bytes took ${took} ms of CPU, of ${most} ms at most`);
}

function allowedFor({ length }: Bytes): number {
  return ALLOWED + ALLOWED_PER_BYTE * length;
}

/** FNV-1a. */
function hashOf(data: Bytes): number {
  let hash = 0x811c_9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return hash >>> 0;
}

/** Milliseconds. Linear code stays far below, even instrumented; quadratic code is far above at 64 KiB. */
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

/** An input as a string. Invalid UTF-8 becomes U+FFFD, and the six characters `\ud800` become a lone surrogate. */
export function textIn(data: Bytes): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(data).replaceAll('\\ud800', '\ud800');
}
