/** The messages between client and relay: there and back, and bytes that mean harm. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { closeReason } from '../../../../transports/relay-protocol/close-codes.ts';
import {
  type ClientFrame,
  type Frame,
  HEAD,
  loneMessage,
  MessageWriter,
  type RelayFrame,
  readClientFrame,
  readClientMessage,
  readRelayFrame,
  readRelayMessage,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { isRefused, theirs } from '../../../support/broken.ts';

const aNumber = fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1), fc.maxSafeNat());

const frames = (...own: number[][]) => own.map((value) => new Uint8Array(value));
const same = [
  { topic: 'a/1', frames: frames([1], [2, 3]) },
  { topic: 'a/1', frames: frames([4]) },
];
const deliveries = [...same, { topic: '', frames: [] }, { topic: 'é😀', frames: frames([]) }];

const CLIENTS: readonly ClientFrame[] = [
  [Type.hello, null, null, 0],
  [Type.hello, 'token', 'session', 2 ** 53 - 1],
  [Type.ping],
  [Type.pong],
  [Type.piece, 0, false, new Uint8Array([1])],
  [Type.request, 7, 'demo', new Uint8Array([1, 2, 3])],
  [Type.cancel, 2 ** 32],
  [Type.open, 1, 2, 'demo/results', 'me/'],
  [Type.openFrom, 1, 1, 'demo', '', 2 ** 53 - 1],
  [Type.close, 1],
  [Type.send, 1, 3, frames([], [5], [6, 7])],
  [Type.send, 1, 3, []],
  [Type.store, 1, 3, 2 ** 32, frames([], [5], [6, 7])],
  [Type.store, 1, 3, 0, []],
  [Type.taken, 1, 100_000],
];

const RELAYS: readonly RelayFrame[] = [
  [Type.welcome, 's', 'relay/7', true, 5, 4_194_304, 1_048_576, 20_000, 60_000, 'me/'],
  [Type.ping],
  [Type.pong],
  [Type.piece, 2 ** 40, true, new Uint8Array(0)],
  [Type.reply, 7, new Uint8Array(0)],
  [Type.failed, 7, 'DISCONNECTED', 'the server is gone'],
  [Type.ready, 1, 2, false],
  [Type.broken, 1, 'LOST', 'é'],
  [Type.refused, 1, 'FORBIDDEN', ''],
  [Type.taken, 1, 0],
  [Type.results, 2, deliveries],
  [Type.results, 2, []],
  [Type.work, 3, frames([1], [2])],
  [Type.stored, 1, 0, [2 ** 53 - 1, 1, 0, 2]],
  [Type.stored, 1, 1, []],
  [Type.placed, 2, 1, 2 ** 32, [2 ** 53 - 1, 0, 1, 2 ** 32], deliveries],
  [Type.placed, 2, 9, 0, [], []],
];

/** What both sides send. */
const EITHER: readonly number[] = [Type.ping, Type.pong, Type.piece, Type.taken];

function messageOf(list: readonly Frame[], sequence = 0, confirmed = 0): Bytes {
  const writer = new MessageWriter();
  for (const frame of list) writer.add(frame);
  const message = writer.take();
  setNumbers(message, sequence, confirmed);
  return message;
}

const isRefusedBy = (read: (message: Bytes) => unknown, value: unknown) =>
  isRefused(() => read(theirs(value)));

describe('messages', () => {
  const sides = [
    ['client', readClientMessage, CLIENTS, readRelayMessage],
    ['relay', readRelayMessage, RELAYS, readClientMessage],
  ] as const;

  it.each(sides)('of a %s come out as they went in', (_side, read, own) => {
    for (const frame of own) expect(read(messageOf([frame], 1, 2)).frames).toEqual([frame]);
    const anyOfThem = fc.array(fc.constantFrom<Frame>(...own), { maxLength: 40 });
    fc.assert(
      fc.property(anyOfThem, aNumber, aNumber, (list, sequence, confirmed) => {
        const message = messageOf(list, sequence, confirmed);
        expect(read(message)).toEqual({ sequence, confirmed, frames: list });
      }),
    );
  });

  it.each(sides)("of a %s are not taken for the other side's", (_side, _read, own, otherRead) => {
    for (const frame of own)
      expect(isRefused(() => otherRead(messageOf([frame])))).toBe(!EITHER.includes(frame[0]));
  });

  it.each(sides)('of a %s are refused at every truncation, and with anything behind', (_side, read, own) => {
    const message = messageOf(own, 2 ** 40, 3);
    for (let end = 0; end < message.length; end++)
      expect(isRefused(() => read(message.slice(0, end)))).toBe(true);
    expect(isRefused(() => read(new Uint8Array([...message, 0xc0])))).toBe(true);
  });

  it.each(sides)('of a %s are refused with another value at any place', (_side, read, own) => {
    const values = [null, true, 5, -1, 1.5, 'x', new Uint8Array(1), [], [[]], {}, new Date(0)];
    const kind = (value: unknown) =>
      value instanceof Uint8Array ? 'bytes' : Array.isArray(value) ? 'list' : typeof value;
    for (const frame of own) {
      for (let at = 0; at < frame.length; at++) {
        for (const value of values) {
          const isSame = value === frame[at];
          const isFit =
            isSame || (value !== -1 && value !== 1.5 && kind(value) === kind(frame[at]) && at > 0);
          const changed = frame.map((part, i) => (i === at ? value : part));
          const nullable =
            frame[0] === Type.hello && (at === 1 || at === 2) && (value === null || value === 'x');
          if (!isFit && !nullable)
            expect(isRefusedBy(read, [0, 0, changed]), `${frame} ${at} ${value}`).toBe(true);
        }
      }
      expect(isRefusedBy(read, [0, 0, [...frame, null]])).toBe(true);
      expect(isRefusedBy(read, [0, 0, frame.slice(0, -1)])).toBe(true);
    }
  });

  it('have at least their numbers, and deliveries their topics', () => {
    for (const value of [
      null,
      0,
      {},
      [],
      [0],
      ['0', 0],
      [0, null],
      [0, 0, 3],
      [0, 0, []],
      [0, 0, [null]],
      [0, 0, [99]],
    ])
      for (const [, read] of sides) expect(isRefusedBy(read, value)).toBe(true);
    // A list that says it has none, or one, with numbers behind.
    for (const count of [0x90, 0x91])
      for (const [, read] of sides) expect(isRefused(() => read(new Uint8Array([count, 0, 0])))).toBe(true);
    for (const list of [[[]], [[null, new Uint8Array(1)]], [['t', 'x']], [['t', null]], [5], ['t']])
      for (const frame of [
        [Type.results, 1, list],
        [Type.placed, 1, 1, 1, [1], list],
      ])
        expect(isRefusedBy(readRelayMessage, [0, 0, frame])).toBe(true);
  });

  it('have positions that are whole numbers', () => {
    const placed = (...positions: readonly unknown[]) => [0, 0, [Type.placed, 1, 1, 1, positions, []]];
    for (const value of [null, -1, 1.5, 2 ** 53, 'x', true, [], new Uint8Array(1)])
      for (const list of [[value], [1, value], [value, 1]])
        expect(isRefusedBy(readRelayMessage, placed(...list)), `${list}`).toBe(true);
    const [frame] = readRelayMessage(theirs(placed(0, 255, 65_536, 2 ** 32 - 1))).frames;
    expect(frame?.[4]).toEqual([0, 255, 65_536, 2 ** 32 - 1]);
  });

  it('are refused, whatever the bytes', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((value) => new Uint8Array(value)),
      fc.anything({ withBigInt: false, withMap: true, withNullPrototype: true }).map((value) => {
        try {
          return theirs([0, 0, value]);
        } catch {
          return new Uint8Array(0);
        }
      }),
    );
    fc.assert(
      fc.property(anything, (message) => {
        for (const [, read] of sides) isRefused(() => read(message));
      }),
      { numRuns: 2_000 },
    );
  });

  it('survive a change of any byte, or fail as they should', () => {
    for (const [, read, own] of sides) {
      const message = messageOf(own);
      fc.assert(
        fc.property(fc.nat(message.length - 1), fc.nat(255), (at, value) => {
          const changed = message.slice();
          changed[at] = value;
          isRefused(() => read(changed));
        }),
        { numRuns: 2_000 },
      );
    }
  });

  /** The head of a list of any length. */
  const listOf = (count: number) => [0xdd, ...new Uint8Array(new Uint32Array([count]).buffer).reverse()];

  it('that announce lists which are not there are refused before anything is made of them', () => {
    const starts = [
      [],
      [0x93, 0, 0],
      [0x93, 0, 0, 0x94, Type.send, 1, 1],
      [0x93, 0, 0, 0x93, Type.results, 1],
      [0x93, 0, 0, 0x95, Type.store, 1, 1, 1],
      [0x93, 0, 0, 0x96, Type.placed, 1, 1, 1],
      [0x93, 0, 0, 0x96, Type.placed, 1, 1, 1, 0x90],
    ];
    for (const start of [...starts, [...(starts[3] ?? []), 0x91], [0x93, 0, 0, 0x93, Type.work, 1]])
      for (const count of [2 ** 32 - 1, 2 ** 31, 100_000])
        for (const [, read] of sides)
          expect(isRefused(() => read(new Uint8Array([...start, ...listOf(count), 0, 0])))).toBe(true);
  });

  it('that are nothing but depth are refused', () => {
    for (const byte of [0x91, 0x9f, 0x81, 0xdd, 0xdc, 0xc7, 0xd6])
      for (const [, read] of sides)
        for (const start of [[], [0x93, 0, 0], [0x93, 0, 0, 0x93, 32, 1], [0x93, 0, 0, 0x94, 30, 1, 1]]) {
          const message = new Uint8Array(500_000).fill(byte);
          message.set(start);
          expect(isRefused(() => read(message))).toBe(true);
        }
  });

  it('of a client have no more items than fit their size: each costs memory, however small', () => {
    const filled = (start: number[], unit: number[], count: number) => {
      const head = [...start, ...listOf(count)];
      const message = new Uint8Array(head.length + unit.length * count);
      message.set(head);
      for (let i = 0; i < count; i++) message.set(unit, head.length + i * unit.length);
      return message;
    };
    const send = [0x93, 0, 0, 0x94, Type.send, 1, 1];
    const store = [0x93, 0, 0, 0x95, Type.store, 1, 1, 1];
    for (const start of [send, store]) {
      expect(isRefused(() => readClientMessage(filled(start, [0xc4, 0], 100_000)))).toBe(true);
      expect(isRefused(() => readClientMessage(filled(start, [0xc4, 1, 7], 2_000)))).toBe(true);
    }
    const pongs = filled([], [0x91, Type.pong], 50_002);
    // Two numbers take the place of one frame.
    pongs.set([...listOf(50_003), 0, 0]);
    expect(isRefused(() => readClientMessage(pongs))).toBe(true);
    for (const start of [send, store]) {
      expect(isRefused(() => readClientMessage(filled(start, [0xc4, 0], 1_000)))).toBe(false);
      const item = [0xc4, 8, ...bytesOf(8)];
      expect(isRefused(() => readClientMessage(filled(start, item, 100_000)))).toBe(false);
    }
  });

  it('share memory with what they were read from', () => {
    const message = messageOf([[Type.request, 1, 'demo', new Uint8Array(1_000)]]);
    const [frame] = readClientMessage(message).frames;
    expect(frame?.[0] === Type.request && frame[3].buffer === message.buffer).toBe(true);
  });
});

function bytesOf(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe('reasons of an end', () => {
  it('fit into what WebSocket takes', () => {
    const size = (text: string) => Buffer.byteLength(closeReason(text));
    for (const unit of ['x', 'é', '€', '😀', '\ud800']) {
      expect(size(unit.repeat(1_000_000))).toBeLessThanOrEqual(123);
      expect(size(unit.repeat(1_000_000))).toBeGreaterThan(115);
    }
    expect(closeReason('over a limit')).toBe('over a limit');
  });
});

describe('a writer of messages', () => {
  const ping: Frame = [Type.ping];
  const cancel: Frame = [Type.cancel, 7];

  it('knows how many frames and bytes it has, and begins anew', () => {
    const writer = new MessageWriter();
    expect([writer.count, writer.length]).toEqual([0, 0]);
    writer.add(ping);
    expect([writer.count, writer.length]).toEqual([1, HEAD + 2]);
    writer.add(cancel);
    expect([writer.count, writer.length]).toEqual([2, HEAD + 5]);
    expect(readClientMessage(writer.take()).frames).toEqual([ping, cancel]);
    expect([writer.count, writer.length]).toEqual([0, 0]);
    expect(readClientMessage(writer.take()).frames).toEqual([]);
  });

  it('gives its last frame back, alone or behind others, as if it had never been there', () => {
    const writer = new MessageWriter();
    writer.add(cancel);
    expect(readClientFrame(writer.takeBack(0))).toEqual(cancel);
    expect([writer.count, writer.length]).toEqual([0, 0]);
    writer.add(ping);
    const before = writer.length;
    writer.add(cancel);
    expect(readClientFrame(writer.takeBack(before))).toEqual(cancel);
    expect([writer.count, writer.length]).toEqual([1, before]);
    writer.add([Type.pong]);
    expect(readClientMessage(writer.take()).frames).toEqual([ping, [Type.pong]]);
  });

  it('writes a topic once where deliveries share it', () => {
    const sizeOf = (...topics: string[]) =>
      loneMessage([Type.results, 1, topics.map((topic) => ({ topic, frames: [] }))]).length;
    expect(sizeOf('relay/1/a', 'relay/1/a') - sizeOf('relay/1/a')).toBe(2);
    expect(sizeOf('relay/1/a', 'relay/1/b') - sizeOf('relay/1/a')).toBe(11);
  });
});

describe('a frame by itself', () => {
  it('is a message without a number, with the features of its sender in a greeting', () => {
    const lone = [Type.cancel, 7] as const;
    expect(readClientMessage(loneMessage(lone))).toEqual({ sequence: 0, confirmed: 0, frames: [lone] });
    expect(readClientMessage(loneMessage([Type.hello, null, null, 0], 3)).confirmed).toBe(3);
  });

  it('that came in pieces is of its side, is whole, and is no piece', () => {
    const bytesOf = (frame: Frame) => {
      const writer = new MessageWriter();
      writer.add(frame);
      return writer.takeBack(0);
    };
    const reply: Frame = [Type.reply, 1, new Uint8Array([1])];
    const cancel: Frame = [Type.cancel, 1];
    expect([readRelayFrame(bytesOf(reply)), readClientFrame(bytesOf(cancel))]).toEqual([reply, cancel]);
    expect(() => readClientFrame(bytesOf(reply))).toThrow('it has a frame of type 12 with 3 parts');
    expect(() => readRelayFrame(bytesOf(cancel))).toThrow('it has a frame of type 11 with 2 parts');
    const piece = bytesOf([Type.piece, 1, true, new Uint8Array([1])]);
    for (const read of [readClientFrame, readRelayFrame]) {
      expect(() => read(piece)).toThrow('a piece is in pieces');
      expect(() => read(new Uint8Array([...bytesOf([Type.ping]), 0]))).toThrow('it goes on after its end');
    }
  });

  it('has numbers before it, and deliveries have topics', () => {
    expect(() => readClientMessage(new Uint8Array([0x91, 0]))).toThrow('it ends too early');
    const results = (...delivery: number[]) =>
      new Uint8Array([0x93, 0, 0, 0x93, Type.results, 1, 0x91, ...delivery]);
    for (const own of [[0x90], [0x91, 0xc0]])
      expect(() => readRelayMessage(results(...own))).toThrow('a delivery has no topic');
    // Not even that of the one before: an empty list says nothing.
    const second = new Uint8Array([0x93, 0, 0, 0x93, Type.results, 1, 0x92, 0x91, 0xa1, 0x61, 0x90]);
    expect(() => readRelayMessage(second)).toThrow('a delivery has no topic');
    expect(readRelayMessage(results(0x91, 0xa1, 0x61)).frames).toEqual([
      [Type.results, 1, [{ topic: 'a', frames: [] }]],
    ]);
  });
});
