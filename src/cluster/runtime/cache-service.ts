/** The key-value service of a server: answers requests of clients and workers (pylm/parts/services.py, CacheService). */

import { STORE_BYTES } from '../../flow-control.ts';
import { FUNCTIONS_KEY } from '../../functions/contract/description.ts';
import type { Logger } from '../../logging.ts';
import { type Bytes, decodeUtf8, encodeUtf8 } from '../../protocol/bytes.ts';
import { isReservedKey } from '../../protocol/cache-keys.ts';
import { CANCEL, type CancelNotice, readCancel } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { inspectValue, messageOf, PalmError } from '../../protocol/errors.ts';
import { randomId } from '../../protocol/ids.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../protocol/message.ts';
import { END_KEY, NEXT } from '../../protocol/pipeline-end.ts';
import { OFFERS, WORK } from '../../protocol/work-request.ts';
import type { RequestOrigin } from '../../transport.ts';
import { dropped } from './flow.ts';
import { LONGEST_TEXT, longText } from './long-texts.ts';
import { type MutableCounters, STATUS_KEY } from './status.ts';
import type { Store } from './store.ts';

/** The outcome of a request. */
interface Outcome {
  readonly value: Bytes;
  readonly status: number;
  readonly error: string;
}

/** Answers a worker's request for work, or takes what a worker says of its functions. Throws when it refuses the request. */
export type WorkService = (request: PalmMessage, from: RequestOrigin) => Bytes | Promise<Bytes>;

/** Takes what a next server of a pipeline says of itself. Throws when it refuses that. */
export type NextService = (request: PalmMessage, from: RequestOrigin) => Promise<void>;

export interface CacheServiceSettings {
  /** The server's own keys and their values, which pylm's clients and workers ask for. */
  readonly config: Readonly<Record<string, string>>;
  /** The value of {@link STATUS_KEY} at the time of the call. */
  readonly status: () => Bytes;
  /** The value of {@link FUNCTIONS_KEY}. */
  readonly offers: () => Bytes;
  readonly store: Store;
  readonly logger: Logger;
  readonly tally: MutableCounters;
  /** Given by a Master or Hub. */
  readonly work: WorkService | undefined;
  /** Cancels calls. Returns the number of messages that get no answer for that. */
  readonly cancel?: (notice: CancelNotice) => number;
  readonly next?: NextService | undefined;
  /** The value of {@link END_KEY} at the time of the call. */
  readonly end?: (() => Bytes) | undefined;
}

/** UTF-16 units of the longest key that is stored. */
const LONGEST_KEY = 4_096;

const NOTHING: Bytes = new Uint8Array(0);

function done(value: Bytes): Outcome {
  return { value, status: Status.ok, error: '' };
}

function refusal(status: number, error: string): Outcome {
  return { value: NOTHING, status, error };
}

/** Answers cache requests. The server's own keys can be read but not written. No request can harm the server. */
export class CacheService {
  readonly #codec = new EnvelopeCodec();
  readonly #config = new Map<string, () => Bytes>();
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #tally: MutableCounters;
  readonly #work: WorkService | undefined;
  readonly #cancel: CacheServiceSettings['cancel'];
  readonly #next: NextService | undefined;
  /** Bytes of the requests that wait for the store. */
  #waiting = 0;

  constructor({
    config,
    status,
    offers,
    store,
    logger,
    tally,
    work,
    cancel,
    next,
    end,
  }: CacheServiceSettings) {
    for (const [key, value] of Object.entries(config)) this.configure(key, value);
    this.#config.set(STATUS_KEY, status);
    this.#config.set(FUNCTIONS_KEY, offers);
    if (end !== undefined) this.#config.set(END_KEY, end);
    this.#store = store;
    this.#logger = logger;
    this.#tally = tally;
    this.#work = work;
    this.#cancel = cancel;
    this.#next = next;
  }

  /** Sets one of the server's own keys. */
  configure(key: string, value: string): void {
    const bytes = encodeUtf8(value);
    this.#config.set(key, () => bytes);
  }

  /**
   * The reply to one request. It is a promise only when the store answers with one. Never throws or rejects.
   * @param from - the link that the request came over.
   */
  answer(frame: Bytes, from: RequestOrigin): Bytes | Promise<Bytes> {
    let request: PalmMessage;
    try {
      const long = longText(frame);
      if (long !== undefined) {
        const text = `a name or key in a request may have ${LONGEST_TEXT} bytes, not ${long.length}`;
        return this.#reply(palmMessage({ features: long.features }), refusal(Status.refused, text));
      }
      request = this.#codec.decode(frame);
    } catch (error) {
      const fields = { size: frame.length, reason: messageOf(error) };
      dropped(this.#tally, this.#logger, 'bad cache request', fields);
      return NOTHING;
    }
    try {
      const { function: asked } = request;
      if (this.#work !== undefined && (asked === WORK || asked === OFFERS)) return this.#work(request, from);
      if (this.#cancel !== undefined && request.function === CANCEL) {
        return this.#reply(request, done(encodeUtf8(String(this.#cancel(readCancel(request))))));
      }
      if (this.#next !== undefined && request.function === NEXT) {
        return this.#next(request, from).then(() => this.#reply(request, done(NOTHING)));
      }
      const outcome = this.#perform(request);
      if (!(outcome instanceof Promise)) return this.#reply(request, outcome);
      this.#waiting += frame.length;
      return outcome.catch(failure).then((later) => {
        this.#waiting -= frame.length;
        return this.#reply(request, later);
      });
    } catch (error) {
      return this.#reply(request, failure(error));
    }
  }

  #perform(request: PalmMessage): Outcome | Promise<Outcome> {
    if (this.#waiting >= STORE_BYTES)
      return refusal(Status.failed, 'too many requests wait for the store; try again later');
    switch (operationOf(request)) {
      case 'set':
        return this.#set(request.cache === '' ? randomId() : request.cache, request.payload);
      case 'get':
        return withKey(request.payload, (key) => this.#get(key));
      case 'delete':
        return withKey(request.payload, (key) => this.#delete(key));
      default: {
        const text = `the operations of the cache are set, get and delete, not ${inspectValue(request.function)}`;
        return refusal(Status.unknownFunction, text);
      }
    }
  }

  #get(key: string): Outcome | Promise<Outcome> {
    return when(this.#config.get(key)?.() ?? this.#store.get(key), (value) =>
      value === undefined ? missing(key) : done(value),
    );
  }

  #set(key: string, value: Bytes): Outcome | Promise<Outcome> {
    if (key.length > LONGEST_KEY) {
      return refusal(Status.refused, `a key may have ${LONGEST_KEY} characters, not ${key.length}`);
    }
    if (isReservedKey(key)) return reserved(key);
    // A copy: the value is a view into the request, which the store would keep alive as a whole.
    return when(this.#store.set(key, value.slice()), () => done(encodeUtf8(key)));
  }

  #delete(key: string): Outcome | Promise<Outcome> {
    if (isReservedKey(key)) return reserved(key);
    return when(this.#store.delete(key), (existed) => (existed ? done(encodeUtf8(key)) : missing(key)));
  }

  #reply(request: PalmMessage, outcome: Outcome): Bytes {
    if (outcome.status !== Status.ok && outcome.status !== Status.missing) {
      const fields = { function: request.function, reason: outcome.error };
      dropped(this.#tally, this.#logger, 'cache request refused', fields);
    }
    if ((request.features & Feature.replies) === 0) return outcome.value;
    const { value: payload, status, error } = outcome;
    let features: number = Feature.replies;
    if (this.#work !== undefined) features |= Feature.work | Feature.progress;
    if (this.#cancel !== undefined) features |= Feature.cancels;
    return this.#codec.encode(palmMessage({ function: request.function, payload, status, error, features }));
  }
}

/** The part after the dot. As in pylm, anything may stand before it: workers write an underscore. */
function operationOf({ function: path }: PalmMessage): string | undefined {
  return path.split('.')[1];
}

/** Nothing is kept under a key that is too long to be set, and it is not decoded. */
function withKey(
  key: Bytes,
  perform: (key: string) => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  if (key.length <= LONGEST_TEXT) return perform(decodeUtf8(key));
  return refusal(Status.missing, `there is no key of ${key.length} bytes`);
}

function missing(key: string): Outcome {
  return refusal(Status.missing, `there is no key ${inspectValue(key)}`);
}

function reserved(key: string): Outcome {
  return refusal(Status.refused, `key ${inspectValue(key)} is the server's configuration`);
}

function failure(error: unknown): Outcome {
  const isTooLarge = error instanceof PalmError && error.code === 'TOO_LARGE';
  return refusal(isTooLarge ? Status.refused : Status.failed, messageOf(error));
}

/** Calls `next` with a value now, or once its promise resolves. */
function when<T, U>(value: T | Promise<T>, next: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
