import type { Command } from './command.ts';
import { deleteCommand } from './delete.ts';
import { demoCommand } from './demo.ts';
import { evalCommand } from './eval.ts';
import { getCommand } from './get.ts';
import { jobCommand } from './job.ts';
import { setCommand } from './set.ts';

export const COMMANDS: readonly Command[] = [
  evalCommand,
  jobCommand,
  getCommand,
  setCommand,
  deleteCommand,
  demoCommand,
];
