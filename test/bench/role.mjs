/**
 * A role of the built package in a process of its own, until stdin ends: node role.mjs server | master [DB] | worker DB [zeromq | zmtp | nats URL]
 * Prints the address of its cache once it is up.
 */
const dist = new URL('../../dist/node/', import.meta.url);
const { startRole } = await import(new URL('cluster.js', dist).href);

const [role, master, kind = 'zeromq', servers] = process.argv.slice(2);
const transport = (await import(new URL(`${kind}.js`, dist).href))[kind](servers && { servers });
const any = kind === 'nats' ? 'nats:*' : 'tcp://127.0.0.1:*';
const functions = {
  same: (payload) => payload,
  /** Takes a millisecond in which the process does nothing: more of them, more cores. */
  nap: async (payload) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return payload;
  },
  /** Until the call is cancelled. */
  wait: (payload, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(payload))),
};
/** On NATS all ends of a server have one address, which Masters share. */
const beside = kind === 'nats' ? undefined : any;
const bound = { dbAddress: any, pullAddress: beside, pubAddress: beside };
const definitions = {
  server: { name: 'server', ...bound, functions },
  master: {
    name: 'master',
    ...bound,
    dbAddress: master || any,
    workerPullAddress: beside,
    workerPushAddress: beside,
  },
  worker: { dbAddress: master, functions, concurrency: 1 },
};
const running = await startRole({ role, loggingLevel: 'warning', ...definitions[role] }, transport);
console.log(running.dbAddress ?? 'working');
process.stdin.resume().on('end', () => running.close());
