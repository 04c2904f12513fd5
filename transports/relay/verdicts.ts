/** Bytes that a relay remembers of calls that it let through, of all clients together. */
const MOST_BYTES = 1_048_576;
/** Characters of a call that is remembered: names of functions, not what a stranger makes as long as it may be. */
const LONGEST = 512;
/** Bytes that one takes beside its characters: the entry of the set, and the string's own header. */
const ENTRY = 96;

/**
 * Calls that were judged and may pass, for all clients of a relay: the least recently used go first. One that is refused is
 * not remembered, so nobody can fill this with what is not granted; and what somebody makes up within a grant goes before
 * what is in use.
 */
export class Verdicts {
  readonly #passing = new Set<string>();
  #bytes = 0;

  /** Bytes that they take, as far as that can be told. */
  get bytes(): number {
    return this.#bytes;
  }

  has(call: string): boolean {
    if (!this.#passing.delete(call)) return false;
    this.#passing.add(call);
    return true;
  }

  add(call: string): void {
    if (call.length > LONGEST || this.has(call)) return;
    this.#passing.add(call);
    this.#bytes += sizeOf(call);
    for (const oldest of this.#passing) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#passing.delete(oldest);
      this.#bytes -= sizeOf(oldest);
    }
  }
}

/** Two bytes a character: one that is not in Latin 1 makes all of them so. */
function sizeOf(call: string): number {
  return 2 * call.length + ENTRY;
}
