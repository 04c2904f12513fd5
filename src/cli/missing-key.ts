import { CommandError } from './exit.ts';

export function missingKey(key: string): CommandError {
  return new CommandError('MISSING', `there is no key ${JSON.stringify(key)}`);
}
