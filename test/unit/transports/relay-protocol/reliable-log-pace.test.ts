/** What a log sends and when: what passes what, how fast a connection seems, and when it confirms. Each limit at its value and beside it. */
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
  PROBE_BYTES,
  URGENT_BYTES,
} from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import {
  type ClientFrame,
  type Frame,
  type Message,
  MessageWriter,
  type RelayFrame,
  readClientMessage,
  readRelayMessage,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { ReliableLog } from '../../../../transports/relay-protocol/reliable-log.ts';

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
    ['a channel', (): Frame => [Type.open, 1, 1, 's', ''], false],
    ['the end of one', (): Frame => [Type.close, 1], false],
    ['envelopes', (size: number): Frame => [Type.send, 1, 1, [new Uint8Array(size)]], false],
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
