import type { Logger } from '../logging.ts';
import type { PalmMessage } from '../protocol/message.ts';
import type { Store } from './store.ts';

/** What a function gets beside its payload. */
export interface FunctionContext {
  /** The message that is being answered. Not to be changed. */
  readonly message: Readonly<PalmMessage>;
  /** The server's key-value store. */
  readonly cache: Store;
  readonly logger: Logger;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

/** A function that a server offers: bytes in, bytes out, at once or later. */
export type PalmFunction = (
  payload: Uint8Array<ArrayBuffer>,
  context: FunctionContext,
) => Uint8Array | Promise<Uint8Array>;

/** The functions a server offers, by name. */
export type PalmFunctions = Readonly<Record<string, PalmFunction>>;

/** Where a message goes next. */
export interface StreamTarget {
  readonly topic: string;
  readonly message: PalmMessage;
}

/** Chooses topic and message for a result, in place of {@link defaultStream}. */
export type HandleStream = (message: PalmMessage) => StreamTarget;
