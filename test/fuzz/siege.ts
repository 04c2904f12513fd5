/** Attacks a socket while real calls are made, and measures what that leaves behind. */
import type { TestGround } from '../support/cluster.ts';
import { megabytes } from '../support/leftovers.ts';
import { Random } from '../support/random.ts';
import { within } from '../support/wait.ts';
import { Fleet } from './fleet.ts';
import type { Target } from './targets.ts';

export interface Outcome {
  readonly frames: number;
  readonly seconds: number;
  /** Real calls that were answered, all of those made. */
  readonly calls: number;
  /** Megabytes of heap and array buffers, garbage collected, before and after. */
  readonly before: number;
  readonly after: number;
}

/** Milliseconds for a thousand frames, whatever else the machine does; each is over long before. */
const PATIENCE = 5_000;

/** @throws the first thing that went wrong, with the seed that has it go wrong again. */
export async function besiege(
  target: Target,
  ground: TestGround,
  count: number,
  seed: number,
  measure = megabytes,
): Promise<Outcome> {
  const failures: unknown[] = [];
  const onFailure = (reason: unknown) => failures.push(reason);
  process.on('unhandledRejection', onFailure);
  try {
    await using fleet = new Fleet(ground);
    const { attack, call, isTaken = false } = await target.open(fleet, new Random(seed));
    // What is made once, whoever calls, is no growth.
    await attack(Math.min(count, 1_000));
    await call();
    const before = await measure();
    const started = performance.now();
    let calls = 0;
    let isOver = false;
    const callOn = async () => {
      while (!isOver && !isTaken) {
        await call();
        calls++;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const attacking = attack(count).finally(() => {
      isOver = true;
    });
    await within(20_000 + count * (PATIENCE / 1_000), Promise.all([attacking, callOn()]), 'the attack');
    const seconds = (performance.now() - started) / 1_000;
    for (let i = 0; i < 3; i++, calls++) await call();
    const after = await measure();
    if (failures.length > 0) throw failures[0];
    return { frames: count, seconds, calls, before, after };
  } catch (cause) {
    throw new Error(`${target.name} on ${ground.transport.name}, FUZZ_SEED=${seed}: ${String(cause)}`, {
      cause,
    });
  } finally {
    process.off('unhandledRejection', onFailure);
  }
}
