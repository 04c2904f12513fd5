/** Frames that readers of protobuf may take for different messages: made by hand, and by chance. */
import fc from 'fast-check';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { FIELDS } from './envelope-readers.ts';

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Bytes {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** A varint of 64 bits at most, with so many bytes more than it needs. */
export function varint(value: bigint | number, more = 0): number[] {
  const bytes = [];
  let rest = BigInt.asUintN(70, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  for (let i = 0; i < more; i++) {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) | 0x80;
    bytes.push(0);
  }
  return bytes;
}

interface Shape {
  /** Bytes that the tag, the length or the number has too many. */
  readonly tag?: number;
  readonly length?: number;
  readonly value?: number;
}

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A field of bytes or text. */
export function bytesField(number: bigint | number, content: Uint8Array | string, shape: Shape = {}): Bytes {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  const tag = (BigInt(number) << 3n) | 2n;
  return join(varint(tag, shape.tag), varint(bytes.length, shape.length), bytes);
}

export function varintField(number: bigint | number, value: bigint | number, shape: Shape = {}): Bytes {
  return join(varint(BigInt(number) << 3n, shape.tag), varint(value, shape.value));
}

function fixedField(number: number, size: 4 | 8): Bytes {
  return join(varint((number << 3) | (size === 4 ? 5 : 1)), new Array(size).fill(1));
}

function groupOf(number: number, ...inner: readonly Uint8Array[]): Bytes {
  return join(varint((number << 3) | 3), ...inner, varint((number << 3) | 4));
}

const call = join(
  bytesField(1, 'p'),
  bytesField(2, 'relay/1/7'),
  bytesField(4, 'py.upper'),
  bytesField(6, 'payload'),
  varintField(1000, 5),
);
const secret = bytesField(4, 'py.secret');
const upper = bytesField(4, 'py.upper');

/** Two fields 4: which of them counts is for the reader to say. */
const twice = (one: Uint8Array, other: Uint8Array) => join(bytesField(2, 'relay/1/7'), one, other);

/** What readers are known or thought to take differently, and what only looks so. */
export const NASTIES: Readonly<Record<string, Bytes>> = {
  'a call': call,
  nothing: join(),
  'a second function under a longer tag': twice(secret, bytesField(4, 'py.upper', { tag: 1 })),
  'a first function under a longer tag': twice(bytesField(4, 'py.upper', { tag: 1 }), secret),
  'a second function under the longest tag': twice(secret, bytesField(4, 'py.upper', { tag: 4 })),
  'a second function under a tag beyond 32 bits': twice(secret, bytesField(4, 'py.upper', { tag: 5 })),
  'a second client under a longer tag': join(
    bytesField(2, 'other/1'),
    bytesField(2, 'relay/1/7', { tag: 1 }),
    upper,
  ),
  'a second payload under a longer tag': join(call, bytesField(6, 'other', { tag: 1 })),
  'features under a longer tag': join(upper, varintField(1000, 4, { tag: 1 })),
  'a stage under a longer tag': join(varintField(3, 1, { tag: 1 }), upper),
  'a length that is longer': bytesField(4, 'py.upper', { length: 1 }),
  'the longest length': bytesField(4, 'py.upper', { length: 4 }),
  'a length beyond 32 bits': join([0x22], varint(8n | (1n << 32n)), utf8('py.upper')),
  'a length that is negative': join([0x22], varint(-1n), utf8('py.upper')),
  'a stage that is longer': join(varintField(3, 1, { value: 1 }), upper),
  'a stage of nine bytes too many': join(varintField(3, 0, { value: 9 }), upper),
  'a stage of eleven bytes': join(varintField(3, 0, { value: 10 }), upper),
  'a stage beyond 64 bits': join([0x18], [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], upper),
  'a stage with all bits of ten bytes': join([0x18], new Array(9).fill(0xff), [0x7f], upper),
  'a stage of −1': join(varintField(3, BigInt.asUintN(64, -1n)), upper),
  'a stage of −1 in 32 bits': join(varintField(3, 0xffff_ffff), upper),
  'the largest stage': join(varintField(3, 2 ** 53 - 1), upper),
  'the smallest stage': join(varintField(3, BigInt.asUintN(64, -(2n ** 53n) + 1n)), upper),
  'a stage that no double holds': join(varintField(3, 2n ** 53n + 1n), upper),
  'the largest int64': join(varintField(3, 2n ** 63n - 1n), upper),
  'the smallest int64': join(varintField(3, 2n ** 63n), upper),
  'a stage that is written out as 0': join(varintField(3, 0), upper),
  'features beyond 32 bits': join(upper, varintField(1000, 2n ** 32n + 4n)),
  'a status that wraps to 0': join(upper, varintField(1001, 2n ** 64n - 1n)),
  'a second function': twice(secret, upper),
  'the same function again': twice(upper, upper),
  'a second function that is empty': twice(upper, bytesField(4, '')),
  'a second stage': join(varintField(3, 1), varintField(3, 0), upper),
  'a second payload': join(bytesField(6, 'one'), bytesField(6, 'other')),
  'a second features': join(varintField(1000, 4), varintField(1000, 1)),
  'an empty function written out': join(bytesField(2, 'relay/1/7'), bytesField(4, '')),
  'every string empty and written out': join(
    ...[1, 2, 4, 5, 6, 1002, 1003].map((number) => bytesField(number, '')),
  ),
  'fields out of order': join(bytesField(6, 'x'), upper, bytesField(2, 'relay/1/7'), bytesField(1, 'p')),
  'fields of frond before the others': join(varintField(1000, 5), upper, bytesField(2, 'relay/1/7')),
  'a function as a varint': join(upper, varintField(4, 7)),
  'a function as 32 bits': join(upper, fixedField(4, 4)),
  'a function as 64 bits': join(fixedField(4, 8), upper),
  'a stage as bytes': join(bytesField(3, '\u0001'), upper),
  'a stage as packed bytes of two': join(upper, bytesField(3, new Uint8Array([1, 2]))),
  'a stage as 64 bits': join(fixedField(3, 8), upper),
  'a payload as a varint': join(upper, varintField(6, 1)),
  'features as bytes': join(upper, bytesField(1000, new Uint8Array([4]))),
  'a function as a group': join(upper, groupOf(4, secret)),
  'a group of another number': join(upper, groupOf(9, secret)),
  'an empty group': join(upper, groupOf(9)),
  'a group in a group': join(upper, groupOf(9, groupOf(8, secret))),
  'a group that does not end': join(upper, varint((9 << 3) | 3), secret),
  'the end of a group that did not begin': join(upper, varint((4 << 3) | 4)),
  'a group that ends as another': join(upper, varint((9 << 3) | 3), varint((8 << 3) | 4)),
  'field number 0': join(upper, bytesField(0, 'x')),
  'wire type 6': join(upper, [(9 << 3) | 6, 1]),
  'wire type 7 of the function': join(upper, [(4 << 3) | 7, 1]),
  'the largest field number': join(upper, bytesField(2 ** 29 - 1, 'x')),
  'a field number that wraps to the function': join(secret, bytesField(2n ** 29n + 4n, 'py.upper')),
  'a field number that wraps at 64 bits': join(secret, bytesField(2n ** 61n + 4n, 'py.upper')),
  'a field number that wraps at 32 bits': join(secret, bytesField(2n ** 32n + 4n, 'py.upper')),
  'a field number reserved by protobuf': join(upper, bytesField(19_000, 'x')),
  'unknown fields': join(
    upper,
    varintField(7, 7),
    bytesField(900, 'x'),
    fixedField(901, 4),
    fixedField(902, 8),
  ),
  'an unknown field twice': join(upper, varintField(7, 7), varintField(7, 8)),
  'an unknown field whose number is longer': join(upper, varintField(7, 7, { value: 1 })),
  'an unknown field under a longer tag': join(upper, varintField(7, 7, { tag: 1 })),
  'an unknown field that holds a function': join(upper, bytesField(9, secret)),
  'an unknown field before': join(bytesField(9, 'x'), call),
  'a byte behind the end': join(call, [0]),
  'a tag behind the end': join(call, [0x22]),
  'a field that is cut off': join(call, [0x22, 9, 0x70]),
  'a tag that is cut off': join(call, [0xa2]),
  'a mark before the function': bytesField(4, '\ufeffpy.upper'),
  'a mark before the client': join(bytesField(2, '\ufeffrelay/1/7'), upper),
  'a mark before the pipeline': join(bytesField(1, '\ufeffp'), upper),
  'a mark before the key': join(upper, bytesField(5, '\ufeffalice/k')),
  'a mark alone': join(upper, bytesField(5, '\ufeff')),
  'a mark before the error': join(upper, bytesField(1002, '\ufeffwhy')),
  'a mark within the key': join(upper, bytesField(5, 'alice\ufeff/k')),
  'a long text with a mark': join(upper, bytesField(5, `\ufeff${'x'.repeat(500)}`)),
  'NUL in the function': bytesField(4, 'py.upper\u0000'),
  'no characters': join(bytesField(1, '\ufffe\uffff\u{1ffff}'), upper),
  'characters beyond 16 bits': join(bytesField(1, '😀é\u{10ffff}'), upper),
  'a long text beyond 16 bits': join(bytesField(1, '😀é'.repeat(200)), upper),
  'a text cut within a character': bytesField(4, new Uint8Array([0x70, 0xc3])),
  'UTF-8 that is longer': bytesField(4, new Uint8Array([0x70, 0xc0, 0xae, 0x75])),
  'half a pair in UTF-8': bytesField(4, new Uint8Array([0xed, 0xa0, 0x80])),
  'a pair of halves in UTF-8': bytesField(4, new Uint8Array([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80])),
  'UTF-8 beyond Unicode': bytesField(4, new Uint8Array([0xf4, 0x90, 0x80, 0x80])),
  'UTF-8 of five bytes': bytesField(4, new Uint8Array([0xf8, 0x88, 0x80, 0x80, 0x80])),
  'bytes that are no text': join(upper, bytesField(6, new Uint8Array([0xff, 0xfe]))),
};

const someText = fc.oneof(
  fc.constantFrom(
    '',
    'p',
    'py.upper',
    'py.secret',
    'py.upper py.secret',
    'relay/1/7',
    'other/1',
    'k',
    '\ufeffk',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const content = fc.oneof(
  { weight: 6, arbitrary: someText.map(utf8) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
);
const int64 = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map(BigInt),
  fc.maxSafeInteger().map((value) => BigInt.asUintN(64, BigInt(value))),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 70n - 1n }),
);
/** Most numbers are written as they should be. */
const more = fc.oneof(
  { weight: 30, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) },
);
const shape = fc.record({ tag: more, length: more, value: more });
const known = fc.constantFrom(...FIELDS);

const rightField = fc
  .tuple(known, content, int64, shape)
  .map(([[, number, type], bytes, value, how]) =>
    type === 'int64' ? varintField(number, value, how) : bytesField(number, bytes, how),
  );
const numbers = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 999, 1000, 1001, 1004, 1005).map(BigInt),
  fc.constantFrom(2n ** 29n - 1n, 2n ** 29n, 2n ** 29n + 4n, 2n ** 32n + 4n, 2n ** 61n + 4n),
);
const oddField = fc
  .tuple(numbers, fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7), content, int64, shape)
  .map(([number, type, bytes, value, how]) => {
    if (type === 0) return varintField(number, value, how);
    if (type === 2) return bytesField(number, bytes, how);
    const tag = varint((number << 3n) | BigInt(type), how.tag);
    if (type === 3) return join(tag, bytes, varint((number << 3n) | 4n));
    return join(tag, new Array(type === 1 ? 8 : type === 5 ? 4 : 0).fill(1));
  });

const sortedFields = fc
  .uniqueArray(fc.tuple(known, content, int64), { selector: ([[, number]]) => number, maxLength: 11 })
  .map((fields) =>
    [...fields]
      .sort(([[, one]], [[, other]]) => one - other)
      .map(([[, number, type], bytes, value]) =>
        type === 'int64' ? varintField(number, value) : bytesField(number, bytes),
      ),
  );
const anyFields = fc.array(
  fc.oneof({ weight: 6, arbitrary: rightField }, { weight: 1, arbitrary: oddField }),
  { maxLength: 8 },
);
const whole = fc.oneof(
  sortedFields,
  anyFields,
  fc.tuple(sortedFields, anyFields).map((two) => two.flat()),
);
const changes = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }) },
);

/** Frames by chance: about a third can be passed on, and the others are wrong in one way or several. */
export const anyFrame: fc.Arbitrary<Bytes> = fc.tuple(whole, changes).map(([fields, changed]) => {
  const frame = join(...fields);
  for (const [at, byte] of changed) if (frame.length > 0) frame[at % frame.length] = byte;
  return frame;
});
