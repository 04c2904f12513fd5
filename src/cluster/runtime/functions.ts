/** The functions of a server or worker: what they take, what they give, and the cache that they see. */
import type { Logger } from '../../logging.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { checkWritable, wireKey } from '../../protocol/cache-keys.ts';
import { inspectValue, invalidCall, type PalmError } from '../../protocol/errors.ts';
import { randomId } from '../../protocol/ids.ts';
import { Feature, type PalmMessage, Status } from '../../protocol/message.ts';
import { type Metadata, readMetadata } from '../../protocol/metadata.ts';
import { isBytes } from '../../protocol/payload.ts';
import { encodeProgress, progressName } from '../../protocol/progress.ts';
import type { CancellableCall, Cancellations } from './cancellations.ts';
import type { Emit } from './flow.ts';
import { ProgressReporter } from './progress-reporter.ts';
import type { Store } from './store.ts';

/** What a function gets beside its payload, and what scatter, gather and handleStream get beside the message. */
export interface FunctionContext {
  /** The message that is being answered. A function must not change it. */
  readonly message: Readonly<PalmMessage>;
  /**
   * The key-value store of the server, or of a worker's Master. Keys are the caller's: when a frond client calls under a
   * session, the session goes in front of them, as it does in the client's own calls.
   */
  readonly cache: Cache;
  /** The server's or worker's logger. It writes every line: how often callers can cause a line is up to the function. */
  readonly logger: Logger;
  /**
   * Aborts when nobody waits for the results of this call any more, and when the server or worker begins to close. The reason is a
   * PalmError: `CANCELLED` when the caller aborted the call or left it, `TIMEOUT` when the caller's time was up, `DISCONNECTED` when the
   * caller has closed its client or is gone, `CLOSED` when the server or worker is closing. What a function returns after a cancel goes
   * nowhere, and a generator is ended at its next result; after `CLOSED` results are still sent. Each call has a signal of its own, which
   * is made when it is first read and never aborts after the function is over. Calls that came with `detached`, or from pylm's clients, are
   * never cancelled.
   */
  readonly signal: AbortSignal;
  /**
   * Says how far the function is, as often as the function likes. A caller with `onProgress` hears of it 20 times a second at most, and of
   * the last value before the last result. For all others it does nothing. It never throws, and does nothing after the function is over.
   * @param done - what is done, in any unit: a finite number of 0 or more. Any other value is passed over.
   * @param total - what there is to do in all, in the same unit; left out when it is not known. A total below `done` is taken for unknown.
   * @param note - what is being done, for people. After 200 characters it is cut.
   */
  readonly progress: (done: number, total?: number, note?: string) => void;
  /** Name of the server or worker that runs the function. */
  readonly name: string;
  /** What goes with the call through its stages, by name. Reading it throws `PROTOCOL` when a stranger's cannot be read. */
  readonly metadata: Metadata;
}

/** One result of a function. The answer is the bytes of a typed array of any kind, a DataView or an ArrayBuffer. */
export type ResultBytes = ArrayBufferView | ArrayBuffer;

/** One result, or nothing. */
export type FunctionResult = ResultBytes | undefined;

/**
 * A function that a server or worker offers. It takes bytes and returns bytes, or a promise of them. A generator, sync or async,
 * returns several results, as with pylm's MuxWorker; so does a list or a Set of bytes. Anything else is answered as a failure.
 *
 * In a Pipeline or Sink a function may return nothing (undefined or no results): the message ends there. In a Server
 * or Worker the caller waits for an answer, so nothing is answered as a failure, with the `remoteName` `NoResult`.
 */
export type PalmFunction = (
  payload: Bytes,
  context: FunctionContext,
) => FunctionResult | Promise<FunctionResult> | Iterable<ResultBytes> | AsyncIterable<ResultBytes>;

/** The functions that a server offers, by name. */
export type PalmFunctions = Readonly<Record<string, PalmFunction>>;

/** Where a message goes next. */
export interface StreamTarget {
  /** Topic that it is published under. */
  readonly topic: string;
  /** The message itself. */
  readonly message: PalmMessage;
}

/** Chooses topic and message for a result, in place of `pipelined` or `toClient`. */
export type HandleStream = (message: PalmMessage, context: FunctionContext) => StreamTarget;

/** Takes a message and returns any number of messages in its place: the same one, changed, or new ones. */
export type MessageTransform = (
  message: PalmMessage,
  context: FunctionContext,
) => Iterable<PalmMessage> | AsyncIterable<PalmMessage>;

/** What all function calls of one server or worker share. */
export interface FunctionScope {
  /** Name of the server or worker. */
  readonly name: string;
  readonly cache: Cache;
  /** The logger of functions. It writes every line, however often functions are called. */
  readonly functionLogger: Logger;
  /** Knows the calls that take time, and cancels them. */
  readonly cancellations: Cancellations;
}

const NO_PROGRESS = () => {};

/** The context of one message. Its values are made when they are asked for, so others cost nothing. */
export class MessageContext implements FunctionContext, CancellableCall {
  readonly message: PalmMessage;
  readonly #scope: FunctionScope;
  readonly #emit: Emit | undefined;
  #controller: AbortController | undefined;
  #reporter: ProgressReporter | undefined;
  #isOver = false;
  /** Why the call was cancelled. */
  cancelled: PalmError | undefined;

  /** @param emit - passes progress on; undefined where there is no function. */
  constructor(scope: FunctionScope, message: PalmMessage, emit?: Emit) {
    this.#scope = scope;
    this.message = message;
    this.#emit = emit;
  }

  get cache(): Cache {
    const { features, pipeline } = this.message;
    const { cache } = this.#scope;
    return (features & Feature.session) === 0 ? cache : cache.withSession(pipeline);
  }

  get logger(): Logger {
    return this.#scope.functionLogger;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const { closing } = this.#scope.cancellations;
      if (this.cancelled !== undefined) this.#controller.abort(this.cancelled);
      else if (closing.aborted) this.#controller.abort(closing.reason);
    }
    return this.#controller.signal;
  }

  /** Whether the caller wants to hear of progress, and still can. */
  get wantsProgress(): boolean {
    return this.progress !== NO_PROGRESS;
  }

  get progress(): FunctionContext['progress'] {
    if (this.#reporter !== undefined) return this.#reporter.take;
    const { message } = this;
    const emit = this.#emit;
    const isAsked = message.unknown.length > 0 && !this.#isOver && this.cancelled === undefined;
    if (!isAsked || emit === undefined || wishedProgress(message.unknown) === undefined) return NO_PROGRESS;
    this.#reporter = new ProgressReporter((progress) => {
      void emit({ ...message, payload: encodeProgress(progress), status: Status.progress });
    });
    return this.#reporter.take;
  }

  /** The function is over. Its last progress leaves before what comes next. */
  over(): void {
    this.#isOver = true;
    this.#reporter?.finish();
  }

  get name(): string {
    return this.#scope.name;
  }

  cancel(reason: PalmError): boolean {
    this.cancelled = reason;
    this.#reporter?.drop();
    this.#controller?.abort(reason);
    return true;
  }

  closing(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  get metadata(): Metadata {
    return readMetadata(this.message.unknown);
  }
}

/** The name under which a message's caller asks for progress, among its unknown fields. A stranger's field may be malformed: then it asks for nothing. */
export function wishedProgress(unknown: Uint8Array): string | undefined {
  try {
    return progressName(unknown);
  } catch {
    return undefined;
  }
}

// The key-value store, as functions and the owner of a server use it.

/** The key-value store that clients share. Arguments are in the order of the client's own calls. */
export interface Cache {
  /** The value, or undefined when the key is missing. Takes a key with or without the session, as {@link set} returned it. */
  get(key: string): Promise<Bytes | undefined>;
  /**
   * Stores a value. Returns the key as it is stored, with the session in front. Without a key it makes a random one.
   * @throws PalmError `INVALID_CALL` for a value that is not a `Uint8Array` and for keys of the server's configuration,
   * `TOO_LARGE` when the value is too large for the store.
   */
  set(value: Uint8Array, key?: string): Promise<string>;
  /** Deletes a key. Returns whether there was one. */
  delete(key: string): Promise<boolean>;
  /** The same store with the keys of another session, or of none. */
  withSession(session: string | undefined): Cache;
}

/** A store whose keys have the session in front. */
export type KeyValues = Pick<Store, 'get' | 'set' | 'delete'>;

/** A store of which functions get copies, and that keeps copies of their values: both may be changed. */
export function copying(store: Store): KeyValues {
  return {
    get: async (key) => {
      const value = await store.get(key);
      return value && new Uint8Array(value);
    },
    set: (key, value) => store.set(key, new Uint8Array(value)),
    delete: (key) => store.delete(key),
  };
}

/** The cache of a store, under a session or under none. */
export function cacheOf(store: KeyValues, session?: string): Cache {
  /** The key as it is stored, when `set` returned it so. */
  const given = (key: string) =>
    session !== undefined && key !== session && key.startsWith(session) ? key : undefined;
  return {
    get: async (key) => {
      const value = await store.get(wireKey(key, session));
      const stored = given(key);
      return value !== undefined || stored === undefined ? value : store.get(stored);
    },
    set: async (value, key) => {
      const wire = wireKey(key === undefined || key === '' ? randomId() : key, session);
      checkWritable(wire);
      if (!isBytes(value)) throw invalidCall(`a value must be a Uint8Array, not ${inspectValue(value)}`);
      await store.set(wire, value);
      return wire;
    },
    delete: async (key) => {
      const wire = wireKey(key, session);
      checkWritable(wire);
      if (await store.delete(wire)) return true;
      const stored = given(key);
      if (stored === undefined) return false;
      checkWritable(stored);
      return store.delete(stored);
    },
    withSession: (other) => cacheOf(store, other),
  };
}
