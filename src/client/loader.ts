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
