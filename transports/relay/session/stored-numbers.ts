import { STORED_GAPS } from '../../../src/flow-control.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

/** Which frames of a channel are stored, by the numbers that the client gives them. */
export class StoredNumbers {
  /** All frames before this number are stored. */
  #next: number;
  /** Ranges behind a gap, in order and with gaps between them: the first number of each, and the one that follows it. */
  readonly #early: { readonly first: number; readonly end: number }[] = [];

  /** @param first - the number of the first frame that is to come. */
  constructor(first: number) {
    this.#next = first;
  }

  get next(): number {
    return this.#next;
  }

  /** @throws PalmError `PROTOCOL` for more gaps than a well-behaved client leaves. */
  add(number: number, count: number): void {
    const early = this.#early;
    let [first, end] = [Math.max(number, this.#next), number + count];
    if (end <= first) return;
    let behind = early.length;
    while (behind > 0 && (early[behind - 1]?.first ?? 0) > end) behind--;
    let start = behind;
    for (let own = early[start - 1]; own !== undefined && own.end >= first; own = early[start - 1]) {
      first = Math.min(first, own.first);
      end = Math.max(end, own.end);
      start--;
    }
    early.splice(start, behind - start, { first, end });
    if (first === this.#next) {
      this.#next = end;
      early.shift();
    }
    if (early.length <= STORED_GAPS) return;
    throw new PalmError('PROTOCOL', 'the client leaves out numbers of frames');
  }
}
