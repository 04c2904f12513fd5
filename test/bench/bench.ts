/** One run of the bench: how much work it does, what it says as it goes, and the rows that it has. */
import type { Protobuf } from '../interop/pylm.ts';
import type { Goal, Row } from './figures.ts';
import type { BenchOptions } from './options.ts';

/** Where a run says what it is doing, and each row as soon as it is known. */
export interface Reporter {
  /** What is measured now. `step` is the round and the side of it, which follow each other quickly. */
  doing(what: string, step?: string): void;
  row(row: Row): void;
}

export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

export class Bench {
  /** How often each side is measured. */
  readonly rounds: number;
  /** The part of the full work that is done. */
  readonly scale: number;
  /** Stock pylm is what pip installs: protobuf in pure Python. With `upb` it gets the C implementation, its best speed. */
  readonly protobuf: Protobuf;
  readonly rows: Row[] = [];
  readonly #reporter: Reporter;

  constructor({ quick, protobuf }: BenchOptions, reporter: Reporter) {
    this.rounds = quick ? 1 : 5;
    this.scale = quick ? 0.1 : 1;
    this.protobuf = protobuf;
    this.#reporter = reporter;
  }

  /** Says what is done until the next call. */
  doing(what: string, step?: string): void {
    this.#reporter.doing(what, step);
  }

  /** @param detail - the figures behind the value, with their units. */
  row(what: string, against: string, value: number, { goal, unit, met }: Goal, detail: string): void {
    const row = { what, against, value, unit, goal, reached: met(value), detail };
    this.rows.push(row);
    this.#reporter.row(row);
  }

  /**
   * Runs all sides in turn, `rounds` times, and gives the best run of each: what makes another run of the same work slower
   * is the machine.
   */
  async inTurn<K extends string>(
    what: string,
    best: (...values: number[]) => number,
    sides: Readonly<Record<K, () => Promise<number>>>,
  ): Promise<Record<K, number>> {
    const names = Object.keys(sides) as K[];
    const seen = new Map<K, number[]>(names.map((name) => [name, []]));
    for (let round = 0; round < this.rounds; round++) {
      for (const name of names) {
        this.#step(what, round, name);
        seen.get(name)?.push(await sides[name]());
      }
    }
    return Object.fromEntries(names.map((name) => [name, best(...(seen.get(name) ?? []))])) as Record<
      K,
      number
    >;
  }

  /**
   * Runs two sides in turn, `rounds` times, and gives the pair whose ratio is the median. For runs that take as long as a
   * machine's speed holds: two of them that follow each other have more in common than the best of all.
   */
  async inPairs(
    what: string,
    sides: { readonly ours: () => Promise<number>; readonly theirs: () => Promise<number> },
  ): Promise<Pair> {
    const pairs: Pair[] = [];
    for (let round = 0; round < this.rounds; round++) {
      this.#step(what, round, 'ours');
      const ours = await sides.ours();
      this.#step(what, round, 'theirs');
      pairs.push({ ours, theirs: await sides.theirs() });
    }
    const middle = pairs.toSorted((a, b) => a.ours / a.theirs - b.ours / b.theirs)[this.rounds >> 1];
    return middle ?? { ours: Number.NaN, theirs: Number.NaN };
  }

  #step(what: string, round: number, side: string): void {
    this.doing(what, `round ${round + 1} of ${this.rounds}, ${side}`);
  }
}
