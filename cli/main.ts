#!/usr/bin/env node
/** The command `frond`. */
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { Interrupted, type InterruptSignal, invocationOf } from './io.ts';
import { run } from './run.ts';

const interrupts = new AbortController();
function interrupt(name: InterruptSignal): void {
  const reason = new Interrupted(name);
  // A second signal ends the process at once.
  if (interrupts.signal.aborted) process.exit(reason.exitCode);
  interrupts.abort(reason);
}
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt(name));

/** Which of stdin, stdout and stderr are a terminal. */
const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

/** Listens only when a command asks for it, so that all others can run under nohup, which has the signal ignored. */
function onHangup(listener: () => void): () => void {
  const onSignal = () => {
    // When the terminal was closed, the signal means that the command must end.
    if (terminals.every((descriptor) => isatty(descriptor))) listener();
    else interrupt('SIGHUP');
  };
  process.on('SIGHUP', onSignal);
  return () => process.off('SIGHUP', onSignal);
}

const code = await run({
  argv: process.argv.slice(2),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupts.signal,
  ...(process.platform !== 'win32' && { onHangup }),
  invocation: invocationOf(process.argv[1] ?? 'frond', process.cwd(), process.env),
  version: createRequire(import.meta.url)('frond/package.json').version,
});

// All output is written, or its reader may never read it. What a user's module keeps open must not delay the exit.
process.exit(code);
