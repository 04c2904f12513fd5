import type { FunctionResult, PalmFunction, PalmFunctions } from 'frond/cluster';

/** The same functions, each held up by what `delay` says at the time, in milliseconds. */
export function slowed(functions: PalmFunctions, delay: () => number): PalmFunctions {
  const held = ([name, run]: readonly [string, PalmFunction]): [string, PalmFunction] => [
    name,
    (payload, context) => {
      const wait = delay();
      // In the same turn when there is nothing to wait for: a promise for each of many calls would cost more than they do.
      if (wait === 0) return run(payload, context);
      return later(wait, context.signal).then(() => one(run(payload, context)));
    },
  ];
  return Object.fromEntries(Object.entries(functions).map(held));
}

function one(result: ReturnType<PalmFunction>): FunctionResult | Promise<FunctionResult> {
  if (result === undefined || ArrayBuffer.isView(result)) return result;
  if (result instanceof ArrayBuffer || result instanceof Promise) return result;
  throw new TypeError('a function that gives several results cannot be held up');
}

function later(wait: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, wait);
    signal.addEventListener('abort', done);
  });
}
