/** Matches names against patterns: `*` stands for any characters between two dots, and `*` alone for every name. */
export class NamePatterns {
  readonly #isAny: boolean;
  /** Each pattern split at its dots, and each part split at its stars. */
  readonly #patterns: readonly (readonly (readonly string[])[])[];

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map((pattern) => pattern.split('.').map((part) => part.split('*')));
    this.#isAny = patterns.includes('*');
  }

  match(name: string): boolean {
    if (this.#isAny) return true;
    const parts = name.split('.');
    return this.#patterns.some(
      (own) => own.length === parts.length && own.every((pieces, i) => fits(parts[i] ?? '', pieces)),
    );
  }
}

/**
 * Whether a string consists of the pieces in this order, with anything between them. Takes linear time, unlike a regular
 * expression: a hostile name must not cost much.
 */
function fits(text: string, [first = '', ...pieces]: readonly string[]): boolean {
  const last = pieces.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}

/** The first pattern that matches none of the names. A pattern of stars alone matches whatever names there are, also none. */
export function strangerIn(patterns: readonly string[], names: readonly string[]): string | undefined {
  if (!Array.isArray(patterns)) return undefined;
  return patterns.find(
    (pattern) => !/^\*+$/.test(pattern) && !names.some((name) => new NamePatterns([pattern]).match(name)),
  );
}
