/**
 * Listens to abort signals on behalf of many calls, with one listener on each signal: a thousand calls that share a
 * signal are no leak, and platforms warn of more than a few listeners.
 */
export class SignalHub {
  readonly #listeners = new Map<AbortSignal, Set<() => void>>();
  // Not currentTarget, which Node 20 has for the first listener of a signal alone, and another hub may be that.
  readonly #onAbort = (event: Event) => this.#aborted(event.target as AbortSignal);

  /** Calls `listener` when the signal aborts, soon if it has. Gives the function that ends this. */
  listen(signal: AbortSignal, listener: () => void): () => void {
    const listeners = this.#listeners.get(signal) ?? new Set();
    this.#listeners.set(signal, listeners.add(listener));
    // Listens once, however often it is said (DOM, "add an event listener").
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) queueMicrotask(() => this.#aborted(signal));
    return () => this.#leave(signal, listener);
  }

  #leave(signal: AbortSignal, listener: () => void): void {
    const listeners = this.#listeners.get(signal);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#forget(signal);
  }

  #aborted(signal: AbortSignal): void {
    const listeners = this.#listeners.get(signal) ?? [];
    this.#forget(signal);
    for (const listener of listeners) listener();
  }

  #forget(signal: AbortSignal): void {
    this.#listeners.delete(signal);
    signal.removeEventListener('abort', this.#onAbort);
  }
}

/** @throws the signal's reason when it has aborted. Not every platform has a method of it for that, as React Native. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** Why it has aborted, also where the platform does not keep that. */
export function abortReason({ reason }: AbortSignal): unknown {
  return reason ?? Object.assign(new Error('the call was aborted'), { name: 'AbortError' });
}
