import { clipped, escaped, printableJson } from './printable.ts';

/**
 * The codes of a {@link PalmError}.
 *
 * - `TIMEOUT`: no answer came within the given time.
 * - `DISCONNECTED`: the connection broke while the call was under way.
 * - `CLOSED`: the owner closed the client, server or connection.
 * - `WRONG_SERVER`: the server at the address has another name.
 * - `INVALID_CALL`: an argument is not acceptable. Nothing was sent, unless `sent` is true: then the server refused the input.
 * - `REMOTE`: the function failed, is missing, or returned something that is not an answer.
 * - `PROTOCOL`: bytes arrived that are not valid PALM.
 * - `FORBIDDEN`: keys, identity or grants do not allow it.
 * - `TOO_LARGE`: a message is over a limit.
 * - `LOST`: results are known to be missing.
 * - `CANCELLED`: the caller gave the call up. The signal of a function has it as its reason.
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
  | 'LOST'
  | 'CANCELLED';

/** One thing that is wrong with an input. */
export interface Issue {
  /** Where in the input: names of fields, and indices of lists from 0 on. Empty for the input as a whole. */
  readonly path: readonly (string | number)[];
  /** What is wrong there, in the words of the schema or codec. */
  readonly message: string;
}

/** What an error says beside its code and message. */
export interface PalmErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Whether the message had been sent when the call failed. */
  readonly sent?: boolean | 'unknown' | undefined;
  /** Index of the input, counted from 0, at which a job or map failed. */
  readonly index?: number | undefined;
  /** Name of the error that the function threw, such as `ValueError`. */
  readonly remoteName?: string | undefined;
  /** The good answers of an `eval` that expected several, in the order in which they came. */
  readonly results?: readonly unknown[] | undefined;
  /** What is wrong with the input. Left out, that of the cause. */
  readonly issues?: readonly Issue[] | undefined;
  /** The data of an error that the function declares. */
  readonly data?: unknown;
}

/** Marks the errors of all copies of frond: a bundle, a frame and CommonJS have classes of their own. */
const BRAND = Symbol.for('frond.PalmError');

/**
 * The one error class of frond. `code` says what kind of failure it is. The message says what was being done, to what,
 * and what to try. `instanceof` knows the errors of other copies of frond too, such as those of another bundle, realm or module system.
 */
export class PalmError extends Error {
  /** `PalmError`, for all of them. */
  override readonly name = 'PalmError';
  /** The kind of failure, for programs to decide by. */
  declare readonly code: PalmErrorCode;
  /** Whether the message had left when the call failed; undefined where the error is not about a message. */
  declare readonly sent: boolean | 'unknown' | undefined;
  /** Place of the input, counted from 0, that a job or map failed at. */
  declare readonly index: number | undefined;
  /** Name of the error on the remote side, such as `ValueError`. */
  declare readonly remoteName: string | undefined;
  /**
   * The good answers to an `eval` with `messages` above 1, decoded by its client's codec, in the order in which they came.
   * Undefined when there were none.
   */
  declare readonly results: readonly unknown[] | undefined;
  /** What is wrong with the input of a function with types, by its place in it; undefined for other errors. */
  declare readonly issues: readonly Issue[] | undefined;
  /** The data of an error that the function declares, whose code is `remoteName`; undefined for other errors. */
  declare readonly data: unknown;

  static {
    Object.defineProperty(PalmError.prototype, BRAND, { value: true });
  }

  /** Whether a value is a PalmError, of this copy of frond or another. */
  static override [Symbol.hasInstance](value: unknown): value is PalmError {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this, and not every PalmError is an instance of it
    return this === PalmError ? BRAND in Object(value) : super[Symbol.hasInstance](value);
  }

  /** An error with a code, a message for people, and what else is known. */
  constructor(code: PalmErrorCode, message: string, details: PalmErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.sent = details.sent;
    this.index = details.index;
    this.remoteName = details.remoteName;
    this.results = details.results;
    this.issues = details.issues ?? (details.cause instanceof PalmError ? details.cause.issues : undefined);
    this.data = details.data;
  }

  /** Returns `reason` when it is a PalmError, and an error of `code` with `reason` as its cause otherwise. */
  static from(
    reason: unknown,
    code: PalmErrorCode,
    doing: string,
    sent?: PalmErrorDetails['sent'],
  ): PalmError {
    if (reason instanceof PalmError) return reason;
    return new PalmError(code, `${doing}: ${messageOf(reason)}`, { cause: reason, sent });
  }
}

/** The error for an argument that is refused before anything is sent. */
export function invalidCall(message: string, details?: PalmErrorDetails): PalmError {
  return new PalmError('INVALID_CALL', message, { sent: false, ...details });
}

/** The error for an argument that is not what it must be: it says what was given. */
export function mustBe(what: string, wanted: string, given: unknown): PalmError {
  return invalidCall(`${what} must be ${wanted}, not ${inspectValue(given)}`);
}

/** The error of what was used after its end, or was under way then. */
export function isClosed(what: string, sent: false | 'unknown' = false): PalmError {
  return new PalmError('CLOSED', `${what} is closed`, { sent });
}

/**
 * The message of what was thrown, fit to be sent: half of a surrogate pair becomes U+FFFD. Anything can be thrown, even a value
 * that throws when it is read.
 */
export function messageOf(reason: unknown): string {
  return (
    readSafely(() => (reason instanceof Error ? reason.message : reason)) ?? 'an error that cannot be read'
  );
}

/** A string read from a value; undefined when reading it throws, as a getter or a `toString` may. */
export function readSafely(ask: () => unknown): string | undefined {
  try {
    return wellFormed(String(ask()));
  } catch {
    return undefined;
  }
}

/** The string with each half of a surrogate pair replaced by U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** UTF-16 units of a value in an error message. */
const LONGEST_SHOWN = 60;

/** A value as an error message shows it: short, on one line, and with its type. */
export function inspectValue(value: unknown): string {
  if (typeof value === 'string') {
    return printableJson(clipped(value, LONGEST_SHOWN));
  }
  if (value === null || typeof value !== 'object') return escaped(clipped(String(value), LONGEST_SHOWN));
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
}
