import { Loader } from './loader.ts';

/** What jobs and maps have in common for their reader. */
interface Results<T, P> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly progress: P;
  return(): Promise<IteratorResult<T, undefined>>;
}

/**
 * A job or map whose code is loaded when it is first read from.
 * @param load - gets the time of the first read, as `Date.now()` gives it; undefined when it was left before that.
 * @param before - makes its progress until the code is loaded.
 */
export function lazy<T, P, B>(
  load: (started: number | undefined) => Promise<Results<T, P>>,
  before: (started: number | undefined) => B,
): Results<T, P | B> {
  let started: number | undefined;
  const loader = new Loader(() => load(started));
  const close = () => loader.use((results) => results.return());
  return {
    get progress() {
      return loader.own === undefined ? before(started) : loader.own.progress;
    },
    next: () => {
      started ??= Date.now();
      return loader.use((results) => results.next());
    },
    return: close,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      await close();
    },
  };
}
