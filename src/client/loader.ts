import { PalmError } from '../protocol/errors.ts';

/** Loads code when it is first used, because many pages never use it. */
export class Loader<O> {
  readonly #load: () => Promise<O>;
  #loading: Promise<O> | undefined;
  /** What was loaded; undefined before. */
  own: O | undefined;

  constructor(load: () => Promise<O>) {
    this.#load = load;
  }

  /** Runs `what` with the loaded code: at once, or when it is loaded, in the order of the calls. */
  use<R>(what: (own: O) => Promise<R>): Promise<R> {
    if (this.own !== undefined) return what(this.own);
    this.#loading ??= this.#load().catch((error) => {
      // The next call tries again: the network may be back.
      this.#loading = undefined;
      throw PalmError.from(error, 'DISCONNECTED', 'loading code failed', false);
    });
    // Both in one turn, so that no other call comes between them.
    return this.#loading.then((own) => {
      this.own = own;
      return what(own);
    });
  }
}

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
