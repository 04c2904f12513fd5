import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const LONGEST_RUN = 180_000;
/** Milliseconds until a process says what it is asked, and until it has ended. */
const LONGEST_SILENCE = 120_000;
const LONGEST_END = 10_000;
/** Characters of what a process logged that its failure shows: what it logs otherwise would get into the table. */
const LOG_KEPT = 4_000;

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly samples?: readonly number[];
  /** Seconds of a round trip in the median. */
  readonly p50?: number;
  readonly p99?: number;
}

/** The transports that speak ZeroMQ. */
export type Kind = 'zeromq' | 'zmtp';

export interface FrondOptions {
  /** The transport of the client. Default `zeromq`. */
  readonly kind?: Kind | 'nats';
  /** Where NATS is. */
  readonly servers?: string;
  /** Flags of Node's. */
  readonly flags?: string[];
}

/** One measurement of the built client, in a process of its own. */
export function runFrond(
  command: string,
  db: string,
  server: string,
  count = 0,
  { kind = 'zeromq', servers, flags = [] }: FrondOptions = {},
): Promise<Measured> {
  return runScript(
    'client.mjs',
    [command, db, server, String(count), kind, ...(servers === undefined ? [] : [servers])],
    flags,
  );
}

/** A script of this folder that prints one line of JSON, in a process of its own. */
export function runScript<T = Measured>(script: string, args: string[], flags: string[] = []): Promise<T> {
  const child = spawn(process.execPath, [...flags, here(script), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_RUN,
  });
  const logged = keepLog(child.stderr);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as T);
      else reject(new Error(`${script} ${args[0]} ended with ${code ?? 'a signal'}${logged()}`));
    });
  });
}

/** Keeps the end of what a process logs, and gives it as the rest of an error. */
function keepLog(stream: Readable): () => string {
  let log = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_KEPT);
  });
  return () => (log === '' ? '' : `. It logged:\n${log}`);
}

export interface BenchProcess extends AsyncDisposable {
  /** The line it said once it was up. */
  readonly said: string;
  /** Writes a line, and gives the line it says next. */
  ask(question: string): Promise<string>;
  /** The line it says next. */
  heard(): Promise<string>;
  kill(): void;
}

/** A script of this folder in a process of its own, until it is disposed of. */
export function startProcess(script: string, ...args: string[]): Promise<BenchProcess> {
  return startWith([], script, ...args);
}

/** The same with flags of Node's. */
export async function startWith(flags: string[], script: string, ...args: string[]): Promise<BenchProcess> {
  const child = spawn(process.execPath, [...flags, here(script), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const logged = keepLog(child.stderr);
  const lines = createInterface({ input: child.stdout });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const nextLine = () =>
    new Promise<string>((resolve, reject) => {
      const fail = (how: string) => reject(new Error(`${script} ${args.join(' ')} ${how}${logged()}`));
      const timer = setTimeout(() => fail('says nothing'), LONGEST_SILENCE).unref();
      lines.once('line', (line) => {
        clearTimeout(timer);
        resolve(line);
      });
      ended.then(() => fail('ended before it said anything'));
    });
  const end = async () => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_END);
    await ended;
    clearTimeout(timer);
  };
  try {
    return {
      said: await nextLine(),
      ask(question) {
        child.stdin.write(`${question}\n`);
        return nextLine();
      },
      heard: nextLine,
      kill: () => void child.kill('SIGKILL'),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Starts a script. Resolves with the line that it says once it is up. */
export type Start = (script: string, ...args: string[]) => Promise<string>;

/** Runs a part of the bench whose processes end with it, the newest first. */
export async function withProcesses<T>(measure: (start: Start) => Promise<T>): Promise<T> {
  const started: BenchProcess[] = [];
  try {
    return await measure(async (script, ...args) => {
      const process = await startProcess(script, ...args);
      started.push(process);
      return process.said;
    });
  } finally {
    for (const process of started.reverse()) await process[Symbol.asyncDispose]();
  }
}
