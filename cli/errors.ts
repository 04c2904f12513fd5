/** Failures of the command itself, and the exit code of every failure. */
import type { PalmErrorCode } from '../src/protocol/errors.ts';

/**
 * - `USAGE`: the command line is not acceptable.
 * - `INPUT`: a file or stdin cannot be read.
 * - `MODULE`: a module cannot be loaded, or does not give what it should.
 * - `OUTPUT`: stdout cannot be written.
 * - `MISSING`: there is no such key.
 * - `FAILED`: some results of a job were failures.
 * - `INTERNAL`: a fault in frond.
 */
export type CommandErrorCode = 'USAGE' | 'INPUT' | 'MODULE' | 'OUTPUT' | 'MISSING' | 'FAILED' | 'INTERNAL';

export type FailureCode = PalmErrorCode | CommandErrorCode;

/** A failure of the command itself, not of a call. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  /** What to try. */
  readonly hint: string | undefined;

  constructor(code: CommandErrorCode, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** One exit code, for `--help` and for {@link exitCodeOf}. */
export interface Exit {
  readonly exit: number;
  readonly codes: readonly FailureCode[];
  readonly means: string;
}

export const EXIT_CODES: readonly Exit[] = [
  { exit: 0, codes: [], means: 'all went well' },
  { exit: 1, codes: ['REMOTE', 'FAILED', 'MISSING'], means: 'the function failed, or there is no such key' },
  {
    exit: 2,
    codes: ['USAGE', 'INVALID_CALL', 'INPUT', 'MODULE'],
    means: 'the command line or its input is not acceptable',
  },
  { exit: 3, codes: ['TIMEOUT'], means: 'nothing came in time' },
  { exit: 4, codes: ['DISCONNECTED', 'CLOSED', 'LOST'], means: 'the connection broke' },
  { exit: 5, codes: ['WRONG_SERVER', 'FORBIDDEN'], means: 'another server, or not allowed' },
  { exit: 6, codes: ['PROTOCOL', 'TOO_LARGE'], means: 'what came is no PALM, or is too large' },
  { exit: 70, codes: ['OUTPUT', 'INTERNAL'], means: 'stdout cannot be written, or a fault in frond' },
  { exit: 129, codes: [], means: 'ended by SIGHUP' },
  { exit: 130, codes: [], means: 'ended by SIGINT (Ctrl-C)' },
  { exit: 143, codes: [], means: 'ended by SIGTERM' },
];

export function exitCodeOf(code: FailureCode): number {
  const INTERNAL = 70;
  return EXIT_CODES.find(({ codes }) => codes.includes(code))?.exit ?? INTERNAL;
}
