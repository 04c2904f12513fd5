/** The frames between client and relay (docs/protocol/relay.md). Each is a list that begins with its type. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { Delivery } from '../../src/transport.ts';
import * as Type from './frame-types.ts';
import { broken, Packer, Unpacker } from './msgpack.ts';

/** The WebSocket subprotocol. A change that older versions would not understand needs another one. */
export const SUBPROTOCOL = 'frond.v1';

/** That between two relays, one of which passes a client's session on to the other. */
export const PEER_SUBPROTOCOL = 'frond.peer.v1';

export * as ChannelKind from './frame-types.ts';
export * as Type from './frame-types.ts';

/** The client's first frame: its token, and the session that it had. */
export type Hello = readonly [
  type: typeof Type.hello,
  token: string | null,
  session: string | null,
  received: number,
];
/** The relay's first frame: the client's id, and the limits of both sides. */
export type Welcome = readonly [
  type: typeof Type.welcome,
  session: string,
  client: string,
  isResumed: boolean,
  received: number,
  /** The most bytes of a PALM frame, in both directions. */
  maxFrame: number,
  /** The most bytes under way to the relay, on the channels to one address and in requests. */
  window: number,
  /** Milliseconds between two pings. */
  heartbeat: number,
  /** Milliseconds that the relay keeps a session without a socket. */
  resumeWindow: number,
  /** The prefix of the client's keys. */
  keyPrefix: string,
];
/** Asks for a {@link Pong}. */
export type Ping = readonly [type: typeof Type.ping];
export type Pong = readonly [type: typeof Type.pong];
/** A part of a frame that is too large for one message. The pieces of one stream, up to the last, are the frame's bytes. */
export type Piece = readonly [type: typeof Type.piece, stream: number, isLast: boolean, bytes: Bytes];
export type Request = readonly [type: typeof Type.request, id: number, address: string, frame: Bytes];
export type Cancel = readonly [type: typeof Type.cancel, id: number];
export type Reply = readonly [type: typeof Type.reply, id: number, frame: Bytes];
export type Failed = readonly [type: typeof Type.failed, id: number, code: string, text: string];
export type Open = readonly [
  type: typeof Type.open,
  channel: number,
  kind: number,
  address: string,
  topic: string,
];
/**
 * Opens a channel of an adoptable session. A subscription begins with what comes where `from` is 0, and else behind the position `from` - 1, up
 * to which the client has everything. Other channels have no use for it.
 */
export type OpenFrom = readonly [
  type: typeof Type.openFrom,
  channel: number,
  kind: number,
  address: string,
  topic: string,
  from: number,
];
export type Close = readonly [type: typeof Type.close, channel: number];
/** The channel is usable. `generation` counts how often it became so. */
export type Ready = readonly [
  type: typeof Type.ready,
  channel: number,
  generation: number,
  isProved: boolean,
];
export type Broken = readonly [type: typeof Type.broken, channel: number, code: string, text: string];
export type Refused = readonly [type: typeof Type.refused, channel: number, code: string, text: string];
export type Send = readonly [
  type: typeof Type.send,
  channel: number,
  generation: number,
  frames: readonly Bytes[],
];
/** Credit: the receiver is done with so many bytes that were sent on the channel, or frames of work. */
export type Taken = readonly [type: typeof Type.taken, channel: number, count: number];
export type Results = readonly [type: typeof Type.results, channel: number, deliveries: readonly Delivery[]];
export type Work = readonly [type: typeof Type.work, channel: number, frames: readonly Bytes[]];
/** As {@link Send}, on a channel that {@link OpenFrom} opened. `first` is the number of the first frame: each is stored once. */
export type Store = readonly [
  type: typeof Type.store,
  channel: number,
  generation: number,
  first: number,
  frames: readonly Bytes[],
];
/**
 * As {@link Taken}, of {@link Store}: and which frames are stored, or answered by the relay, beyond those that the last one told. `ranges` has
 * the first number of each range, and how many numbers it has.
 */
export type Stored = readonly [
  type: typeof Type.stored,
  channel: number,
  count: number,
  ranges: readonly number[],
];
/**
 * As {@link Results}, on a channel that {@link OpenFrom} opened. `count` numbers these frames of the channel from 1 on. Who has all up to this
 * one has all answers up to the position `reached`. Each delivery has its position, or 0.
 */
export type Placed = readonly [
  type: typeof Type.placed,
  channel: number,
  count: number,
  reached: number,
  positions: readonly number[],
  deliveries: readonly Delivery[],
];

type EitherFrame = Ping | Pong | Piece | Taken;
export type ClientFrame = EitherFrame | Hello | Request | Cancel | Open | OpenFrom | Close | Send | Store;
export type RelayFrame =
  | EitherFrame
  | Welcome
  | Reply
  | Failed
  | Ready
  | Broken
  | Refused
  | Results
  | Work
  | Stored
  | Placed;
export type Frame = ClientFrame | RelayFrame;

/**
 * The parts after the type: `u` number, `t` string, `T` string or nil, `?` boolean, `b` bytes, `B` list of bytes, `U`
 * list of numbers, `d` deliveries. Frames of clients and of relays are two tables, so that a page loads only one of them.
 */
type Shapes = Readonly<Record<number, string>>;

const OF_CLIENTS: Shapes = {
  [Type.hello]: 'TTu',
  [Type.ping]: '',
  [Type.pong]: '',
  [Type.piece]: 'u?b',
  [Type.request]: 'utb',
  [Type.cancel]: 'u',
  [Type.open]: 'uutt',
  [Type.openFrom]: 'uuttu',
  [Type.close]: 'u',
  [Type.send]: 'uuB',
  [Type.store]: 'uuuB',
  [Type.taken]: 'uu',
};

const OF_RELAYS: Shapes = {
  [Type.welcome]: 'tt?uuuuut',
  [Type.ping]: '',
  [Type.pong]: '',
  [Type.piece]: 'u?b',
  [Type.reply]: 'ub',
  [Type.failed]: 'utt',
  [Type.ready]: 'uu?',
  [Type.broken]: 'utt',
  [Type.refused]: 'utt',
  [Type.taken]: 'uu',
  [Type.results]: 'ud',
  [Type.work]: 'uB',
  [Type.stored]: 'uuU',
  [Type.placed]: 'uuuUd',
};

/** One WebSocket message. */
export interface Message<F> {
  /** Number of the message within its session and direction, from 1 on; 0 for a message that is not confirmed. */
  readonly sequence: number;
  /** Number of the last message that the sender has received. */
  readonly confirmed: number;
  readonly frames: readonly F[];
}

/** Bytes before the first frame: the list's head and two numbers. */
export const HEAD: number = 5 + 9 + 9;

/** A head with room for the list's count, in four bytes, and for both numbers, in eight each. */
const EMPTY_HEAD: Bytes = new Uint8Array([
  0xdd, 0, 0, 0, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** Gathers frames into one message. */
export class MessageWriter {
  readonly #packer = new Packer();
  #count = 0;

  /** Frames in the message so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.#packer.length;
  }

  add(frame: Frame): void {
    if (this.#count === 0) this.#packer.append(EMPTY_HEAD);
    this.#count++;
    writeFrame(this.#packer, frame);
  }

  /**
   * Removes the last frame. @returns its bytes.
   * @param before - what {@link length} was before it was added.
   */
  takeBack(before: number): Bytes {
    this.#count--;
    return this.#packer.takeBack(Math.max(before, HEAD), before);
  }

  /** Returns the message, and begins a new one. {@link setNumbers} sets both numbers later. */
  take(): Bytes {
    if (this.#count === 0) this.#packer.append(EMPTY_HEAD);
    this.#packer.setUint32(1, this.#count + 2);
    this.#count = 0;
    return this.#packer.take();
  }
}

/** A message of one frame that is not numbered. Greetings carry their sender's {@link FEATURES}. */
export function loneMessage(frame: Frame, features = 0): Bytes {
  const writer = new MessageWriter();
  writer.add(frame);
  const message = writer.take();
  setNumbers(message, 0, features);
  return message;
}

/** Numbers a message that {@link MessageWriter.take} gave. */
export function setNumbers(message: Bytes, sequence: number, confirmed: number): void {
  const view = new DataView(message.buffer, message.byteOffset);
  view.setBigUint64(6, BigInt(sequence));
  view.setBigUint64(15, BigInt(confirmed));
}

function writeFrame(packer: Packer, frame: Frame): void {
  packer.list(frame.length);
  for (const value of frame) writeValue(packer, value);
}

function writeValue(packer: Packer, value: Frame[number]): void {
  if (typeof value === 'number') packer.uint(value);
  else if (typeof value === 'string') packer.text(value);
  else if (typeof value === 'boolean') packer.bool(value);
  else if (value === null) packer.nil();
  else if (value instanceof Uint8Array) packer.bin(value);
  else writeList(packer, value as readonly (Bytes | Delivery | number)[]);
}

/** A delivery is a list of its topic and its envelopes. The topic is nil when it is that of the delivery before. */
function writeList(packer: Packer, items: readonly (Bytes | Delivery | number)[]): void {
  packer.list(items.length);
  let topic: string | undefined;
  for (const item of items) {
    if (item instanceof Uint8Array || typeof item === 'number') {
      writeValue(packer, item);
      continue;
    }
    packer.list(item.frames.length + 1);
    if (item.topic === topic) packer.nil();
    else packer.text(item.topic);
    topic = item.topic;
    for (const frame of item.frames) packer.bin(frame);
  }
}

/**
 * Items of lists that a client's message may have in addition to one for each eight of its bytes. An item takes a hundred bytes
 * of memory, however small it is. Envelopes are larger than eight bytes.
 */
const FREE_ITEMS = 1_024;

/**
 * What this version understands beyond the first one, as a set of bits. A greeting has it in place of `confirmed`. Bit 1: pieces, pings of
 * clients, and envelopes that count for at most half a window.
 */
export const FEATURES = 1;

/** Another bit, of relays alone: another relay can adopt the session, and the client may open its channels with {@link OpenFrom}. */
export const ADOPTS = 2;

/** Reads a client's message. @throws PalmError `PROTOCOL` when it is malformed, or has a frame that only relays send. */
export function readClientMessage(bytes: Bytes): Message<ClientFrame> {
  return readMessage(ofClient(bytes), OF_CLIENTS) as Message<ClientFrame>;
}

/** Reads a relay's message. @throws PalmError `PROTOCOL` when it is malformed, or has a frame that only clients send. */
export function readRelayMessage(bytes: Bytes): Message<RelayFrame> {
  return readMessage(new Unpacker(bytes), OF_RELAYS) as Message<RelayFrame>;
}

/** Reads a frame of a client that came in pieces. @throws PalmError `PROTOCOL` as above. */
export function readClientFrame(bytes: Bytes): ClientFrame {
  return readWhole(ofClient(bytes), OF_CLIENTS) as unknown as ClientFrame;
}

/** Reads a frame of a relay that came in pieces. @throws PalmError `PROTOCOL` as above. */
export function readRelayFrame(bytes: Bytes): RelayFrame {
  return readWhole(new Unpacker(bytes), OF_RELAYS) as unknown as RelayFrame;
}

function ofClient(bytes: Bytes): Unpacker {
  return new Unpacker(bytes, FREE_ITEMS + bytes.length / 8);
}

function readMessage(unpacker: Unpacker, shapes: Shapes): Message<unknown> {
  const count = unpacker.items() - 2;
  if (count < 0) throw broken('it ends too early');
  const sequence = unpacker.uint();
  const confirmed = unpacker.uint();
  const frames: unknown[] = [];
  for (let i = 0; i < count; i++) frames.push(readFrame(unpacker, shapes));
  unpacker.end();
  return { sequence, confirmed, frames };
}

function readWhole(unpacker: Unpacker, shapes: Shapes): unknown[] {
  const frame = readFrame(unpacker, shapes);
  unpacker.end();
  // Otherwise pieces could be nested without end.
  if (frame[0] === Type.piece) throw broken('a piece is in pieces');
  return frame;
}

function readFrame(unpacker: Unpacker, shapes: Shapes): unknown[] {
  const length = unpacker.list();
  const type = unpacker.uint();
  const shape = shapes[type];
  if (shape?.length !== length - 1) throw broken(`it has a frame of type ${type} with ${length} parts`);
  const frame: unknown[] = [type];
  for (const kind of shape) frame.push(readValue(unpacker, kind));
  return frame;
}

function readValue(unpacker: Unpacker, kind: string): unknown {
  switch (kind) {
    case 'u':
      return unpacker.uint();
    case 't':
      return unpacker.text();
    case 'T':
      return unpacker.nil() ? null : unpacker.text();
    case '?':
      return unpacker.bool();
    case 'b':
      return unpacker.bin();
    case 'B':
      return readItems(unpacker, 'b');
    case 'U':
      return readItems(unpacker, 'u');
    default:
      return readDeliveries(unpacker);
  }
}

/** Not by `Array.from`, which takes six times as long. */
function readItems(unpacker: Unpacker, kind: string): unknown[] {
  const items: unknown[] = [];
  for (let left = unpacker.items(); left > 0; left--) items.push(readValue(unpacker, kind));
  return items;
}

function readDeliveries(unpacker: Unpacker): Delivery[] {
  const deliveries: Delivery[] = [];
  let topic: string | undefined;
  for (let count = unpacker.list(); count > 0; count--) {
    const frames: Bytes[] = [];
    const parts = unpacker.list();
    if (parts > 0 && !unpacker.nil()) topic = unpacker.text();
    if (parts === 0 || topic === undefined) throw broken('a delivery has no topic');
    for (let i = 1; i < parts; i++) frames.push(unpacker.bin());
    deliveries.push({ topic, frames });
  }
  return deliveries;
}
