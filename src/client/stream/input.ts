/** What an input gave: a value, its end, or the error it threw. */
export type InputItem<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The input of a job, sync or async, read one value at a time. */
export interface Input<T> {
  /** The next value when it is to be had at once, from a sync iterable; else undefined. */
  takeNow(): InputItem<T> | undefined;
  take(): Promise<InputItem<T>>;
  /** Tells the input that no more is wanted, unless it has ended by itself. Never throws or waits. */
  close(): void;
}

const DONE = { kind: 'done' } as const;

/** The input that {@link checkInput} has let pass. */
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
      // Not awaited: an async generator answers only when what it waits for has come. Whoever leaves has its outcome; what
      // the input says to being left changes nothing.
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
