/** Interceptors: what stands around calls, where they are made and where they are served. */
import { inspectValue, invalidCall } from './protocol/errors.ts';

/**
 * One call as an interceptor sees it. Pass on another one to change it: `next({ ...call, input })`. What `metadata` holds when `next` is
 * called goes along.
 */
export interface InterceptedCall {
  /** `eval`, `job` or `map` (also for `mapSettled`) where it is made, `function` where it is served. */
  readonly kind: 'eval' | 'job' | 'map' | 'function';
  /** The path of the call: `server.function`, or several separated by spaces. */
  readonly path: string;
  /** The value that `eval` was given, the payloads of a job or map, or the bytes that a function gets. */
  readonly input: unknown;
  /** A copy of the call's metadata, which may be changed. */
  readonly metadata: Record<string, string>;
  /** Aborts when the call is given up; undefined where nothing can give it up. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a call. Resolves with what it gives: the answer of `eval` (a list unless `messages` is 1), the results of a job or map as an async
 * iterable, what a function returned.
 */
export type CallHandler = (call: InterceptedCall) => Promise<unknown>;

/**
 * Stands around calls: sees them, changes them and what they give, times them, or refuses them by an error, which is then the error of the
 * call. The first interceptor is the outermost: it sees a call first and its outcome last.
 * @example const timing: Interceptor = (next) => async (call) => {
 *   const start = performance.now();
 *   try { return await next(call); } finally { console.log(call.path, performance.now() - start); }
 * };
 */
export type Interceptor = (next: CallHandler) => CallHandler;

/** The handler with interceptors around it, the first one outermost. */
export function intercepted(handler: CallHandler, interceptors: readonly Interceptor[]): CallHandler {
  return interceptors.reduceRight((next, interceptor) => interceptor(next), handler);
}

/** A copy of a list of interceptors. @throws PalmError `INVALID_CALL` when it holds something else. */
export function checkInterceptors(interceptors: unknown): Interceptor[] {
  if (!Array.isArray(interceptors))
    throw invalidCall(`interceptors must be a list of functions, not ${inspectValue(interceptors)}`);
  for (const own of interceptors as readonly unknown[])
    if (typeof own !== 'function')
      throw invalidCall(`an interceptor must be a function, not ${inspectValue(own)}`);
  return [...(interceptors as readonly Interceptor[])];
}
