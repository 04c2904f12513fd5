/** The key-value service of a server: answers REQ from clients and workers (pylm/parts/services.py, CacheService). */

import type { Logger } from '../logging.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { PalmError, reasonText } from '../protocol/errors.ts';
import { randomId } from '../protocol/ids.ts';
import { isReservedKey } from '../protocol/keys.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../protocol/message.ts';
import { type Bytes, decodeUtf8, encodeUtf8 } from '../protocol/utf8.ts';
import type { Store } from './store.ts';

/** What a request came to. */
interface Outcome {
  readonly value: Bytes;
  readonly status: number;
  readonly error: string;
}

const NOTHING: Bytes = new Uint8Array(0);

function done(value: Bytes): Outcome {
  return { value, status: Status.ok, error: '' };
}

function refusal(status: number, error: string): Outcome {
  return { value: NOTHING, status, error };
}

/** Answers cache requests. The server's own keys can be read and not written; nothing in a request can harm it. */
export class CacheService {
  readonly #codec = new EnvelopeCodec();
  readonly #config = new Map<string, Bytes>();
  readonly #store: Store;
  readonly #logger: Logger;

  /** @param config - the server's own keys, which pylm's clients and workers ask for. */
  constructor(config: Readonly<Record<string, string>>, store: Store, logger: Logger) {
    for (const [key, value] of Object.entries(config)) this.#config.set(key, encodeUtf8(value));
    this.#store = store;
    this.#logger = logger;
  }

  /** The reply to one request, at once when the store answers at once. Never throws or rejects. */
  answer(frame: Bytes): Bytes | Promise<Bytes> {
    let request: PalmMessage;
    try {
      request = this.#codec.decode(frame);
    } catch (error) {
      this.#logger.warning('bad cache request', { size: frame.length, reason: reasonText(error) });
      return NOTHING;
    }
    try {
      const outcome = this.#perform(request);
      if (!(outcome instanceof Promise)) return this.#reply(request, outcome);
      return outcome.catch(failure).then((later) => this.#reply(request, later));
    } catch (error) {
      return this.#reply(request, failure(error));
    }
  }

  #perform(request: PalmMessage): Outcome | Promise<Outcome> {
    // As in pylm, whatever stands before the dot: workers put an underscore there.
    switch (request.function.split('.')[1]) {
      case 'set':
        return this.#set(request.cache === '' ? randomId() : request.cache, request.payload);
      case 'get':
        return this.#get(decodeUtf8(request.payload));
      case 'delete':
        return this.#delete(decodeUtf8(request.payload));
      default: {
        const text = `the cache has set, get and delete, not ${JSON.stringify(request.function)}`;
        return refusal(Status.unknownFunction, text);
      }
    }
  }

  #get(key: string): Outcome | Promise<Outcome> {
    return when(this.#config.get(key) ?? this.#store.get(key), (value) =>
      value === undefined ? missing(key) : done(value),
    );
  }

  #set(key: string, value: Bytes): Outcome | Promise<Outcome> {
    if (isReservedKey(key)) return reserved(key);
    // A copy: the value is a view of the whole request, which the store would keep alive.
    return when(this.#store.set(key, value.slice()), () => done(encodeUtf8(key)));
  }

  #delete(key: string): Outcome | Promise<Outcome> {
    if (isReservedKey(key)) return reserved(key);
    return when(this.#store.delete(key), (existed) => (existed ? done(encodeUtf8(key)) : missing(key)));
  }

  #reply(request: PalmMessage, outcome: Outcome): Bytes {
    if (outcome.status !== Status.ok && outcome.status !== Status.missing) {
      this.#logger.warning('cache request refused', { function: request.function, reason: outcome.error });
    }
    if ((request.features & Feature.replies) === 0) return outcome.value;
    const { value: payload, status, error } = outcome;
    const features = Feature.replies;
    return this.#codec.encode(palmMessage({ function: request.function, payload, status, error, features }));
  }
}

function missing(key: string): Outcome {
  return refusal(Status.missing, `there is no key ${JSON.stringify(key)}`);
}

function reserved(key: string): Outcome {
  return refusal(Status.refused, `key ${JSON.stringify(key)} is the server's configuration`);
}

function failure(error: unknown): Outcome {
  const isTooLarge = error instanceof PalmError && error.code === 'TOO_LARGE';
  return refusal(isTooLarge ? Status.refused : Status.failed, reasonText(error));
}

/** Goes on with a value that is there, or will be. */
function when<T, U>(value: T | Promise<T>, next: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
