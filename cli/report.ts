/** Failures as a user reads them: one line that says what happened, one that says what to try, or JSON. */
import { messageOf, PalmError } from '../src/protocol/errors.ts';
import { clipped, printableJson } from '../src/protocol/printable.ts';
import { CommandError, exitCodeOf, type FailureCode } from './errors.ts';
import { oneLine, shortLine } from './terminal/text.ts';

/** Characters of a message, and of a stack: servers may send as many as they like. */
const LONGEST_MESSAGE = 4_096;
const LONGEST_STACK = 16_384;

/** A failure, ready to be told: on one line each, its stack aside, not long, and with nothing that acts on a terminal. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What to try. */
  readonly hint: string | undefined;
  /** Name of the error on the remote side. */
  readonly remoteName: string | undefined;
  /** Where it was thrown, when that is somebody's code and not only a call that failed. */
  readonly stack: string | undefined;
  readonly exitCode: number;
}

/** @param command - name of the command that failed, if it came that far. */
export function failureOf(error: unknown, command: string | undefined): Failure {
  const code =
    error instanceof PalmError || error instanceof CommandError ? error.code : ('INTERNAL' as const);
  return {
    code,
    message: shortLine(inFlags(messageOf(error), code, command), LONGEST_MESSAGE),
    hint: lineOf(hintOf(error) ?? hintFor(code, command)),
    remoteName: lineOf(error instanceof PalmError ? error.remoteName : undefined),
    stack: code === 'MODULE' || code === 'INTERNAL' ? stackOf(error) : undefined,
    exitCode: exitCodeOf(code),
  };
}

/** What stands on a command line for an option of a client's or transport's. */
const FLAGS: Readonly<Record<string, string>> = {
  serverName: '--server',
  dbAddress: '--db',
  pushAddress: '--push',
  subAddress: '--sub',
  thisConfig: '--this-config',
  idleTimeout: '--idle-timeout',
  'curve.serverKey': '--server-key',
  'curveServer.secretKey': '--secret-key',
  'the curve option': '--server-key',
};

const OPTION_NAMES = new RegExp(
  `(?<![\\w.])(${Object.keys(FLAGS).join('|').replaceAll('.', '\\.')})(?!\\w)`,
  'g',
);

/** The message with flags in place of options. What serve and relay are given has the names of the options. */
function inFlags(message: string, code: FailureCode, command: string | undefined): string {
  const isOurs =
    code === 'INVALID_CALL' || code === 'WRONG_SERVER' || code === 'FORBIDDEN' || code === 'TIMEOUT';
  if (!isOurs || command === 'serve' || command === 'relay') return message;
  return message.replace(OPTION_NAMES, (name) => FLAGS[name] ?? name);
}

function lineOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortLine(text, LONGEST_MESSAGE);
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CommandError) return error.hint;
  return isAddressTaken(error)
    ? 'end what uses it, or give another port; * in its place has the system choose one'
    : undefined;
}

function isAddressTaken(error: unknown): boolean {
  for (let own = error; own instanceof Error; own = own.cause) {
    if ('code' in own && own.code === 'EADDRINUSE') return true;
  }
  return false;
}

function stackOf(error: unknown): string | undefined {
  const thrown = error instanceof CommandError ? error.cause : error;
  return thrown instanceof Error ? clipped(thrown.stack ?? '', LONGEST_STACK) : undefined;
}

function hintFor(code: FailureCode, command: string | undefined): string | undefined {
  switch (code) {
    case 'USAGE':
    case 'INVALID_CALL':
    case 'MODULE':
      return `see frond ${command === undefined ? '' : `${command} `}--help`;
    case 'TIMEOUT':
      return '--timeout MS waits longer; --db or --relay, or the environment, says where the server is';
    case 'LOST':
      if (command === 'serve' || command === 'worker' || command === 'relay')
        return '--drain MS gives it more time';
      return 'see whether the server still runs; what was sent may have run, or not';
    case 'DISCONNECTED':
    case 'CLOSED':
      return 'see whether the server still runs; what was sent may have run, or not';
    case 'WRONG_SERVER':
      if (command === 'worker') return 'frond inspect ADDRESS says what is there';
      return 'what is before the dot of the function, or --server, names the server; --db says where it is';
    case 'FORBIDDEN':
      return "--server-key is the server's public CURVE key, if it has one; to a relay --token says who you are";
    case 'PROTOCOL':
      return '--db must be the db_address of a PALM server, not another of its addresses';
    case 'INTERNAL':
      return 'this is a fault in frond; please report it';
    default:
      return undefined;
  }
}

/** The lines for stderr. @param isVerbose - with the stack, where there is one to show. */
export function failureLines(failure: Failure, asJson: boolean, isVerbose = false): string[] {
  const { code, message, hint, remoteName } = failure;
  const stack = isVerbose ? failure.stack : undefined;
  if (asJson) return [printableJson({ error: { code, message, remoteName, hint, stack } })];
  return [
    `frond: ${code}: ${message}`,
    ...(hint === undefined ? [] : [`  try: ${hint}`]),
    ...(stack?.split('\n').map((line) => `  ${oneLine(line)}`) ?? []),
  ];
}
