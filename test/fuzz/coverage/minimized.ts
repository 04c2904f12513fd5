import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { Counters } from './counters.ts';
import { corpusOf, readInputs, replaceInputs } from './files.ts';
import { attempt, type Target } from './target.ts';

/** Rebuilds a target's corpus: of the seeds and the inputs in `folders`, keeps the shortest that together take every branch. */
export async function minimized(name: string, target: Target, folders: readonly string[]): Promise<void> {
  const counters: Counters | undefined = globalThis.fuzzCounters;
  if (counters === undefined) throw new Error('the coverage counters are missing');
  const inputs = [...target.seeds(), ...folders.flatMap((folder) => [...readInputs(folder).values()])];
  const kept: Bytes[] = [];
  const reached = new Set<number>();
  for (const input of inputs.sort((one, other) => one.length - other.length)) {
    counters.clear();
    try {
      await attempt(target, input, false);
    } catch {
      // It is kept among the crashes.
      continue;
    }
    const added = counters.taken().filter((branch) => !reached.has(branch));
    if (added.length > 0) kept.push(input);
    for (const branch of added) reached.add(branch);
  }
  replaceInputs(corpusOf(name), kept);
}

declare global {
  var fuzzCounters: Counters | undefined;
}
