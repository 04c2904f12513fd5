import type { FunctionResult, PalmFunction, PalmFunctions } from 'frond/cluster';

/** The same functions, each delayed by the milliseconds that `delay` gives at the time. */
export function slowed(functions: PalmFunctions, delay: () => number): PalmFunctions {
  const held = ([name, run]: readonly [string, PalmFunction]): [string, PalmFunction] => [
    name,
    (payload, context) => {
      const wait = delay();
      // Without a delay it answers in the same turn: a promise for each call would cost more than the call.
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
