#!/usr/bin/env node
/** The command `frond`. */
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { Interrupted, type InterruptSignal, invocationOf } from './io.ts';
import { run } from './run.ts';

const interrupts = new AbortController();
function interrupt(name: InterruptSignal): void {
  const reason = new Interrupted(name);
  // Who asks twice does not want to wait for anything.
  if (interrupts.signal.aborted) process.exit(reason.exitCode);
  interrupts.abort(reason);
}
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt(name));

/** The standard streams that are a terminal's: stdin, stdout, stderr. */
const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

/** Not before a command asks for it: whoever runs another under nohup has it ignored. */
function onHangup(listener: () => void): () => void {
  const heard = () => {
    // A terminal that is closed is none any more, and takes what runs in it along.
    if (terminals.every((descriptor) => isatty(descriptor))) listener();
    else interrupt('SIGHUP');
  };
  process.on('SIGHUP', heard);
  return () => process.off('SIGHUP', heard);
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

// Everything is written, or has a reader that may never read it; what a module has open is not waited for.
process.exit(code);
