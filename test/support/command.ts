/** The built command as a child process, for tests. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { within } from './wait.ts';

export const CLI = fileURLToPath(new URL('../../dist/node/cli.js', import.meta.url));

/** Milliseconds that a command may take. */
const LIMIT = 40_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts a command; stdin stays open. Only what is given is in the environment of frond.
 * @param launcher - a program, and its arguments, that becomes the command, such as prlimit.
 */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  launcher: readonly string[] = [],
): Child {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('FROND_'));
  const [program = process.execPath, ...all] = [...launcher, process.execPath, CLI, ...args];
  const child = spawn(program, all, {
    env: { ...Object.fromEntries(others), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that ends before it has read everything is no failure of the test.
  child.stdin.on('error', () => {});
  return child;
}

/** Resolves with the exit code, and kills the command when it takes too long. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  const { exitCode, signalCode } = child;
  if (exitCode !== null || signalCode !== null) return exitCode;
  const closed = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  try {
    return await within(LIMIT, closed, 'the command');
  } finally {
    child.kill('SIGKILL');
  }
}

/** Everything that a stream gives. */
export async function contentOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A line on stderr that says what a command has waited for longer than a second, and that it came: as text, and as JSON. */
const WAIT =
  /^(frond: warning: |\{"log":\{"level":"warning","message":")(waiting for an? |connected\b).*\n/gm;

/** What a command says on stderr, without what it waits for: on a busy machine that is everything. */
export const withoutWaits = (stderr: string) => stderr.replace(WAIT, '');

/** Runs a command to its end. What it says while it waits is left out: `waiting.long.test.ts` has that. */
export async function frond(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = start(args, options.env);
  child.stdin.end(options.stdin ?? '');
  const [code, stdout, stderr] = await Promise.all([
    exitOf(child),
    contentOf(child.stdout),
    contentOf(child.stderr),
  ]);
  return { code, stdout, stderr: withoutWaits(stderr.toString()) };
}

/**
 * Resolves once a stream has given a text that fits, with everything it gave so far. It goes on flowing.
 * @param limit - milliseconds that it may take.
 */
export function until(stream: Readable, fits: RegExp, limit = LIMIT): Promise<string> {
  let text = '';
  const found = new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      text += chunk.toString();
      if (!fits.test(text)) return;
      stream.off('data', look);
      stream.resume();
      resolve(text);
    };
    stream.on('data', look);
    stream.on('end', () => reject(new Error(`the output ended without ${fits}: ${text}`)));
  });
  return within(limit, found, `output like ${fits}`);
}

/** Resolves once a command has written something, and reads none of it. */
export function outputBegins(child: Child): Promise<void> {
  const begun = new Promise<void>((resolve) => child.stdout.once('readable', resolve));
  return within(LIMIT, begun, 'the first output');
}

/** The objects of an output in JSON, one a line. */
export function objectsOf(output: string | Buffer): unknown[] {
  return output
    .toString()
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
