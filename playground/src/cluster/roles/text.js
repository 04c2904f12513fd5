import { decode, encode, onward, overText } from './helpers.js';

/** @type {(list: string) => number[]} */
const numbers = (list) => JSON.parse(list);

/** A server of texts. @satisfies {import('frond/cluster').RoleDefinition} */
const textServer = {
  role: /** @type {const} */ ('server'),
  name: 'text',
  dbAddress: 'memory://text',
  pullAddress: 'memory://text/calls',
  pubAddress: 'memory://text/results',
  handleStream: onward,
  concurrency: 16,
  functions: {
    reverse: overText((text) => [...text].reverse().join('')),
    upper: overText((text) => text.toUpperCase()),
    count: overText((text) => String(text.split(/\s+/).filter(Boolean).length)),
    sum: overText((list) => String(numbers(list).reduce((sum, n) => sum + n, 0))),
    *split(payload) {
      for (const word of decode(payload).match(/\S+/g) ?? []) yield encode(word);
    },
    async slow(payload, { progress }) {
      for (let second = 0; second < 3; second++) {
        progress(second, 3, 'still at it');
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      return encode(`${decode(payload)}, at last`);
    },
    boom(payload) {
      throw new RangeError(`${decode(payload) || 'this'} was too much for me`);
    },
  },
};

export { textServer };
