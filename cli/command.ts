import type { Io } from './io.ts';
import type { OptionName, OptionSpec } from './options.ts';
import type { Options } from '../src/cli/options.ts';
import type { Output } from './terminal/output.ts';
import type { Screen } from './terminal/screen.ts';

/** What a command runs with. */
export interface CommandContext {
  readonly io: Io;
  readonly options: Options;
  /** The arguments that are no options, as many as the command takes. */
  readonly positionals: readonly string[];
  readonly output: Output;
  readonly screen: Screen;
  /** Aborts when the command is to end: {@link Io.signal}, or because its output is closed. */
  readonly signal: AbortSignal;
}

/** A shell line and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** One command: what `--help` says about it, and what it does. */
export interface Command {
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** What is between the name and the options. */
  readonly synopsis: readonly string[];
  /** What a user should know, in paragraphs. */
  readonly about: readonly string[];
  readonly examples: readonly Example[];
  readonly options: readonly OptionName[];
  /** Options that mean something else here. */
  readonly own?: Partial<Readonly<Record<OptionName, OptionSpec>>>;
  /** Fewest and most arguments. */
  readonly arity: readonly [least: number, most: number];
  /**
   * Runs until it is told to end, and ends well then: takes its time, has its last words, and its exit code is its own.
   */
  readonly isService?: true;
  /** Gives the exit code. @throws whatever ended it. */
  run(context: CommandContext): Promise<number>;
}
