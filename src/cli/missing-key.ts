import { CommandError } from '../../cli/errors.ts';
import { quoted } from '../../cli/terminal/text.ts';

export function missingKey(key: string): CommandError {
  return new CommandError('MISSING', `there is no key ${quoted(key)}`);
}
