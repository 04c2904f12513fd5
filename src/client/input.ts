import { invalidCall, show } from '../protocol/errors.ts';

/** What an input gave: a value, its end, or the error it threw. */
export type Taken<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The input of a job, sync or async, read one value at a time. */
export interface Input<T> {
  /** The next value when it is to be had at once, from a sync iterable; else undefined. */
  takeNow(): Taken<T> | undefined;
  take(): Promise<Taken<T>>;
  /** Tells the input that no more is wanted, unless it has ended by itself. Never throws or waits. */
  close(): void;
}

/** @throws PalmError `INVALID_CALL` when it is no iterable. */
export function openInput<T>(payloads: Iterable<T> | AsyncIterable<T>): Input<T> {
  if (payloads !== null && typeof payloads === 'object') {
    if (Symbol.asyncIterator in payloads) return asyncInput(payloads);
    // A Uint8Array is iterable too, but its bytes are not what was meant.
    if (Symbol.iterator in payloads && !ArrayBuffer.isView(payloads)) return syncInput(payloads);
  }
  throw invalidCall(`payloads must be an iterable or async iterable of payloads, not ${show(payloads)}`);
}

const DONE = { kind: 'done' } as const;

function syncInput<T>(payloads: Iterable<T>): Input<T> {
  let iterator: Iterator<T> | undefined;
  let isOver = false;
  const takeNow = (): Taken<T> => {
    if (isOver) return DONE;
    try {
      iterator ??= payloads[Symbol.iterator]();
      const result = iterator.next();
      if (!result.done) return { kind: 'value', value: result.value };
      isOver = true;
      return DONE;
    } catch (error) {
      isOver = true;
      return { kind: 'failed', error };
    }
  };
  return {
    takeNow,
    take: async () => takeNow(),
    close: () => {
      if (isOver) return;
      isOver = true;
      try {
        iterator?.return?.();
      } catch {
        // The job has its outcome; what the input says to being left changes nothing.
      }
    },
  };
}

function asyncInput<T>(payloads: AsyncIterable<T>): Input<T> {
  let iterator: AsyncIterator<T> | undefined;
  let isOver = false;
  return {
    takeNow: () => undefined,
    take: async () => {
      if (isOver) return DONE;
      try {
        iterator ??= payloads[Symbol.asyncIterator]();
        const result = await iterator.next();
        if (!result.done) return { kind: 'value', value: result.value };
        isOver = true;
        return DONE;
      } catch (error) {
        isOver = true;
        return { kind: 'failed', error };
      }
    },
    close: () => {
      if (isOver) return;
      isOver = true;
      // Not awaited: an async generator answers only when what it waits for has come.
      Promise.resolve(iterator?.return?.()).catch(() => {});
    },
  };
}
