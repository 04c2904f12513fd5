/** Errors of the command itself, and the exit code of every error. */
import type { PalmErrorCode } from '../src/protocol/errors.ts';

/**
 * - `USAGE`: the command line is wrong.
 * - `INPUT`: a file or stdin cannot be read, or holds something else than it should.
 * - `MODULE`: a module cannot be loaded, or its default export is not what the command needs.
 * - `OUTPUT`: stdout or a file cannot be written.
 * - `MISSING`: there is no such key.
 * - `FAILED`: some results of a job were failures.
 * - `INTERNAL`: a bug in frond.
 */
export type CommandErrorCode = 'USAGE' | 'INPUT' | 'MODULE' | 'OUTPUT' | 'MISSING' | 'FAILED' | 'INTERNAL';

/** The code of any error that a command can end with. */
export type FailureCode = PalmErrorCode | CommandErrorCode;

/** An error of the command itself, not of a call. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  /** What the user can try. */
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

/** All exit codes, in ascending order. */
export const EXIT_CODES: readonly Exit[] = [
  { exit: 0, codes: [], means: 'success' },
  { exit: 1, codes: ['REMOTE', 'FAILED', 'MISSING'], means: 'the function failed, or there is no such key' },
  {
    exit: 2,
    codes: ['USAGE', 'INVALID_CALL', 'INPUT', 'MODULE'],
    means: 'the command line, a file or a module is wrong',
  },
  { exit: 3, codes: ['TIMEOUT'], means: 'no answer in time' },
  { exit: 4, codes: ['DISCONNECTED', 'CLOSED', 'LOST', 'CANCELLED'], means: 'the connection was lost' },
  { exit: 5, codes: ['WRONG_SERVER', 'FORBIDDEN'], means: 'it is another server, or access is denied' },
  { exit: 6, codes: ['PROTOCOL', 'TOO_LARGE'], means: 'a message is not PALM, or is too large' },
  { exit: 70, codes: ['OUTPUT', 'INTERNAL'], means: 'output cannot be written, or a bug in frond' },
  { exit: 129, codes: [], means: 'ended by SIGHUP' },
  { exit: 130, codes: [], means: 'ended by SIGINT (Ctrl-C)' },
  { exit: 143, codes: [], means: 'ended by SIGTERM' },
];

/** The exit code for an error; 70 for a code that is not in {@link EXIT_CODES}. */
export function exitCodeOf(code: FailureCode): number {
  const INTERNAL = 70;
  return EXIT_CODES.find(({ codes }) => codes.includes(code))?.exit ?? INTERNAL;
}
