import { CommandError } from './exit.ts';
import { quoted } from './terminal-text.ts';

export function missingKey(key: string): CommandError {
  return new CommandError('MISSING', `there is no key ${quoted(key)}`);
}
