/**
 * Calls what a user gave, which must neither end the process nor fail the work that it is told of. What it throws goes to `told`, and
 * so does what the promise rejects with that an async function gives in its place.
 * @param told - must not throw. Default: the console, for what has no logger.
 */
export function harmless(run: () => unknown, told: (error: unknown) => void = console.error): void {
  try {
    // Of any realm, and of any kind: what is not a promise has no such method.
    (run() as Partial<PromiseLike<unknown>> | null | undefined)?.then?.(undefined, told);
  } catch (error) {
    told(error);
  }
}
