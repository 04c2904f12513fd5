/** Frames out of a stream of bytes, however it is cut; and limits on frames, at their value and one beyond it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL_SIZE } from '../../../../transports/zmtp/commands.ts';
import { COMMAND, FrameReader, LONG, MORE } from '../../../../transports/zmtp/frame-reader.ts';

function read(largest: number, flags: number, size: number): number[] {
  const sizes: number[] = [];
  const reader = new FrameReader({ frame: (_, __, start, end) => sizes.push(end - start) }, largest);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(size), 1);
  reader.read(Buffer.concat([head, Buffer.alloc(size)]));
  return sizes;
}

const violation = (code: string) => expect.objectContaining({ name: 'Violation', code });

describe('a frame', () => {
  it.each([0, 1, 255, 256, 70_000])(
    'may have as many bytes as the limit, %i, and not one more',
    (largest) => {
      expect(read(largest, 0, largest)).toEqual([largest]);
      expect(() => read(largest, 0, largest + 1)).toThrow(violation('TOO_LARGE'));
    },
  );

  it('may have any number of bytes where there is no limit', () => {
    expect(read(-1, MORE, 2_000_000)).toEqual([2_000_000]);
  });

  it('has no bit that the RFC reserves', () => {
    for (let bit = 8; bit < 256; bit *= 2) expect(() => read(-1, bit, 0)).toThrow(violation('PROTOCOL'));
  });
});

describe('a command', () => {
  it('has a limit of its own, whatever that of frames is', () => {
    for (const largest of [0, -1]) {
      expect(read(largest, COMMAND, CONTROL_SIZE)).toEqual([CONTROL_SIZE]);
      expect(() => read(largest, COMMAND, CONTROL_SIZE + 1)).toThrow(violation('TOO_LARGE'));
    }
  });

  it('has one part', () => {
    expect(() => read(-1, COMMAND | MORE, 1)).toThrow(violation('PROTOCOL'));
  });
});

/** A frame as it is on the wire. */
function wire(flags: number, body: Uint8Array): Buffer {
  if (body.length < 256) return Buffer.concat([Uint8Array.of(flags, body.length), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** A reader, and the frames that it has passed on. */
function reading(largest = -1) {
  const frames: { readonly flags: number; readonly text: string; readonly isOwn: boolean }[] = [];
  const taker = {
    pauseAfter: Number.POSITIVE_INFINITY,
    frame(flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean) {
      frames.push({
        flags: flags & ~LONG,
        text: Buffer.from(bytes.subarray(start, end)).toString('latin1'),
        isOwn,
      });
      if (frames.length >= taker.pauseAfter) reader.isPaused = true;
    },
  };
  const reader: FrameReader = new FrameReader(taker, largest);
  return { reader, frames, taker };
}

describe('a stream of bytes', () => {
  const frame = fc.record({
    flags: fc.constantFrom(0, MORE),
    text: fc.oneof(
      fc.string({ unit: fc.constantFrom('a', '\0', '\xff'), maxLength: 20 }),
      fc.constantFrom(255, 256, 300, 5_000).map((size) => 'x'.repeat(size)),
    ),
  });

  it('has the same frames however it is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (all, cuts) => {
        const bytes = Buffer.concat(all.map(({ flags, text }) => wire(flags, Buffer.from(text, 'latin1'))));
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const { reader, frames } = reading();
        let at = 0;
        for (const end of ends) {
          reader.read(bytes.subarray(at, end));
          at = end;
        }
        expect(frames.map(({ flags, text }) => ({ flags, text }))).toEqual(all);
        expect(reader.isAmid).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('is amid a frame from its first byte to its last', () => {
    for (const size of [0, 3, 300]) {
      const bytes = wire(0, new Uint8Array(size));
      const { reader, frames } = reading();
      for (const [i, byte] of bytes.entries()) {
        reader.read(Uint8Array.of(byte));
        const isLast = i === bytes.length - 1;
        expect([size, i, reader.isAmid, frames.length]).toEqual([size, i, !isLast, isLast ? 1 : 0]);
      }
    }
  });

  it('gives a frame that came in pieces to its taker, and lends it the others', () => {
    const { reader, frames } = reading();
    const bytes = wire(0, Buffer.from('abc'));
    reader.read(bytes);
    reader.read(bytes.subarray(0, 3));
    reader.read(bytes.subarray(3));
    // Its head alone was cut off.
    reader.read(bytes.subarray(0, 1));
    reader.read(bytes.subarray(1));
    expect(frames.map(({ text, isOwn }) => [text, isOwn])).toEqual([
      ['abc', false],
      ['abc', true],
      ['abc', false],
    ]);
  });

  it('has room for a large frame only as its bytes come', () => {
    const { reader, frames } = reading();
    const size = 5_000_000;
    const bytes = wire(MORE, Buffer.alloc(size, 'y'));
    const before = process.memoryUsage().arrayBuffers;
    reader.read(bytes.subarray(0, 100));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    for (let at = 100; at < bytes.length; at += 700_000) reader.read(bytes.subarray(at, at + 700_000));
    expect(frames).toEqual([{ flags: MORE, text: 'y'.repeat(size), isOwn: true }]);
  });

  it('has no more room for what is announced than twice what has come', () => {
    const { reader } = reading();
    const head = wire(0, new Uint8Array(300)).subarray(0, 9);
    head.writeBigUInt64BE(400_000_000n, 1);
    const before = process.memoryUsage().arrayBuffers;
    reader.read(head);
    const piece = new Uint8Array(1_200_000);
    reader.read(piece);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  it('gives a large frame in a buffer of just its size', () => {
    const sizes: number[] = [];
    const reader = new FrameReader({ frame: (_, { length }, __, end) => sizes.push(length, end) }, -1);
    const bytes = wire(0, new Uint8Array(1_300_000));
    reader.read(bytes.subarray(0, 1_200_000));
    reader.read(bytes.subarray(1_200_000));
    expect(sizes).toEqual([1_300_000, 1_300_000]);
  });

  it('waits where its taker pauses, and goes on from there', () => {
    const { reader, frames, taker } = reading();
    const one = (text: string) => wire(0, Buffer.from(text));
    taker.pauseAfter = 1;
    reader.read(Buffer.concat([one('a'), one('b'), one('c').subarray(0, 1)]));
    expect([frames.length, reader.isAmid]).toEqual([1, true]);
    // More may come meanwhile.
    reader.read(Buffer.concat([one('c').subarray(1), one('d')]));
    expect(frames.length).toBe(1);
    reader.isPaused = false;
    taker.pauseAfter = 3;
    reader.run();
    expect(frames.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    reader.isPaused = false;
    taker.pauseAfter = 9;
    reader.run();
    expect([frames.map(({ text }) => text), reader.isAmid]).toEqual([['a', 'b', 'c', 'd'], false]);
  });

  it('is held to another limit from then on', () => {
    const { reader, frames } = reading(2);
    expect(() => reader.read(wire(0, new Uint8Array(3)))).toThrow(
      'it sent a frame of 3 bytes, and 2 is the limit',
    );
    const other = reading(2);
    other.reader.takeUpTo(3);
    other.reader.read(wire(0, new Uint8Array(3)));
    expect(() => other.reader.read(wire(0, new Uint8Array(4)))).toThrow(violation('TOO_LARGE'));
    other.reader.takeUpTo(-1);
    expect([frames.length, other.frames.length]).toEqual([0, 1]);
  });

  it.each([
    [[8, 0], 'it sent bytes that are not a frame of ZMTP 3'],
    [[COMMAND | MORE, 0], 'it sent a command of several parts'],
    [[COMMAND | LONG, 0, 0, 0, 0, 0, 1, 0, 0], 'it sent a command of 65536 bytes'],
    [[LONG, 0, 0, 0, 1, 0, 0, 0, 0], 'it sent a frame of 4294967296 bytes, and 70000 is the limit'],
  ])('ends with %j, whole or byte by byte', (bytes, message) => {
    expect(() => reading(70_000).reader.read(Uint8Array.from(bytes))).toThrow(message);
    const { reader } = reading(70_000);
    expect(() => {
      for (const byte of bytes) reader.read(Uint8Array.of(byte));
    }).toThrow(message);
  });
});
