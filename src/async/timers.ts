import { deferred } from './deferred.ts';
import { abortReason, type SignalHub } from './signals.ts';

/** The longest delay of a timer in milliseconds. With a longer one, platforms fire at once. */
const LONGEST_TIMER = 0x7fffffff;

/** Calls `expire` after `timeout` milliseconds. Returns the function that stops the timer. */
export function startTimer(timeout: number, expire: () => void): () => void {
  if (timeout > LONGEST_TIMER) return () => {};
  const timer = setTimeout(expire, timeout);
  return () => clearTimeout(timer);
}

/** What may end a call before its answer comes. */
export interface CallLimits {
  readonly signal: AbortSignal | undefined;
  /** Listens to the signal. */
  readonly signals: SignalHub;
  /** Milliseconds, or Infinity. */
  readonly timeout: number;
}

/**
 * Calls `end` once: with the signal's reason when it aborts, or with the error that `expired` makes when the time is up.
 * Returns the function that releases the signal and the timer. Call it when the call ends in another way.
 */
export function watchLimits(
  limits: CallLimits,
  expired: () => unknown,
  end: (reason: unknown) => void,
): () => void {
  const { signal, signals, timeout } = limits;
  const finish = (reason: unknown) => {
    release();
    end(reason);
  };
  const stopTimer = startTimer(timeout, () => finish(expired()));
  const stopListening = signal && signals.listen(signal, () => finish(abortReason(signal)));
  const release = () => {
    stopTimer();
    stopListening?.();
  };
  return release;
}

/** Settles as `promise` does. When a limit is reached first, it rejects with the signal's reason or what `expired` makes. */
export async function withinLimits<T>(
  limits: CallLimits,
  expired: () => unknown,
  promise: Promise<T>,
): Promise<T> {
  const limit = deferred<never>();
  const release = watchLimits(limits, expired, limit.reject);
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    release();
  }
}

/** Resolves when `promise` does, or after `timeout` milliseconds at the latest. */
export async function atMost(timeout: number, promise: Promise<unknown>): Promise<void> {
  const expired = deferred<void>();
  const stop = startTimer(timeout, expired.resolve);
  try {
    await Promise.race([promise, expired.promise]);
  } finally {
    stop();
  }
}
