/** The key-value service of a server: answers REQ from clients and workers (pylm/parts/services.py, CacheService). */

import type { Logger } from '../logging.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { PalmError } from '../protocol/errors.ts';
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

  /** The reply to one request. Never throws or rejects. */
  async answer(frame: Bytes): Promise<Bytes> {
    let request: PalmMessage;
    try {
      request = this.#codec.decode(frame);
    } catch (error) {
      this.#logger.warning('bad cache request', { size: frame.length, reason: messageOf(error) });
      return NOTHING;
    }
    const outcome = await this.#perform(request);
    if (outcome.status !== Status.ok && outcome.status !== Status.missing) {
      this.#logger.warning('cache request refused', { function: request.function, reason: outcome.error });
    }
    return this.#reply(request, outcome);
  }

  async #perform(request: PalmMessage): Promise<Outcome> {
    // As in pylm, whatever stands before the dot: workers put an underscore there.
    const operation = request.function.split('.')[1];
    try {
      if (operation === 'set')
        return await this.#set(request.cache === '' ? randomId() : request.cache, request.payload);
      if (operation === 'get') return await this.#get(decodeUtf8(request.payload));
      if (operation === 'delete') return await this.#delete(decodeUtf8(request.payload));
      return refusal(
        Status.unknownFunction,
        `the cache has set, get and delete, not ${JSON.stringify(request.function)}`,
      );
    } catch (error) {
      return refusal(
        error instanceof PalmError && error.code === 'TOO_LARGE' ? Status.refused : Status.failed,
        messageOf(error),
      );
    }
  }

  async #get(key: string): Promise<Outcome> {
    const value = this.#config.get(key) ?? (await this.#store.get(key));
    return value === undefined
      ? refusal(Status.missing, `there is no key ${JSON.stringify(key)}`)
      : done(value);
  }

  async #set(key: string, value: Bytes): Promise<Outcome> {
    if (isReservedKey(key)) return reserved(key);
    // A copy: the value is a view of the whole request, which the store would keep alive.
    await this.#store.set(key, value.slice());
    return done(encodeUtf8(key));
  }

  async #delete(key: string): Promise<Outcome> {
    if (isReservedKey(key)) return reserved(key);
    const existed = await this.#store.delete(key);
    return existed
      ? done(encodeUtf8(key))
      : refusal(Status.missing, `there is no key ${JSON.stringify(key)}`);
  }

  #reply(request: PalmMessage, outcome: Outcome): Bytes {
    if ((request.features & Feature.replies) === 0) return outcome.value;
    const { value: payload, status, error } = outcome;
    const features = Feature.replies;
    return this.#codec.encode(palmMessage({ function: request.function, payload, status, error, features }));
  }
}

function reserved(key: string): Outcome {
  return refusal(Status.refused, `key ${JSON.stringify(key)} is the server's configuration`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
