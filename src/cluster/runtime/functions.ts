import type { Logger } from '../../logging.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { Cache } from '../cache.ts';

/** What a function gets beside its payload, and scatter, gather and handleStream beside the message. */
export interface FunctionContext {
  /** The message that is being answered. A function must not change it. */
  readonly message: Readonly<PalmMessage>;
  /**
   * The key-value store: the server's own, or for a worker that of its Master. Keys are those of the caller: when a
   * frond client calls under a session, that goes in front of them, as it does in the client's own calls.
   */
  readonly cache: Cache;
  /** The server's or worker's logger. Every line goes there: how often callers can have one written is up to the function. */
  readonly logger: Logger;
  /** Aborts when the server or worker begins to close. */
  readonly signal: AbortSignal;
  /** Name of the server or worker that runs the function. */
  readonly name: string;
}

/** One result as a function gives it. Of a typed array of any kind, a DataView or an ArrayBuffer the bytes are the answer. */
export type ResultBytes = ArrayBufferView | ArrayBuffer;

/** One result, or nothing. */
export type FunctionResult = ResultBytes | undefined;

/**
 * A function that a server or worker offers: bytes in, bytes out, at once or later. A generator, sync or async, gives
 * several results, as with pylm's MuxWorker; so does a list or a Set of bytes. Anything else is answered as a failure.
 *
 * In a Pipeline or Sink a function may give nothing, which is undefined or no results: the message ends there. In a Server
 * or Worker the caller waits for an answer, so there that is answered as a failure, with the `remoteName` `NoResult`.
 */
export type PalmFunction = (
  payload: Bytes,
  context: FunctionContext,
) => FunctionResult | Promise<FunctionResult> | Iterable<ResultBytes> | AsyncIterable<ResultBytes>;

/** The functions a server offers, by name. */
export type PalmFunctions = Readonly<Record<string, PalmFunction>>;

/** Where a message goes next. */
export interface StreamTarget {
  readonly topic: string;
  readonly message: PalmMessage;
}

/** Chooses topic and message for a result, in place of what `pipelined` or `toClient` say. */
export type HandleStream = (message: PalmMessage, context: FunctionContext) => StreamTarget;

/** Sees a message and gives any number of messages in its place: the same, changed, or new ones. */
export type Spread = (
  message: PalmMessage,
  context: FunctionContext,
) => Iterable<PalmMessage> | AsyncIterable<PalmMessage>;
