import type { Command, CommandEntry } from '../command.ts';

/** All commands, in the order of `frond --help`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'eval',
    summary: 'call a function with one payload',
    details: async () => (await import('./for-callers.ts')).evalCommand,
  },
  {
    name: 'job',
    summary: 'call a function with every line of stdin or a file',
    details: async () => (await import('./for-callers.ts')).jobCommand,
  },
  {
    name: 'results',
    summary: 'print the results of a job that outlives its process',
    details: async () => (await import('./for-callers.ts')).resultsCommand,
  },
  {
    name: 'map',
    summary: 'one result for each line or file, in order',
    details: async () => (await import('./for-callers.ts')).mapCommand,
  },
  {
    name: 'get',
    summary: 'print the value of a key',
    details: async () => (await import('./for-callers.ts')).getCommand,
  },
  {
    name: 'set',
    summary: 'store a value under a key, and print the key',
    details: async () => (await import('./for-callers.ts')).setCommand,
  },
  {
    name: 'delete',
    summary: 'delete a key',
    details: async () => (await import('./for-callers.ts')).deleteCommand,
  },
  {
    name: 'serve',
    summary: 'run the roles that a module describes',
    isService: true,
    details: async () => (await import('./for-roles.ts')).serveCommand,
  },
  {
    name: 'worker',
    summary: 'run functions for a Master or Hub',
    isService: true,
    details: async () => (await import('./for-roles.ts')).workerCommand,
  },
  {
    name: 'relay',
    summary: 'let pages and scripts use servers over WebSocket',
    isService: true,
    details: async () => (await import('./relay.ts')).relayCommand,
  },
  {
    name: 'inspect',
    summary: 'show what a server is and what it does',
    details: async () => (await import('./for-callers.ts')).inspectCommand,
  },
  {
    name: 'types',
    summary: "write TypeScript types of a server's functions",
    details: async () => (await import('./for-callers.ts')).typesCommand,
  },
  {
    name: 'nats',
    summary: 'set up, show or empty the queues of servers at NATS',
    details: async () => (await import('./for-callers.ts')).natsCommand,
  },
  {
    name: 'keypair',
    summary: 'make keys for an encrypted connection',
    details: async () => (await import('./for-callers.ts')).keypairCommand,
  },
  {
    name: 'demo',
    summary: 'start a cluster on this machine, and try it in a page',
    isService: true,
    details: async () => (await import('./for-roles.ts')).demoCommand,
  },
];

/** Loads what a command needs, and no other. */
export async function loadCommand({ details, ...said }: CommandEntry): Promise<Command> {
  return { ...said, ...(await details()) };
}
