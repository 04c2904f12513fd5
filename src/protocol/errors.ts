import { clipped, escaped, printableJson } from './printable.ts';

/**
 * Every code a {@link PalmError} can bear.
 *
 * - `TIMEOUT`: nothing came within the time given.
 * - `DISCONNECTED`: the connection broke while the call was under way.
 * - `CLOSED`: the client, server or connection was closed by its owner.
 * - `WRONG_SERVER`: the server at the address bears another name.
 * - `INVALID_CALL`: an argument is not acceptable; nothing was sent.
 * - `REMOTE`: the function failed, is missing, or answered what it may not.
 * - `PROTOCOL`: bytes arrived that are no valid PALM.
 * - `FORBIDDEN`: keys, identity or grants do not allow it.
 * - `TOO_LARGE`: a message is over a limit.
 * - `LOST`: results are known to be missing.
 */
export type PalmErrorCode =
  | 'TIMEOUT'
  | 'DISCONNECTED'
  | 'CLOSED'
  | 'WRONG_SERVER'
  | 'INVALID_CALL'
  | 'REMOTE'
  | 'PROTOCOL'
  | 'FORBIDDEN'
  | 'TOO_LARGE'
  | 'LOST';

/** What an error may say beside its code and text. */
export interface PalmErrorDetails {
  readonly cause?: unknown;
  /** Whether the message had left when the call failed. */
  readonly sent?: boolean | 'unknown' | undefined;
  /** Place of the input, counted from 0, that a job or map failed at. */
  readonly index?: number | undefined;
  /** Name of the error on the remote side, such as `ValueError`. */
  readonly remoteName?: string | undefined;
  /** The good answers of an `eval` that was to have several, in the order they came. */
  readonly results?: readonly unknown[] | undefined;
}

/**
 * The one error class of frond. `code` says what kind of failure it is, the message what was being done,
 * to whom, and what to try.
 */
export class PalmError extends Error {
  override readonly name = 'PalmError';
  readonly code: PalmErrorCode;
  readonly sent: boolean | 'unknown' | undefined;
  readonly index: number | undefined;
  readonly remoteName: string | undefined;
  /**
   * The good answers that came to an `eval` with `messages` above 1, as its client's codec reads them and in the order they
   * came; undefined when there were none.
   */
  readonly results: readonly unknown[] | undefined;

  constructor(code: PalmErrorCode, message: string, details: PalmErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.sent = details.sent;
    this.index = details.index;
    this.remoteName = details.remoteName;
    this.results = details.results;
  }

  /** Gives `reason` back when it is a PalmError, and wraps it as `code` when it is anything else. */
  static from(reason: unknown, code: PalmErrorCode, doing: string): PalmError {
    if (reason instanceof PalmError) return reason;
    return new PalmError(code, `${doing}: ${messageOf(reason)}`, { cause: reason });
  }
}

/** The error for an argument that is refused before anything is sent. */
export function invalidCall(message: string, details?: PalmErrorDetails): PalmError {
  return new PalmError('INVALID_CALL', message, { sent: false, ...details });
}

/**
 * What was thrown, in words that can be sent. Anything can be thrown, also what has no words of its own; half a
 * surrogate pair becomes U+FFFD.
 */
export function messageOf(reason: unknown): string {
  return (
    readSafely(() => (reason instanceof Error ? reason.message : reason)) ?? 'something that cannot be told'
  );
}

/** What an error says of itself; undefined when asking it throws, as a getter or a `toString` may. */
export function readSafely(ask: () => unknown): string | undefined {
  try {
    return wellFormed(String(ask()));
  } catch {
    return undefined;
  }
}

/** The text with each half of a surrogate pair replaced by U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

const LONGEST_SHOWN = 60;

/** A value as an error message shows it: short, on one line, its type plain to see. */
export function inspectValue(value: unknown): string {
  if (typeof value === 'string') {
    return printableJson(clipped(value, LONGEST_SHOWN));
  }
  if (value === null || typeof value !== 'object') return escaped(clipped(String(value), LONGEST_SHOWN));
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
}
