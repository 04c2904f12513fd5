import type { Bytes } from '../../../src/protocol/utf8.ts';
import type { Counters } from './counters.ts';
import { corpusOf, readInputs, replaceInputs } from './files.ts';
import { attempt, type Target } from './target.ts';

/** Makes the corpus of a target anew: of the inputs in the folders the shortest that between them pass every place. */
export async function minimized(name: string, target: Target, folders: readonly string[]): Promise<void> {
  const counters: Counters | undefined = globalThis.fuzzCounters;
  if (counters === undefined) throw new Error('nothing counts what is passed');
  const inputs = [...target.seeds(), ...folders.flatMap((folder) => [...readInputs(folder).values()])];
  const kept: Bytes[] = [];
  const passed = new Set<number>();
  for (const input of inputs.sort((one, other) => one.length - other.length)) {
    counters.clear();
    try {
      await attempt(target, input, false);
    } catch {
      // It is among the findings.
      continue;
    }
    const places = counters.passed().filter((place) => !passed.has(place));
    if (places.length > 0) kept.push(input);
    for (const place of places) passed.add(place);
  }
  replaceInputs(corpusOf(name), kept);
}

declare global {
  var fuzzCounters: Counters | undefined;
}
