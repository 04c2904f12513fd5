/** Commands that use servers. They need the same, so the package has one file of them. */
export { evalCommand } from './eval.ts';
export { inspectCommand } from './inspect.ts';
export { jobCommand } from './job.ts';
export { keypairCommand } from './keypair.ts';
export { deleteCommand, getCommand, setCommand } from './keys.ts';
export { mapCommand } from './map.ts';
export { natsCommand } from './nats.ts';
export { resultsCommand } from './results.ts';
export { typesCommand } from './types.ts';
