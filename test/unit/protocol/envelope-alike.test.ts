/** Which frames differ in so little that one need not be read: against the codec, and a stranger's bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { differInPayloadAlone, differsInInputAlone } from '../../../src/protocol/envelope-alike.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { encodeMetadata } from '../../../src/protocol/metadata.ts';
import { bytes } from '../../support/bytes.ts';

const codec = new EnvelopeCodec();

describe('what differs from a message in its payload alone', () => {
  const head = { pipeline: 'p', client: 'me/1', stage: 1, function: 'hub.f', cache: 'k' };
  const encode = (fields: Partial<PalmMessage>) => codec.encode(palmMessage({ ...head, ...fields })).slice();
  const message = encode({ payload: bytes('in'), features: 3, ordinal: 4 });

  it('is a result with any payload, and with none', () => {
    for (const text of ['out', 'in', 'much longer than it was before', '']) {
      const result = encode({ payload: bytes(text), features: 3, ordinal: 4 });
      expect(differInPayloadAlone(message, result)).toBe(true);
      expect(differInPayloadAlone(result, message)).toBe(true);
    }
    // Nothing follows the payload, or the head.
    expect(differInPayloadAlone(encode({}), encode({ payload: bytes('x') }))).toBe(true);
    expect(differInPayloadAlone(encode({ payload: bytes('x') }), encode({}))).toBe(true);
    expect(differInPayloadAlone(encode({}), encode({}))).toBe(true);
  });

  it('is none whose head differs anywhere', () => {
    for (const [key, value] of Object.entries(head)) {
      const other = typeof value === 'number' ? 2 : `${value.slice(0, -1)}x`;
      const made = encode({ payload: bytes('in'), features: 3, ordinal: 4, [key]: other });
      expect(made.length, key).toBe(message.length);
      expect(differInPayloadAlone(message, made), key).toBe(false);
    }
    expect(
      differInPayloadAlone(message, encode({ payload: bytes('in'), features: 3, ordinal: 4, cache: '' })),
    ).toBe(false);
    expect(differInPayloadAlone(message, bytes(''))).toBe(false);
    expect(differInPayloadAlone(bytes(''), message)).toBe(false);
    expect(differInPayloadAlone(bytes(''), bytes(''))).toBe(false);
  });

  it('is none with other fields behind the payload', () => {
    for (const more of [
      { features: 3, ordinal: 5 },
      { features: 2, ordinal: 4 },
      { features: 3 },
      { features: 3, ordinal: 4, status: 1 },
    ])
      expect(differInPayloadAlone(message, encode({ payload: bytes('in'), ...more }))).toBe(false);
    expect(differInPayloadAlone(message, message.slice(0, -1))).toBe(false);
    expect(differInPayloadAlone(message, new Uint8Array([...message, 0]))).toBe(false);
  });

  it('is none whose payload is cut off, in either', () => {
    const plain = encode({ payload: bytes('payload') });
    expect(differInPayloadAlone(plain, plain.slice(0, -1))).toBe(false);
    expect(differInPayloadAlone(plain.slice(0, -1), plain)).toBe(false);
    expect(differInPayloadAlone(plain.slice(0, -1), plain.slice(0, -1))).toBe(false);
  });
});

describe('what differs from a call in its input alone', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const payload = fc.uint8Array({ maxLength: 300 }).map((own): Bytes => new Uint8Array(own));
  const aCall = fc
    .record({
      pipeline: text,
      client: text.map((own) => own || 'c'),
      function: text,
      payload,
      features: fc.nat(300),
      ordinal: fc.nat(1_000),
      unknown: fc.constantFrom(new Uint8Array(0), encodeMetadata({ tenant: 'a' })),
    })
    .map((fields) => palmMessage(fields as Partial<PalmMessage>));
  const anOrdinal = fc.oneof(fc.nat(200), fc.nat(2 ** 48));
  const encode = (message: PalmMessage) => codec.encode(message).slice();

  it('is one with any other payload and ordinal, if it has an ordinal where the call has one', () => {
    fc.assert(
      fc.property(aCall, payload, anOrdinal, (call, own, ordinal) => {
        const other = encode({ ...call, payload: own, ordinal });
        expect(differsInInputAlone(encode(call), other)).toBe(call.ordinal > 0 === ordinal > 0);
      }),
    );
  });

  it('is none with any other value of another field', () => {
    fc.assert(
      fc.property(aCall, aCall, payload, (call, like, own) => {
        const isLike =
          JSON.stringify({ ...call, payload: 0, ordinal: 0 }) ===
          JSON.stringify({ ...like, payload: 0, ordinal: 0 });
        const isBoth = call.ordinal > 0 === like.ordinal > 0;
        expect(differsInInputAlone(encode(call), encode({ ...like, payload: own }))).toBe(isLike && isBoth);
      }),
    );
    const call = palmMessage({
      client: 'me/1',
      function: 's.f',
      payload: bytes('in'),
      features: 3,
      ordinal: 4,
    });
    for (const more of [
      { client: 'me/2' },
      { function: 's.g' },
      { features: 2 },
      { features: 0 },
      { ordinal: 0 },
      { stage: 1 },
      { cache: 'k' },
      { pipeline: 'p' },
      { status: 1 },
      { unknown: encodeMetadata({ tenant: 'b' }) },
    ]) {
      expect(differsInInputAlone(encode(call), encode({ ...call, ...more })), JSON.stringify(more)).toBe(
        false,
      );
      expect(differsInInputAlone(encode({ ...call, ...more }), encode(call)), JSON.stringify(more)).toBe(
        false,
      );
    }
  });

  it('is read as the call by everybody, whatever a stranger makes of it: it is what our encoder writes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom([0x32, 0], [0xe0, 0x3e, 0], [0xe0, 0x3e, 0x80, 0], [0xa2, 0, 1, 0x61], [0x80], [0]),
      fc.constant([0xe0, 0x3e, ...Array.from({ length: 8 }, () => 0xff), 1]),
    );
    let count = 0;
    fc.assert(
      fc.property(aCall, payload, noise, fc.nat(), fc.nat(4), (call, own, more, at, out) => {
        const frame = encode(call);
        const other = encode({ ...call, payload: own });
        const cut = at % (other.length + 1);
        const made: Bytes = new Uint8Array([
          ...other.subarray(0, cut),
          ...more,
          ...other.subarray(cut + out),
        ]);
        if (!differsInInputAlone(frame, made)) return;
        count++;
        const { message, frame: passed } = readPlain(codec, made, true);
        expect(passed).toBe(made);
        expect({ ...message, payload: call.payload, ordinal: call.ordinal }).toEqual(call);
      }),
      { numRuns: 5_000 },
    );
    expect(count).toBeGreaterThan(0);
  });

  it.each([
    ['an empty payload that is written', [0x12, 1, 0x61, 0x32, 0, 0xe0, 0x3e, 5]],
    ['an ordinal of 0 that is written', [0x12, 1, 0x61, 0x32, 1, 1, 0xe0, 0x3e, 0]],
    ['an ordinal in more bytes than it needs', [0x12, 1, 0x61, 0x32, 1, 1, 0xe0, 0x3e, 0x85, 0]],
    [
      'an ordinal beyond what a number holds',
      [0x12, 1, 0x61, 0x32, 1, 1, 0xe0, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ],
    ['a payload whose length is too long', [0x12, 1, 0x61, 0x32, 0x81, 0, 1, 0xe0, 0x3e, 5]],
    ['an ordinal that is cut off', [0x12, 1, 0x61, 0x32, 1, 1, 0xe0, 0x3e]],
  ])('is none with %s', (_, made) => {
    const call = encode(palmMessage({ client: 'a', payload: bytes('x'), ordinal: 4 }));
    expect(differsInInputAlone(call, new Uint8Array([0x12, 1, 0x61, 0x32, 1, 1, 0xe0, 0x3e, 5]))).toBe(true);
    expect(differsInInputAlone(call, new Uint8Array(made))).toBe(false);
  });
});
