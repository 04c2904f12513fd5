/** Python processes of the interop environment. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { within } from '../support/wait.ts';
import { ensureVenv, pythonPath } from './venv.mjs';

export interface PythonResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface PythonOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes besides 0 that are no error. */
  readonly accept?: readonly number[];
}

const serversPath = fileURLToPath(new URL('./servers/', import.meta.url));
const tailLength = 8000;

/** The check of the environment costs a fifth of a second, so once per test process. */
let ready: Promise<string> | undefined;

/** Keeps the end of a stream of text. */
export class Tail {
  text = '';

  constructor(stream: NodeJS.ReadableStream) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      this.text = (this.text + chunk).slice(-tailLength);
    });
  }

  toString(): string {
    return this.text.trim() === '' ? '(nothing on stderr)' : `stderr ended with:\n${this.text.trimEnd()}`;
  }
}

export function ended(child: ChildProcessWithoutNullStreams): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(how(child));
  return new Promise((resolve) => child.once('close', () => resolve(how(child))));
}

function how(child: ChildProcessWithoutNullStreams): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
}

export async function spawnPython(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ChildProcessWithoutNullStreams> {
  ready ??= ensureVenv();
  await ready;
  const path = isAbsolute(script) ? script : join(serversPath, script);
  const child = spawn(pythonPath, [path, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', ...env },
  });
  // A child that is gone already is found by its exit, not by what could not be written to it.
  child.stdin.on('error', () => undefined);
  return child;
}

/** Runs a Python script of servers/ (or an absolute path) to its end and gives what it printed. */
export async function runPython(
  script: string,
  args: readonly string[],
  { timeout = 30_000, input = '', env = {}, accept = [] }: PythonOptions = {},
): Promise<PythonResult> {
  const child = await spawnPython(script, args, env);
  const what = `python ${script} ${args.join(' ')}`;
  const stderr = new Tail(child.stderr);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  child.stdin.end(input);
  try {
    const outcome = await within(timeout, Promise.race([ended(child), failed]), () => `${what} (${stderr})`);
    const code = child.exitCode;
    if (code !== 0 && (code === null || !accept.includes(code))) {
      throw new Error(`${what}: ended with ${outcome}; it printed ${stdout.trim() || 'nothing'}; ${stderr}`);
    }
    return { stdout, stderr: stderr.text, code };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Runs servers/client.py, pylm's own Client, and gives the line of JSON that it prints. */
export async function runClient<T>(args: readonly string[], options?: PythonOptions): Promise<T> {
  const { stdout } = await runPython('client.py', args, options);
  return JSON.parse(stdout) as T;
}
