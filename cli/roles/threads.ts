/** `--threads`: the functions of a module run in threads. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import { checkThreads } from '../../src/cluster/runtime/threads/options.ts';
import { inspectValue, PalmError } from '../../src/protocol/errors.ts';
import { CommandError } from '../errors.ts';

/**
 * What `--threads` says: a number, or `auto`.
 * @throws CommandError `USAGE` for anything else.
 */
export function readThreads(given: string | undefined): number | 'auto' | undefined {
  if (given === undefined) return undefined;
  const threads = given === 'auto' ? given : /^\d+$/.test(given) ? Number(given) : Number.NaN;
  try {
    checkThreads({ module: 'file:///', threads });
    return threads;
  } catch (error) {
    if (!(error instanceof PalmError)) throw error;
    const text = `--threads must be auto or a whole number from 1 to 256, not ${inspectValue(given)}`;
    throw new CommandError('USAGE', text);
  }
}

/**
 * The definition with its functions in threads, which load the file that it comes from.
 * @throws CommandError `USAGE` when the role runs no functions.
 */
export function inThreads<D extends RoleDefinition>(
  definition: D,
  file: string,
  threads: number | 'auto',
): D {
  if (definition.role === 'master' || definition.role === 'hub') {
    const text = `--threads is for roles that run functions: those of a ${definition.role} run in its workers`;
    throw new CommandError('USAGE', text);
  }
  if (definition.module !== undefined) return { ...definition, threads };
  return { ...definition, functions: undefined, module: pathToFileURL(resolve(file)), threads };
}
