import { parseArgs } from 'node:util';
import { MOST_PRIORITY } from '../src/protocol/envelope-head.ts';
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
  readonly options: ParsedOptions;
  /** The arguments that are not options, as many as the command takes. */
  readonly positionals: readonly string[];
  readonly output: Output;
  readonly screen: Screen;
  /** Aborts when the command must end: with {@link Io.signal}, or because its output was closed. */
  readonly signal: AbortSignal;
}

/** A shell line and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What `frond --help` says of a command. The rest is loaded when the command is chosen. */
export interface CommandEntry {
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** The command runs until it is told to end. It may then finish its work and print more, and it chooses the exit code. */
  readonly isService?: true;
  /** Loads the rest. */
  details(): Promise<CommandDetails>;
}

/** The help of a command, its options, and what it does. */
export interface CommandDetails {
  /** What `--help` shows between the name and the options, a line for each form; empty for a command without arguments. */
  readonly synopsis: readonly string[];
  /** What a user should know, in paragraphs. */
  readonly about: readonly string[];
  readonly examples: readonly Example[];
  readonly options: readonly OptionName[];
  /** Options whose meaning or default differs for this command. */
  readonly own?: Partial<Readonly<Record<OptionName, OptionSpec>>>;
  /** The smallest and largest number of arguments. */
  readonly arity: readonly [least: number, most: number];
  /** Resolves with the exit code. @throws what ended the command. */
  run(context: CommandContext): Promise<number>;
}

/** One command, whole. */
export interface Command extends Omit<CommandEntry, 'details'>, CommandDetails {}

type Value = string | number | true | readonly string[];

/** The options of a command line, checked, with the values of the environment. */
export class ParsedOptions {
  readonly #values: ReadonlyMap<OptionName, Value>;
  readonly #given: ReadonlySet<OptionName>;

  /** @param given - options that are in the command line itself. */
  constructor(values: ReadonlyMap<OptionName, Value>, given: ReadonlySet<OptionName>) {
    this.#values = values;
    this.#given = given;
  }

  /** Whether the command line itself has the option, and not only the environment. */
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

  /** The values of an option that may be given several times, in order. */
  texts(name: NameOf<'text' | 'texts'>): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }

  /** A count, a priority, or milliseconds; `Infinity` for no limit. */
  number(name: NameOf<'count' | 'priority' | 'time'>): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }
}

/** What the parser needs of a command. */
type Parsing = Pick<Command, 'name' | 'options' | 'own'>;

/** A command line, checked. */
export interface Parsed {
  readonly options: ParsedOptions;
  readonly positionals: readonly string[];
}

/** The description of an option, as this command uses it. */
export function specOf(command: Pick<Command, 'own'>, name: OptionName): OptionSpec {
  return command.own?.[name] ?? OPTIONS[name];
}

/**
 * Reads the arguments of a command, and the environment for options that are not given.
 * @throws CommandError `USAGE` naming the argument that is wrong.
 */
export function parseOptions(command: Parsing, argv: readonly string[], env: Environment): Parsed {
  const config: Record<string, { type: 'boolean' | 'string'; short?: string }> = {};
  for (const name of command.options) {
    const { kind, short } = specOf(command, name);
    config[name] = { type: kind === 'flag' ? 'boolean' : 'string', ...(short !== undefined && { short }) };
  }
  // Not strict, because its own errors neither suggest an option nor point to the help.
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
    // Node reads `-v-x` as `-v -- -x`, and would treat the rest as arguments.
    const raw = argv[token.index] ?? '';
    if (token.kind === 'option-terminator' && raw !== '--') throw unknownOption(command, raw);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!isOptionName(name) || !command.options.includes(name)) throw unknownOption(command, rawName);
    const before = values.get(name);
    const read = readValue(command, name, value, inlineValue === true);
    // Of an option that takes one value, the last one counts.
    values.set(name, Array.isArray(read) && Array.isArray(before) ? [...before, ...read] : read);
  }
  const given = new Set(values.keys());
  for (const name of command.options) {
    const { env: variable, kind } = specOf(command, name);
    const value = variable === undefined ? undefined : env[variable];
    if (value === undefined || value === '' || values.has(name)) continue;
    if (kind === 'flag' && /^(0|false|no|off)$/i.test(value)) continue;
    values.set(name, kind === 'texts' ? [value] : value);
  }
  return { options: new ParsedOptions(values, given), positionals };
}

function unknownOption(command: Parsing, raw: string): CommandError {
  const near = raw.startsWith('--') ? nearest(raw.slice(2), command.options) : undefined;
  const meant = near === undefined ? '' : `; did you mean --${near}?`;
  const hint = `see frond ${command.name} --help; an argument that begins with - goes after --`;
  return new CommandError('USAGE', `frond ${command.name} has no option ${nameText(raw)}${meant}`, hint);
}

function readValue(command: Parsing, name: OptionName, value: string | undefined, isInline: boolean): Value {
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
  if (kind === 'priority') {
    const priority = /^-?\d$/.test(value) ? Number(value) : Number.NaN;
    if (Math.abs(priority) <= MOST_PRIORITY) return priority === 0 ? 0 : priority;
    throw fail(`must be a whole number from -${MOST_PRIORITY} to ${MOST_PRIORITY}, not ${quoted(value)}`);
  }
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= 1) return number;
  const wanted =
    kind === 'count'
      ? 'a whole number of at least 1'
      : 'a whole number of milliseconds, at least 1, or inf for no limit';
  throw fail(`must be ${wanted}, not ${quoted(value)}`);
}
