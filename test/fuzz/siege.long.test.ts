/**
 * Nothing that anybody sends to any socket of any role brings it down, has it stall or fill the memory, and real calls are
 * answered all the while. The long form, with a million frames for each socket, is `npm run test:fuzz`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { megabytes } from '../support/leftovers.ts';
import { chosenSeed } from '../support/random.ts';
import { grounds } from './grounds.ts';
import { besiege } from './siege.ts';
import { targetsOf } from './targets.ts';

const FRAMES = 300;

/** Mebibytes that may remain of all of it: what is compiled meanwhile, and a few thousand keys in the cache. */
const REMAINS = 48;

/** Measured once for all: for each it would take as long as the rest. */
const unmeasured = async () => 0;

describe.each(grounds)('hostile frames on %s', (_, make) => {
  let before = 0;
  beforeAll(async () => {
    before = await megabytes();
  });

  it.each(targetsOf(make()))('do no harm at $name', async (target) => {
    const { calls } = await besiege(target, make(), FRAMES, chosenSeed(), unmeasured);
    expect(calls).toBeGreaterThan(0);
  });

  it('do not fill the memory', async () => {
    expect((await megabytes()) - before).toBeLessThan(REMAINS);
  });
});
