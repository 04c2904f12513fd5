/** What an input gave: a value, its end, or the error that it threw. */
export type InputItem<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The input of a job or map, sync or async, read one value at a time. */
export interface Input<T> {
  /** The next value of a sync iterable; undefined when the input is async. */
  takeNow(): InputItem<T> | undefined;
  take(): Promise<InputItem<T>>;
  /** Tells the input that no more values are wanted, unless it has ended. Never throws or waits. */
  close(): void;
}

const DONE = { kind: 'done' } as const;

/** Opens an input that `checkInput` has accepted. */
export function openInput<T>(payloads: Iterable<T> | AsyncIterable<T>): Input<T> {
  const open = openerOf(payloads);
  const isAsync = Symbol.asyncIterator in payloads || !(Symbol.iterator in payloads);
  let iterator: Iterator<T> | AsyncIterator<T> | undefined;
  let isOver = false;
  const next = () => {
    iterator ??= open();
    return iterator.next();
  };
  const given = (result: IteratorResult<T>): InputItem<T> => {
    if (!result.done) return { kind: 'value', value: result.value };
    isOver = true;
    return DONE;
  };
  const failed = (error: unknown): InputItem<T> => {
    isOver = true;
    return { kind: 'failed', error };
  };
  return {
    takeNow: () => {
      if (isOver) return DONE;
      if (isAsync) return undefined;
      try {
        return given(next() as IteratorResult<T>);
      } catch (error) {
        return failed(error);
      }
    },
    take: async () => {
      if (isOver) return DONE;
      try {
        const result = await next();
        return isOver ? DONE : given(result);
      } catch (error) {
        return failed(error);
      }
    },
    close: () => {
      if (isOver) return;
      isOver = true;
      // Not awaited: an async generator returns only when what it awaits has come. The job has its outcome, and an error of
      // the input does not change it.
      (async () => iterator?.return?.())().catch(() => {});
    },
  };
}

async function* readerOf<T>(stream: ReadableStream<T>): AsyncIterator<T> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

function openerOf<T>(payloads: Iterable<T> | AsyncIterable<T>): () => Iterator<T> | AsyncIterator<T> {
  if (Symbol.asyncIterator in payloads) return () => payloads[Symbol.asyncIterator]();
  if ('getReader' in payloads) return () => readerOf(payloads as unknown as ReadableStream<T>);
  return () => payloads[Symbol.iterator]();
}
