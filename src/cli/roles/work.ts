/** From what a module gives to the definition of one worker. */

import { show } from '../../protocol/errors.ts';
import { CommandError } from '../../../cli/errors.ts';
import { quoted } from '../../../cli/terminal/text.ts';
import { type Checks, listOf, type Overrides, readDefinition } from '../../../cli/roles/definition.ts';
import type { DefinitionOf } from './shapes.ts';

export type WorkerDefinition = DefinitionOf<'worker'>;

/**
 * A worker: as a module defines it, or of the functions that it gives.
 * @throws CommandError `MODULE` when it is neither.
 */
export function readWorker(gift: unknown, overrides: Overrides, checks: Checks): WorkerDefinition {
  const file = quoted(checks.file);
  const [value, ...others] = listOf(gift, checks.file);
  if (others.length > 0) {
    throw new CommandError(
      'MODULE',
      `${file} gives a list, and this runs one worker`,
      `frond serve ${file} runs all`,
    );
  }
  if (typeof value !== 'object' || value === null) {
    const text = `${file} must give an object of functions, or { role: 'worker', functions, … }, not ${show(value)}`;
    throw new CommandError('MODULE', text);
  }
  const given: Readonly<Record<string, unknown>> = { ...value };
  if (typeof given['role'] === 'string' && given['role'] !== 'worker') {
    const text = `${file} gives a role ${show(given['role'])}, and this runs workers`;
    throw new CommandError('MODULE', text, `frond serve ${file}`);
  }
  const isDefinition =
    'role' in given || (typeof given['functions'] === 'object' && given['functions'] !== null);
  const definition = isDefinition ? { ...given, role: 'worker' } : { role: 'worker', functions: given };
  const read = readDefinition(definition, '', overrides, checks);
  if (read.role === 'worker' && Object.keys(read.functions ?? {}).length > 0) return read;
  throw new CommandError(
    'MODULE',
    `${file} gives no functions`,
    'write: export default { upper: (payload) => … }',
  );
}
