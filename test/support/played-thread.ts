/** Threads that a test plays: it sees what they are told, and says what they tell. */
import { vi } from 'vitest';
import type { FromThread, ToThread } from '../../src/cluster/runtime/threads/messages.ts';

/** A thread, as Node has it. */
export class PlayedThread {
  readonly text: string;
  readonly options: object;
  readonly told: { readonly message: ToThread; readonly transfer: readonly unknown[] }[] = [];
  terminations = 0;
  readonly #listeners = new Map<string, (value: unknown) => void>();

  constructor(text: string, options: object) {
    this.text = text;
    this.options = options;
  }

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  postMessage(message: ToThread, transfer: readonly unknown[]): void {
    this.told.push({ message, transfer });
  }

  async terminate(): Promise<void> {
    this.terminations++;
  }

  tell(message: FromThread): void {
    this.#listeners.get('message')?.(message);
  }

  /** Its module was loaded, and has functions of these names. */
  ready(...names: readonly string[]): void {
    this.tell({ type: 'ready', functions: names.map((name) => [name, '{}']) });
  }

  end(code: number): void {
    this.#listeners.get('exit')?.(code);
  }

  /** It fails, and ends with that. */
  fail(error: unknown): void {
    this.#listeners.get('error')?.(error);
    this.end(1);
  }

  send(event: string, value: unknown): void {
    this.#listeners.get(event)?.(value);
  }
}

/** Has Node make played threads until mocks are restored. Returns those that were made. */
export function playThreads(cores = 2): readonly PlayedThread[] {
  const made: PlayedThread[] = [];
  class Worker extends PlayedThread {
    constructor(text: string, options: object) {
      super(text, options);
      made.push(this);
    }
  }
  const played: Record<string, unknown> = {
    worker_threads: { Worker },
    os: { availableParallelism: () => cores },
  };
  const real = process.getBuiltinModule;
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(
    ((name: string) => played[name] ?? real(name)) as typeof real,
  );
  return made;
}
