/** What the servers of `frond demo` offer: each function takes a text in UTF-8 and gives one. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionContext, PalmFunctions } from '../../cluster/runtime/functions.ts';
import { encodeUtf8 } from '../../protocol/bytes.ts';

/** Of the server `demo`. */
export const DEMO: PalmFunctions = {
  upper: overText((text) => text.toUpperCase()),
  reverse: overText((text) => [...text].reverse().join('')),
  /** The number of words, a tab, and the text: the results of a job do not come with their inputs. */
  words: overText((text) => `${wordsOf(text).length}\t${text}`),
  longest: overText((text) =>
    wordsOf(text).reduce((longest, word) => (word.length > longest.length ? word : longest), ''),
  ),
  /** For who wants to see what a caller is told. */
  fail: overText((text) => {
    throw new RangeError(text === '' ? 'this function always fails' : text);
  }),
};

/** Milliseconds. */
const LONGEST_NAP = 60_000;

/** Of the workers of the master `crew`. */
export const CREW: PalmFunctions = {
  who: overText((text, { name }) => `${name}: ${text}`),
  /** Takes its time: as many milliseconds as the text says. */
  nap: overText(async (text, { name, signal }) => {
    const time = Number(text);
    if (text.trim() === '' || !(time >= 0 && time <= LONGEST_NAP))
      throw new RangeError(`a nap is 0 to ${LONGEST_NAP} milliseconds, not ${JSON.stringify(text)}`);
    await sleep(time, undefined, { signal });
    return `${name} slept ${time} ms`;
  }),
};

/** Of `clean`, `count` and `tally`, which come one after another. */
export const CLEAN: PalmFunctions = {
  lower: overText((text) => text.toLowerCase()),
};

export const COUNT: PalmFunctions = {
  words: overText((text) => String(wordsOf(text).length)),
};

export const TALLY: PalmFunctions = {
  /** Adds to what the server keeps for the caller's session. */
  total: overText(async (text, { cache }) => {
    const before = await cache.get('total');
    const total = Number(text) + (before === undefined ? 0 : Number(new TextDecoder().decode(before)));
    await cache.set(encodeUtf8(String(total)), 'total');
    return `${text} words, ${total} in all`;
  }),
};

function overText(
  run: (text: string, context: FunctionContext) => string | Promise<string>,
): PalmFunctions[string] {
  return (payload, context) => {
    // Lenient: a line of any file may be sent.
    const result = run(new TextDecoder().decode(payload), context);
    return typeof result === 'string' ? encodeUtf8(result) : result.then(encodeUtf8);
  };
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
}
