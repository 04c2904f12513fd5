/** The servers that are attacked, and who may do what at the relay before them. */
import { times } from './field.ts';

/** Names of servers. */
export const SERVER = 'server';
export const QUIET = 'quiet';
export const MASTER = 'master';

const TOOLS = `
const ANY = 'tcp://127.0.0.1:*';
const at = { dbAddress: ANY, pullAddress: ANY, pubAddress: ANY };
const working = { workerPullAddress: ANY, workerPushAddress: ANY };
const text = (payload) => new TextDecoder().decode(payload);
const bytes = (value) => new TextEncoder().encode(value);
const functions = {
  upper: (payload) => bytes(text(payload).toUpperCase()),
  secret: async (payload, { cache }) => { await cache.set(bytes('yes'), 'secret ran'); return payload; },
  slow: async (payload) => { await new Promise((resolve) => setTimeout(resolve, ${times(8_000, 60_000)})); return payload; },
  boom: () => { throw new Error('boom'); },
  big: (payload) => new Uint8Array(Number(text(payload))),
};
`;

/** One server. */
export const oneServer = (name = SERVER) => `${TOOLS}
export default { role: 'server', name: '${name}', ...at, functions };
`;

/** A server that is attacked, a Master with nobody to work, and one in the same process that honest clients call. */
export const SEVERAL = `${TOOLS}
export default [
  { role: 'server', name: '${SERVER}', ...at, functions },
  { role: 'server', name: '${QUIET}', ...at, functions },
  { role: 'master', name: '${MASTER}', ...at, ...working },
];
`;

/** A Master, and a pipeline of a server, a Hub and a last server, whose functions are not everybody's to call. */
export const pipeline = (first: string, middle: string) => `${TOOLS}
export default [
  { role: 'master', name: '${MASTER}', ...at, ...working },
  { role: 'server', name: 'first', ...at, pubAddress: '${first}', pipelined: true, functions },
  { role: 'hub', name: 'hub', dbAddress: ANY, pubAddress: '${middle}', subAddress: '${first}', previous: 'first', pipelined: true, ...working },
  { role: 'pipeline', name: 'vault', dbAddress: ANY, pubAddress: ANY, subAddress: '${middle}', previous: 'hub', functions },
  { role: 'server', name: '${QUIET}', ...at, functions },
];
`;

/** A module of functions for workers. */
export const WORKER = `${TOOLS}
export default functions;
`;

export const HONEST_TOKEN = 'the-token-of-the-honest';
export const ATTACKER_TOKEN = 'the-token-of-an-attacker';

/** Somebody who may do everything that can be granted. */
export const EVERYTHING = { servers: ['*'], functions: ['*'], cache: 'all', work: true };

export const tokenOf = (number: number) => `the-token-of-attacker-${number}`;

/** Entries of a token file: the honest clients, an attacker, and so many more. */
export function tokens(more = 0, grants: object = EVERYTHING): object[] {
  return [
    { name: 'honest', token: HONEST_TOKEN, ...EVERYTHING },
    { name: 'attacker', token: ATTACKER_TOKEN, ...grants },
    ...Array.from({ length: more }, (_, i) => ({ name: `attacker-${i}`, token: tokenOf(i), ...grants })),
  ];
}
