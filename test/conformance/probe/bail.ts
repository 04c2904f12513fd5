/** Leaves out what comes after the first test that failed: the mutant is killed. */
import { beforeEach, type RunnerTask } from 'vitest';

function leaveOut(task: RunnerTask): void {
  if ('tasks' in task) task.tasks.forEach(leaveOut);
  else if (task.result === undefined) task.mode = 'skip';
}

beforeEach(({ task, onTestFailed }) => {
  onTestFailed(() => leaveOut(task.file));
});
