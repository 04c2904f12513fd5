/** A mutant: one small fault, put into a copy of the tree on purpose. A test that passes with it does not test what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Mutant {
  /** Its room and what is wrong with it, as `client-eval-gives-place-back-twice`. */
  readonly name: string;
  readonly file: string;
  /** Code that stands once in the file. */
  readonly find: string;
  /** Code that is put there instead. */
  readonly replace: string;
  /** Test files of which at least one must fail. */
  readonly suites: readonly string[];
}

/**
 * The file with the fault in it.
 * @param root - the folder of the tree.
 * @throws Error when the code is not there, or stands there more than once: then the mutant must follow the code.
 */
export function mutated(root: string, { name, file, find, replace }: Mutant): string {
  const code = readFileSync(join(root, file), 'utf8');
  const times = code.split(find).length - 1;
  if (times !== 1)
    throw new Error(
      `${name}: the code to replace stands ${times} times in ${file}, and must stand there once`,
    );
  return code.replace(find, () => replace);
}
