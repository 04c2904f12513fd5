/** Options of functions that run in threads. */
import { checkCount, checkTimeout } from '../../../checks.ts';
import { inspectValue, invalidCall } from '../../../protocol/errors.ts';

/** Options of roles whose functions run in threads, so that what they compute holds nothing else up. */
export interface ThreadOptions {
  /**
   * A module whose functions run in threads, as `new URL('./images.js', import.meta.url)`. Each thread loads it once. Its default
   * export is an object of functions, or a function that gives one; without a default export its named functions count. They are offered
   * beside those of `functions`, which run where the role runs.
   */
  readonly module?: URL | string | undefined;
  /** Number of threads, at most 256, or `auto` for as many as the machine runs at the same time. Default `auto`. */
  readonly threads?: number | 'auto' | undefined;
  /**
   * Bytes that the heap of one thread may have. A thread that needs more ends, and its calls are tried in another. Only Node limits it, and
   * not what is in buffers. Default: Node's own limit.
   */
  readonly threadMemory?: number | undefined;
  /**
   * Milliseconds that a function has to end after its `context.signal` has aborted. Then its thread is ended, and another takes its
   * place. `Infinity` never ends it. Default 1 000.
   */
  readonly threadGrace?: number | undefined;
}

/** Checked options. */
export interface ThreadSettings {
  /** Absolute URL of the module. */
  readonly module: string;
  /** `auto` for as many as the machine runs at the same time. */
  readonly count: number | 'auto';
  /** Bytes; undefined for the platform's limit. */
  readonly memory: number | undefined;
  /** Milliseconds. */
  readonly grace: number;
}

/** Most threads of one role: more than any machine runs at the same time. */
export const MOST_THREADS = 256;

/** Bytes without which a thread cannot start. */
const LEAST_MEMORY = 4 * 1_048_576;

const GRACE = 1_000;

/**
 * Checks the options of a role's threads.
 * @returns undefined for a role without threads.
 * @throws PalmError `INVALID_CALL` naming the option that is not acceptable.
 */
export function checkThreads(options: ThreadOptions): ThreadSettings | undefined {
  const { module, threads = 'auto', threadMemory: memory, threadGrace = GRACE } = options;
  if (module === undefined) {
    for (const name of ['threads', 'threadMemory', 'threadGrace'] as const) {
      if (options[name] !== undefined) {
        throw invalidCall(
          `${name} is for the functions of a module: give module: new URL('./functions.js', import.meta.url)`,
        );
      }
    }
    return undefined;
  }
  if (memory !== undefined) checkCount('threadMemory', memory, LEAST_MEMORY);
  return {
    module: checkModule(module),
    count: checkThreadCount(threads),
    memory,
    grace: checkTimeout('threadGrace', threadGrace),
  };
}

function checkThreadCount(threads: unknown): number | 'auto' {
  if (threads === 'auto') return threads;
  if (Number.isSafeInteger(threads) && Number(threads) >= 1 && Number(threads) <= MOST_THREADS) {
    return Number(threads);
  }
  throw invalidCall(
    `threads must be 'auto' or a whole number from 1 to ${MOST_THREADS}, not ${inspectValue(threads)}`,
  );
}

function checkModule(module: unknown): string {
  const given = module instanceof URL ? module.href : module;
  if (typeof given === 'string') {
    try {
      return new URL(given).href;
    } catch {
      // It is named below.
    }
  }
  throw invalidCall(
    `module must be an absolute URL, such as new URL('./functions.js', import.meta.url), not ${inspectValue(module)}`,
  );
}
