/** Frames in messages of NATS: several in one, and one that is too large for a message in pieces, which a stream of its own keeps. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { ClusterNames } from './names.ts';
import type { NatsSettings } from './options.ts';
import { bytesOf, type Message } from './packages.ts';
import { type HeaderValues, NOTHING, type Session } from './session.ts';
import { ensureBig } from './streams.ts';

/** Header of a message with any number of frames but one: how many. Each stands behind its length in four bytes, the least one first. */
const COUNT = 'Frond-Frames';

/** Header of a message with the names of its frames, one for each, which subscribers tell repeated frames by. */
const IDS = 'Frond-Ids';

/** Header of a message whose bytes are in pieces: their id, their number and the bytes of all. */
const PIECES = 'Frond-Pieces';

/** Bytes of a message in pieces that is read, at most. */
const MOST_BYTES = 268_435_456;

/** How often a piece is asked for that one of several servers of NATS may not have yet, and the wait between, in milliseconds. */
const TRIES = 40;
const TRY_AGAIN = 50;

/** Milliseconds in which NATS stores a piece. */
const STORE_TIMEOUT = 10_000;

/** What a message carries. */
export interface Packed {
  readonly data: Bytes;
  readonly headers: HeaderValues | undefined;
}

/**
 * Puts frames into one message.
 * @param ids - their names, if they have some.
 */
export function pack(frames: readonly Bytes[], ids?: readonly string[]): Packed {
  const named = ids !== undefined && { [IDS]: ids.join(' ') };
  const [first] = frames;
  if (first !== undefined && frames.length === 1) return { data: first, headers: named || undefined };
  let size = 0;
  for (const { length } of frames) size += 4 + length;
  const data = new Uint8Array(size);
  const view = new DataView(data.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length, true);
    data.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return { data, headers: { [COUNT]: String(frames.length), ...named } };
}

/** The names of the frames in a message; undefined when they have none. */
export function idsOf({ headers }: Message): readonly string[] | undefined {
  const ids = headers?.get(IDS);
  return ids ? ids.split(' ') : undefined;
}

/** Writes and reads messages that may be in pieces. */
export class Frames {
  readonly #names: ClusterNames;
  readonly #settings: NatsSettings;

  constructor(names: ClusterNames, settings: NatsSettings) {
    this.#names = names;
    this.#settings = settings;
  }

  /** Stores what is too large for one message, and gives the message that stands for it; others as they are. */
  fit(session: Session, packed: Packed, age: number): Packed | Promise<Packed> {
    const { data, headers } = packed;
    const size = data.length + (headers?.[IDS]?.length ?? 0);
    return size <= session.room ? packed : this.#store(session, packed, age);
  }

  /**
   * The frames of a message.
   * @param isLast - whether nobody reads it after this.
   * @throws PalmError `LOST` when its pieces are gone.
   */
  read(session: Session, message: Message, isLast: boolean): Bytes[] | Promise<Bytes[]> {
    const pieces = message.headers?.get(PIECES);
    if (!pieces) return unpack(bytesOf(message), message);
    return this.#fetch(session, pieces, isLast).then((data) => unpack(data, message));
  }

  /** Removes the pieces of a message that nobody reads any more. */
  forget(session: Session, { headers }: Message): void {
    const [id] = headers?.get(PIECES)?.split(' ') ?? [];
    if (id) this.#purge(session, id);
  }

  /** What stays behind ends with its time to live. */
  #purge({ manager: { streams } }: Session, id: string): void {
    streams.purge(this.#names.big.stream, { filter: this.#names.piece(id, '>') }).catch(() => {});
  }

  async #store(session: Session, { data, headers }: Packed, age: number): Promise<Packed> {
    await ensureBig(session, this.#names, this.#settings);
    const id = randomId();
    const count = Math.ceil(data.length / session.room);
    const ttl = { 'Nats-TTL': `${Math.max(1, Math.ceil(age / 1_000))}s` };
    for (let number = 0; number < count; number++) {
      const piece = data.subarray(number * session.room, (number + 1) * session.room);
      await this.#storePiece(session, this.#names.piece(id, number), piece, ttl);
    }
    return { data: NOTHING, headers: { ...headers, [PIECES]: `${id} ${count} ${data.length}` } };
  }

  /** Waits while the stream is full. */
  async #storePiece(session: Session, subject: string, piece: Bytes, headers: HeaderValues): Promise<void> {
    for (;;) {
      const ack = await session.ask(subject, piece, STORE_TIMEOUT, headers);
      const answer =
        ack === undefined ? { error: { description: 'its stream is gone' } } : acknowledgement(ack);
      if (answer.error === undefined) return;
      if (!isFull(answer))
        throw new PalmError(
          'DISCONNECTED',
          `NATS did not store a piece of a frame: ${answer.error.description}`,
        );
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
    }
  }

  async #fetch(session: Session, pieces: string, isLast: boolean): Promise<Bytes> {
    const [id = '', count = '', bytes = ''] = pieces.split(' ');
    const size = Number(bytes);
    if (!/^[\w-]+$/.test(id) || !(size <= MOST_BYTES) || !(Number(count) <= size))
      throw new PalmError('PROTOCOL', 'a message in pieces says nothing sensible of them');
    const data = new Uint8Array(size);
    let at = 0;
    for (let number = 0; number < Number(count); number++) {
      const piece = await this.#fetchPiece(session, this.#names.piece(id, number));
      if (at + piece.length > size)
        throw new PalmError('PROTOCOL', 'the pieces of a message have more bytes than it says');
      data.set(piece, at);
      at += piece.length;
    }
    if (isLast) this.#purge(session, id);
    return data;
  }

  async #fetchPiece(session: Session, subject: string): Promise<Uint8Array> {
    for (let tries = 0; tries < TRIES; tries++) {
      const query = { last_by_subj: subject };
      const found = await session.manager.direct.getMessage(this.#names.big.stream, query).catch((cause) => {
        throw new PalmError('DISCONNECTED', `NATS did not give a piece of a frame: ${messageOf(cause)}`, {
          cause,
        });
      });
      if (found !== null) return found.data;
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
    }
    throw new PalmError('LOST', 'a piece of a frame is gone from NATS', { sent: true });
  }
}

/** What NATS says of a message for a stream. */
export interface Acknowledgement {
  readonly error?: { readonly err_code?: number; readonly description: string };
}

/** Reads what NATS says of a message for a stream. */
export function acknowledgement({ data }: Message): Acknowledgement {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return { error: { description: 'it answered with something else' } };
  }
}

/** Whether a stream has no room now. */
export function isFull({ error }: Acknowledgement): boolean {
  return error !== undefined && /maximum (bytes|messages)|insufficient/.test(error.description);
}

function unpack(data: Bytes, { headers }: Message): Bytes[] {
  const count = headers?.get(COUNT);
  if (!count) return [data];
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const frames: Bytes[] = [];
  let at = 0;
  for (let left = Number(count); left > 0 && at + 4 <= data.length; left--) {
    const end = at + 4 + view.getUint32(at, true);
    frames.push(data.subarray(at + 4, end));
    at = end;
  }
  return frames;
}
