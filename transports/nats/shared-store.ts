/** The values of a server at NATS: all processes that share its address have the same, and they outlive each of them. */
import { createHash } from 'node:crypto';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { SharedStore } from '../../src/transport.ts';
import { acknowledgement } from './frames.ts';
import type { NatsHost } from './host.ts';
import { encodeToken, type ServerNames } from './names.ts';
import type { HeaderValues, Session } from './session.ts';
import { NOTHING } from './session.ts';
import { ensureCache } from './streams.ts';

/** Header of a value whose bytes are in pieces beside it: their id, their number and the bytes of all. */
const PIECES = 'Frond-Pieces';

/** Milliseconds in which NATS stores a value. */
const STORE_TIMEOUT = 10_000;

/** Bytes that a message costs NATS beside its own. */
const OVERHEAD = 128;

/** Characters of a key in a subject. A longer one is a hash there. */
const LONGEST_KEY = 1_024;

/** Keeps the values of one server. Each is the last message of its subject; reads ask the leader of the stream. */
export class NatsSharedStore implements SharedStore {
  readonly #host: NatsHost;
  readonly #names: ServerNames;
  #prepared: Session | undefined;
  /** Bytes that the stream holds. One that drops what is oldest would drop a larger value at once. */
  #most = 0;

  constructor(host: NatsHost, address: string) {
    this.#host = host;
    this.#names = host.names.server(address);
  }

  async get(key: string): Promise<Bytes | undefined> {
    const session = await this.#session();
    for (;;) {
      const head = await this.#read(session, this.#subject(key));
      if (head === undefined) return undefined;
      if (head.pieces === undefined) return head.data;
      const value = await this.#join(session, head.pieces);
      // It was set again in between, and its pieces are gone.
      if (value !== undefined) return value;
      const now = await this.#read(session, this.#subject(key));
      if (now?.pieces === head.pieces)
        throw new PalmError('LOST', 'pieces of a value are gone from NATS', { sent: true });
    }
  }

  async set(key: string, value: Bytes): Promise<void> {
    const session = await this.#session();
    const subject = this.#subject(key);
    const size = value.length + 2 * subject.length + OVERHEAD * Math.ceil(1 + value.length / session.room);
    if (this.#most > 0 && size > this.#most)
      throw new PalmError(
        'TOO_LARGE',
        `a value of ${value.length} bytes is over what NATS keeps for ${this.#names.address}, ${this.#most} bytes: raise cacheBytes in nats()`,
        { sent: false },
      );
    const before = this.#read(session, subject).catch(() => undefined);
    if (value.length <= session.room) {
      await this.#store(session, subject, value);
      void before.then((head) => this.#drop(session, head?.pieces));
      return;
    }
    const id = randomId();
    const count = Math.ceil(value.length / session.room);
    for (let number = 0; number < count; number++) {
      const piece = value.subarray(number * session.room, (number + 1) * session.room);
      await this.#store(session, this.#names.valuePiece(id, number), piece);
    }
    await this.#store(session, subject, NOTHING, { [PIECES]: `${id} ${count} ${value.length}` });
    void before.then((head) => this.#drop(session, head?.pieces));
  }

  async delete(key: string): Promise<boolean> {
    const session = await this.#session();
    const subject = this.#subject(key);
    for (;;) {
      const head = await this.#read(session, subject);
      if (head === undefined) return false;
      // By its place: of two that delete it, one did, and what was set in between stays or is deleted in its turn.
      if (!(await this.#remove(session, head.seq))) continue;
      this.#drop(session, head.pieces);
      return true;
    }
  }

  /** Whether the message at a place was there to be removed. */
  async #remove({ manager: { streams } }: Session, seq: number): Promise<boolean> {
    try {
      return await streams.deleteMessage(this.#names.cache.stream, seq, false);
    } catch (error) {
      if (/no message found|sequence \d+ not found/.test(messageOf(error))) return false;
      throw error;
    }
  }

  async #session(): Promise<Session> {
    const { link } = this.#host;
    const session = await link.connected();
    if (session !== this.#prepared) {
      const { config } = await ensureCache(session, this.#names.cache, link.settings);
      this.#most = config.max_bytes;
    }
    this.#prepared = session;
    return session;
  }

  #subject(key: string): string {
    const token = encodeToken(key);
    // What is encoded has a hexadecimal digit behind each percent sign.
    return this.#names.value(
      token.length <= LONGEST_KEY ? token : `%long${createHash('sha256').update(key).digest('hex')}`,
    );
  }

  async #read(
    { manager: { streams } }: Session,
    subject: string,
  ): Promise<
    { readonly data: Bytes; readonly seq: number; readonly pieces: string | undefined } | undefined
  > {
    const found = await streams.getMessage(this.#names.cache.stream, { last_by_subj: subject });
    if (found === null) return undefined;
    return {
      data: new Uint8Array(found.data),
      seq: found.seq,
      pieces: found.header?.get(PIECES) || undefined,
    };
  }

  async #join(session: Session, pieces: string): Promise<Bytes | undefined> {
    const [id = '', count = '', size = ''] = pieces.split(' ');
    const value = new Uint8Array(Number(size));
    let at = 0;
    for (let number = 0; number < Number(count); number++) {
      const piece = await this.#read(session, this.#names.valuePiece(id, number));
      if (piece === undefined || at + piece.data.length > value.length) return undefined;
      value.set(piece.data, at);
      at += piece.data.length;
    }
    return value;
  }

  async #store(session: Session, subject: string, data: Bytes, headers?: HeaderValues): Promise<void> {
    const ack = await session.ask(subject, data, STORE_TIMEOUT, headers);
    const { error } =
      ack === undefined ? { error: { description: 'its stream is gone' } } : acknowledgement(ack);
    if (error === undefined) return;
    throw new PalmError('DISCONNECTED', `NATS did not store a value: ${error.description}`);
  }

  /** Removes the pieces of a value that was replaced. */
  #drop({ manager: { streams } }: Session, pieces: string | undefined): void {
    const [id] = pieces?.split(' ') ?? [];
    if (!id) return;
    streams.purge(this.#names.cache.stream, { filter: this.#names.valuePiece(id, '*') }).catch(() => {});
  }
}
