/** Workers in processes of their own that tests kill and stop. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from '../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('mortal-process.ts', import.meta.url));
const START = 15_000;

export interface Mortal {
  /** What it has said so far. */
  readonly lines: readonly string[];
  /** Resolves when it has said so, from the start on. */
  said(what: string): Promise<void>;
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

export async function startMortal(dbAddress: string): Promise<Mortal> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, dbAddress], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const lines: string[] = [];
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  const hear = async (what: string) => {
    while (!lines.includes(what)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const mortal: Mortal = {
    lines,
    said: (what) => within(START, hear(what), `a worker that says ${what}`),
    signal: (name) => void child.kill(name),
    ended,
    close: async () => {
      child.kill('SIGKILL');
      await within(START, ended, 'the end of a worker');
    },
  };
  await mortal.said('working');
  return mortal;
}
