import { onward, overText } from './helpers.js';

/** A sink: it brings together what the loom and the grove send on. @satisfies {import('frond/cluster').RoleDefinition} */
const pressSink = {
  role: /** @type {const} */ ('sink'),
  name: 'press',
  dbAddress: 'memory://press',
  subAddresses: ['memory://loom/results', 'memory://grove/results'],
  previous: ['loom', 'grove'],
  pubAddress: 'memory://press/results',
  handleStream: onward,
  functions: {
    quote: overText((text) => `“${text}”`),
    frame: overText((text) => `[ ${text} ]`),
  },
};

export { pressSink };
