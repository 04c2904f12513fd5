/** Makes strangers' strings fit to be shown: short, and without characters that act on a terminal or hide text. */

/**
 * Characters that act on a terminal, reorder or hide text, or are not characters: controls (C0, DEL, C1), line and paragraph
 * separators, format characters (bidirectional controls, byte order mark, tags), and half of a surrogate pair. Visible format
 * characters, such as Arabic number signs, are left out, and so are those that scripts and emoji need: U+200C and U+200D.
 */
const UNPRINTABLE =
  /(?![\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Most strings are printable ASCII, and this test is ten times as fast as the other. */
const NOT_ASCII = /[^ -~]/;

/** The string with each character that must not reach a terminal escaped as in JSON: `\u001b`. */
export function escaped(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(UNPRINTABLE, inHex) : text;
}

/** As {@link escaped}, but tabs and line ends stay, as in a stack. Each line end becomes one line feed. */
export function escapedLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(UNPRINTABLE, (character) =>
      character === '\n' || character === '\t' ? character : inHex(character),
    );
}

/** The first `most` UTF-16 units of the string, and an ellipsis when there were more. */
export function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most);
  // Half of a surrogate pair is not a character.
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

/** UTF-16 units of a failure's reason from another process. A stack has fewer. */
const LONGEST_REASON = 16_384;

/** A failure's reason from another process, fit for an error's message: clipped, and escaped but for tabs and line ends. */
export function remoteReason(text: string): string {
  return escapedLines(clipped(text, LONGEST_REASON));
}

/** A value as JSON on one line. Every character that must not reach a terminal is escaped. */
export function printableJson(value: unknown): string {
  // JSON.stringify writes such characters only inside strings, where the escape means the same character.
  return escaped(JSON.stringify(value));
}

function inHex(character: string): string {
  let text = '';
  for (let at = 0; at < character.length; at++) {
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }
  return text;
}
