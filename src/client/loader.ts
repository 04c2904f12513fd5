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
