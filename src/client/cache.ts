import { type Limits, withLimits } from '../async/deadline.ts';
import {
  type CacheReply,
  keyRequest,
  plainReply,
  readReply,
  replyText,
  setRequest,
} from '../protocol/cache.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { PalmError, show } from '../protocol/errors.ts';
import { randomId } from '../protocol/ids.ts';
import { checkWritable, wireKey } from '../protocol/keys.ts';
import { Feature, type PalmMessage, Status } from '../protocol/message.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type { Connection } from '../transport.ts';
import type { Tap } from './tap.ts';

/** What the cache calls of a client need. */
export interface CacheContext {
  readonly connection: Connection;
  readonly dbAddress: string;
  readonly client: string;
  readonly session: string | undefined;
  readonly tap: Tap | undefined;
}

/** The key-value store of a server, over its REP socket. */
export class CacheChannel {
  readonly #context: CacheContext;
  readonly #codec = new EnvelopeCodec();
  /** Deletions under way, by key: to a pylm server a key must not be deleted twice. */
  readonly #deleting = new Map<string, Promise<unknown>>();
  /** The server's name once known; pylm ignores it. */
  server = '_';
  /** Whether the server answers with envelopes, which tell a missing key from an empty value. */
  #answersEnvelopes = false;

  constructor(context: CacheContext) {
    this.#context = context;
  }

  /** Reads one of the server's own keys, whose values are text, and learns whether it is a frond server. */
  async read(key: string, signal: AbortSignal): Promise<CacheReply> {
    const reply = await this.#ask(keyRequest('get', this.#parties(), key, Feature.replies), signal);
    const read = readReply(this.#codec, reply, true);
    if (read.features !== undefined) this.#answersEnvelopes = true;
    return read;
  }

  async get(key: string, limits: Limits): Promise<Bytes | undefined> {
    const wire = wireKey(key, this.#context.session);
    return this.#limited('get', wire, limits, (signal) => this.#get(wire, signal));
  }

  /** Stores a value; gives the key, a random one when none was given. */
  async set(value: Bytes, key: string | undefined, limits: Limits): Promise<string> {
    const own = key === undefined ? randomId() : key;
    const wire = wireKey(own, this.#context.session);
    checkWritable(wire);
    return this.#limited('set', wire, limits, async (signal) => {
      const request = setRequest(this.#parties(), wire, value, this.#features());
      const reply = this.#read(await this.#ask(request, signal));
      this.#checkDone('set', wire, reply);
      return own;
    });
  }

  /** Deletes a key; gives whether it was there. */
  async delete(key: string, limits: Limits): Promise<boolean> {
    const wire = wireKey(key, this.#context.session);
    checkWritable(wire);
    return this.#limited('delete', wire, limits, (signal) => this.#deleteInTurn(wire, signal));
  }

  async #deleteInTurn(wire: string, signal: AbortSignal): Promise<boolean> {
    const before = this.#deleting.get(wire) ?? Promise.resolve();
    const own = before.then(() => this.#delete(wire, signal));
    const turn = own.catch(() => {});
    this.#deleting.set(wire, turn);
    try {
      return await own;
    } finally {
      if (this.#deleting.get(wire) === turn) this.#deleting.delete(wire);
    }
  }

  async #delete(wire: string, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    // Deleting a missing key ends the cache service of a stock pylm server (DictDB.delete raises).
    if (!this.#answersEnvelopes && (await this.#get(wire, signal)) === undefined) return false;
    const reply = this.#read(
      await this.#ask(keyRequest('delete', this.#parties(), wire, this.#features()), signal),
    );
    if (reply.status === Status.missing) return false;
    this.#checkDone('delete', wire, reply);
    return true;
  }

  async #get(wire: string, signal: AbortSignal): Promise<Bytes | undefined> {
    const reply = this.#read(
      await this.#ask(keyRequest('get', this.#parties(), wire, this.#features()), signal),
    );
    if (reply.status === Status.missing) return undefined;
    if (reply.status !== Status.ok) throw remote('get', wire, reply);
    return reply.features === undefined && reply.value.length === 0 ? undefined : reply.value;
  }

  #checkDone(operation: string, wire: string, reply: CacheReply): void {
    if (reply.status !== Status.ok) throw remote(operation, wire, reply);
    if (replyText(reply) !== wire) {
      const text = `the cache answered the ${operation} of ${show(wire)} with another key, ${show(replyText(reply))}`;
      throw new PalmError('PROTOCOL', text, { sent: true });
    }
  }

  #features(): number {
    return this.#answersEnvelopes ? Feature.replies : 0;
  }

  #parties() {
    return { server: this.server, client: this.#context.client };
  }

  #read(reply: Bytes): CacheReply {
    return this.#answersEnvelopes ? readReply(this.#codec, reply, false) : plainReply(reply);
  }

  async #ask(message: PalmMessage, signal: AbortSignal): Promise<Bytes> {
    const { connection, dbAddress, tap } = this.#context;
    const frame = this.#codec.encode(message);
    const shared = { channel: 'db', address: dbAddress, topic: undefined } as const;
    tap?.({ ...shared, direction: 'out', message, size: frame.length });
    const reply = await connection.request(dbAddress, frame, { signal });
    tap?.({
      ...shared,
      direction: 'in',
      message: this.#answersEnvelopes ? this.#codec.decode(reply) : undefined,
      size: reply.length,
    });
    return reply;
  }

  #limited<T>(
    operation: string,
    wire: string,
    limits: Limits,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const expired = () => {
      const text = `no reply to ${operation} of ${show(wire)} from ${this.#context.dbAddress} within ${limits.timeout} ms; is the server up?`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    return withLimits(limits, expired, run);
  }
}

function remote(operation: string, wire: string, reply: CacheReply): PalmError {
  const code = reply.status === Status.refused ? 'FORBIDDEN' : 'REMOTE';
  return new PalmError(code, `${operation} of ${show(wire)}: ${reply.error}`, { sent: true });
}
