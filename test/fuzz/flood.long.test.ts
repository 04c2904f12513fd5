/** Peers that ask for more than can be answered at once, without end. */
import { describe, expect, it } from 'vitest';
import type { Server } from '../../src/cluster/index.ts';
import { Frames } from '../support/frames.ts';
import { megabytes } from '../support/leftovers.ts';
import { Random } from '../support/random.ts';
import { Fleet } from './fleet.ts';
import { overLibzmq } from './grounds.ts';
import { attackWithParts } from './requests.ts';

describe('a flood of requests', () => {
  it('has no answers pile up, though reading is faster than sending', async () => {
    await using fleet = new Fleet(overLibzmq());
    const { dbAddress } = await fleet.start<Server>({ role: 'server', name: 'server' });
    const attack = attackWithParts(fleet, new Frames(new Random(5), 'server'), dbAddress, false);
    await attack(5_000);
    const before = await megabytes();
    await attack(40_000);
    expect((await megabytes()) - before).toBeLessThan(6);
  });
});
