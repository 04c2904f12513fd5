import { AsyncQueue } from '../../async/async-queue.ts';
import type { OpenCalls } from '../../async/open-calls.ts';
import type { SignalHub } from '../../async/signals.ts';
import type { CallLink } from '../call-link.ts';

/** What a job or map uses of its client. */
export interface StreamClient {
  readonly calls: OpenCalls;
  readonly signals: SignalHub;
  readonly settings: { readonly timeout: number; readonly errorSentinel?: boolean | undefined };
  /** @throws PalmError `INVALID_CALL` when the server takes no calls. */
  callLink(): CallLink;
}

/** How a stream ends: with an error, or without. */
export interface Ending {
  readonly error?: unknown;
}

/** What ends a stream from outside, and when it began. */
export interface StreamSettings {
  readonly signal?: AbortSignal | undefined;
  readonly signals: SignalHub;
  /** When it was first read from, as `Date.now()` gives it; left out, that is when `next` is called. */
  readonly started?: number | undefined;
}

/**
 * The results of a job or map as its reader gets them, and the ends that it may have: after the results that are there,
 * with an error or without, or at once. A subclass takes the input, sends it, and adds the results.
 */
export abstract class ResultStream<R, T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  protected readonly results: AsyncQueue<R> = new AsyncQueue();
  protected isOver = false;
  /** When it was first read from, as `Date.now()` gives it; undefined before. */
  protected started: number | undefined;
  /** Called at the end, to let go of what the client holds. */
  protected readonly releases: (() => void)[] = [];
  readonly #settings: StreamSettings;
  #resume: (() => void) | undefined;

  constructor(settings: StreamSettings) {
    this.#settings = settings;
  }

  /** Begins to take the input: the reader asks for the first result. */
  protected abstract begin(): void;
  /** Hands a result to the reader. Not async: most results are there when they are asked for. */
  protected abstract give(result: R): Promise<IteratorResult<T, undefined>>;
  /** Stops taking and sending the input, because the stream has ended so. */
  protected abstract stop(ending: Ending): void;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.started === undefined && !this.isOver) this.#start();
    const result = this.results.take();
    return result === undefined ? this.#nextLater() : this.give(result);
  }

  /** Calls `listener` when it has ended. */
  onEnd(listener: () => void): void {
    this.releases.push(listener);
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.end();
    this.results.clear();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Whether the input waits until the reader has read more. */
  protected get waitsForReader(): boolean {
    return this.#resume !== undefined;
  }

  /** Resolves when {@link resume} is called. */
  protected readFurther(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  protected resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Ends after the results that are there. */
  protected end(ending: Ending = {}): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const release of this.releases) release();
    this.stop(ending);
    this.resume();
    if ('error' in ending) this.results.fail(ending.error);
    else this.results.end();
  }

  /** Ends with an error, after the results that are there. */
  protected fail(error: unknown): void {
    this.end({ error });
  }

  /** Ends at once with an error: unread results are dropped. */
  protected abandon(error: unknown): void {
    if (this.isOver) return;
    this.results.drop();
    this.fail(error);
  }

  #start(): void {
    const { signal, signals, started = Date.now() } = this.#settings;
    this.started = started;
    if (signal?.aborted) {
      this.abandon(signal.reason);
      return;
    }
    if (signal !== undefined) this.releases.push(signals.listen(signal, () => this.abandon(signal.reason)));
    this.begin();
  }

  async #nextLater(): Promise<IteratorResult<T, undefined>> {
    // Nothing is left to read, so input that waits for that would wait for ever.
    this.resume();
    const { done, value } = await this.results.next();
    return done ? { done, value: undefined } : this.give(value);
  }
}
