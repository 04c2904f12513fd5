import type { Command } from '../command.ts';
import { deleteCommand } from '../../src/cli/delete.ts';
import { demoCommand } from './demo.ts';
import { evalCommand } from './eval.ts';
import { getCommand } from './keys.ts';
import { inspectCommand } from './inspect.ts';
import { jobCommand } from './job.ts';
import { mapCommand } from './map.ts';
import { relayCommand } from './relay.ts';
import { serveCommand } from './serve.ts';
import { setCommand } from '../../src/cli/set.ts';
import { workerCommand } from './worker.ts';

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
  demoCommand,
];
