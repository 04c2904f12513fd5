/** Strings of strangers, made fit to be shown: no character acts on a terminal or hides, and none of them is long. */

/**
 * Characters that steer a terminal, reorder or hide text, or are no character at all: controls (C0, DEL, C1), line and
 * paragraph separators, format characters (bidirectional controls, byte order mark, tags), and half a surrogate pair. Not
 * those format characters that are seen, as Arabic number signs, or that scripts and emoji need: U+200C and U+200D.
 */
const UNPRINTABLE =
  /(?![\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Most text is printable ASCII, and seen to be so ten times as fast. */
const NOT_ASCII = /[^ -~]/;

/** The text with each character that must not reach a terminal written as in JSON: `\u001b`. */
export function escaped(text: string): string {
  return NOT_ASCII.test(text) ? text.replace(UNPRINTABLE, inHex) : text;
}

/** As {@link escaped}, but tabs and the ends of lines stay, as in a stack: each end is one line feed. */
export function escapedLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(UNPRINTABLE, (character) =>
      character === '\n' || character === '\t' ? character : inHex(character),
    );
}

/** The first `most` UTF-16 units of the text, with an ellipsis when there were more. */
export function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most);
  // Half a pair would be no character.
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

/** UTF-16 units of what another process says of a failure; a stack has fewer. */
const LONGEST_REASON = 16_384;

/** What another process says of a failure, for an error's message: not long, and with nothing that acts on a terminal. */
export function remoteReason(text: string): string {
  return escapedLines(clipped(text, LONGEST_REASON));
}

/** A value in JSON, on one line, with every character escaped that must not reach a terminal. */
export function printableJson(value: unknown): string {
  // It leaves outside of strings nothing that is escaped here, and inside of them such an escape means the same.
  return escaped(JSON.stringify(value));
}

function inHex(character: string): string {
  let text = '';
  for (let at = 0; at < character.length; at++) {
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }
  return text;
}
