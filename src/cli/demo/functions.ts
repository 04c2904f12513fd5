import type { PalmFunctions } from '../../cluster/functions.ts';
import { encodeUtf8 } from '../../protocol/utf8.ts';

/** What the server of `frond demo` offers: each takes a text in UTF-8 and gives one. */
export const DEMO_FUNCTIONS: PalmFunctions = {
  upper: overText((text) => text.toUpperCase()),
  reverse: overText((text) => [...text].reverse().join('')),
  /** The number of words, a tab, and the text: the results of a job do not come with their inputs. */
  words: overText((text) => `${wordsOf(text).length}\t${text}`),
  longest: overText((text) =>
    wordsOf(text).reduce((longest, word) => (word.length > longest.length ? word : longest), ''),
  ),
};

function overText(run: (text: string) => string): PalmFunctions[string] {
  // Lenient: a line of any file may be sent.
  return (payload) => encodeUtf8(run(new TextDecoder().decode(payload)));
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}
