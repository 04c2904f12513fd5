import { withinLimits } from '../async/timers.ts';
import { SignalHub } from '../async/signals.ts';

/** Settles as `promise` does, unless the command is told to end before: then it rejects with the reason. */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const limits = { signal, signals: new SignalHub(), timeout: Number.POSITIVE_INFINITY };
  return withinLimits(limits, () => undefined, promise);
}
