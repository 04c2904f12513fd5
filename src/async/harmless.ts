/**
 * Calls a function that a user gave. It must neither end the process nor fail the work that called it, so what it throws,
 * or rejects with when it is async, goes to `report`.
 * @param report - must not throw. Default: `console.error`.
 */
export function harmless(run: () => unknown, report: (error: unknown) => void = console.error): void {
  try {
    // A promise of any realm or library has `then`; other values have not.
    (run() as Partial<PromiseLike<unknown>> | null | undefined)?.then?.(undefined, report);
  } catch (error) {
    report(error);
  }
}
