import { parseArgs } from 'node:util';
import { nearest } from '../src/protocol/nearest.ts';
import { CommandError } from './errors.ts';
import type { Environment, Io } from './io.ts';
import { isOptionName, type NameOf, OPTIONS, type OptionName, type OptionSpec } from './options.ts';
import type { Output } from './terminal/output.ts';
import type { Screen } from './terminal/screen.ts';
import { nameText, quoted } from './terminal/text.ts';

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

type Value = string | number | true | readonly string[];

/** The options that a command was given, checked. */
export class Options {
  readonly #values: ReadonlyMap<OptionName, Value>;
  readonly #given: ReadonlySet<OptionName>;

  /** @param given - those that are in the command line itself. */
  constructor(values: ReadonlyMap<OptionName, Value>, given: ReadonlySet<OptionName>) {
    this.#values = values;
    this.#given = given;
  }

  /** Whether the command line itself has it, and not the environment. */
  isGiven(name: OptionName): boolean {
    return this.#given.has(name);
  }

  flag(name: NameOf<'flag'>): boolean {
    return this.#values.has(name);
  }

  text(name: NameOf<'text'>): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** Every value of an option that a command takes several times, in order. */
  texts(name: NameOf<'text' | 'texts'>): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }

  /** A count, or milliseconds; `Infinity` for no limit. */
  number(name: NameOf<'count' | 'time'>): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }
}

/** A command line, checked. */
export interface Parsed {
  readonly options: Options;
  readonly positionals: readonly string[];
}

/** What an option means to a command. */
export function specOf(command: Command, name: OptionName): OptionSpec {
  return command.own?.[name] ?? OPTIONS[name];
}

/**
 * Reads the arguments of a command, and the environment for options that are not among them.
 * @throws CommandError `USAGE` naming the argument that is not acceptable.
 */
export function parseOptions(command: Command, argv: readonly string[], env: Environment): Parsed {
  const config: Record<string, { type: 'boolean' | 'string'; short?: string }> = {};
  for (const name of command.options) {
    const { kind, short } = specOf(command, name);
    config[name] = { type: kind === 'flag' ? 'boolean' : 'string', ...(short !== undefined && { short }) };
  }
  // Not strict: its own messages name neither the nearest option nor where to read about it.
  const { tokens } = parseArgs({
    args: [...argv],
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<OptionName, Value>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    // Node reads `-v-x` as `-v -- -x`: what follows would be taken for arguments.
    const raw = argv[token.index] ?? '';
    if (token.kind === 'option-terminator' && raw !== '--') throw unknownOption(command, raw);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!isOptionName(name) || !command.options.includes(name)) throw unknownOption(command, rawName);
    const before = values.get(name);
    const read = readValue(command, name, value, inlineValue === true);
    // Of what is taken once, the last counts.
    values.set(name, Array.isArray(read) && Array.isArray(before) ? [...before, ...read] : read);
  }
  const given = new Set(values.keys());
  for (const name of command.options) {
    const { env: variable, kind } = specOf(command, name);
    const value = variable === undefined ? undefined : env[variable];
    if (value === undefined || value === '' || values.has(name)) continue;
    values.set(name, kind === 'texts' ? [value] : value);
  }
  return { options: new Options(values, given), positionals };
}

function unknownOption(command: Command, raw: string): CommandError {
  const near = raw.startsWith('--') ? nearest(raw.slice(2), command.options) : undefined;
  const meant = near === undefined ? '' : `; did you mean --${near}?`;
  const hint = `what begins with - and is no option goes behind --; see frond ${command.name} --help`;
  return new CommandError('USAGE', `frond ${command.name} has no option ${nameText(raw)}${meant}`, hint);
}

function readValue(command: Command, name: OptionName, value: string | undefined, isInline: boolean): Value {
  const { kind, value: placeholder } = specOf(command, name);
  const fail = (text: string) =>
    new CommandError('USAGE', `--${name} ${text}`, `see frond ${command.name} --help`);
  if (kind === 'flag') {
    if (value !== undefined) throw fail('takes no value');
    return true;
  }
  const isOption = !isInline && value?.startsWith('--') && isOptionName(value.slice(2).replace(/=.*/s, ''));
  if (value === undefined || isOption) throw fail(`needs a value: --${name} ${placeholder}`);
  if (kind === 'text') return value;
  if (kind === 'texts') return [value];
  if (kind === 'time' && /^(inf|infinity)$/i.test(value)) return Number.POSITIVE_INFINITY;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= 1) return number;
  const wanted =
    kind === 'count' ? 'a whole number from 1 on' : 'whole milliseconds from 1 on, or inf for no limit';
  throw fail(`must be ${wanted}, not ${quoted(value)}`);
}
