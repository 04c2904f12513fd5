/**
 * What fuzzing that is guided by coverage has found worth keeping, tried again: inputs that reach all of the code, and those that once were
 * findings. The search itself is `npm run test:fuzz:coverage`.
 */
import { describe, expect, it } from 'vitest';
import { corpusOf, crashesOf, readInputs } from './coverage/files.ts';
import { attempt } from './coverage/target.ts';
import { loadTarget, TARGETS } from './coverage/targets.ts';

describe.each(Object.keys(TARGETS))('%s', (name) => {
  it('keeps what is claimed of it, for each input of the corpus', async () => {
    const target = await loadTarget(name);
    const inputs = readInputs(corpusOf(name));
    expect(inputs.size).toBeGreaterThan(0);
    for (const seed of target.seeds()) await attempt(target, seed, false);
    for (const input of inputs.values()) await attempt(target, input, false);
  });

  it.each([...readInputs(crashesOf(name))])('holds for %s, which it once did not', async (_, input) => {
    await attempt(await loadTarget(name), input, false);
  });
});
