import { Unpackr } from 'msgpackr';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import type { Delivery } from '../../../../src/transport.ts';
import {
  type Frame,
  type Message,
  MessageWriter,
  readClientMessage,
  readRelayMessage,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { claim, claimBounded, claimSame, readOr } from '../claims.ts';
import type { Target } from '../target.ts';

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

const BLOB = new Uint8Array([0x0a, 0x01, 0x70]);

const BY_CLIENTS: readonly Frame[] = [
  [Type.hello, 'token', null, 0],
  [Type.hello, null, 'session', 2 ** 40],
  [Type.pong],
  [Type.request, 1, 'server', BLOB],
  [Type.cancel, 1],
  [Type.open, 1, 2, 'server', 'id/'],
  [Type.close, 300],
  [Type.send, 70_000, 1, [BLOB, BLOB]],
  [Type.taken, 1, 65_536],
];

const DELIVERIES: readonly Delivery[] = [
  { topic: 'id/1', frames: [BLOB, BLOB] },
  { topic: 'id/1', frames: [] },
  { topic: 'id/2', frames: [BLOB] },
];

const BY_RELAYS: readonly Frame[] = [
  [Type.welcome, 's', 'r/1', true, 3, 4_194_304, 1_048_576, 20_000, 60_000, 'alice/'],
  [Type.ping],
  [Type.reply, 1, BLOB],
  [Type.failed, 1, 'TIMEOUT', 'no answer'],
  [Type.ready, 1, 1, false],
  [Type.broken, 1, 'DISCONNECTED', 'gone'],
  [Type.refused, 1, 'FORBIDDEN', 'no'],
  [Type.taken, 1, 65_536],
  [Type.results, 1, DELIVERIES],
  [Type.work, 1, [BLOB]],
];

/** Bytes for the 1 024 list items that a client's message may have at any length. */
const BASE = 1_024 * 256;

/** Messages from clients, as a relay reads them. */
export const clientFrames = targetOf(BY_CLIENTS, readClientMessage, 64, BASE);
/** Messages from relays, as a client reads them. */
export const relayFrames = targetOf(BY_RELAYS, readRelayMessage, 192, 4_096);

function targetOf(
  frames: readonly Frame[],
  read: (data: Bytes) => Message<Frame>,
  perByte: number,
  base: number,
): Target {
  return {
    longest: 2_048,
    seeds: () => [[], frames, ...frames.map((frame) => [frame])].map((some) => written(some, 1, 2)),
    words: [
      '\xc0',
      '\xc2',
      '\xc3',
      '\xc4\x00',
      '\xcf\x00\x20',
      '\xd9\x00',
      '\xdc\xff\xff',
      '\xdd\xff\xff\xff\xff',
      '\x90',
    ],
    check(data) {
      const message = readOr(() => read(data), 'PROTOCOL');
      if (message === undefined) return;
      claimBounded(message, data, perByte, base);
      claimSame(asLists(message), theirs(data), 'msgpackr reads it otherwise');
      const again = written(message.frames, message.sequence, message.confirmed);
      // A longer message may have had longer heads than necessary: rewritten, it can have too many items for its length.
      if (data.length <= 1_024) claimSame(read(again), message, 'writing and reading changes a message');
    },
  };
}

function written(frames: readonly Frame[], sequence: number, confirmed: number): Bytes {
  const writer = new MessageWriter();
  for (const frame of frames) writer.add(frame);
  const message = writer.take();
  setNumbers(message, sequence, confirmed);
  return message;
}

function asLists({ sequence, confirmed, frames }: Message<Frame>): unknown[] {
  const lists = frames.map((frame) =>
    frame[0] === Type.results
      ? [frame[0], frame[1], frame[2].map(({ topic, frames: own }) => [topic, ...own.map(plain)])]
      : frame.map(plain),
  );
  return [sequence, confirmed, ...lists];
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** What msgpackr reads, with nil topics replaced by the topic before. */
function theirs(data: Bytes): unknown {
  // A copy: msgpackr attaches a DataView to the bytes that it is given.
  const read: unknown = plain(unpackr.unpack(data.slice()));
  claim(Array.isArray(read), 'msgpackr does not read a list');
  for (const frame of read.slice(2)) {
    if (frame[0] !== Type.results) continue;
    let topic: string | null = null;
    for (const delivery of frame[2]) {
      topic = delivery[0] ?? topic;
      delivery[0] = topic;
    }
  }
  return read;
}
