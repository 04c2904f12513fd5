import { Random } from '../../support/random.ts';
import { until } from '../../support/wait.ts';
import type { Cut, Wire } from '../../support/wire.ts';

/** Cuts at random moments, in both ways, while a link is there to be cut. */
export class Scissors {
  readonly #wire: Wire;
  readonly #random: Random;
  cuts = 0;
  isOver = false;

  constructor(wire: Wire, seed: number) {
    this.#wire = wire;
    this.#random = new Random(seed);
  }

  async run(count: number): Promise<void> {
    while (this.cuts < count && !this.isOver) {
      const pause = this.#random.below(20);
      await new Promise((resolve) => setTimeout(resolve, pause));
      await until(() => this.#wire.live > 0 || this.isOver);
      this.#wire.cut(this.#random.pick<Cut>(['fin', 'rst']));
      this.cuts++;
    }
  }
}
