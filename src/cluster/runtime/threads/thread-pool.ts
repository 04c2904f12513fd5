/** The threads of one role: gives them calls, and starts others in the place of those that end. */
import { SignalHub } from '../../../async/signals.ts';
import { startTimer } from '../../../async/timers.ts';
import { PROGRESS_PAUSE } from '../../../flow-control.ts';
import type { FunctionDescription } from '../../../functions/contract/description.ts';
import type { Logger } from '../../../logging.ts';
import { inspectValue, invalidCall, messageOf, PalmError } from '../../../protocol/errors.ts';
import type { FunctionContext, PalmFunction, PalmFunctions } from '../functions.ts';
import { MOST_THREADS, type ThreadSettings } from './options.ts';
import { coreCount } from './platform-thread.ts';
import { GIVEN_FROM, Thread, type ThreadContext } from './thread.ts';
import { threadText } from './thread-code.ts';

export interface ThreadPoolSettings extends ThreadSettings {
  /** Name of the role. */
  readonly name: string;
  readonly logger: Logger;
  /** Aborts when the role begins to close. */
  readonly closing: AbortSignal;
}

/** Results of one call on their way from a thread, before its function waits. */
const WINDOW = 16;

/** Milliseconds until a thread that could not be started is started again; twice as many each further time. */
const RETRY = 1_000;
const LONGEST_RETRY = 30_000;

/** Threads that run the functions of one module. */
export class ThreadPool {
  /** The module's functions, which run in the threads. */
  functions: PalmFunctions = {};
  /** What they take and give, as the first thread says. */
  descriptions: readonly FunctionDescription[] = [];
  /** Number of threads. */
  readonly count: number;
  readonly #settings: ThreadPoolSettings;
  readonly #context: ThreadContext;
  readonly #threads = new Set<Thread>();
  readonly #timers = new Set<() => void>();
  #hasStarted = false;
  /** Threads in a row that ended before they had loaded the module, and why the last one did. */
  #failures = 0;
  #reason = '';
  #closing: Promise<void> | undefined;

  private constructor(settings: ThreadPoolSettings) {
    const { module, name, memory, grace, closing } = settings;
    this.#settings = settings;
    this.count = settings.count === 'auto' ? Math.min(coreCount(), MOST_THREADS) : settings.count;
    this.#context = {
      text: threadText({
        module,
        name,
        window: WINDOW,
        givenFrom: GIVEN_FROM,
        progressPause: PROGRESS_PAUSE,
      }),
      memory,
      grace,
      closing,
      signals: new SignalHub(),
      onEnd: (thread, reason, calls) => this.#ended(thread, reason, calls),
    };
  }

  /**
   * Starts the threads. Resolves when all of them have loaded the module.
   * @throws PalmError `INVALID_CALL` when one cannot, or where there are no threads.
   */
  static async start(settings: ThreadPoolSettings): Promise<ThreadPool> {
    const pool = new ThreadPool(settings);
    try {
      const threads = Array.from({ length: pool.count }, () => pool.#start());
      const [descriptions = []] = await Promise.all(threads.map(({ ready }) => ready));
      pool.functions = Object.fromEntries(descriptions.map(({ name }) => [name, pool.#function(name)]));
      pool.descriptions = descriptions;
      pool.#hasStarted = true;
      return pool;
    } catch (error) {
      await pool.close();
      if (error instanceof PalmError) throw error;
      throw invalidCall(
        `the module ${inspectValue(settings.module)} cannot be used in a thread: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** Ends all threads at once. Calls that run in them are rejected. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const stop of this.#timers) stop();
    const reason = this.#closedError();
    await Promise.all([...this.#threads].map((thread) => thread.close(reason)));
  }

  #function(name: string): PalmFunction {
    const run = (payload: Parameters<PalmFunction>[0], context: FunctionContext) =>
      this.#idlest().run(name, payload, context);
    // Roles await what a function returns, and then iterate over it if it is iterable.
    return run as PalmFunction;
  }

  /** The thread with the fewest calls. @throws Error when none runs. */
  #idlest(): Thread {
    if (this.#closing !== undefined) throw this.#closedError();
    let idlest: Thread | undefined;
    for (const thread of this.#threads) {
      if (idlest === undefined || thread.size < idlest.size) idlest = thread;
    }
    if (idlest !== undefined) return idlest;
    throw new Error(`no thread runs, and the last one could not be started: ${this.#reason}`);
  }

  #closedError(): PalmError {
    return new PalmError('CLOSED', `${inspectValue(this.#settings.name)} is closed`);
  }

  #ended(thread: Thread, reason: string, calls: number): void {
    const { logger } = this.#settings;
    this.#threads.delete(thread);
    if (this.#closing !== undefined) return;
    // A module that cannot be loaded at the start fails the role.
    if (!this.#hasStarted && !thread.isReady) return;
    logger.warning('a thread has ended, and another takes its place', { reason, calls });
    if (thread.isReady) {
      this.#failures = 0;
      this.#start();
      return;
    }
    this.#reason = reason;
    const delay = Math.min(RETRY * 2 ** this.#failures++, LONGEST_RETRY);
    const stop = startTimer(delay, () => {
      this.#timers.delete(stop);
      this.#start();
    });
    this.#timers.add(stop);
  }

  #start(): Thread {
    const thread = new Thread(this.#context);
    this.#threads.add(thread);
    return thread;
  }
}
