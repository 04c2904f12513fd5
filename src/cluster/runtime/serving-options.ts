/** What every server, and every role with functions, is told, and the addresses that were left out. */
import type { Interceptor } from '../../interceptor.ts';
import type { Logger, LoggingLevel } from '../../logging.ts';
import { invalidCall } from '../../protocol/errors.ts';
import type { BindingTransport } from '../../transport.ts';
import type { HandleStream } from './functions.ts';
import type { Store } from './store.ts';
import type { ThreadOptions } from './threads/options.ts';
import type { OfferedFunctions } from './typed-function.ts';

/** Options of every server: pylm's arguments in camel case, and frond's own. */
export interface ServingOptions {
  /** Transport that binds the server's addresses. */
  readonly transport: BindingTransport;
  /** Name of the server. Calls to it begin with this name. */
  readonly name: string;
  /** Address to bind, where clients and workers find the cache. Default: a free port of loopback. */
  readonly dbAddress?: string | undefined;
  /** Lowest level that is logged. Default `info`. */
  readonly loggingLevel?: LoggingLevel | undefined;
  /** Logger that takes the lines. Default: the console. */
  readonly logger?: Logger | undefined;
  /** Store that keeps the values of the cache. Default: that of the transport, if it has one, or a {@link MemoryStore}. */
  readonly store?: Store | undefined;
  /** Whether failed answers carry the error's stack, which clients then see. Default false. */
  readonly includeStack?: boolean | undefined;
  /**
   * Bytes of messages that may wait here for a function or a worker, together with those that functions work on. When there are
   * more, the server reads nothing, so senders are held up. Each message counts 1,024 bytes beside its own. `Infinity` for no
   * limit; default 64 MiB.
   */
  readonly maxWaiting?: number | undefined;
}

/** Options with the addresses of `Keys`, and where the cache is. */
export type Addressed<O, Keys extends keyof O> = O & Readonly<Record<Keys | 'dbAddress', string>>;

/**
 * The options with the addresses that were left out: free ones beside `dbAddress`, which itself is on loopback by default.
 * @throws PalmError `INVALID_CALL` when one was left out and the transport cannot choose it, or cannot read `dbAddress`.
 */
export function addressed<O extends ServingOptions, Keys extends keyof O & string>(
  options: O,
  ...keys: readonly Keys[]
): Addressed<O, Keys> {
  const { transport } = options;
  const free = (key: string, beside?: string) => {
    const address = transport.freeAddress?.(beside, key);
    if (address !== undefined) return address;
    throw invalidCall(`${key} must be given: the transport ${transport.name} does not choose addresses`);
  };
  const dbAddress = options.dbAddress ?? free('dbAddress');
  transport.checkAddress(dbAddress);
  const addresses = keys.map((key) => [key, options[key] ?? free(key, dbAddress)] as const);
  return { ...options, dbAddress, ...Object.fromEntries(addresses) } as Addressed<O, Keys>;
}

/** Options of servers that run functions themselves. */
export interface FunctionOptions extends ThreadOptions {
  /**
   * The functions that the server offers: of bytes, or with types as `fn` defines them. It always has `echo`, which returns its
   * payload.
   */
  readonly functions?: OfferedFunctions | undefined;
  /** Stand around the functions, the first one outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Chooses topic and message for each result, in place of `pipelined` or `toClient`. */
  readonly handleStream?: HandleStream | undefined;
  /**
   * Messages that async functions may work on at the same time. Default 1: one after another, so that results keep the
   * order of the messages. With `threads`, as many as there are.
   */
  readonly concurrency?: number | undefined;
}
