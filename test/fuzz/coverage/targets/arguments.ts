import { type Command, type Parsed, parseOptions } from '../../../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../../../cli/commands/index.ts';
import { CommandError } from '../../../../cli/errors.ts';
import { OPTIONS } from '../../../../cli/options.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

/** Bytes of the longest command line. */
const LONGEST = 512;

const commands = await Promise.all(COMMANDS.map(loadCommand));

/** Command lines of each command. Each line of an input is an argument. */
export const target: Target = {
  longest: LONGEST,
  seeds: () =>
    [
      'demo.upper\nhello\n--db\ntcp://127.0.0.1:5555\n--timeout=5000\n-v',
      '--server\ndemo=tcp://127.0.0.1:5555\n--allow\ndemo.*\n--cache=read',
      '--concurrency\n0x10\n--\n--json',
      '--__proto__=1\n--constructor\n--toString=x',
      '-',
    ].map(bytes),
  words: [
    ...Object.keys(OPTIONS).map((name) => `--${name}\n`),
    '--__proto__',
    '--constructor=',
    '--no-json',
    '=\n',
    '-vv',
  ],
  check(data) {
    // Node's own parser takes quadratic time. A command line is its user's, so only short ones are tried.
    if (data.length > LONGEST) return;
    const argv = textIn(data).split('\n');
    const words = new Set(argv);
    for (const command of commands) {
      const parsed = parsedOr(command, argv);
      if (parsed === undefined) continue;
      claimBounded(parsed.positionals, data, 64);
      for (const word of parsed.positionals)
        claim(words.has(word), `${JSON.stringify(word)} was not among the arguments`);
      for (const name of command.options) {
        const value = parsed.options.number(name as never);
        claim(value === undefined || !(value < 1), `--${name} is ${value}`);
      }
    }
  },
};

/** Undefined when the command line is refused. A refusal may quote a whole argument: the user wrote it. */
function parsedOr(command: Command, argv: readonly string[]): Parsed | undefined {
  try {
    return parseOptions(command, argv, {});
  } catch (error) {
    claim(error instanceof CommandError && error.code === 'USAGE', String(error));
    return undefined;
  }
}
