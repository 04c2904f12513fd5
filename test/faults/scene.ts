import { it } from 'vitest';
import { chosenSeed } from '../support/random.ts';
import { IS_LONG, Stage } from './stage.ts';

/** Milliseconds that one scenario may take. */
const LONGEST = IS_LONG ? 900_000 : 220_000;

/** A test on a stage of its own. A failure names the seed that it can be had again with. */
export function scene(name: string, run: (stage: Stage) => Promise<void>): void {
  it(
    name,
    async () => {
      const seed = Number(process.env['FAULTS_SEED']) || chosenSeed();
      const stage = new Stage(seed);
      try {
        await run(stage);
      } catch (error) {
        console.error(`again with: npm run test:faults -- --seed ${seed} -t "${name}"`);
        throw error;
      } finally {
        await stage.close();
      }
    },
    LONGEST,
  );
}
