/** Facts in two columns, as servers are described. */
import { oneLine, wrap } from '../../cli/terminal/text.ts';

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
  return text.length <= columns ? [text] : wrap(text, columns);
}
