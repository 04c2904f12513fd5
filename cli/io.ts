import { basename, isAbsolute, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A stream that may be a terminal. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal, in characters. */
  readonly columns?: number | undefined;
  /** Height of the terminal, in lines. */
  readonly rows?: number | undefined;
}

/** Environment variables. The named ones have a meaning here. */
export interface Environment {
  readonly [name: string]: string | undefined;
  readonly TERM?: string | undefined;
  readonly NO_COLOR?: string | undefined;
  readonly npm_command?: string | undefined;
}

/** All that a command uses of the process that it runs in. */
export interface Io {
  /** The command line, without `node` and the script. */
  readonly argv: readonly string[];
  readonly stdin: Readable & Terminal;
  readonly stdout: Writable & Terminal;
  readonly stderr: Writable & Terminal;
  readonly env: Environment;
  /** Ends the command; its reason is an {@link Interrupted}. */
  readonly signal: AbortSignal;
  /**
   * Calls `listener` at each SIGHUP, which then does not end the process unless its terminal was closed. Returns the function
   * that stops this. Left out on systems without the signal.
   */
  readonly onHangup?: (listener: () => void) => () => void;
  /** How the user's shell calls this command, such as `frond` or `npx frond`. */
  readonly invocation: string;
  readonly version: string;
}

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** A signal that ends a command. */
export type InterruptSignal = keyof typeof SIGNAL_NUMBERS;

/** The abort reason of a command that is ended by a signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** 128 plus the number of the signal, as in shells. */
  readonly exitCode: number;

  constructor(signal: InterruptSignal) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + SIGNAL_NUMBERS[signal];
  }
}

/** The abort reason of a command whose output is closed, as by `| head`. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/**
 * How the user's shell calls this command, for lines to paste.
 * @param script - path of the script that Node runs.
 * @param directory - the current directory.
 */
export function invocationOf(script: string, directory: string, env: Environment): string {
  if (basename(script) === 'frond') return env.npm_command === 'exec' ? 'npx frond' : 'frond';
  const near = relative(directory, script);
  const path = near.startsWith('..') || isAbsolute(near) ? script : near;
  return `node ${shellWord(path)}`;
}

/** A path as one word of a shell line, in quotes if it needs them. */
export function shellWord(path: string): string {
  return /^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
