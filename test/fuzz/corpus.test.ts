/**
 * Tries again every input that coverage-guided fuzzing has kept: the corpus, which reaches all the code that was ever reached, and the inputs that
 * broke something once. `npm run test:fuzz:coverage` is the search itself.
 */
import { describe, expect, it } from 'vitest';
import { corpusOf, crashesOf, readInputs } from './coverage/files.ts';
import { attempt } from './coverage/target.ts';
import { loadTarget, TARGETS } from './coverage/targets.ts';

describe.each(Object.keys(TARGETS))('%s', (name) => {
  it('keeps its claims for every input of the corpus', async () => {
    const target = await loadTarget(name);
    const inputs = readInputs(corpusOf(name));
    expect(inputs.size).toBeGreaterThan(0);
    for (const seed of target.seeds()) await attempt(target, seed, false);
    for (const input of inputs.values()) await attempt(target, input, false);
  });

  it.each([...readInputs(crashesOf(name))])(
    'keeps its claims for %s, which broke one once',
    async (_, input) => {
      await attempt(await loadTarget(name), input, false);
    },
  );
});
