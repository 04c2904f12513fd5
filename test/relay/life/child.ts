/** Scripts of this folder in processes of their own, which are killed when the test is over. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { within } from '../../support/wait.ts';

/** Milliseconds for a process that has nothing more to do to end, and to start on a machine that is busy. */
const END = 3_000;
const START = 15_000;

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
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const kill = () => {
    child.kill('SIGKILL');
  };
  killAll.push(kill);
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null') as unknown;
  const said = await within(START, next(), `the start of ${script}`);
  if (said !== 'there') throw new Error(`${script} said ${JSON.stringify(said)}`);
  return {
    go: () => {
      child.stdin.write('go\n');
      return within(START, next(), `what ${script} says`);
    },
    ended: async () => (await within(END, ended, `the end of ${script}`))[0],
    kill,
  };
}
