/** Failures as a user reads them: one line that says what happened, one that says what to try, or JSON. */
import { PalmError } from '../protocol/errors.ts';
import { CommandError, exitCodeOf, type FailureCode } from './exit.ts';
import { oneLine } from './terminal-text.ts';

/** A failure, ready to be told. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What to try. */
  readonly hint: string | undefined;
  /** Name of the error on the remote side. */
  readonly remoteName: string | undefined;
  readonly exitCode: number;
}

/** @param command - name of the command that failed, if it came that far. */
export function failureOf(error: unknown, command: string | undefined): Failure {
  const code =
    error instanceof PalmError || error instanceof CommandError ? error.code : ('INTERNAL' as const);
  return {
    code,
    message: oneLine(error instanceof Error ? error.message : String(error)),
    hint: (error instanceof CommandError ? error.hint : undefined) ?? hintFor(code, command),
    remoteName: error instanceof PalmError ? error.remoteName : undefined,
    exitCode: exitCodeOf(code),
  };
}

function hintFor(code: FailureCode, command: string | undefined): string | undefined {
  switch (code) {
    case 'USAGE':
    case 'INVALID_CALL':
      return `see frond ${command === undefined ? '' : `${command} `}--help`;
    case 'TIMEOUT':
      return '--timeout MS waits longer; --db, or FROND_DB, says where the server is';
    case 'DISCONNECTED':
    case 'CLOSED':
    case 'LOST':
      return 'see whether the server still runs; what was sent may have run, or not';
    case 'WRONG_SERVER':
      return 'what is before the dot of the function, or --server, names the server; --db says where it is';
    case 'FORBIDDEN':
      return "--server-key is the server's public CURVE key; leave it out for a server without one";
    case 'PROTOCOL':
      return '--db must be the db_address of a PALM server, not another of its addresses';
    case 'INTERNAL':
      return 'this is a fault in frond; please report it';
    default:
      return undefined;
  }
}

/** The lines for stderr. */
export function tell(failure: Failure, asJson: boolean): string[] {
  const { code, message, hint, remoteName } = failure;
  if (asJson) return [JSON.stringify({ error: { code, message, remoteName, hint } })];
  return [`frond: ${code}: ${message}`, ...(hint === undefined ? [] : [`  try: ${hint}`])];
}
