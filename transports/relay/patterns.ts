/** Whether a name is one of those that patterns stand for: `*` for any part between dots, `*` alone for everything. */
export class Patterns {
  readonly #expressions: readonly RegExp[];

  constructor(patterns: readonly string[]) {
    this.#expressions = patterns.map((pattern) =>
      pattern === '*' ? /^/ : new RegExp(`^${pattern.split('*').map(escaped).join('[^.]*')}$`, 'u'),
    );
  }

  match(name: string): boolean {
    return this.#expressions.some((expression) => expression.test(name));
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
