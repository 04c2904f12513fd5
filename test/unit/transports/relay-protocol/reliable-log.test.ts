/** The account of a session: whatever becomes of its sockets, every frame arrives once and in order. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BATCH_BYTES,
  CONFIRM_BYTES,
  CONFIRM_LATE,
  CONFIRM_SOON,
  FIRST_LINK_WINDOW,
  LEAST_LINK_WINDOW,
  LINK_QUEUE,
  MOST_LINK_WINDOW,
  PIECE_STREAMS,
  PROBE_BYTES,
  URGENT_BYTES,
} from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import {
  type ClientFrame,
  type Frame,
  type Message,
  MessageWriter,
  type Piece,
  type RelayFrame,
  readClientFrame,
  readClientMessage,
  readRelayMessage,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';

import { Incoming } from '../../../../transports/relay-protocol/pieces.ts';
import { ReliableLog } from '../../../../transports/relay-protocol/reliable-log.ts';
import { FLOWS, Session } from '../../../support/relay-session.ts';

type Step = (session: Session) => unknown;

const aSide = fc.constantFrom<'client' | 'relay'>('client', 'relay');
const aSize = fc.oneof(
  { arbitrary: fc.nat(100), weight: 6 },
  { arbitrary: fc.integer({ min: 20_000, max: 70_000 }), weight: 1 },
);
const shown = (text: string, step: Step): Step => Object.assign(step, { [fc.toStringMethod]: () => text });

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(aSide, fc.array(aSize, { minLength: 1, maxLength: 8 })).map(([side, sizes]) =>
      shown(`${side} posts ${sizes}`, (session) => {
        for (const size of sizes) session[side].post(size);
      }),
    ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(aSide, fc.nat(6))
      .map(([side, count]) =>
        shown(`${count} arrive from ${side}`, (session) => session.deliver(session[side], count)),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(0, 0, 10, 300)
      .map((time) => shown(`${time} ms pass`, () => vi.advanceTimersByTimeAsync(time))),
  },
  {
    weight: 2,
    arbitrary: aSide.map((side) => shown(`${side} tells`, (session) => session.tell(session[side]))),
  },
  { weight: 2, arbitrary: fc.constant(shown('cut', (session) => session.cut())) },
  {
    weight: 3,
    arbitrary: fc.boolean().map((isHalf) => shown(`connect ${isHalf}`, (session) => session.connect(isHalf))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(aSide, fc.boolean()).map(([side, isHeld]) =>
      shown(`${side} holds: ${isHeld}`, (session) => {
        if (isHeld) session[side].ledger.hold();
        else session[side].ledger.release();
      }),
    ),
  },
);

function connected(): Session {
  const session = new Session();
  session.connect();
  return session;
}

const numbered = (sequence: number, confirmed: number): Bytes => {
  const message = new MessageWriter().take();
  setNumbers(message, sequence, confirmed);
  return message;
};

const broken = expect.objectContaining({ code: 'PROTOCOL' });

describe('a session', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('has every frame arrive once and in order, whatever becomes of its sockets, and keeps nothing then', async () => {
    const sessions = fc.asyncProperty(
      fc.array(aStep, { maxLength: 80, size: 'max' }),
      fc.boolean(),
      async (steps, isPaced) => {
        const session = new Session(isPaced);
        for (const step of steps) {
          await step(session);
          for (const { ledger, posted } of session.sides) {
            expect(Number.isInteger(ledger.held)).toBe(true);
            if (posted.length === 0) expect(ledger.held).toBe(0);
          }
        }
        await session.settle();
        const { client, relay } = session;
        for (const [from, to] of [
          [client, relay],
          [relay, client],
        ] as const) {
          // In pieces, those of one flow are in order.
          for (let flow = 0; isPaced && flow < FLOWS; flow++) {
            const isOf = (id: number) => id % FLOWS === flow;
            expect(to.arrived.filter(isOf)).toEqual(from.posted.filter(isOf));
          }
          expect(isPaced ? to.arrived.toSorted((one, other) => one - other) : to.arrived).toEqual(
            from.posted,
          );
          expect(to.incoming.bytes).toBe(0);
        }
        for (const { ledger, toldArrived } of session.sides) {
          expect(ledger.held).toBe(0);
          expect(new Set(toldArrived).size).toBe(toldArrived.length);
        }
        expect(vi.getTimerCount()).toBe(0);
      },
    );
    await fc.assert(sessions, { numRuns: 400 });
  });

  it('gathers what is posted in one turn, and what is much is sent at once', async () => {
    const { client } = connected();
    for (let i = 0; i < 100; i++) client.post(10);
    expect(client.line).toHaveLength(0);
    await null;
    expect(client.line).toHaveLength(1);
    for (let i = 0; i < 10; i++) client.post(30_000);
    expect(client.line).toHaveLength(4);
    for (const message of client.line) expect(message.length).toBeLessThan(100_000);
  });

  it('confirms after a while, or at once when much has come', async () => {
    const session = connected();
    const { client, relay } = session;
    client.post(10);
    await null;
    session.deliver(client, 1);
    expect(relay.line).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(relay.line).toHaveLength(1);
    session.deliver(relay, 1);
    expect(client.ledger.held).toBe(0);
    client.post(70_000);
    session.deliver(client, 1);
    expect(relay.line).toHaveLength(1);
    session.deliver(relay, 1);
    expect(client.ledger.held).toBe(0);
    // A confirmation is nothing that has to be confirmed.
    await vi.advanceTimersByTimeAsync(10_000);
    expect([client.line, relay.line]).toEqual([[], []]);
  });

  it('confirms along with what it sends', async () => {
    const session = connected();
    const { client, relay } = session;
    client.post(10);
    await null;
    session.deliver(client, 1);
    relay.post(10);
    await null;
    session.deliver(relay, 1);
    expect(client.ledger.held).toBe(0);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('does not confirm what comes while it is held, and does so when it is released, however long that was', async () => {
    for (const [wait, size] of [
      [0, 70_000],
      [100, 10],
      [1_000, 70_000],
      [1_000, 10],
    ] as const) {
      const session = connected();
      const { client, relay } = session;
      client.post(10);
      await null;
      session.deliver(client, 1);
      relay.ledger.hold();
      relay.post(10);
      client.post(size);
      await vi.advanceTimersByTimeAsync(wait);
      session.deliver(client, 9);
      session.deliver(relay, 9);
      expect(client.ledger.held).toBeGreaterThan(size);
      // Nor what had come before it was held.
      expect(client.ledger.unconfirmed).toBe(2);
      relay.ledger.release();
      await vi.advanceTimersByTimeAsync(1_000);
      session.deliver(relay, 9);
      expect(client.ledger.held, `${size} bytes, after ${wait} ms`).toBe(0);
    }
  });

  it('counts what it holds', async () => {
    const session = connected();
    const { client, relay } = session;
    for (let i = 0; i < 10; i++) client.post(1_000);
    expect(client.ledger.held).toBeGreaterThan(10_000);
    await null;
    expect(client.ledger.held).toBe(client.line[0]?.length);
    session.cut();
    client.post(1_000);
    await null;
    expect(client.ledger.held).toBeGreaterThan(11_000);
    expect(relay.ledger.held).toBe(0);
    await session.settle();
    expect(client.ledger.held).toBe(0);
  });

  it('refuses numbers that cannot be', async () => {
    const session = connected();
    const { client, relay } = session;
    for (let i = 0; i < 3; i++) {
      client.post(10);
      await null;
    }
    session.deliver(client, 2);
    // One is missing, and numbers from nowhere.
    for (const sequence of [4, 5, 2 ** 53 - 1])
      expect(() => relay.take(numbered(sequence, 0))).toThrowError(broken);
    for (const confirmed of [1, 2 ** 53 - 1]) {
      expect(() => relay.take(numbered(0, confirmed))).toThrowError(broken);
      expect(() => relay.take(numbered(3, confirmed))).toThrowError(broken);
      expect(() => relay.resume(confirmed)).toThrowError(broken);
    }
    expect(relay.ledger.received).toBe(2);
    expect(() => client.resume(4)).toThrowError(broken);
    client.take(numbered(0, 2));
    // What was confirmed is gone, and cannot be sent again.
    for (const received of [0, 1]) expect(() => client.resume(received)).toThrowError(broken);
    session.connect();
    expect(client.line).toHaveLength(1);
    // What comes a second time is passed over.
    relay.take(numbered(1, 0));
    session.deliver(client, 1);
    expect(relay.arrived).toEqual([1, 2, 3]);
  });

  it('hands on a message that comes a second time once, and is without a timer when its socket is gone', async () => {
    const { client, relay } = connected();
    client.post(10);
    await null;
    const [message] = client.line as [Bytes];
    for (let i = 0; i < 2; i++) relay.take(message);
    expect([relay.arrived, vi.getTimerCount()]).toEqual([[1], 1]);
    relay.suspend();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('hands a link that is slow no more than it has sent soon, and small frames pass large ones', async () => {
    const session = new Session(true);
    session.connect();
    const { client, relay } = session;
    client.post(900_000);
    await null;
    const first = client.line.reduce((sum, { length }) => sum + length, 0);
    expect(first).toBeLessThan(65_536);
    expect(relay.arrived).toEqual([]);
    client.post(100);
    await null;
    let turns = 0;
    while (relay.arrived.length === 0 && turns++ < 100) {
      session.deliver(client, 1);
      await vi.advanceTimersByTimeAsync(250);
      session.deliver(relay, 9);
    }
    expect(relay.arrived).toEqual([2]);
    // All that is handed over at 30 kB/s is there within about a second.
    expect(turns).toBeLessThan(10);
    expect(client.line.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(65_536);
    await session.settle();
    expect(relay.arrived).toEqual([2, 1]);
  });
});

describe('frames in pieces', () => {
  const piece = (stream: number, isLast: boolean, bytes: Bytes): Piece => [Type.piece, stream, isLast, bytes];
  const frameOf = (frame: Frame): Bytes => {
    const writer = new MessageWriter();
    writer.add(frame);
    return writer.takeBack(0);
  };
  const incoming = (limit = 1_000) => new Incoming<ClientFrame>(readClientFrame, limit);

  it('are put together, also when those of several come in turn', () => {
    const whole = frameOf([Type.cancel, 2 ** 40]);
    const own = incoming();
    const streams = Array.from({ length: PIECE_STREAMS }, (_, stream) => stream);
    for (const byte of whole.subarray(0, -1))
      expect(own.whole(streams.map((stream) => piece(stream, false, new Uint8Array([byte]))))).toEqual([]);
    expect(own.bytes).toBe(PIECE_STREAMS * (whole.length - 1));
    const last = streams.map((stream) => piece(stream, true, whole.subarray(-1)));
    expect(own.whole([...last, [Type.pong]])).toEqual([
      ...streams.map(() => [Type.cancel, 2 ** 40]),
      [Type.pong],
    ]);
    expect(own.bytes).toBe(0);
  });

  it.each([
    [
      'more than a frame may have',
      () => [piece(1, false, new Uint8Array(600)), piece(1, false, new Uint8Array(600))],
    ],
    [
      'more frames at once than may be',
      () => Array.from({ length: 20 }, (_, i) => piece(i, false, new Uint8Array(1))),
    ],
    ['what is no frame', () => [piece(1, true, new Uint8Array([1, 2, 3]))]],
    ['nothing', () => [piece(1, true, new Uint8Array(0))]],
    ['a frame and more', () => [piece(1, true, new Uint8Array([...frameOf([Type.pong]), 0xc0]))]],
    ['a frame that relays send', () => [piece(1, true, frameOf([Type.reply, 1, new Uint8Array(1)]))]],
    ['a piece', () => [piece(1, true, frameOf(piece(2, true, frameOf([Type.pong]))))]],
  ])('of %s are refused', (_, frames) => {
    expect(() => incoming().whole(frames())).toThrowError(broken);
  });
});

/** What a log sends and when: what passes what, how fast a connection seems, and when it confirms. Each limit at its value and beside it. */
describe('the pace of a log', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Frames of either side. */
  function read(message: Bytes): Message<ClientFrame | RelayFrame> {
    try {
      return readClientMessage(message);
    } catch {
      return readRelayMessage(message);
    }
  }

  /** A log with a socket, and the messages that it has sent. */
  function ground(isPaced = true) {
    const log = new ReliableLog();
    const sent: Message<ClientFrame | RelayFrame>[] = [];
    const sizes: number[] = [];
    const out = (message: Bytes) => {
      sent.push(read(message.slice()));
      sizes.push(message.length);
    };
    log.resume(out, 0, isPaced);
    /** A message of the other side. */
    const take = (sequence: number, confirmed = 0, size = 10) =>
      log.take({ sequence, confirmed, frames: [] }, size);
    const settle = () => vi.advanceTimersByTimeAsync(0);
    const types = () => sent.flatMap(({ frames }) => frames.map(([type]) => type));
    return { log, sent, sizes, out, take, settle, types };
  }

  const request = (size: number): Frame => [Type.request, 1, 'server', new Uint8Array(size)];

  /** A frame that makes a message of its own of so many bytes. */
  function frameOf(length: number, make: (size: number) => Frame = request): Frame {
    const lengthOf = (size: number) => {
      const writer = new MessageWriter();
      writer.add(make(size));
      return writer.length;
    };
    for (let size = length; size >= 0; size--) if (lengthOf(size) === length) return make(size);
    throw new Error(`no frame makes a message of ${length} bytes`);
  }

  describe('a frame that needs no number', () => {
    it('is sent at once, kept nowhere, and lost without a socket', () => {
      const { log, sent } = ground();
      log.tell([Type.pong]);
      expect(sent).toEqual([{ sequence: 0, confirmed: 0, frames: [[Type.pong]] }]);
      log.suspend();
      log.tell([Type.pong]);
      expect([sent.length, log.held, log.unconfirmed]).toEqual([1, 0, 0]);
    });

    it('is a ping where the other side answers pings, and none elsewhere', () => {
      for (const isPaced of [false, true]) {
        const { log, types } = ground(isPaced);
        log.ping();
        expect(types()).toEqual(isPaced ? [Type.ping] : []);
      }
    });

    it('is heard without being counted', () => {
      const { log, take } = ground();
      expect([take(0), take(1), take(0), take(1), log.received]).toEqual([true, true, true, false, 1]);
    });
  });

  describe('a message that was gathered', () => {
    it('leaves in the turn that it has a batch of bytes in, and not before', () => {
      for (const [length, count] of [
        [BATCH_BYTES - 1, 0],
        [BATCH_BYTES, 1],
      ] as const) {
        const { log, sent } = ground(false);
        log.post(frameOf(length));
        expect(sent).toHaveLength(count);
      }
    });

    it('is counted while it is, with what waits and what is not confirmed', async () => {
      const { log, settle, take } = ground();
      log.suspend();
      log.post(request(100));
      expect(log.held).toBeGreaterThan(100);
      const one = log.held;
      log.post(request(100));
      await settle();
      expect([log.held > one + 100, log.unconfirmed, log.isBusy]).toEqual([true, 2, true]);
      const own = ground();
      own.log.post(request(100));
      await settle();
      expect([own.log.unconfirmed, own.log.isBusy]).toEqual([1, false]);
      take(0, 0);
    });
  });

  it('holds what waits for a connection, too', async () => {
    const { log, settle, out } = ground();
    log.suspend();
    log.post(request(20_000));
    await settle();
    const { held } = log;
    expect(held).toBeGreaterThan(20_000);
    log.resume(out, 0, true);
    await settle();
    expect(log.held).toBeGreaterThan(20_000);
  });

  it('sends frames of one turn in one message, also where they are a large one together', async () => {
    const { log, sent, settle } = ground();
    for (let i = 0; i < 4; i++) log.post(request(2_000));
    await settle();
    expect(sent.map(({ frames }) => frames.map(([type]) => type))).toEqual([Array(4).fill(Type.request)]);
  });

  it('has a frame of a flow behind a large one before it, also in the same turn', async () => {
    const { log, sent, settle } = ground();
    const of = (size: number) => [Type.send, 1, 1, [new Uint8Array(size)]] as const;
    log.post(of(20_000), () => 'flow');
    log.post(of(10), () => 'flow');
    await settle();
    const incoming = new Incoming<ClientFrame>(readClientFrame, 30_000);
    const frames = sent.flatMap((own) => incoming.whole(own.frames as readonly ClientFrame[]));
    expect(frames.map((frame) => (frame[0] === Type.send ? frame[3][0]?.length : 0))).toEqual([20_000, 10]);
  });

  it('fills a message with pieces up to a quarter of the window, and no further', async () => {
    const { log, sizes, out, settle } = ground();
    const { large } = log;
    // Both wait for a connection, and have their turns then.
    log.suspend();
    log.post(request(large + 7_000));
    log.post(request(large + 7_000));
    await settle();
    log.resume(out, 0, true);
    await settle();
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThan(large + 100);
  });

  describe('a connection that is full', () => {
    /** One with as many bytes under way as it may have. */
    async function full() {
      const own = ground();
      while (!own.log.isBusy) {
        own.log.post(request(4_000));
        await own.settle();
      }
      const before = own.sent.length;
      own.sent.length = 0;
      own.sizes.length = 0;
      return { ...own, before };
    }

    it('has a window of bytes under way, and no more', async () => {
      const { log, settle, sizes } = ground();
      for (let i = 0; i < 30; i++) log.post(request(4_000));
      await settle();
      const under = sizes.reduce((sum, size) => sum + size, 0);
      expect(under).toBeGreaterThanOrEqual(FIRST_LINK_WINDOW);
      // The message that fills it may be a quarter of it too large.
      expect(under).toBeLessThan(FIRST_LINK_WINDOW * 1.25 + 100);
      expect(log.isBusy).toBe(true);
    });

    it.each([
      ['a request', (size: number): Frame => [Type.request, 1, 's', new Uint8Array(size)], true],
      ['the giving up of one', (): Frame => [Type.cancel, 1], true],
      ['a reply', (size: number): Frame => [Type.reply, 1, new Uint8Array(size)], true],
      ['credit', (): Frame => [Type.taken, 1, 1], true],
      ['credit for what is stored', (): Frame => [Type.stored, 1, 1, [0, 1]], true],
      ['a channel', (): Frame => [Type.open, 1, 1, 's', ''], false],
      ['a channel that goes on', (): Frame => [Type.openFrom, 1, 1, 's', '', 1], false],
      ['the end of one', (): Frame => [Type.close, 1], false],
      ['envelopes', (size: number): Frame => [Type.send, 1, 1, [new Uint8Array(size)]], false],
      [
        'envelopes with numbers',
        (size: number): Frame => [Type.store, 1, 1, 1, [new Uint8Array(size)]],
        false,
      ],
      ['answers with their places', (): Frame => [Type.placed, 1, 1, 1, [], []], false],
    ])('lets %s pass, or not', async (_, make, passes) => {
      const { log, sizes, settle } = await full();
      log.post(make(10));
      expect(sizes).toHaveLength(passes ? 1 : 0);
      await settle();
      expect(sizes).toHaveLength(passes ? 1 : 0);
    });

    it('lets frames pass that are small, and no others', async () => {
      for (const [length, count] of [
        [URGENT_BYTES, 1],
        [URGENT_BYTES + 1, 0],
      ] as const) {
        const { log, sent, settle } = await full();
        log.post(frameOf(length));
        await settle();
        expect(sent).toHaveLength(count);
      }
    });

    it('keeps in order what must be, and lets others overtake each other', async () => {
      const { log, sent, settle, take, before } = await full();
      const large = (id: number) => [Type.send, id, 1, [new Uint8Array(20_000)]] as const;
      log.post(large(1), () => 'flow');
      log.post(large(2), () => 'flow');
      log.post(large(3));
      log.post(large(4));
      for (let i = 0; i < 50 && log.unconfirmed > 0; i++) {
        await vi.advanceTimersByTimeAsync(50);
        take(0, before + sent.length);
        await settle();
      }
      const streams = sent.flatMap(({ frames }) =>
        frames.flatMap((frame) => (frame[0] === Type.piece ? [frame] : [])),
      );
      const ends = streams.filter(([, , isLast]) => isLast).map(([, stream]) => stream);
      // Two frames of one flow are one stream, one behind the other; each of the rest is its own.
      expect(new Set(ends).size).toBe(3);
      expect(ends).toHaveLength(4);
      expect(log.held).toBe(0);
    });

    it('sends a frame of a quarter of the window in one message, and a larger one in pieces', async () => {
      for (const [extra, type] of [
        [0, Type.request],
        [1, Type.piece],
      ] as const) {
        const { log, types, settle } = ground();
        expect(log.large).toBe(FIRST_LINK_WINDOW / 4);
        log.post(frameOf(log.large + extra));
        await settle();
        expect(new Set(types())).toEqual(new Set([type]));
      }
    });
  });

  describe('the window of a connection', () => {
    const windowOf = (log: ReliableLog) => 4 * log.large;
    /** Sends a message of so many bytes, which is confirmed so many milliseconds later. */
    async function probe(own: ReturnType<typeof ground>, length: number, time: number) {
      const before = own.sent.length;
      own.log.post(frameOf(length));
      await own.settle();
      await vi.advanceTimersByTimeAsync(time);
      own.take(0, own.sent.length);
      expect(own.sent.length).toBe(before + 1);
    }

    it('is what the connection takes in its shortest time and half a second', async () => {
      const own = ground();
      await probe(own, 8_000, 100);
      expect(windowOf(own.log)).toBe((8_000 / 100) * (100 + LINK_QUEUE));
      await probe(own, 8_000, 200);
      expect(windowOf(own.log)).toBe((8_000 / 200) * (100 + LINK_QUEUE));
      await probe(own, 6_000, 50);
      expect(windowOf(own.log)).toBe((6_000 / 50) * (50 + LINK_QUEUE));
    });

    it('is never less or more than its bounds', async () => {
      const slow = ground();
      await probe(slow, 8_000, 20_000);
      expect(windowOf(slow.log)).toBe(LEAST_LINK_WINDOW);
      const quick = ground();
      await probe(quick, 8_192, 0);
      expect(windowOf(quick.log)).toBe(8_192 * (1 + LINK_QUEUE));
      await probe(quick, 60_000, 0);
      expect(windowOf(quick.log)).toBe(MOST_LINK_WINDOW);
    });

    it('is measured by messages that are large enough, and by each of them once', async () => {
      const small = ground();
      await probe(small, PROBE_BYTES - 1, 100);
      expect(windowOf(small.log)).toBe(FIRST_LINK_WINDOW);
      const large = ground();
      await probe(large, PROBE_BYTES, 100);
      expect(windowOf(large.log)).toBe((PROBE_BYTES / 100) * (100 + LINK_QUEUE));
      await vi.advanceTimersByTimeAsync(1_000);
      large.take(0, 1);
      expect(windowOf(large.log)).toBe((PROBE_BYTES / 100) * (100 + LINK_QUEUE));
    });

    it('counts the bytes that were under way before the message, too', async () => {
      const own = ground();
      own.log.post(frameOf(2_000));
      await own.settle();
      own.log.post(frameOf(5_000));
      await own.settle();
      await vi.advanceTimersByTimeAsync(50);
      // The first one alone is not what was measured.
      own.take(0, 1);
      expect(windowOf(own.log)).toBe(FIRST_LINK_WINDOW);
      await vi.advanceTimersByTimeAsync(50);
      own.take(0, 2);
      expect(windowOf(own.log)).toBe((7_000 / 100) * (100 + LINK_QUEUE));
    });

    it('is not known of the next connection', async () => {
      const own = ground();
      await probe(own, 8_000, 10);
      own.log.post(frameOf(8_000));
      await own.settle();
      own.log.suspend();
      own.log.resume(own.out, 1, true);
      expect(windowOf(own.log)).toBe(FIRST_LINK_WINDOW);
      await vi.advanceTimersByTimeAsync(100);
      own.take(0, 2);
      // The message was sent again, and the time of the one before says nothing.
      expect(windowOf(own.log)).toBe(FIRST_LINK_WINDOW);
    });

    it('has no end where the other side takes no pieces', async () => {
      const { log, settle, sent } = ground(false);
      expect(log.large).toBe(Number.POSITIVE_INFINITY);
      log.post(request(1_000_000));
      await settle();
      expect(sent[0]?.frames[0]?.[0]).toBe(Type.request);
      const unknown = new ReliableLog();
      unknown.resume(() => {}, 0);
      expect(unknown.large).toBe(Number.POSITIVE_INFINITY);
    });
  });

  describe('a confirmation', () => {
    it.each([
      [1, CONFIRM_LATE],
      [PROBE_BYTES - 1, CONFIRM_LATE],
      [PROBE_BYTES, CONFIRM_SOON],
      [CONFIRM_BYTES - 1, CONFIRM_SOON],
      [CONFIRM_BYTES, 0],
    ])('of %i bytes takes %i ms', async (size, time) => {
      const { take, sent } = ground();
      take(1, 0, size);
      if (time > 0) {
        await vi.advanceTimersByTimeAsync(time - 1);
        expect(sent).toEqual([]);
        await vi.advanceTimersByTimeAsync(1);
      }
      expect(sent).toEqual([{ sequence: 0, confirmed: 1, frames: [] }]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('comes soon when a small message is followed by a large one, from the first large one on', async () => {
      const { take, sent } = ground();
      take(1, 0, 10);
      await vi.advanceTimersByTimeAsync(100);
      take(2, 0, PROBE_BYTES);
      await vi.advanceTimersByTimeAsync(CONFIRM_SOON - 1);
      take(3, 0, PROBE_BYTES);
      expect(sent).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(sent.map(({ confirmed }) => confirmed)).toEqual([3]);
    });

    it('after one that was soon is late again, and the other way round', async () => {
      const { take, sent } = ground();
      take(1, 0, PROBE_BYTES);
      await vi.advanceTimersByTimeAsync(CONFIRM_SOON);
      take(2, 0, 10);
      await vi.advanceTimersByTimeAsync(CONFIRM_LATE - 1);
      expect(sent.map(({ confirmed }) => confirmed)).toEqual([1]);
      await vi.advanceTimersByTimeAsync(1);
      expect(sent.map(({ confirmed }) => confirmed)).toEqual([1, 2]);
      take(3, 0, 10);
      take(4, 0, PROBE_BYTES);
      await vi.advanceTimersByTimeAsync(CONFIRM_SOON);
      expect(sent.map(({ confirmed }) => confirmed)).toEqual([1, 2, 4]);
    });

    it('is not sent while messages are held, nor by a timer that ran before', async () => {
      const { log, take, sent } = ground();
      take(1, 0, 10);
      log.hold();
      await vi.advanceTimersByTimeAsync(CONFIRM_LATE);
      take(2, 0, CONFIRM_BYTES);
      await vi.advanceTimersByTimeAsync(CONFIRM_LATE);
      expect([sent, vi.getTimerCount()]).toEqual([[], 0]);
      log.release();
      expect(sent.map(({ confirmed }) => confirmed)).toEqual([2]);
    });

    it('is not due when nothing came, and waits for a socket', () => {
      const { log, take, sent } = ground();
      log.hold();
      log.release();
      expect(vi.getTimerCount()).toBe(0);
      log.suspend();
      take(1, 0, 10);
      take(2, 0, CONFIRM_BYTES);
      expect([sent, vi.getTimerCount()]).toEqual([[], 0]);
    });

    it('that is older than another takes nothing back', async () => {
      const { log, take, settle } = ground();
      for (let i = 0; i < 3; i++) {
        log.post([Type.cancel, i]);
        await settle();
      }
      take(0, 2);
      expect(log.unconfirmed).toBe(1);
      take(0, 1);
      take(0, 2);
      expect(log.unconfirmed).toBe(1);
      take(0, 3);
      expect([log.unconfirmed, log.held]).toEqual([0, 0]);
    });
  });

  describe('a number that cannot be', () => {
    it('is named', async () => {
      const { log, take, settle, out } = ground();
      const protocol = (text: string) =>
        expect.objectContaining({ code: 'PROTOCOL', message: expect.stringContaining(text) });
      expect(() => take(2)).toThrow(protocol('message 2 came after 0'));
      expect(() => take(0, 1)).toThrow(protocol('message 1 came after 0'));
      for (let i = 0; i < 2; i++) {
        log.post([Type.cancel, i]);
        await settle();
      }
      take(0, 2);
      expect(() => log.resume(out, 1)).toThrow(protocol('message 1 came after 2'));
    });
  });
});
