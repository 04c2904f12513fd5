/** `get`, `set` and `delete` of a server's key-value store. */
import { throwIfAborted } from './async/signals.ts';
import { type CallLimits, watchLimits } from './async/timers.ts';
import type { CacheLink } from './cache-link.ts';
import type { Bytes } from './protocol/bytes.ts';
import { checkWritable, isReservedKey, setRequest, wireKey } from './protocol/cache-keys.ts';
import { type CacheReply, keyRequest, plainReply, readReply, replyText } from './protocol/cache-request.ts';
import { inspectValue, PalmError } from './protocol/errors.ts';
import { randomId } from './protocol/ids.ts';
import { Feature, Status } from './protocol/message.ts';
import { remoteReason } from './protocol/printable.ts';

/** The calls of one client to its server's key-value store. */
export class CacheClient {
  readonly #link: CacheLink;
  /** Deletions under way, by key: a pylm server must not get two for one key. */
  readonly #deleting = new Map<string, Promise<unknown>>();

  constructor(link: CacheLink) {
    this.#link = link;
  }

  /** The value of a key of the session, or else of the key as it is given: stock pylm workers store without a session. */
  async get(key: string, limits: CallLimits): Promise<Bytes | undefined> {
    const [own, stored] = this.#wireKeys(key);
    const value = await this.#get(own, limits);
    return value === undefined && stored !== own ? this.#get(stored, limits) : value;
  }

  /** Stores a value. Returns the key as it is stored: a random one when the key is missing or empty, as in pylm. */
  async set(value: Bytes, key: string | undefined, limits: CallLimits): Promise<string> {
    const [wire] = this.#wireKeys(key === undefined || key === '' ? randomId() : key);
    checkWritable(wire);
    checkDone('set', wire, await this.#exchange('set', wire, limits, value));
    return wire;
  }

  /** Deletes a key of the session, which may be given as {@link set} returned it. Returns whether it was there. */
  async delete(key: string, limits: CallLimits): Promise<boolean> {
    const [own, stored] = this.#wireKeys(key);
    if (await this.#deleteInTurn(own, limits)) return true;
    // Never a key that others stored without a session.
    const isOwn = stored !== own && stored.startsWith(own.slice(0, -key.length));
    return isOwn && this.#deleteInTurn(stored, limits);
  }

  async #deleteInTurn(wire: string, limits: CallLimits): Promise<boolean> {
    checkWritable(wire);
    const before = this.#deleting.get(wire) ?? Promise.resolve();
    const own = before.then(() => this.#delete(wire, limits));
    const turn = own.catch(() => {});
    this.#deleting.set(wire, turn);
    try {
      return await own;
    } finally {
      if (this.#deleting.get(wire) === turn) this.#deleting.delete(wire);
    }
  }

  async #delete(wire: string, limits: CallLimits): Promise<boolean> {
    // Deleting a missing key ends the cache service of a stock pylm server (DictDB.delete raises).
    if (this.#link.features === undefined && (await this.#get(wire, limits)) === undefined) return false;
    const reply = await this.#exchange('delete', wire, limits);
    if (reply.status === Status.missing) return false;
    // A relay answers this when another client has deleted the key: the pylm server must not get a second deletion.
    if (reply.features === undefined && reply.value.length === 0) return false;
    checkDone('delete', wire, reply);
    return true;
  }

  async #get(wire: string, limits: CallLimits): Promise<Bytes | undefined> {
    const reply = await this.#exchange('get', wire, limits);
    if (reply.status === Status.missing) return undefined;
    if (reply.status !== Status.ok) throw remote('get', wire, reply);
    if (reply.features === undefined && reply.value.length === 0) return undefined;
    // A copy: the reply may be a part of a larger buffer.
    return new Uint8Array(reply.value);
  }

  /** The key on the wire when it is one of the session's, and when it is given as it is stored. */
  #wireKeys(key: string): readonly [string, string] {
    const { connection, session } = this.#link.context;
    const { keyPrefix } = connection;
    const own = keyPrefix + wireKey(key, session);
    // A server's own keys are stored under no prefix.
    const isStored = isReservedKey(key) || key.startsWith(keyPrefix);
    return [own, isStored ? key : keyPrefix + key];
  }

  async #exchange(operation: string, wire: string, limits: CallLimits, value?: Bytes): Promise<CacheReply> {
    throwIfAborted(limits.signal);
    const features = this.#link.features === undefined ? 0 : Feature.replies;
    const { server, context } = this.#link;
    const parties = { server, client: context.connection.id };
    const request = value
      ? setRequest(parties, wire, value, features)
      : keyRequest(operation, parties, wire, features);
    const { reply, cancel } = this.#link.ask(request);
    const expired = () => {
      const { dbAddress, connection } = this.#link.context;
      const text = `no reply to ${operation} of ${inspectValue(wire)} from ${dbAddress} within ${limits.timeout} ms${connection.trouble || '; is the server up?'}`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    const release = watchLimits(limits, expired, cancel);
    try {
      const bare = await reply;
      // As it was asked for: another server may be there by now.
      const read = request.features !== 0 ? readReply(this.#link.codec, bare, false) : plainReply(bare);
      this.#link.tapReply(read, bare.length);
      return read;
    } finally {
      release();
    }
  }
}

function checkDone(operation: string, wire: string, reply: CacheReply): void {
  if (reply.status !== Status.ok) throw remote(operation, wire, reply);
  const key = replyText(reply);
  if (key !== wire) {
    const text = `${operation} of ${inspectValue(wire)}: reply of ${inspectValue(key)}`;
    throw new PalmError('PROTOCOL', text, { sent: true });
  }
}

function remote(operation: string, wire: string, reply: CacheReply): PalmError {
  const code = reply.status === Status.refused ? 'FORBIDDEN' : 'REMOTE';
  return new PalmError(code, `${operation} of ${inspectValue(wire)}: ${remoteReason(reply.error)}`, {
    sent: true,
  });
}
