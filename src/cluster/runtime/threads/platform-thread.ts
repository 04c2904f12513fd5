/** Starts a thread on any platform: with `node:worker_threads` in Node, Deno and Bun, which tell when a thread has ended, else with the web's Worker. */
import { messageOf, PalmError } from '../../../protocol/errors.ts';
import type { FromThread, ToThread } from './messages.ts';

/** A thread, as its platform has it. */
export interface PlatformThread {
  post(message: ToThread, transfer: readonly Transferable[]): void;
  /** Ends it at once, whatever it does. Resolves when it has ended. */
  terminate(): Promise<void>;
}

/** What a thread reports. */
export interface ThreadEvents {
  readonly onMessage: (message: FromThread) => void;
  /** The thread has ended, or is of no use any more. May be called more than once. */
  readonly onEnd: (reason: string) => void;
}

interface NodeThread {
  postMessage(message: ToThread, transfer: readonly Transferable[]): void;
  terminate(): Promise<unknown>;
  on(event: 'message', listener: (message: FromThread) => void): void;
  on(event: 'error' | 'messageerror', listener: (error: unknown) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
}

interface Builtins {
  worker_threads: {
    readonly Worker: new (
      text: string,
      options: {
        readonly eval: true;
        readonly resourceLimits?: { readonly maxOldGenerationSizeMb: number };
      },
    ) => NodeThread;
  };
  os: { availableParallelism(): number };
}

/** A module of Node's, on platforms that have it. */
function builtin<M extends keyof Builtins>(name: M): Builtins[M] | undefined {
  const node = Reflect.get(globalThis, 'process') as
    | { getBuiltinModule?: (name: M) => Builtins[M] | undefined }
    | undefined;
  return node?.getBuiltinModule?.(name);
}

/** Threads that this machine runs at the same time. */
export function coreCount(): number {
  return builtin('os')?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/**
 * Starts a thread that runs `text`.
 * @param memory - bytes that its heap may have, where the platform has such a limit (Node); undefined for the platform's own.
 * @throws PalmError `INVALID_CALL` where there are no threads.
 */
export function startPlatformThread(
  text: string,
  memory: number | undefined,
  events: ThreadEvents,
): PlatformThread {
  const threads = builtin('worker_threads');
  return threads === undefined ? webThread(text, events) : nodeThread(threads.Worker, text, memory, events);
}

function nodeThread(
  NodeWorker: Builtins['worker_threads']['Worker'],
  text: string,
  memory: number | undefined,
  { onMessage, onEnd }: ThreadEvents,
): PlatformThread {
  const resourceLimits = { maxOldGenerationSizeMb: Math.ceil((memory ?? 0) / 1_048_576) };
  const worker = new NodeWorker(text, { eval: true, ...(memory !== undefined && { resourceLimits }) });
  worker.on('message', onMessage);
  let failure: string | undefined;
  // An exit follows, behind all that the thread has said: that it was ready, for one.
  worker.on('error', (error) => {
    failure = `the thread failed: ${messageOf(error)}`;
  });
  worker.on('messageerror', (error) => onEnd(`a message of the thread cannot be read: ${messageOf(error)}`));
  worker.on('exit', (code) => onEnd(failure ?? `the thread ended by itself, with exit code ${code}`));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: async () => {
      await worker.terminate();
    },
  };
}

function webThread(text: string, { onMessage, onEnd }: ThreadEvents): PlatformThread {
  if (typeof globalThis.Worker !== 'function') {
    throw new PalmError('INVALID_CALL', 'this platform has no threads: leave threads and module out', {
      sent: false,
    });
  }
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const worker = new globalThis.Worker(url, { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<FromThread>) => onMessage(data);
  worker.onmessageerror = () => onEnd('a message of the thread cannot be read');
  worker.onerror = (event) => {
    // It is reported here, and not on the console as well.
    event.preventDefault();
    onEnd(`the thread failed: ${event.message ?? 'it could not be started'}`);
  };
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    terminate: async () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
