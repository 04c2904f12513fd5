/** Scripts of this folder in processes of their own, which are killed when the test is over. */
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { startScript } from '../../support/processes.ts';
import { within } from '../../support/wait.ts';

/** Milliseconds for a process that has nothing more to do to end. */
const END = 3_000;

let killAll: (() => void)[] = [];
afterEach(() => {
  for (const kill of killAll) kill();
  killAll = [];
});

export interface Child {
  /** Has it go on. Resolves with what it says then. */
  go(): Promise<unknown>;
  /** Resolves with its exit code when it has ended by itself. */
  ended(): Promise<unknown>;
  kill(): void;
}

/** Resolves when it has said that it is there. */
export async function startChild(script: string, ...args: string[]): Promise<Child> {
  const child = await startScript(fileURLToPath(new URL(script, import.meta.url)), args);
  const kill = () => child.signal('SIGKILL');
  killAll.push(kill);
  const said: unknown = JSON.parse(child.said);
  if (said !== 'there') throw new Error(`${script} said ${child.said}`);
  return {
    go: async () => JSON.parse(await child.ask('go')),
    ended: () => within(END, child.ended, `the end of ${script}`),
    kill,
  };
}
