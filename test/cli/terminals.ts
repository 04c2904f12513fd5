/** The command on streams that say that they are a terminal. */
import { PassThrough } from 'node:stream';
import type { Io } from '../../cli/io.ts';
import { run } from '../../cli/run.ts';
import { within } from '../support/wait.ts';

export class FakeTerminal extends PassThrough {
  readonly isTTY = true;
  readonly columns: number = 80;
  text = '';

  constructor() {
    super();
    this.on('data', (chunk) => {
      this.text += chunk;
    });
  }
}

/** Runs a command. @param isTyped - whether stdin is the terminal too. */
export function onTerminal(argv: readonly string[], env: Io['env'], isTyped = false) {
  const interrupts = new AbortController();
  const [stdin, stdout, stderr] = [new PassThrough(), new FakeTerminal(), new FakeTerminal()];
  Object.assign(stdin, { isTTY: isTyped });
  const { signal } = interrupts;
  const io = { argv, stdin, stdout, stderr, env, signal, invocation: 'frond', version: '1.2.3' };
  return { stdin, stdout, stderr, interrupts, ended: within(10_000, run(io)) };
}
