import type { Terminal } from '../../../cli/io.ts';
import type { Output } from '../../../cli/terminal/output.ts';

const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** Lines on a terminal that are drawn again in their place. */
export class Block {
  readonly #output: Output;
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(output: Output, terminal: Terminal) {
    this.#output = output;
    this.#terminal = terminal;
  }

  /** Draws a text in the place of the one before; what is below the screen is left out. */
  draw(text: string): Promise<void> | undefined {
    const room = Math.max(1, (this.#terminal.rows || DEFAULT_ROWS) - 1);
    const lines = text.split('\n');
    const shown = lines.length > room ? [...lines.slice(0, room - 1), '…'] : lines;
    const back = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    this.#drawn = shown.reduce((rows, line) => rows + this.#rowsOf(line), 0);
    return this.#output.line(`${back}\u001b[J${shown.join('\n')}`);
  }

  /** A line that is wider than the terminal takes several rows. */
  #rowsOf(line: string): number {
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    return Math.max(1, Math.ceil(line.replace(STYLE, '').length / columns));
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what emphasis begins with
const STYLE = /\u001b\[\d+m/g;
