#!/usr/bin/env node
/** The command `frond`. */
import { createRequire } from 'node:module';
import { invocationOf } from './invocation.ts';
import { Interrupted, type InterruptSignal } from './io.ts';
import { run } from './run.ts';

const interrupts = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] satisfies InterruptSignal[]) {
  process.on(name, () => {
    const reason = new Interrupted(name);
    // Who asks twice does not want to wait for anything.
    if (interrupts.signal.aborted) process.exit(reason.exitCode);
    interrupts.abort(reason);
  });
}

const code = await run({
  argv: process.argv.slice(2),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupts.signal,
  invocation: invocationOf(process.argv[1] ?? 'frond', process.cwd(), process.env),
  version: createRequire(import.meta.url)('frond/package.json').version,
});

// Everything is written, or has a reader that may never read it; what a module has open is not waited for.
process.exit(code);
