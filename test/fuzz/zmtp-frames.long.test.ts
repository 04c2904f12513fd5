/**
 * Mutated frames break no end of zmtp, at no stage of the handshake. `npm run test:fuzz` sends a million to each, or as many as it is told to;
 * FUZZ_SEED has it repeated.
 */
import { expect, it } from 'vitest';
import { megabytes } from '../support/leftovers.ts';
import { chosenSeed, Random } from '../support/random.ts';
import { damage, PLACES } from './zmtp-frames.ts';

const FRAMES = 10_000;
/** MiB that may remain: what is compiled meanwhile. Frames of one end and stage come to 200 KiB and more. */
const REMAINS = 16;

it.each(PLACES)(
  '%s refuses damaged frames with a reason and keeps nothing of them, %s',
  async (kind, stage) => {
    const seed = chosenSeed();
    await damage(kind, stage, FRAMES / 4, new Random(seed));
    const before = await megabytes();
    const { frames, refusals } = await damage(kind, stage, FRAMES, new Random(seed + 1));
    expect(frames, `FUZZ_SEED=${seed}`).toBeGreaterThanOrEqual(FRAMES);
    expect(refusals.size).toBeGreaterThan(3);
    expect((await megabytes()) - before).toBeLessThan(REMAINS);
  },
);
