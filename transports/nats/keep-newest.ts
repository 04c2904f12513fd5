/** A map or set, whose entries are in the order in which they came. */
interface Known {
  readonly size: number;
  keys(): Iterable<string>;
  delete(key: string): boolean;
}

/** Deletes the oldest entries where there are more than `most`. */
export function keepNewest(known: Known, most: number): void {
  if (known.size <= most) return;
  for (const key of known.keys()) {
    known.delete(key);
    if (known.size <= most) return;
  }
}
