/** Whether a name is one of those that patterns stand for: `*` for any part between dots, `*` alone for everything. */
export class NamePatterns {
  readonly #isAny: boolean;
  /** Of each pattern its parts between dots, and of each part what is between its stars. */
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
 * Whether a text is the pieces, with anything between them. Nothing is tried twice, as a regular expression would: a
 * stranger's name may be made to be hard.
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

/** The first of the patterns that fits none of the names, and is not made of stars alone, which mean whatever there is. */
export function strangerIn(patterns: readonly string[], names: readonly string[]): string | undefined {
  if (!Array.isArray(patterns)) return undefined;
  return patterns.find(
    (pattern) => !/^\*+$/.test(pattern) && !names.some((name) => new NamePatterns([pattern]).match(name)),
  );
}
