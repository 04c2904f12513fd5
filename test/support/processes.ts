/** Scripts of the tests in processes of their own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { within } from './wait.ts';

/** Milliseconds in which a process must be up, on a machine that is busy. */
const START = 40_000;

export interface ScriptProcess {
  readonly pid: number;
  /** The first line that it printed. */
  readonly said: string;
  /** All lines so far. */
  readonly lines: readonly string[];
  /** Resolves once it has printed this line, from the start on. */
  prints(line: string): Promise<void>;
  /** Writes a line to its stdin. Resolves with the next line that no question had for an answer, which may have come before. */
  ask(line: string): Promise<string>;
  /** Writes a line that has no answer of its own. */
  say(line: string): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code when it has ended. */
  readonly ended: Promise<number | null>;
  /** Ends its stdin. Resolves with the exit code when it has ended. */
  close(): Promise<number | null>;
}

export interface ScriptOptions {
  /** Flags of Node.js. */
  readonly flags?: readonly string[];
  /** A program, and its arguments, that becomes Node.js, such as nsenter. */
  readonly launcher?: readonly string[];
}

/** Starts a script of TypeScript. Resolves when it has printed its first line. */
export async function startScript(
  script: string,
  args: readonly string[] = [],
  { flags = [], launcher = [] }: ScriptOptions = {},
): Promise<ScriptProcess> {
  const [program = process.execPath, ...all] = [...launcher, process.execPath, ...flags];
  const child = spawn(program, [...all, '--import', 'tsx', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A test may write to a process that it has killed.
  child.stdin.on('error', () => {});
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
    waiting.clear();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  let hasEnded = false;
  /** The first line is no answer. */
  let answers = 1;
  ended.then(() => {
    hasEnded = true;
    wake();
  });
  const hear = async (find: () => string | undefined): Promise<string> => {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (hasEnded)
        throw new Error(`${script} ${args.join(' ')} has ended; it printed: ${lines.join(' | ')}`);
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  };
  const heard = (find: () => string | undefined, what: string) =>
    within(START, hear(find), `${what} of ${script}`);
  try {
    return {
      pid: child.pid ?? 0,
      said: await heard(() => lines[0], 'the first line'),
      lines,
      prints: async (line) => void (await heard(() => lines.find((own) => own === line), `"${line}"`)),
      ask: (line) => {
        const index = answers++;
        child.stdin.write(`${line}\n`);
        return heard(() => lines[index], `the answer to "${line}"`);
      },
      say: (line) => void child.stdin.write(`${line}\n`),
      signal: (name) => void child.kill(name),
      ended,
      close: () => {
        child.stdin.end();
        return ended;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
