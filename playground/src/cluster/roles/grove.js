import { encode, onward, overText } from './helpers.js';

/** A master, which has no functions of its own: it shares calls among its workers. @satisfies {import('frond/cluster').RoleDefinition} */
const groveMaster = {
  role: /** @type {const} */ ('master'),
  name: 'grove',
  dbAddress: 'memory://grove',
  pullAddress: 'memory://grove/calls',
  pubAddress: 'memory://grove/results',
  workerPullAddress: 'memory://grove/done',
  workerPushAddress: 'memory://grove/work',
  handleStream: onward,
};

/** What each worker does. @type {import('frond/cluster').PalmFunctions} */
const groveFunctions = {
  upper: overText((text) => text.toUpperCase()),
  square: overText((text) => String(Number(text) ** 2)),
  factors: overText((text) => {
    const found = [];
    let rest = Math.min(Number(text), Number.MAX_SAFE_INTEGER);
    for (let n = 2; n * n <= rest; n++) for (; rest % n === 0; rest /= n) found.push(n);
    return [...found, rest].join(' × ');
  }),
  whoami: (_payload, { name }) => encode(name),
};

/** One of them. @param {string} name */
const groveWorker = (name) => ({
  role: /** @type {const} */ ('worker'),
  name,
  dbAddress: 'memory://grove',
  functions: groveFunctions,
});

export { groveMaster, groveWorker };
