/** Runs every test twice in one process: what the first time leaves behind, the second finds. Vitest takes it as its `runner`. */
import type { File, Task } from '@vitest/runner';
import { TestRunner } from 'vitest';

export default class RepeatingRunner extends TestRunner {
  onCollected(files: File[]): void {
    for (const file of files) repeat(file);
  }
}

function repeat(task: Task): void {
  if (task.type === 'test') task.repeats ??= 1;
  else for (const own of task.tasks) repeat(own);
}
