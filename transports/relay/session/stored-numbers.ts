import { PalmError } from '../../../src/protocol/errors.ts';

/** Ranges that may be stored before an earlier one: small frames pass large ones, which come in pieces. */
const MOST_EARLY = 4_096;

/** Which frames of a channel are stored, by the numbers that the client gives them. */
export class StoredNumbers {
  /** All frames before this number are stored. */
  #next: number;
  /** Ranges behind a gap: the number that follows each, by its first. */
  readonly #early = new Map<number, number>();

  /** @param first - the number of the first frame that is to come. */
  constructor(first: number) {
    this.#next = first;
  }

  get next(): number {
    return this.#next;
  }

  /** @throws PalmError `PROTOCOL` for more gaps than a well-behaved client leaves. */
  add(first: number, count: number): void {
    if (first < this.#next) return;
    this.#early.set(first, first + count);
    for (let end = this.#early.get(this.#next); end !== undefined; end = this.#early.get(end)) {
      this.#early.delete(this.#next);
      this.#next = end;
    }
    if (this.#early.size <= MOST_EARLY) return;
    throw new PalmError('PROTOCOL', 'the client leaves out numbers of frames');
  }
}
