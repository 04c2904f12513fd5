import { Loader } from './loader.ts';

/** What a stream of results has, whatever it is of. */
interface Results<T, P> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly progress: P;
  return(): Promise<IteratorResult<T, undefined>>;
}

/**
 * A job or map whose code is loaded when it is first read from.
 * @param load - told when it was first read from; undefined when it was left before.
 * @param before - its progress until then.
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
