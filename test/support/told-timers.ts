/** Timers of Vitest's clock, with where each was set: when one is left, the failure says whose it is. */
import { vi } from 'vitest';

/**
 * Starts Vitest's clock. `vi.useRealTimers()` stops it.
 * @returns what gives the places where timers were set that are neither stopped nor over.
 */
export function useToldTimers(): () => string[] {
  vi.useFakeTimers();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const places = new Map<unknown, string>();
  const told = (run: (...values: unknown[]) => void, ...more: unknown[]) => {
    const timer: unknown = Reflect.apply(set, globalThis, [
      (...values: unknown[]) => {
        places.delete(timer);
        run(...values);
      },
      ...more,
    ]);
    places.set(timer, new Error('set').stack?.split('\n').slice(2, 6).join('\n') ?? '');
    return timer;
  };
  const forget = (timer: Parameters<typeof clear>[0]) => {
    places.delete(timer);
    clear(timer);
  };
  // What the clock has noted at its own functions says what to put back when it stops.
  globalThis.setTimeout = Object.assign(told, set) as unknown as typeof setTimeout;
  globalThis.clearTimeout = Object.assign(forget, clear);
  return () => [...places.values()];
}
