/** Errors as a user reads them: a line with what happened and a line with what to try, or JSON. */
import { type Issue, messageOf, PalmError } from '../src/protocol/errors.ts';
import { clipped, printableJson } from '../src/protocol/printable.ts';
import { CommandError, exitCodeOf, type FailureCode } from './errors.ts';
import { oneLine, shortLine } from './terminal/text.ts';

/** UTF-16 units of a message, and of a stack: servers may send any number. */
const LONGEST_MESSAGE = 4_096;
const LONGEST_STACK = 16_384;

/** An error, ready to be printed: each string is cut, has no characters that act on a terminal and, except the stack, is on one line. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** What the user can try. */
  readonly hint: string | undefined;
  /** Name of the error that a function threw. */
  readonly remoteName: string | undefined;
  /** What is wrong with an input, and where. */
  readonly issues: readonly Issue[] | undefined;
  /** The data of an error that the function declares. */
  readonly data: unknown;
  /** The stack, for errors in a user's module or in frond. */
  readonly stack: string | undefined;
  readonly exitCode: number;
}

/** Prepares an error for printing. @param command - name of the command that failed, if there is one. */
export function failureOf(error: unknown, command: string | undefined): Failure {
  const code =
    error instanceof PalmError || error instanceof CommandError ? error.code : ('INTERNAL' as const);
  return {
    code,
    message: shortLine(inFlags(messageOf(error), code, command), LONGEST_MESSAGE),
    hint: lineOf(hintOf(error) ?? hintFor(code, command)),
    remoteName: lineOf(error instanceof PalmError ? error.remoteName : undefined),
    issues: error instanceof PalmError ? error.issues : undefined,
    data: error instanceof PalmError ? error.data : undefined,
    stack: code === 'MODULE' || code === 'INTERNAL' ? stackOf(error) : undefined,
    exitCode: exitCodeOf(code),
  };
}

/** The command-line option for each option of a client or transport. */
const FLAGS: Readonly<Record<string, string>> = {
  serverName: '--server',
  dbAddress: '--db',
  pushAddress: '--push',
  subAddress: '--sub',
  thisConfig: '--this-config',
  idleTimeout: '--idle-timeout',
  'curve.serverKey': '--server-key',
  'curveServer.secretKey': '--secret-key',
  'curveServer.allow': '--allow-key',
  'the curve option': '--server-key',
};

const OPTION_NAMES = new RegExp(
  `(?<![\\w.])(${Object.keys(FLAGS).join('|').replaceAll('.', '\\.')})(?!\\w)`,
  'g',
);

/**
 * The message with command-line options in place of API options. For serve and relay only those that their files do not have: the files use
 * the API's names.
 */
function inFlags(message: string, code: FailureCode, command: string | undefined): string {
  const isOurs =
    code === 'INVALID_CALL' || code === 'WRONG_SERVER' || code === 'FORBIDDEN' || code === 'TIMEOUT';
  if (!isOurs || command === 'relay') return message;
  return message.replace(OPTION_NAMES, (name) =>
    command === 'serve' && !name.startsWith('curve') ? name : (FLAGS[name] ?? name),
  );
}

function lineOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortLine(text, LONGEST_MESSAGE);
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CommandError) return error.hint;
  return isAddressTaken(error)
    ? 'end the process that uses it, or give another port; the port * means a free one'
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
      return 'check --db or --relay (or FROND_DB, FROND_RELAY), or wait longer with --timeout MS';
    case 'LOST':
      if (command === 'serve' || command === 'worker' || command === 'relay')
        return 'give it more time with --drain MS';
      return 'check that the server still runs; calls that were sent may or may not have run';
    case 'DISCONNECTED':
    case 'CLOSED':
      return 'check that the server still runs; calls that were sent may or may not have run';
    case 'WRONG_SERVER':
      if (command === 'worker') return 'frond inspect ADDRESS shows what is there';
      return 'check the name of the server, before the dot of FUNCTION or in --server, and its address in --db';
    case 'FORBIDDEN':
      return 'for a server with CURVE, give its public key with --server-key and, if it lists its clients, your key with --client-key; for a relay, check --token';
    case 'PROTOCOL':
      return 'check that --db is the db_address of a PALM server, not another of its addresses';
    case 'INTERNAL':
      return 'this is a bug in frond; please report it';
    default:
      return undefined;
  }
}

/** The lines of an error for stderr. @param isVerbose - whether the stack is printed, if there is one. */
export function failureLines(failure: Failure, asJson: boolean, isVerbose = false): string[] {
  const { code, message, hint, remoteName, issues, data } = failure;
  const stack = isVerbose ? failure.stack : undefined;
  if (asJson) return [printableJson({ error: { code, message, remoteName, issues, data, hint, stack } })];
  return [
    `frond: ${code}: ${message}`,
    ...(data === undefined ? [] : [`  data: ${shortLine(printableJson(data), LONGEST_MESSAGE)}`]),
    ...(hint === undefined ? [] : [`  try: ${hint}`]),
    ...(stack?.split('\n').map((line) => `  ${oneLine(line)}`) ?? []),
  ];
}
