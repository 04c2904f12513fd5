import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxKey, newKeyPair, openBox } from '../../../../../transports/zmtp/curve/boxes.ts';
import { CurveFrames, OVERHEAD } from '../../../../../transports/zmtp/curve/sealed-frames.ts';
import { Violation } from '../../../../../transports/zmtp/violation.ts';

const client = newKeyPair();
const server = newKeyPair();
const key = boxKey(client.secretKey, server.publicKey);

function ends() {
  return {
    client: new CurveFrames(key, 'client', { own: 2, peer: 1n }),
    server: new CurveFrames(key, 'server', { own: 1, peer: 2n }),
  };
}

const frame = fc.record({
  bytes: fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 400 }) },
    // Around what is made in a buffer that is used again.
    {
      weight: 1,
      arbitrary: fc.integer({ min: 8_140, max: 8_200 }).map((size) => new Uint8Array(size).fill(size)),
    },
  ),
  isCommand: fc.boolean(),
  hasMore: fc.boolean(),
  isOfClient: fc.boolean(),
});

describe('sealed frames', () => {
  it('are opened as they were sealed, in both directions', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 40, size: 'max' }), (frames) => {
        const both = ends();
        for (const { bytes, isCommand, hasMore, isOfClient } of frames) {
          const [from, to] = isOfClient ? [both.client, both.server] : [both.server, both.client];
          const sealed = from.seal(bytes, isCommand, hasMore);
          expect(sealed.length).toBe(bytes.length + OVERHEAD);
          const opened = to.open(sealed);
          expect([opened.isCommand, opened.hasMore]).toEqual([isCommand, hasMore]);
          expect(Buffer.compare(opened.bytes.subarray(opened.start, opened.end), bytes)).toBe(0);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are the boxes that the RFC says, under the whole nonce', () => {
    for (const side of ['client', 'server'] as const) {
      const sealed = ends()[side].seal(Buffer.from('text'), true, true);
      expect(Buffer.from(sealed.subarray(0, 8)).toString('latin1')).toBe('\x07MESSAGE');
      const nonce = Buffer.concat([
        Buffer.from(side === 'client' ? 'CurveZMQMESSAGEC' : 'CurveZMQMESSAGES'),
        Buffer.from([0, 0, 0, 0, 0, 0, 0, side === 'client' ? 3 : 2]),
      ]);
      expect(Buffer.from(sealed.subarray(8, 16))).toEqual(nonce.subarray(16));
      const plain = openBox(key, nonce, sealed.subarray(16));
      expect(Buffer.from(plain ?? []).toString('latin1')).toBe('\x03text');
    }
  });

  it('that are altered at any byte, cut short or made longer are a violation', () => {
    const place = fc.integer({ min: 0, max: OVERHEAD + 39 });
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const both = ends();
        const sealed = Uint8Array.from(both.client.seal(new Uint8Array(40), false, false));
        const cut = sealed.slice(0, at);
        const longer = Buffer.concat([sealed, Uint8Array.of(change)]);
        const altered = sealed.slice();
        altered[at] = (altered[at] ?? 0) ^ change;
        for (const wrong of [cut, longer, altered]) expect(() => both.server.open(wrong)).toThrow(Violation);
        // What was refused uses up no nonce.
        expect(both.server.open(sealed).end).toBe(sealed.length);
      }),
      { numRuns: 500 },
    );
  });

  it('that came before, or later than others, are a violation', () => {
    const both = ends();
    const [one, two] = [1, 2].map((byte) =>
      Uint8Array.from(both.client.seal(Uint8Array.of(byte), false, false)),
    ) as [Uint8Array, Uint8Array];
    both.server.open(two);
    for (const again of [two, one]) expect(() => both.server.open(again)).toThrow(/again, or out of order/);
    // A frame of one's own is not one of the peer.
    expect(() => both.client.open(two)).toThrow(Violation);
  });

  it('of random bytes are a violation, and nothing else', () => {
    const { server: end } = ends();
    const name = fc.constantFrom('', '\x07MESSAGE', '\x07MESSAGE\xff\xff\xff\xff\xff\xff\xff\xff');
    fc.assert(
      fc.property(name, fc.uint8Array({ maxLength: 80 }), (begin, rest) => {
        expect(() => end.open(Buffer.concat([Buffer.from(begin, 'latin1'), rest]))).toThrow(Violation);
      }),
      { numRuns: 2_000 },
    );
  });
});
