import { decode, encode, onward, overText } from './helpers.js';

/** A pipeline: it takes what the text server sends on. @satisfies {import('frond/cluster').RoleDefinition} */
const loomPipeline = {
  role: /** @type {const} */ ('pipeline'),
  name: 'loom',
  dbAddress: 'memory://loom',
  subAddress: 'memory://text/results',
  previous: 'text',
  pubAddress: 'memory://loom/results',
  handleStream: onward,
  functions: {
    upper: overText((text) => text.toUpperCase()),
    title: overText((text) => text.replace(/\S+/g, (word) => word[0]?.toUpperCase() + word.slice(1))),
    /** What is shorter than five letters ends here. @type {import('frond/cluster').PalmFunction} */
    long: (payload) => (decode(payload).length < 5 ? undefined : encode(decode(payload))),
  },
};

export { loomPipeline };
