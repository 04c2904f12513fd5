import type { Command } from '../command.ts';
import { COMMON_OPTIONS } from '../options.ts';

export const demoCommand: Command = {
  name: 'demo',
  summary: 'start a cluster here, see it called, and play with it in a page',
  synopsis: ['[FILE]'],
  about: [
    'Starts a PALM cluster on this machine: the server demo, with the functions upper, reverse, words, longest and fail; the master crew with three workers, who have who and nap; and clean, count and tally, one after another (called as "clean.lower count.words tally.total"). Calls demo over TCP: one call, a job over the lines of FILE (ten sonnets of Shakespeare when there is none), and a shared key.',
    'Then it serves the playground, a page that is connected to all of them through a relay, prints the link, and stays until Ctrl-C. The link has a token in it, made for this once: who has it may use these servers. A second Ctrl-C ends it at once. Nothing is left behind.',
    'Without the package zeromq the cluster runs inside this process, and is reached through the relay alone.',
  ],
  examples: [
    { line: 'frond demo --open', does: 'a quick look, and the page' },
    { line: 'frond demo --once README.md --all', does: 'over a text of your own, without the page' },
    { line: 'frond demo --db tcp://127.0.0.1:5555', does: 'with a server at an address that you know' },
  ],
  options: ['once', 'open', 'port', 'db', 'all', ...COMMON_OPTIONS],
  own: {
    db: {
      kind: 'text',
      value: 'ADDRESS',
      help: 'db_address of the server demo; needs the package zeromq',
      default: 'a free port of 127.0.0.1',
    },
  },
  arity: [0, 1],
  isService: true,
  // What it needs is loaded for it alone.
  run: async (context) => (await import('../demo/run.ts')).runDemo(context),
};
