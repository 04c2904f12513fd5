/** The account of a session: whatever becomes of its sockets, every frame arrives once and in order. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PIECE_STREAMS } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import {
  type ClientFrame,
  type Frame,
  MessageWriter,
  type Piece,
  readClientFrame,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';

import { Incoming } from '../../../../transports/relay-protocol/pieces.ts';
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
          for (const { ledger, posted } of session.sides)
            if (posted.length === 0) expect(ledger.held).toBe(0);
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
