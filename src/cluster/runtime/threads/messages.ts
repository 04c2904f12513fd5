/** What the two ends of a thread say to each other. Types only: a thread is started with one function's text, which imports nothing. */
import type { LogFields, Logger } from '../../../logging.ts';
import type { PalmMessage } from '../../../protocol/message.ts';

/** What a thread is started with. */
export interface ThreadStart {
  /** URL of the module that has the functions. */
  readonly module: string;
  /** Name of the server or worker, which is the functions' `context.name`. */
  readonly name: string;
  /** Results of one call that may be on their way before its function waits. */
  readonly window: number;
  /** Bytes from which a buffer is given away and not copied. */
  readonly givenFrom: number;
  /** Milliseconds between two values of one call's progress. */
  readonly progressPause: number;
}

/** An error on its way to the other end. */
export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: unknown;
  readonly data?: unknown;
  /** How the error wants its call to be answered, as errors of functions with types do. */
  readonly answer?: unknown;
}

/** What a thread is told. */
export type ToThread =
  | {
      readonly type: 'call';
      readonly id: number;
      readonly name: string;
      readonly message: PalmMessage;
      /** The context's metadata, where it has some. */
      readonly metadata: unknown;
      /** Whether the caller wants to hear how far the function is. */
      readonly wantsProgress: boolean;
    }
  /** The call's signal aborts. */
  | { readonly type: 'abort'; readonly id: number; readonly reason: ThrownError }
  /** No further results of the call are wanted. */
  | { readonly type: 'stop'; readonly id: number }
  /** One result of the call was taken. */
  | { readonly type: 'taken'; readonly id: number }
  /** The reply to a request to the cache. */
  | { readonly type: 'reply'; readonly request: number; readonly value: unknown }
  | { readonly type: 'refused'; readonly request: number; readonly error: ThrownError };

/** What a thread tells. */
export type FromThread =
  /** The module was loaded. What each function takes and gives is JSON: a schema may hold what cannot leave the thread. */
  | { readonly type: 'ready'; readonly functions: readonly (readonly [name: string, description: string])[] }
  /** The module cannot be used, and the thread runs nothing. */
  | { readonly type: 'unusable'; readonly reason: string }
  /** The only result of a call, which is over. */
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  /** One of the results of a call. */
  | { readonly type: 'item'; readonly id: number; readonly value: unknown }
  /** The call has no further results. */
  | { readonly type: 'end'; readonly id: number }
  | { readonly type: 'error'; readonly id: number; readonly error: ThrownError }
  | CacheQuestion
  | {
      readonly type: 'progress';
      readonly id: number;
      readonly progress: readonly [done: number, total?: number, note?: string];
    }
  | {
      readonly type: 'log';
      readonly id: number;
      readonly level: keyof Logger;
      readonly text: string;
      readonly fields: LogFields | undefined;
    };

/** A request of a call to the cache. */
export interface CacheQuestion {
  readonly type: 'cache';
  readonly id: number;
  readonly request: number;
  readonly operation: 'get' | 'set' | 'delete';
  /** The session that the function chose; undefined for the call's own. */
  readonly session: { readonly name: string | undefined } | undefined;
  readonly key: string | undefined;
  readonly value: unknown;
}
