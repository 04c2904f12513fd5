import type { Command } from '../command.ts';
import { demoCommand } from './demo.ts';
import { evalCommand } from './eval.ts';
import { inspectCommand } from './inspect.ts';
import { jobCommand } from './job.ts';
import { keypairCommand } from './keypair.ts';
import { deleteCommand, getCommand, setCommand } from './keys.ts';
import { mapCommand } from './map.ts';
import { relayCommand } from './relay.ts';
import { serveCommand } from './serve.ts';
import { workerCommand } from './worker.ts';

/** All commands, in the order of `frond --help`. */
export const COMMANDS: readonly Command[] = [
  evalCommand,
  jobCommand,
  mapCommand,
  getCommand,
  setCommand,
  deleteCommand,
  serveCommand,
  workerCommand,
  relayCommand,
  inspectCommand,
  keypairCommand,
  demoCommand,
];
