/**
 * The long form of test/fuzz/siege.long.test.ts and zmtp-frames.long.test.ts: `npm run test:fuzz [-- frames [name]]`. Sends a million frames, or
 * so many, to each socket of each role whose name has `name` in it, and to each end of zmtp at each stage of its handshake, and says what that
 * came to. Calls are answered meanwhile, and memory stays flat, or the run fails. `npm run test:fuzz -- 1000000 'zmtp: a '` is the ends of zmtp
 * alone. FUZZ_SEED has it repeated.
 */

import { megabytes } from '../support/leftovers.ts';
import { chosenSeed, Random } from '../support/random.ts';
import { Bystander } from './bystander.ts';
import { grounds } from './grounds.ts';
import { besiege } from './siege.ts';
import { targetsOf } from './targets.ts';
import { damage, PLACES } from './zmtp-frames.ts';

/** MiB that may remain of any number of frames: what is compiled meanwhile. */
const REMAINS = 32;

const [frames = '1000000', wanted = ''] = process.argv.slice(2);
const seed = chosenSeed();
console.log(`seed ${seed}`);
console.log('socket'.padEnd(38), '  frames  seconds   calls   MiB before  after');
let failed = 0;
for (const [name, make] of grounds) {
  for (const target of targetsOf(make())) {
    const what = `${name}: ${target.name}`;
    if (!what.includes(wanted)) continue;
    try {
      const outcome = await besiege(target, make(), Number(frames), seed);
      const { seconds, calls, before, after } = outcome;
      const figures = [outcome.frames, seconds.toFixed(1), calls, before.toFixed(1), after.toFixed(1)];
      console.log(what.padEnd(38), figures.map((figure) => String(figure).padStart(8)).join(' '));
      if (after - before > REMAINS) throw new Error(`${(after - before).toFixed(1)} MiB remain`);
    } catch (error) {
      failed++;
      console.log(what.padEnd(38), error);
    }
  }
}
for (const [kind, stage] of PLACES) {
  const what = `zmtp: ${kind}, ${stage}`;
  if (!what.includes(wanted)) continue;
  try {
    const random = new Random(seed);
    await damage(kind, stage, Number(frames) / 100, random);
    await using bystander = await Bystander.start();
    const [before, started] = [await megabytes(), performance.now()];
    const [{ frames: read }, calls] = await bystander.callsWhile(damage(kind, stage, Number(frames), random));
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    const after = await megabytes();
    const figures = [read, seconds, calls, before.toFixed(1), after.toFixed(1)];
    console.log(what.padEnd(38), figures.map((figure) => String(figure).padStart(8)).join(' '));
    if (after - before > REMAINS) throw new Error(`${(after - before).toFixed(1)} MiB remain`);
  } catch (error) {
    failed++;
    console.log(what.padEnd(38), error);
  }
}
console.log(failed === 0 ? 'all stood' : `${failed} fell`);
process.exitCode = failed === 0 ? 0 : 1;
