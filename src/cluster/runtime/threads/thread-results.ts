import { type Deferred, deferred } from '../../../async/deferred.ts';
import { Fifo } from '../../../async/fifo.ts';

/** What {@link ThreadResults} tells the thread. */
export interface ResultsReader {
  /** A result was taken. */
  readonly onTaken: () => void;
  /** No further results are wanted. */
  readonly onStop: () => void;
}

/** The results of a function in a thread that gives several. */
export class ThreadResults implements AsyncIterableIterator<unknown, undefined> {
  readonly #reader: ResultsReader;
  readonly #results = new Fifo<unknown>();
  #waiting: Deferred<IteratorResult<unknown, undefined>> | undefined;
  #end: { readonly error: unknown; readonly hasFailed: boolean } | undefined;

  constructor(reader: ResultsReader) {
    this.#reader = reader;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A result came. */
  add(value: unknown): void {
    if (this.#end !== undefined) return;
    if (this.#waiting === undefined) this.#results.push(value);
    else this.#give(this.#waiting, value);
  }

  /** There are no further ones. */
  end(): void {
    this.#end ??= { error: undefined, hasFailed: false };
    this.#settle();
  }

  fail(error: unknown): void {
    this.#end ??= { error, hasFailed: true };
    this.#settle();
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#results.size > 0) {
      const value = this.#results.shift();
      this.#reader.onTaken();
      return { done: false, value };
    }
    this.#waiting = deferred();
    const { promise } = this.#waiting;
    if (this.#end !== undefined) this.#settle();
    return promise;
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#end === undefined) this.#reader.onStop();
    this.#results.clear();
    this.end();
    return { done: true, value: undefined };
  }

  #give(waiting: Deferred<IteratorResult<unknown, undefined>>, value: unknown): void {
    this.#waiting = undefined;
    this.#reader.onTaken();
    waiting.resolve({ done: false, value });
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#end?.hasFailed) waiting?.reject(this.#end.error);
    else waiting?.resolve({ done: true, value: undefined });
  }
}
