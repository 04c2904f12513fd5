/** Text for terminals: of known width, and free of control characters. */

/** Characters that take two columns: East Asian wide forms and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const ZERO_WIDTH = /\p{Mark}|\u200b|\u200d/u;
const CONTROL = /\p{Cc}|[\u2028\u2029]/gu;

/** The text on one line: a control character, which could steer the terminal, becomes a space. */
export function oneLine(text: string): string {
  return text.replace(CONTROL, ' ');
}

/** The text cut to `columns`, with an ellipsis when something was cut off. */
export function clip(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  let keptShort = '';
  for (const character of oneLine(text)) {
    width += widthOf(character);
    if (width > columns) return `${keptShort}…`;
    kept += character;
    if (width < columns) keptShort = kept;
  }
  return kept;
}

/** Words on lines of at most `columns`. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

function widthOf(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
