import { basename, isAbsolute, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A stream that may be a terminal. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal. */
  readonly columns?: number | undefined;
  /** Its height. */
  readonly rows?: number | undefined;
}

/** Environment variables; those that have a meaning here, by name. */
export interface Environment {
  readonly [name: string]: string | undefined;
  readonly TERM?: string | undefined;
  readonly NO_COLOR?: string | undefined;
  readonly npm_command?: string | undefined;
}

/** Everything a command touches of the process it runs in. */
export interface Io {
  /** Arguments, without those of Node. */
  readonly argv: readonly string[];
  readonly stdin: Readable & Terminal;
  readonly stdout: Writable & Terminal;
  readonly stderr: Writable & Terminal;
  readonly env: Environment;
  /** Ends the command; its reason is an {@link Interrupted}. */
  readonly signal: AbortSignal;
  /**
   * Calls `listener` at each SIGHUP in place of ending the process, as long as the terminal that it began in is there. Gives the function
   * that ends this. Left out where there is no such signal.
   */
  readonly onHangup?: (listener: () => void) => () => void;
  /** How this command is called from the shell it runs in, such as `frond` or `npx frond`. */
  readonly invocation: string;
  readonly version: string;
}

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type InterruptSignal = keyof typeof SIGNAL_NUMBERS;

/** The reason of a command that was ended by a signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As shells count it: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: InterruptSignal) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + SIGNAL_NUMBERS[signal];
  }
}

/** The reason of a command whose output nobody reads any more, as with `| head`. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/**
 * How the command is called from the shell it runs in, for lines to paste.
 * @param script - path of the script that Node runs.
 */
export function invocationOf(script: string, directory: string, env: Environment): string {
  if (basename(script) === 'frond') return env.npm_command === 'exec' ? 'npx frond' : 'frond';
  const near = relative(directory, script);
  const path = near.startsWith('..') || isAbsolute(near) ? script : near;
  return `node ${/^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}
