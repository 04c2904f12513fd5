/** What a run prints: on stderr what it is doing, on stdout the rows. */
import type { Reporter } from './bench.ts';
import type { Row } from './figures.ts';
import { type Before, headLine, rowLine } from './table.ts';

export class Progress implements Reporter {
  readonly #out: NodeJS.WriteStream;
  readonly #err: NodeJS.WriteStream;
  readonly #before: Before | undefined;
  #doing = '';

  /** @param out - takes the table. @param err - takes what is done; a terminal shows it in one line that changes. */
  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream, before: Before | undefined) {
    this.#out = out;
    this.#err = err;
    this.#before = before;
  }

  /** Prints the names of the columns. */
  begin(): void {
    this.#out.write(`${headLine(this.#before !== undefined)}\n`);
  }

  doing(what: string, step = ''): void {
    if (this.#err.isTTY) {
      this.clear();
      this.#err.write(`${what}${step && `: ${step}`} `.slice(0, this.#err.columns - 1));
    } else if (what !== this.#doing) {
      this.#err.write(`measuring: ${what}\n`);
    }
    this.#doing = what;
  }

  row(row: Row): void {
    this.clear();
    this.#out.write(`${rowLine(row, this.#before)}\n`);
  }

  /** Takes the line that changes away. */
  clear(): void {
    if (!this.#err.isTTY) return;
    this.#err.cursorTo(0);
    this.#err.clearLine(0);
  }
}
