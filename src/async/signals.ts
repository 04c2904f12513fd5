/**
 * Listens to abort signals for many calls, with one listener on each signal. Platforms take many listeners on one signal for
 * a leak and warn, but a thousand calls may share a signal.
 */
export class SignalHub {
  readonly #listeners = new Map<AbortSignal, Set<() => void>>();
  // Not currentTarget: Node 20 sets it for the first listener of a signal only, and that may be another hub's.
  readonly #onAbort = (event: Event) => this.#aborted(event.target as AbortSignal);

  /** Calls `listener` when the signal aborts, or soon if it has. Returns the function that stops listening. */
  listen(signal: AbortSignal, listener: () => void): () => void {
    const listeners = this.#listeners.get(signal) ?? new Set();
    this.#listeners.set(signal, listeners.add(listener));
    // Adding the same listener again does nothing (DOM, "add an event listener").
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

/** @throws the signal's reason when it has aborted. React Native lacks `AbortSignal.throwIfAborted`. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal);
}

/** Why a signal has aborted; an `AbortError` where the platform keeps no reason. */
export function abortReason({ reason }: AbortSignal): unknown {
  return reason ?? Object.assign(new Error('the call was aborted'), { name: 'AbortError' });
}
