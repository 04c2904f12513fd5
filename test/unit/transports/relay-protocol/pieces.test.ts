/** Frames in pieces: between flows in turn, in order for each, and bounded for whoever receives them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PIECE_STREAMS } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { type Frame, type Piece, Type } from '../../../../transports/relay-protocol/frames.ts';
import { Incoming, Outgoing } from '../../../../transports/relay-protocol/pieces.ts';

const frameOf = (length: number, fill = 0) => new Uint8Array(length).fill(fill);
const ping: Frame = [Type.ping];

/** Reads a whole frame as what the test can look at. */
const asRequest = (bytes: Bytes): Frame => [Type.request, 0, '', bytes.slice()];
const bytesOf = (frames: readonly Frame[]) => frames.map((frame) => frame[3]);

describe('outgoing pieces', () => {
  it('hold a frame, its bytes and its end', () => {
    const out = new Outgoing();
    out.add('flow', new Uint8Array([1, 2, 3, 4, 5]));
    expect([out.size, out.bytes]).toEqual([1, 5]);
    expect(out.next(2)).toEqual([Type.piece, 0, false, new Uint8Array([1, 2])]);
    expect([out.size, out.bytes]).toEqual([1, 3]);
    expect(out.next(2)).toEqual([Type.piece, 0, false, new Uint8Array([3, 4])]);
    expect(out.next(2)).toEqual([Type.piece, 0, true, new Uint8Array([5])]);
    expect([out.size, out.bytes, out.next(2)]).toEqual([0, 0, undefined]);
  });

  it('of different flows take turns, those of one flow follow each other', () => {
    const out = new Outgoing();
    out.add('a', frameOf(4, 1));
    out.add('a', frameOf(2, 2));
    out.add('b', frameOf(4, 3));
    const sent: string[] = [];
    for (let piece = out.next(2); piece !== undefined; piece = out.next(2)) {
      const [, stream, isLast, bytes] = piece;
      sent.push(`${stream}:${bytes[0]}${isLast ? '!' : ''}`);
    }
    expect(sent).toEqual(['0:1', '1:3', '0:1!', '1:3!', '0:2!']);
  });

  it('of at most 8 frames are begun; what fits in one piece passes', () => {
    const out = new Outgoing();
    for (let i = 0; i <= PIECE_STREAMS; i++) out.add(i, frameOf(4, i));
    out.add('small', frameOf(2, 99));
    const streams = new Set<number>();
    for (let i = 0; i < PIECE_STREAMS; i++) streams.add(out.next(2)?.[1] ?? -1);
    expect(streams.size).toBe(PIECE_STREAMS);
    // The ninth waits until one of the others is done; the small one does not.
    expect(out.next(2)?.[3]).toEqual(frameOf(2, 99));
    expect(out.next(2)).toEqual([Type.piece, 0, true, frameOf(2, 0)]);
    expect(out.next(2)?.slice(0, 3)).toEqual([Type.piece, PIECE_STREAMS, false]);
  });

  it('of frames that are begun go on, while others wait to begin', () => {
    const out = new Outgoing();
    for (let i = 0; i <= PIECE_STREAMS; i++) out.add(i, frameOf(6, i));
    const begun = Array.from({ length: PIECE_STREAMS }, (_, i) => i);
    const streams = Array.from({ length: 2 * PIECE_STREAMS + 2 }, () => out.next(2)?.[1]);
    // The last piece of the first lets the ninth begin.
    expect(streams).toEqual([...begun, ...begun, 0, PIECE_STREAMS]);
  });
});

describe('incoming pieces', () => {
  it('make the frames that went out, whatever their sizes, and whenever others are added', () => {
    const adding = fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 60 }));
    const aStep = fc.oneof(adding, fc.integer({ min: 1, max: 20 }));
    const property = fc.property(fc.array(aStep, { maxLength: 100, size: 'max' }), (steps) => {
      const out = new Outgoing();
      const incoming = new Incoming<Frame>(asRequest, 1_000);
      /** Frames by their flow, as they were added and as they came. A frame is its number, again and again. */
      const added = new Map<number, string[]>();
      const came = new Map<number, string[]>();
      const flowOf: number[] = [];
      /** Bytes of frames that came in part, by their streams. */
      const begun = new Map<number, number>();
      let waiting = 0;
      let size = 0;
      /** What is not as it should be. To expect it each time would take most of the time. */
      const wrong: string[] = [];
      const next = (most: number) => {
        const piece = out.next(most);
        if (piece === undefined) {
          if (size > 0) wrong.push('nothing comes');
          return false;
        }
        const [, stream, isLast, bytes] = piece;
        waiting -= bytes.length;
        begun.set(stream, (begun.get(stream) ?? 0) + bytes.length);
        if (isLast) begun.delete(stream);
        if (isLast) size--;
        for (const whole of bytesOf(incoming.whole([piece])) as Bytes[]) {
          const flow = flowOf[whole[0] ?? -1] ?? -1;
          came.set(flow, [...(came.get(flow) ?? []), `${whole}`]);
        }
        if (begun.size > PIECE_STREAMS) wrong.push('too many are begun');
        const held = [...begun.values()].reduce((sum, length) => sum + length, 0);
        if (incoming.bytes !== held) wrong.push(`${incoming.bytes} bytes are held, not ${held}`);
        return true;
      };
      for (const step of steps) {
        if (typeof step === 'number') next(step);
        else {
          const [flow, length] = step;
          const frame = frameOf(length, flowOf.length);
          flowOf.push(flow);
          added.set(flow, [...(added.get(flow) ?? []), `${frame}`]);
          out.add(flow, frame);
          waiting += length;
          size++;
        }
        if (out.size !== size || out.bytes !== waiting)
          wrong.push(`${out.size} frames of ${out.bytes} bytes`);
      }
      while (next(7));
      expect(wrong).toEqual([]);
      expect(came).toEqual(added);
      expect([incoming.bytes, out.size, out.bytes]).toEqual([0, 0, 0]);
    });
    fc.assert(property, { numRuns: 50 });
  });

  const piece = (stream: number, isLast: boolean, length: number): Piece => [
    Type.piece,
    stream,
    isLast,
    frameOf(length, stream),
  ];

  it('pass other frames as they are, and put a whole one in the place of its last piece', () => {
    const incoming = new Incoming<Frame>(asRequest, 100);
    const plain = [ping, ping];
    expect(incoming.whole(plain)).toBe(plain);
    expect(incoming.whole([ping, piece(7, false, 3), ping])).toEqual([ping, ping]);
    expect(incoming.bytes).toBe(3);
    expect(incoming.whole([piece(7, true, 2), ping])).toEqual([asRequest(frameOf(5, 7)), ping]);
    expect(incoming.bytes).toBe(0);
  });

  it('are of frames of the limit at most', () => {
    const incoming = new Incoming<Frame>(asRequest, 10);
    expect(incoming.whole([piece(0, false, 9), piece(0, true, 1)])).toHaveLength(1);
    expect(() => incoming.whole([piece(1, false, 9), piece(1, false, 2)])).toThrow(
      expect.objectContaining({ code: 'PROTOCOL', message: expect.stringContaining('more pieces') }),
    );
  });

  it('are of nine frames at once at most', () => {
    const incoming = new Incoming<Frame>(asRequest, 10);
    for (let stream = 0; stream <= PIECE_STREAMS; stream++) incoming.whole([piece(stream, false, 1)]);
    expect(incoming.bytes).toBe(PIECE_STREAMS + 1);
    expect(() => incoming.whole([piece(99, true, 1)])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});
