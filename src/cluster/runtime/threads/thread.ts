import { type Deferred, deferred } from '../../../async/deferred.ts';
import { abortReason, type SignalHub } from '../../../async/signals.ts';
import { startTimer } from '../../../async/timers.ts';
import type { FunctionDescription } from '../../../functions/contract/description.ts';
import type { Bytes } from '../../../protocol/bytes.ts';
import { messageOf, readSafely } from '../../../protocol/errors.ts';
import type { FunctionContext } from '../functions.ts';
import type { CacheQuestion, FromThread, ThrownError } from './messages.ts';
import { type PlatformThread, startPlatformThread } from './platform-thread.ts';
import { ThreadDied } from './thread-died.ts';
import { ThreadResults } from './thread-results.ts';

/** What the threads of one role share. */
export interface ThreadContext {
  /** The text that threads are started with. */
  readonly text: string;
  /** Bytes of heap; undefined for the platform's limit. */
  readonly memory: number | undefined;
  /** Milliseconds that a cancelled function has to end. */
  readonly grace: number;
  /** Aborts when the role begins to close. Calls that are under way then are not cancelled. */
  readonly closing: AbortSignal;
  readonly signals: SignalHub;
  /** The thread has ended, and was not closed. */
  readonly onEnd: (thread: Thread, reason: string, calls: number) => void;
}

/** A call in a thread. */
interface ThreadCall {
  readonly context: FunctionContext;
  readonly result: Deferred<unknown>;
  results: ThreadResults | undefined;
  readonly stopListening: () => void;
  stopGrace: (() => void) | undefined;
}

/** A context whose caller may be told of progress. */
interface Reporting {
  /** False when no caller wants to hear of progress. */
  readonly wantsProgress?: boolean;
  readonly progress?: (done: number, total?: number, note?: string) => void;
}

/** One thread, with the calls that run in it. */
export class Thread {
  /** Resolves with what the functions take and give when the module was loaded. Rejects when it cannot be, or the thread ends before. */
  readonly ready: Promise<readonly FunctionDescription[]>;
  readonly #ready = deferred<readonly FunctionDescription[]>();
  readonly #context: ThreadContext;
  readonly #platform: PlatformThread;
  readonly #calls = new Map<number, ThreadCall>();
  #last = 0;
  #isReady = false;
  #isOver = false;

  /** @throws PalmError `INVALID_CALL` where there are no threads. */
  constructor(context: ThreadContext) {
    this.#context = context;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.#platform = startPlatformThread(context.text, context.memory, {
      onMessage: (message) => this.#take(message),
      onEnd: (reason) => this.#died(reason, true),
    });
  }

  /** Calls that run in it. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether the module was loaded. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Runs a function. Its payload goes to the thread, and is lost to this side.
   * @returns its result: bytes, results one after the other, or what else it returned. Rejects with what it threw, with the signal's
   * reason when it was cancelled and did not end by itself, and with {@link ThreadDied} when its thread ended.
   */
  run(name: string, payload: Bytes, context: FunctionContext): Promise<unknown> {
    const { signal, message } = context;
    if (signal.aborted) return Promise.reject(abortReason(signal));
    const id = ++this.#last;
    // A view is sent with its whole buffer.
    const isWhole = payload.byteLength === payload.buffer.byteLength;
    const own = isWhole ? payload : payload.slice();
    const { metadata } = context as { readonly metadata?: unknown };
    const wantsProgress = (context as Reporting).wantsProgress !== false;
    this.#platform.post(
      { type: 'call', id, name, message: { ...message, payload: own }, metadata, wantsProgress },
      own.length >= GIVEN_FROM ? [own.buffer] : [],
    );
    const call: ThreadCall = {
      context,
      result: deferred(),
      results: undefined,
      stopListening: this.#context.signals.listen(signal, () => this.#abort(id)),
      stopGrace: undefined,
    };
    this.#calls.set(id, call);
    return call.result.promise;
  }

  /** Ends the thread at once. Calls that run in it are rejected with the reason. */
  async close(reason: unknown): Promise<void> {
    this.#isOver = true;
    this.#ready.reject(reason);
    for (const id of [...this.#calls.keys()]) this.#fail(id, reason);
    await this.#platform.terminate();
  }

  #take(message: FromThread): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#ready.resolve(message.functions.map(([name, text]) => ({ ...JSON.parse(text), name })));
        return;
      case 'unusable':
        this.#died(message.reason, true);
        return;
      case 'result':
        this.#end(message.id)?.result.resolve(message.value);
        return;
      case 'item':
        this.#resultsOf(message.id)?.add(message.value);
        return;
      case 'end':
        this.#resultsOf(message.id)?.end();
        this.#end(message.id);
        return;
      case 'error':
        this.#fail(message.id, errorOf(message.error));
        return;
      case 'progress': {
        const call = this.#calls.get(message.id);
        (call?.context as Reporting | undefined)?.progress?.(...message.progress);
        return;
      }
      case 'cache':
        void this.#answer(message);
        return;
      case 'log': {
        const { level, text, fields } = message;
        // A line that comes after its call's end is of no call.
        this.#calls.get(message.id)?.context.logger[level](text, fields);
      }
    }
  }

  #resultsOf(id: number): ThreadResults | undefined {
    const call = this.#calls.get(id);
    if (call === undefined || call.results !== undefined) return call?.results;
    call.results = new ThreadResults({
      onTaken: () => this.#post({ type: 'taken', id }),
      onStop: () => this.#stop(id),
    });
    call.result.resolve(call.results);
    return call.results;
  }

  async #answer({ id, request, operation, session, key, value }: CacheQuestion): Promise<void> {
    const call = this.#calls.get(id);
    try {
      if (call === undefined) throw new Error('the call is over, and has no cache any more');
      const { cache: own } = call.context;
      const cache = session === undefined ? own : own.withSession(session.name);
      const answer =
        operation === 'get'
          ? await cache.get(key as string)
          : operation === 'set'
            ? await cache.set(value as Uint8Array, key)
            : await cache.delete(key as string);
      this.#post({ type: 'reply', request, value: answer });
    } catch (error) {
      this.#post({ type: 'refused', request, error: thrown(error) });
    }
  }

  #post(message: Parameters<PlatformThread['post']>[0]): void {
    if (!this.#isOver) this.#platform.post(message, []);
  }

  /** The call's signal has aborted. The function is told, and gets its time to end unless the role closes, which ends it later. */
  #abort(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const { signal } = call.context;
    const { closing } = this.#context;
    const reason = abortReason(signal);
    this.#post({ type: 'abort', id, reason: thrown(reason) });
    if (!closing.aborted || reason !== closing.reason) this.#giveTime(id, call, reason);
  }

  /** No further results are wanted. */
  #stop(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#post({ type: 'stop', id });
    this.#giveTime(id, call, undefined);
  }

  #giveTime(id: number, call: ThreadCall, reason: unknown): void {
    const { grace } = this.#context;
    call.stopGrace ??= startTimer(grace, () => {
      this.#fail(id, reason);
      this.#died(`a call in it was cancelled and did not end within ${grace} ms`, false);
    });
  }

  #end(id: number): ThreadCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.stopListening();
    call?.stopGrace?.();
    return call;
  }

  #fail(id: number, error: unknown): void {
    const call = this.#end(id);
    if (call === undefined) return;
    call.result.reject(error);
    call.results?.fail(error);
  }

  #died(reason: string, isSuspect: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ready.reject(new Error(reason));
    const ids = [...this.#calls.keys()];
    for (const [id, { context }] of [...this.#calls]) {
      const { signal } = context;
      this.#fail(id, signal.aborted ? abortReason(signal) : new ThreadDied(reason, isSuspect));
    }
    this.#platform.terminate().catch(() => {});
    this.#context.onEnd(this, reason, ids.length);
  }
}

/** Bytes from which a buffer is given away and not copied: a smaller one is copied in less time. */
export const GIVEN_FROM = 4_096;

/** The same in all copies of frond: under it an error has how its call is to be answered. */
const ANSWER = Symbol.for('frond.answer');

function errorOf({ name, message, stack, answer, ...more }: ThrownError): Error {
  const error = Object.assign(new Error(message), { name, ...more });
  if (answer !== undefined) Object.assign(error, { [ANSWER]: answer });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function thrown(error: unknown): ThrownError {
  const name = readSafely(() => (error instanceof Error ? error.name : '')) ?? '';
  const code = readSafely(() => (error as { readonly code?: unknown } | undefined)?.code ?? '');
  return { name, message: messageOf(error), ...(code !== '' && { code }) };
}
