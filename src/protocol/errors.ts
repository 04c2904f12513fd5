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
  readonly sent?: boolean | 'unknown';
  /** Place of the input, counted from 0, that a job or map failed at. */
  readonly index?: number;
  /** Name of the error on the remote side, such as `ValueError`. */
  readonly remoteName?: string;
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

  constructor(code: PalmErrorCode, message: string, details: PalmErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.sent = details.sent;
    this.index = details.index;
    this.remoteName = details.remoteName;
  }

  /** Gives `reason` back when it is a PalmError, and wraps it as `code` when it is anything else. */
  static from(reason: unknown, code: PalmErrorCode, doing: string): PalmError {
    if (reason instanceof PalmError) return reason;
    const text = reason instanceof Error ? reason.message : String(reason);
    return new PalmError(code, `${doing}: ${text}`, { cause: reason });
  }
}

/** The error for an argument that is refused before anything is sent. */
export function invalidCall(message: string, details?: PalmErrorDetails): PalmError {
  return new PalmError('INVALID_CALL', message, { sent: false, ...details });
}

const LONGEST_SHOWN = 60;

/** A value as an error message shows it: short, on one line, its type plain to see. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value;
    return JSON.stringify(text);
  }
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
}
