import { PalmError } from '../protocol/errors.ts';

/** Code that is loaded when it is first used: many pages have no use for it. */
export class Loader<O> {
  readonly #load: () => Promise<O>;
  #loading: Promise<O> | undefined;
  /** What was loaded. */
  own: O | undefined;

  constructor(load: () => Promise<O>) {
    this.#load = load;
  }

  /** Runs `what` with what was loaded, at once or when it is here, in the order of the calls. */
  use<R>(what: (own: O) => Promise<R>): Promise<R> {
    if (this.own !== undefined) return what(this.own);
    this.#loading ??= this.#load().catch((error) => {
      // The network may be back when it is asked for again.
      this.#loading = undefined;
      throw PalmError.from(error, 'DISCONNECTED', 'code was not loaded');
    });
    // Both in one turn: between them another call could pass.
    return this.#loading.then((own) => {
      this.own = own;
      return what(own);
    });
  }
}

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
