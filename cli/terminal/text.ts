/** Text for terminals: cut and wrapped by its width, and without characters that act on a terminal. */
import { styleText } from 'node:util';
import stringWidth from 'fast-string-width';
import { clipped, escaped, printableJson } from '../../src/protocol/printable.ts';
import type { Environment, Terminal } from '../io.ts';

/** The text on one line: newlines and tabs become spaces, and characters that act on a terminal are escaped. */
export function oneLine(text: string): string {
  return escaped(text.replace(/[\t\n\r]/g, ' '));
}

/** As {@link oneLine}, cut after `most` UTF-16 units, with an ellipsis. */
export function shortLine(text: string, most: number): string {
  return clipped(oneLine(clipped(text, most)), most);
}

/** UTF-16 units of a name that another process chose. */
const LONGEST_NAME = 120;

/** A name that another process chose: on one line, and cut. */
export function nameText(text: string): string {
  return shortLine(text, LONGEST_NAME);
}

/** UTF-16 units of user input that an error quotes. Most paths are shorter, but an argument may have 128 kB. */
const LONGEST_QUOTED = 500;

/** User input, such as a path or the value of an option, in quotes for an error. */
export function quoted(text: string): string {
  return printableJson(clipped(text, LONGEST_QUOTED));
}

/** UTF-16 units that one column may need: a letter with its marks, or an emoji of several characters. */
const MOST_PER_COLUMN = 8;

/** The text on one line of at most `columns`, with an ellipsis when it was cut. */
export function clip(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  let keptShort = '';
  const line = oneLine(clipped(text, MOST_PER_COLUMN * (Math.max(columns, 0) + 1)));
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    width += stringWidth(segment);
    if (width > columns) return `${keptShort}…`;
    kept += segment;
    if (width < columns) keptShort = kept;
  }
  return kept;
}

/** Words on lines of at most `columns`, unless one word is wider. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && stringWidth(line) + 1 + stringWidth(word) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

// Labelled facts in two columns, as in the description of a server.

/** A line of such a description. */
export type Fact = readonly [label: string, text: string];

const WIDTH = 80;

/** The facts as lines of at most 80 columns, unless a word is wider. */
export function factLines(facts: readonly Fact[]): string[] {
  const left = Math.max(...facts.map(([label]) => label.length));
  return facts.flatMap(([label, text]) =>
    fold(oneLine(text), WIDTH - left - 4).map(
      (line, index) => `  ${(index === 0 ? oneLine(label) : '').padEnd(left)}  ${line}`,
    ),
  );
}

/** Text that fits is not wrapped, which would collapse the spaces that align numbers. */
function fold(text: string, columns: number): readonly string[] {
  return stringWidth(text) <= columns ? [text] : wrap(text, columns);
}

/** Rows as columns: the first to the left, the others to the right, as numbers are read. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, at) => Math.max(...cells.map((row) => stringWidth(row[at] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, at) => {
        const space = ' '.repeat((widths[at] ?? 0) - stringWidth(cell));
        return at === 0 ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Emphasis for terminals. Without colours, every function returns its text unchanged. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  accent(text: string): string;
}

/** The style for a stream: with colours only on a terminal that has them, and not with `NO_COLOR` (no-color.org). */
export function styleFor(stream: Terminal, env: Environment): Style {
  const hasColours = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const as = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    // Without this, Node would check its own stdout instead of the stream.
    hasColours && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  return { strong: as('bold'), faint: as('dim'), accent: as('cyan') };
}
