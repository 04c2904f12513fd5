import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from '../support/wait.ts';
import { ACTOR } from './bundle.ts';
import type { Config } from './parts.ts';

const START = 30_000;
const END = 10_000;

/** A part of the cluster, in a process of its own. */
export class Actor<S = unknown> {
  readonly said: S;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  #asking: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, ended: Promise<unknown>, said: S) {
    this.#child = child;
    this.#lines = lines;
    this.#ended = ended;
    this.said = said;
  }

  static async start<S, R extends keyof Config>(role: R, config: Config[R]): Promise<Actor<S>> {
    const child = spawn(process.execPath, ['--expose-gc', ACTOR, role, JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // What is told to one that was killed goes nowhere.
    child.stdin.on('error', () => {});
    const ended = once(child, 'close');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    try {
      const { value } = await within(START, lines.next(), `the start of a ${role}`);
      if (value === undefined) throw new Error(`a ${role} ended before it was up`);
      return new Actor(child, lines, ended, JSON.parse(value) as S);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Tells it something. Resolves with its answer, or undefined when it dies before. */
  ask<T>(timeout: number, command: string, ...args: readonly unknown[]): Promise<T | undefined> {
    const asked = this.#asking.then(async () => {
      this.#child.stdin?.write(`${JSON.stringify([command, ...args])}\n`);
      const { value } = await within(timeout, this.#lines.next(), `the answer to ${command}`);
      return value === undefined ? undefined : (JSON.parse(value) as T);
    });
    this.#asking = asked.catch(() => {});
    return asked;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await within(END, this.#ended, 'the end of a process');
  }
}
