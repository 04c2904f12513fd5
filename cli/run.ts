/** Finds the command that the arguments name, runs it, and turns its outcome into an exit code. */

import { atMost } from '../src/async/timers.ts';
import { nearest } from '../src/protocol/nearest.ts';
import { type Command, parseOptions } from './command.ts';
import { COMMANDS, loadCommand } from './commands/index.ts';
import { CommandError } from './errors.ts';
import { commandHelp, generalHelp } from './help.ts';
import { Interrupted, type Io, OutputClosed } from './io.ts';
import { failureLines, failureOf } from './report.ts';
import { Output } from './terminal/output.ts';
import { Screen } from './terminal/screen.ts';
import { quoted } from './terminal/text.ts';

/** Milliseconds that output may take to be written after the command was told to end. */
const LAST_OUTPUT = 1_000;

/** Runs one command line and resolves with its exit code when its output is written. Never rejects. */
export async function run(io: Io): Promise<number> {
  const ending = new AbortController();
  const screen = new Screen(io.stderr, io.env);
  const output = new Output(io.stdout, screen, (reason) => ending.abort(reason));
  const [first, ...rest] = io.argv;
  const isService = COMMANDS.find(({ name }) => name === first)?.isService === true;
  const onSignal = () => {
    ending.abort(io.signal.reason);
    if (!isService) output.abandon(io.signal.reason);
  };
  io.signal.addEventListener('abort', onSignal);
  if (io.signal.aborted) onSignal();
  try {
    const code = await runCommand(io, first, rest, output, screen, ending.signal);
    await atMost(io.signal.aborted ? LAST_OUTPUT : Number.POSITIVE_INFINITY, output.finish());
    return code;
  } catch (error) {
    const { signal } = ending;
    // An error after the command was told to end is a consequence of that.
    const reason = signal.aborted && !isService ? signal.reason : error;
    if (reason instanceof Interrupted) return reason.exitCode;
    if (reason instanceof OutputClosed) return 0;
    const written = output.finish().catch(() => {});
    await atMost(io.signal.aborted ? LAST_OUTPUT : Number.POSITIVE_INFINITY, written);
    const failure = failureOf(reason, COMMANDS.find(({ name }) => name === first)?.name);
    const isVerbose = asksFor(rest, '--verbose') || asksFor(rest, '-v');
    for (const line of failureLines(failure, asksFor(rest, '--json'), isVerbose)) screen.line(line);
    return failure.exitCode;
  } finally {
    io.signal.removeEventListener('abort', onSignal);
    screen.status(undefined);
    if (!(io.signal.reason instanceof Interrupted)) await screen.finish();
    else if (isService) await atMost(LAST_OUTPUT, screen.finish());
  }
}

/** Whether a flag is given. Unlike parseOptions, it also reads command lines that are wrong. */
function asksFor(argv: readonly string[], flag: string): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes(flag);
}

async function runCommand(
  io: Io,
  first: string | undefined,
  rest: readonly string[],
  output: Output,
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  if (first === undefined) {
    screen.line(generalHelp(COMMANDS));
    throw new CommandError('USAGE', 'give a command', 'frond demo');
  }
  if (first === '--version' || first === '-V') {
    await output.line(io.version);
    return 0;
  }
  if (first === '--help' || first === '-h' || first === 'help') {
    const [topic] = rest;
    await output.line(topic === undefined ? generalHelp(COMMANDS) : commandHelp(await commandNamed(topic)));
    return 0;
  }
  const command = await commandNamed(first);
  const { options, positionals } = parseOptions(command, rest, io.env);
  if (options.flag('help') || options.flag('version')) {
    await output.line(options.flag('help') ? commandHelp(command) : io.version);
    return 0;
  }
  checkArity(command, positionals);
  return command.run({ io, options, positionals, output, screen, signal });
}

async function commandNamed(name: string): Promise<Command> {
  const entry = COMMANDS.find((one) => one.name === name);
  if (entry !== undefined) return loadCommand(entry);
  const near = nearest(
    name,
    COMMANDS.map((one) => one.name),
  );
  const what = name.startsWith('-') ? 'the first argument must be a command, not' : 'there is no command';
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new CommandError('USAGE', `${what} ${quoted(name)}${meant}`);
}

function checkArity({ name, arity: [least, most], synopsis }: Command, positionals: readonly string[]): void {
  const usage = synopsis.map((one) => `frond ${name} ${one}`.trimEnd()).join(' | ');
  if (positionals.length < least) throw new CommandError('USAGE', `an argument is missing: ${usage}`);
  if (positionals.length > most) {
    const extra = quoted(positionals[most] ?? '');
    throw new CommandError(
      'USAGE',
      `${extra} is one argument too many: ${usage} (quote an argument with spaces)`,
    );
  }
}
