/** How commands that run for long write their log. */
import { jsonLogger, type Logger } from '../src/logging.ts';
import { inspectValue } from '../src/protocol/errors.ts';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';
import { stderrLogger } from './terminal/screen.ts';

/**
 * The logger of a command that runs for long. With --log json its lines are for a collector of logs, and have times.
 * @param from - name of the role that logs, where there are several.
 * @throws CommandError `USAGE` for another value of --log.
 */
export function serviceLogger(
  { options, screen }: Pick<CommandContext, 'options' | 'screen'>,
  from?: string,
): Logger {
  const format = options.text('log') ?? 'text';
  if (format === 'json') return jsonLogger((line) => screen.line(line), from);
  if (format === 'text') return stderrLogger(screen, options.flag('json'), from);
  throw new CommandError('USAGE', `--log must be text or json, not ${inspectValue(format)}`);
}
