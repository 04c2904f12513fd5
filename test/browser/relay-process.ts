/** Commands in processes of their own, which a test may stop and kill: frond relay and frond demo. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from '../support/wait.ts';

const CLI = fileURLToPath(new URL('../../dist/node/cli.js', import.meta.url));

/** Milliseconds that a command may take to say that it is up, and to end. */
const LIMIT = 20_000;

/** Killed at the end of the block, if it still runs. */
export class CommandProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts a command with --json. Gives the first object of its output that has `key`. */
  static async start<T>(
    args: readonly string[],
    key: string,
  ): Promise<{ readonly command: CommandProcess; readonly told: T }> {
    const child = spawn(process.execPath, [CLI, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const command = new CommandProcess(child);
    const told = (async () => {
      for await (const line of createInterface(child.stdout)) {
        const value: unknown = JSON.parse(line);
        if (typeof value === 'object' && value !== null && key in value) return value as T;
      }
      throw new Error(`frond ${args.join(' ')} ended without ${key}`);
    })();
    try {
      return { command, told: await within(LIMIT, told, `frond ${args.join(' ')}`) };
    } catch (error) {
      await command.kill();
      throw error;
    }
  }

  /** Stops it where it is: its connections stay, and nobody answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const over = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await within(LIMIT, over, 'the end of the command');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
