import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import protobufjs from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { type Bytes, encodeUtf8, Slab } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec, withCache, withPayload } from '../../../src/protocol/envelope.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { bytesField, join } from '../../support/envelope-frames.ts';
import { fromLibrary, libraryEncode, toLibrary } from '../../support/envelope-readers.ts';

type Repeated = string | { readonly repeat: string; readonly times: number };
type RepeatedHex = string | { readonly hex: string; readonly times: number };

interface GoldenMessage {
  readonly pipeline: Repeated;
  readonly client: Repeated;
  readonly stage: number | string;
  readonly function: Repeated;
  readonly cache: Repeated;
  readonly payload: Repeated;
}

interface Golden {
  readonly name: string;
  readonly message: GoldenMessage;
  readonly hex?: string;
  readonly parts?: readonly RepeatedHex[];
}

/** Made by Python's protobuf: test/fixtures/make_golden.py. */
const golden: {
  readonly messages: readonly Golden[];
  readonly decodes: readonly (Golden & { readonly again: string })[];
  readonly decodeErrors: readonly { readonly name: string; readonly hex: string }[];
} = JSON.parse(readFileSync(new URL('../../fixtures/golden.json', import.meta.url), 'utf8'));

function fromHex(hex: string): Bytes {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

const textOf = (value: Repeated) => (typeof value === 'string' ? value : value.repeat.repeat(value.times));
const hexOf = (value: RepeatedHex) => (typeof value === 'string' ? value : value.hex.repeat(value.times));
const frameOf = ({ hex, parts = [] }: Golden) => fromHex(hex ?? parts.map(hexOf).join(''));

function fieldsOf({ pipeline, client, stage, function: path, cache, payload }: GoldenMessage) {
  return {
    pipeline: textOf(pipeline),
    client: textOf(client),
    stage: Number(stage),
    function: textOf(path),
    cache: textOf(cache),
    payload: fromHex(textOf(payload)),
  };
}

const isSafe = ({ message }: Golden) => Number.isSafeInteger(Number(message.stage));
const codec = () => new EnvelopeCodec();

function expectFields(message: PalmMessage, expected: GoldenMessage): void {
  const { payload: expectedPayload, ...rest } = fieldsOf(expected);
  expect(message).toMatchObject(rest);
  expect(Buffer.compare(message.payload, expectedPayload)).toBe(0);
}

/**
 * Byte for byte, but for the place of fields 1000 and up: to Python these are unknown and keep the place they came in,
 * to us they are known and stand by number.
 */
function expectSameBytes(frame: Bytes, expected: Bytes): void {
  const { features, status, error, errorName, ordinal, unknown } = codec().decode(expected);
  const hasOurs = [features, status, ordinal].some((number) => number !== 0) || error + errorName !== '';
  if (hasOurs && unknown.length > 0) {
    expect(frame.length).toBe(expected.length);
    expect(codec().decode(frame)).toEqual(codec().decode(expected));
  } else {
    expect(Buffer.compare(frame, expected)).toBe(0);
  }
}

describe('against bytes of Python protobuf', () => {
  const safe = golden.messages.filter(isSafe);

  it('has enough of them', () => {
    expect(safe.length).toBeGreaterThan(60);
    expect(golden.decodeErrors.length).toBeGreaterThan(30);
  });

  it.each(safe.map((entry) => [entry.name, entry] as const))('decodes and encodes %s', (_, entry) => {
    const frame = frameOf(entry);
    const message = codec().decode(frame);
    expectFields(message, entry.message);
    expectSameBytes(codec().encode(message), frame);
  });

  it.each(golden.messages.filter((entry) => !isSafe(entry)).map((entry) => [entry.name, entry] as const))(
    'refuses %s: a double cannot hold it',
    (_, entry) => {
      expect(() => codec().decode(frameOf(entry))).toThrowError(
        expect.objectContaining({ code: 'PROTOCOL' }),
      );
    },
  );

  it.each(golden.decodes.map((entry) => [entry.name, entry] as const))('decodes %s', (_, entry) => {
    const message = codec().decode(frameOf(entry));
    expectFields(message, entry.message);
    expectSameBytes(codec().encode(message), fromHex(entry.again));
  });

  it.each(golden.decodeErrors.map(({ name, hex }) => [name, hex] as const))('refuses %s', (_, hex) => {
    expect(() => codec().decode(fromHex(hex))).toThrowError(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

const text = fc.string({ unit: 'binary' });
const safeInteger = fc.maxSafeInteger();
const payload = fc.uint8Array({ maxLength: 400 }).map((value) => new Uint8Array(value));
const fields = fc.record({
  pipeline: text,
  client: text,
  stage: safeInteger,
  function: text,
  cache: text,
  payload,
  features: safeInteger,
  status: safeInteger,
  error: text,
  errorName: text,
  ordinal: safeInteger,
});

describe('against an independent protobuf library', () => {
  it('encodes what the library decodes, and the other way round', () => {
    // One codec for all, so that what it remembers of one message must not show in the next.
    const shared = codec();
    fc.assert(
      fc.property(fields, (values) => {
        const ours = shared.encode(palmMessage(values));
        const theirs = libraryEncode(values);
        expect(Buffer.compare(ours, theirs)).toBe(0);
        expect(shared.decode(theirs)).toEqual(palmMessage(values));
        expect(fromLibrary(ours)).toEqual(toLibrary(values));
      }),
      { numRuns: 500 },
    );
  });

  it('numbers messages that are alike in all else', () => {
    const shared = codec();
    const like = { pipeline: 'p', client: 'c/1', function: 'a.f', features: 1 };
    for (let ordinal = 0; ordinal < 300; ordinal += 7) {
      const message = palmMessage({ ...like, ordinal, unknown: fromHex('9a3f0161') });
      const fresh = codec().encode(message);
      expect(Buffer.compare(shared.encode(message), fresh)).toBe(0);
      expect(shared.decode(fresh)).toEqual(message);
    }
  });

  it('encodes messages in a row that differ in the client alone', () => {
    const client = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '/', '0'), minLength: 4, maxLength: 5 }),
      fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\ud800'), minLength: 2, maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(client, { minLength: 2, maxLength: 20 }), (clients) => {
        const shared = codec();
        for (const own of clients) {
          const values = palmMessage({ pipeline: 'p', client: own, stage: 3, function: 'server.f' });
          if (/\p{Surrogate}/u.test(own)) expect(() => shared.encode(values)).toThrow('surrogate');
          else expect(shared.encode(values)).toEqual(new Uint8Array(libraryEncode(values)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps unknown fields through decode and encode', () => {
    const unknownField = fc.oneof(
      fc.tuple(fc.constant(0), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
      fc.tuple(fc.constant(2), payload),
      fc.tuple(fc.constant(5), fc.integer()),
      fc.tuple(fc.constant(1), fc.integer()),
    );
    const numbered = fc.tuple(fc.integer({ min: 7, max: 999 }), unknownField);
    fc.assert(
      fc.property(fields, fc.array(numbered, { maxLength: 5 }), (values, extra) => {
        const writer = protobufjs.Writer.create();
        for (const [number, [type, value]] of extra) {
          writer.uint32((number << 3) | type);
          if (type === 0) writer.uint64(value as never);
          else if (value instanceof Uint8Array) writer.bytes(value);
          else if (type === 5) writer.fixed32(Number(value) >>> 0);
          else writer.fixed64(Number(value) >>> 0);
        }
        const unknown = new Uint8Array(writer.finish());
        const frame = new Uint8Array([...unknown, ...codec().encode(palmMessage(values))]);
        const message = codec().decode(frame);
        expect(message).toEqual({ ...palmMessage(values), unknown });
        const again = codec().decode(codec().encode(message));
        expect(again).toEqual(message);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostile input', () => {
  it('ends in a message or a PROTOCOL error, whatever the bytes', () => {
    const shared = codec();
    const mutated = fc
      .tuple(
        fields,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.nat(),
      )
      .map(([values, changes, cut]) => {
        const frame = codec().encode(palmMessage(values)).slice();
        for (const [at, byte] of changes) if (frame.length > 0) frame[at % frame.length] = byte;
        return frame.subarray(0, cut % (frame.length + 1));
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (frame) => {
        try {
          shared.decode(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(PalmError);
          expect(error).toMatchObject({ code: 'PROTOCOL' });
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not allocate what a length promises', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1_000; i++) {
      expect(() => codec().decode(fromHex('32ffffffff0f78'))).toThrowError(PalmError);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_000_000);
  });

  it('takes a hundred groups in each other, as other readers do, and no more', () => {
    const nested = (depth: number) => fromHex('4b'.repeat(depth) + '4c'.repeat(depth));
    expect(codec().decode(nested(100)).unknown.length).toBe(200);
    expect(() => codec().decode(nested(101))).toThrowError(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  it('does not run out of stack on nested groups', () => {
    const frame = new Uint8Array(1_000_000).fill(0x4b);
    expect(() => codec().decode(frame)).toThrowError(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

describe('encoding', () => {
  it.each([
    ['stage must be a safe integer, not 1.5', { stage: 1.5 }],
    ['stage', { stage: 2 ** 53 }],
    ['ordinal must be a safe integer, not 0.5', { ordinal: 0.5 }],
    ['features must be a safe integer, not NaN', { features: Number.NaN }],
    ['status', { status: Number.POSITIVE_INFINITY }],
    ['surrogate', { function: '\ud800' }],
    ['surrogate', { cache: `${'x'.repeat(100)}\udc00` }],
  ])('refuses a bad %s', (what, values) => {
    const refusal = expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(what) });
    expect(() => codec().encode(palmMessage(values))).toThrowError(refusal);
  });

  it('fills an empty cache field in a frame, whatever else is in it', () => {
    fc.assert(
      fc.property(fields, fc.string({ minLength: 1, maxLength: 60 }), (values, cache) => {
        const empty = palmMessage({ ...values, cache: '' } as Partial<PalmMessage>);
        expect(codec().decode(withCache(codec().encode(empty), encodeUtf8(cache), new Slab()))).toEqual({
          ...empty,
          cache,
        });
      }),
    );
  });

  it('changes the payload of an envelope, and nothing else', () => {
    const payload = fc.uint8Array({ maxLength: 700 });
    fc.assert(
      fc.property(fields, payload, payload, (values, before, after) => {
        const message = palmMessage({ ...values, payload: before } as Partial<PalmMessage>);
        const frame = codec().encode(message);
        const kept = frame.slice();
        const changed = withPayload(frame, after, new Slab());
        // A field that frond does not know may be one that other readers take for a payload.
        if (message.unknown.length > 0 && changed === undefined) return;
        expect(changed && codec().decode(changed)).toEqual({ ...message, payload: after });
        expect(changed).toEqual(codec().encode({ ...message, payload: after }));
        expect(frame).toEqual(kept);
      }),
    );
  });

  it.each([
    ['a payload behind a field of frond', [0x12, 1, 0x61, 0xc0, 0x3e, 1, 0x32, 1, 7]],
    ['two payloads', [0x12, 1, 0x61, 0x32, 1, 7, 0x32, 1, 8]],
    ['a payload before the head', [0x32, 1, 7, 0x12, 1, 0x61]],
    ['a client behind the payload', [0x12, 1, 0x61, 0x32, 1, 7, 0x12, 1, 0x62]],
    ['a field that is not known', [0x12, 1, 0x61, 0x32, 1, 7, 0x78, 1]],
    ['a payload that is cut off', [0x12, 1, 0x61, 0x32, 9, 7]],
    ['a head that is not in its shortest form', [0x12, 0x81, 0, 0x61, 0x32, 1, 7]],
  ])('does not change the payload of an envelope with %s', (_, frame) => {
    expect(withPayload(new Uint8Array(frame), new Uint8Array([9]), new Slab())).toBeUndefined();
  });

  it('gives frames that are their own: no later one changes an earlier one', () => {
    const shared = codec();
    const values = Array.from({ length: 2_000 }, (_, i) => ({
      client: `c${i % 7}`,
      payload: new Uint8Array([i, i >> 8]),
    }));
    const frames = values.map((value) => shared.encode(palmMessage(value)));
    expect(frames.map((frame) => codec().decode(frame))).toEqual(values.map(palmMessage));
  });

  it('reads a string that differs from the one before in one character, wherever that is', () => {
    const frameOf = (client: string) => codec().encode(palmMessage({ client }));
    for (let length = 1; length <= 18; length++)
      for (let at = 0; at < length; at++) {
        const [one, other] = ['a'.repeat(length), `${'a'.repeat(at)}b${'a'.repeat(length - at - 1)}`];
        const shared = codec();
        expect([one, other].map((client) => shared.decode(frameOf(client)).client)).toEqual([one, other]);
      }
  });

  it('encodes messages in a row that differ in one field of their end', () => {
    const shared = codec();
    const like = { client: 'c', features: 5 };
    const ends: Partial<PalmMessage>[] = [
      {},
      { errorName: 'E' },
      { errorName: 'F' },
      {},
      { error: 'e' },
      {},
      { status: 1 },
      { features: 6, errorName: 'E' },
      { features: 6 },
      { features: 6, error: 'e' },
      { features: 6 },
      { features: 0 },
    ];
    for (const end of ends) {
      const values = palmMessage({ ...like, ...end });
      expect([end, shared.encode(values)]).toEqual([end, codec().encode(values)]);
    }
  });

  it('decodes strings in a row that begin alike, whatever stands beside them', () => {
    // A string that comes twice is remembered again after many that came once.
    const clients = [
      'ab',
      'ab',
      'a',
      'x\u0002',
      'x\u0003',
      'x\u0003',
      'c/1',
      'c/2',
      'c/23',
      'é/1',
      'é/1',
      'é/2',
      'è/2',
      '',
    ];
    // Byte for byte a string may seem to go on in what follows.
    for (const next of [join(), bytesField(12, 'b'), bytesField(4, 'a.f')]) {
      const shared = codec();
      for (const client of clients) {
        const { client: read } = shared.decode(join(bytesField(2, client), next));
        expect([client, read]).toEqual([client, client]);
      }
    }
  });

  it('encodes clients in a row of which one is not ASCII, and the last one again', () => {
    const shared = codec();
    for (const client of ['abcd', 'abcé', 'abcd', 'ab\u007f\u0000', 'abcd', '']) {
      const values = palmMessage({ client, function: 'a.f' });
      expect([client, shared.encode(values)]).toEqual([client, codec().encode(values)]);
    }
  });

  it('gives a payload for a user a buffer of its own, and otherwise a view', () => {
    const frame = Buffer.from(
      codec().encode(palmMessage({ client: 'c', payload: new Uint8Array([1, 2, 3]) })),
    );
    const own = codec().decode(frame, true).payload;
    expect([own.buffer.byteLength, [...own]]).toEqual([3, [1, 2, 3]]);
    const view = codec().decode(frame).payload;
    expect(view.buffer).toBe(frame.buffer);
    frame.fill(9);
    expect([[...own], [...view]]).toEqual([
      [1, 2, 3],
      [9, 9, 9],
    ]);
  });

  it('gives an empty payload for a user an array of its own', () => {
    const frame = codec().encode(palmMessage({ client: 'c' }));
    const [first, second] = [codec().decode(frame, true).payload, codec().decode(frame, true).payload];
    expect([first.length, first.buffer === second.buffer]).toEqual([0, false]);
    expect(codec().decode(frame).payload).toBe(codec().decode(frame).payload);
  });

  it('gives a payload that is a plain Uint8Array, also from a Buffer', () => {
    const { payload: view } = codec().decode(
      Buffer.from(codec().encode(palmMessage({ payload: new Uint8Array(3) }))),
    );
    expect(view.constructor).toBe(Uint8Array);
  });
});
