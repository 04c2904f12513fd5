import { BLOB_PIECE } from '../../flow-control.ts';

/**
 * What a job or map takes its inputs from. Streams are read also where they cannot be iterated, and are cancelled when the job or map is
 * left. A Blob gives its bytes in pieces of 64 KiB.
 */
export type Payloads<T> =
  | Iterable<T>
  | AsyncIterable<T>
  | ReadableStream<T>
  | (Uint8Array<ArrayBuffer> extends T ? Blob : never);

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
export function openInput<T>(payloads: Payloads<T>): Input<T> {
  const source = sourceOf<T>(payloads);
  let iterator: Iterator<T> | AsyncIterator<T> | undefined;
  let isOver = false;
  const next = () => {
    iterator ??= source.open();
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
      if (source.isAsync) return undefined;
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
        return isOver ? DONE : failed(error);
      }
    },
    close: () => {
      if (isOver) return;
      isOver = true;
      if (iterator === undefined) return;
      // Not awaited: an async generator returns only when what it awaits has come. The job has its outcome, and an error of
      // the input does not change it.
      (async () => iterator?.return?.())().catch(() => {});
      source.destroy?.();
    },
  };
}

/** Where values come from. */
interface Source<T> {
  readonly isAsync: boolean;
  open(): Iterator<T> | AsyncIterator<T>;
  /** Ends a stream of Node at once: its iterator waits for the next chunk first. */
  destroy?(): void;
}

function sourceOf<T>(payloads: Payloads<T>): Source<T> {
  // First, because the iterator of a stream that waits for its next chunk is left only when that has come.
  if ('getReader' in payloads) return { isAsync: true, open: () => readerOf(payloads) };
  if (Symbol.asyncIterator in payloads) {
    const open = () => payloads[Symbol.asyncIterator]();
    const { destroy } = payloads as { destroy?: unknown };
    if (typeof destroy !== 'function') return { isAsync: true, open };
    return { isAsync: true, open, destroy: () => destroy.call(payloads) };
  }
  if (Symbol.iterator in payloads) return { isAsync: false, open: () => payloads[Symbol.iterator]() };
  return { isAsync: true, open: () => piecesOf(payloads) as AsyncIterator<T> };
}

function readerOf<T>(stream: ReadableStream<T>): AsyncIterator<T> {
  const reader = stream.getReader();
  return {
    next: () => reader.read() as Promise<IteratorResult<T>>,
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

async function* piecesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += BLOB_PIECE)
    yield new Uint8Array(await blob.slice(at, at + BLOB_PIECE).arrayBuffer());
}

/** The number of items in an array, a typed array, a Set or a Map, and of the pieces of a Blob. */
export function sizeOf(payloads: object): number | undefined {
  const { length, size } = payloads as { readonly length?: unknown; readonly size?: unknown };
  const count = [length, size].find((own) => Number.isSafeInteger(own) && Number(own) >= 0);
  if (count === undefined) return undefined;
  return 'stream' in payloads ? Math.ceil(Number(count) / BLOB_PIECE) : Number(count);
}
