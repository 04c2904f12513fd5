/** Text for terminals: of known width, and free of what acts on a terminal. */
import { styleText } from 'node:util';
import stringWidth from 'fast-string-width';
import { clipped, escaped, printableJson } from '../../src/protocol/printable.ts';
import type { Environment, Terminal } from '../io.ts';

/** The text on one line: an end of a line and a tab become a space, and what could steer the terminal is escaped. */
export function oneLine(text: string): string {
  return escaped(text.replace(/[\t\n\r]/g, ' '));
}

/** As {@link oneLine}, in at most `most` UTF-16 units and an ellipsis. */
export function shortLine(text: string, most: number): string {
  return clipped(oneLine(clipped(text, most)), most);
}

/** Characters of a name that somebody else chose, where a person reads it among others. */
const LONGEST_NAME = 120;

/** A name that somebody else chose, on one line and not long. */
export function nameText(text: string): string {
  return shortLine(text, LONGEST_NAME);
}

/** Characters of what a user gave, in an error: most paths are shorter, and an argument may have 128 kB. */
const LONGEST_QUOTED = 500;

/** A path, an option's value or the like, as an error shows it. */
export function quoted(text: string): string {
  return printableJson(clipped(text, LONGEST_QUOTED));
}

/** UTF-16 units that one column may take: a letter with its marks, or an emoji of several. */
const MOST_PER_COLUMN = 8;

/** The text cut to `columns`, with an ellipsis when something was cut off. */
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

// Facts in two columns, as servers are described.

export type Fact = readonly [label: string, text: string];

const WIDTH = 80;

/** Lines of at most 80 columns, unless a word is longer; labels to the left. */
export function factLines(facts: readonly Fact[]): string[] {
  const left = Math.max(...facts.map(([label]) => label.length));
  return facts.flatMap(([label, text]) =>
    fold(oneLine(text), WIDTH - left - 4).map(
      (line, index) => `  ${(index === 0 ? oneLine(label) : '').padEnd(left)}  ${line}`,
    ),
  );
}

/** Numbers that are lined up stay so: only what is too long is taken apart. */
function fold(text: string, columns: number): readonly string[] {
  return stringWidth(text) <= columns ? [text] : wrap(text, columns);
}

/** Emphasis for terminals; where there are no colours, every function gives its text back. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  accent(text: string): string;
}

/** Colours only on a terminal that has them, and never with `NO_COLOR` (no-color.org). */
export function styleFor(stream: Terminal, env: Environment): Style {
  const hasColours = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const as = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    // Otherwise Node looks at its own stdout, which need not be the stream.
    hasColours && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  return { strong: as('bold'), faint: as('dim'), accent: as('cyan') };
}
