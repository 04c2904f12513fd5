/** What a stream of results has, whatever it is of. */
interface Results<T, P> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly progress: P;
  return(): Promise<IteratorResult<T, undefined>>;
}

/**
 * A job or map whose code is loaded when it is first read from: many pages have no use for it.
 * @param load - told when it was first read from; undefined when it was left before.
 * @param before - its progress until then, told when it was first read from.
 */
export function lazy<T, P, B>(
  load: (started: number | undefined) => Promise<Results<T, P>>,
  before: (started: number | undefined) => B,
): Results<T, P | B> {
  let own: Results<T, P> | undefined;
  let loading: Promise<Results<T, P>> | undefined;
  let started: number | undefined;
  const use = <R>(what: (results: Results<T, P>) => Promise<R>): Promise<R> => {
    if (own !== undefined) return what(own);
    loading ??= load(started);
    // Together: between the two another reader could come first.
    return loading.then((results) => what((own = results)));
  };
  const close = () => use((results) => results.return());
  return {
    get progress() {
      return own === undefined ? before(started) : own.progress;
    },
    next: () => {
      started ??= Date.now();
      return use((results) => results.next());
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
