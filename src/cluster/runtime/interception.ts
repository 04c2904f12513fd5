/** Interceptors around the functions of a server or worker. */
import { type Interceptor, intercepted } from '../../interceptor.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeMetadata, withMetadata } from '../../protocol/metadata.ts';
import type { MessageContext, PalmFunction } from './functions.ts';
import { handled } from './results.ts';

/** The function with interceptors around it. What they add to the metadata goes with the results to the next servers. */
export function interceptedFunction(run: PalmFunction, interceptors: readonly Interceptor[]): PalmFunction {
  return async (payload, context) => {
    const { message } = context as MessageContext;
    const metadata = { ...context.metadata };
    const handler = intercepted(async ({ input, metadata: now }) => {
      if (!isSame(now, context.metadata))
        message.unknown = withMetadata(message.unknown, encodeMetadata(now));
      return handled(run(input as Bytes, context));
    }, interceptors);
    const { signal } = context;
    const call = { kind: 'function', path: message.function, input: payload, metadata, signal } as const;
    return (await handler(call)) as Awaited<ReturnType<PalmFunction>> & undefined;
  };
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
