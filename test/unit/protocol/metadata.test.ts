/** The field that holds the metadata: what is written, what is refused on either side, and what stays of the fields beside it. */
import { describe, expect, it } from 'vitest';
import {
  encodeMetadata,
  type Metadata,
  metadataField,
  readMetadata,
  withMetadata,
} from '../../../src/protocol/metadata.ts';
import { bytesField, join, varintField } from '../../support/envelope-frames.ts';

const entry = (name: string, value: string) => bytesField(1, join(bytesField(1, name), bytesField(2, value)));
/** The field as a stranger may write it. */
const field = (...entries: readonly Uint8Array[]) => bytesField(1007, join(...entries));
const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 'x']));
const strange = (metadata: Metadata) =>
  field(...Object.entries(metadata).map(([name, value]) => entry(name, value)));

/** Metadata whose entries take so many bytes: 4,096 and 4,088 fill all. */
function ofBytes(size: number): Metadata {
  const [first, second] = ['a', 'b'].map((name) => entry(name, 'x'.repeat(1_000)).length - 1_000);
  const rest = size - (first ?? 0) - (second ?? 0);
  return { a: 'x'.repeat(4_090), b: 'x'.repeat(rest - 4_090) };
}

const refused = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('the field', () => {
  it('is a map of strings in a message of its own, as protobuf writes it', () => {
    const written = encodeMetadata({ a: 'b' });
    expect([...written]).toEqual([0xfa, 0x3e, 8, 0x0a, 6, 0x0a, 1, 97, 0x12, 1, 98]);
    expect(readMetadata(written)).toEqual({ a: 'b' });
    const two = { 'a.b_c-9': 'grüezi 👋', '9': '' };
    expect(readMetadata(encodeMetadata(two))).toEqual(two);
    expect([...encodeMetadata(two)]).toEqual([...strange(two)]);
  });

  it('is not there without an entry, or with none but those that are undefined', () => {
    for (const nothing of [{}, { a: undefined }]) expect(encodeMetadata(nothing)).toHaveLength(0);
    expect([...encodeMetadata({ a: undefined, b: 'c' })]).toEqual([...encodeMetadata({ b: 'c' })]);
  });

  it('gives an object that holds nothing else, and cannot be changed', () => {
    for (const unknown of [join(), varintField(1032, 5), field(), strange({ a: 'b' })]) {
      const metadata = readMetadata(unknown);
      expect(Object.getPrototypeOf(metadata)).toBeNull();
      expect(Object.isFrozen(metadata)).toBe(true);
    }
  });

  it('stands among other unknown fields, which stay', () => {
    const [before, behind] = [varintField(1032, 5), bytesField(1033, 'x')];
    const both = join(before, encodeMetadata({ a: 'b' }), behind);
    const other = encodeMetadata({ c: 'd' });
    expect(readMetadata(both)).toEqual({ a: 'b' });
    expect([...withMetadata(both, other)]).toEqual([...before, ...behind, ...other]);
    expect([...withMetadata(before, other)]).toEqual([...before, ...other]);
    expect([...withMetadata(join(), other)]).toEqual([...other]);
    expect([...metadataField(both)]).toEqual([...encodeMetadata({ a: 'b' })]);
    expect([...metadataField(before)]).toEqual([]);
    expect([...metadataField(join())]).toEqual([]);
    expect(readMetadata(before)).toEqual({});
  });

  it('takes the last of a name or value that an entry has twice, as protobuf does, and none for empty', () => {
    const twice = join(bytesField(2, 'x'), bytesField(1, 'a'), bytesField(2, 'b'));
    expect(readMetadata(field(bytesField(1, twice)))).toEqual({ a: 'b' });
    expect(readMetadata(field(bytesField(1, bytesField(1, 'a'))))).toEqual({ a: '' });
  });

  it.each([
    ['twice', join(field(entry('a', 'b')), field(entry('c', 'd'))), 'it comes twice'],
    ['with a name twice', field(entry('a', 'b'), entry('a', 'c')), '"a" comes twice'],
    ['with a name that is none', field(entry('A', 'b')), 'a name in metadata has 1 to 64'],
    ['with an entry without a name', field(bytesField(1, bytesField(2, 'b'))), 'unlike ""'],
    ['with another field', field(varintField(2, 1)), 'it holds another field'],
    ['with another field behind an entry', field(entry('a', 'b'), bytesField(2, '')), 'holds another field'],
    ['with another field in an entry', field(bytesField(1, bytesField(3, 'x'))), 'an entry is malformed'],
    [
      'whose entry ends within its value',
      field(bytesField(1, [0x0a, 1, 97, 0x12, 3, 98] as never), entry('c', 'd')),
      'an entry is malformed',
    ],
    ['cut off', join([0xfa, 0x3e, 8, 0x0a, 7, 0x0a, 1, 97, 0x12, 1, 98]), 'it ends too early'],
    ['that is not UTF-8', join([0xfa, 0x3e, 8, 0x0a, 6, 0x0a, 1, 97, 0x12, 1, 0xff]), 'not valid UTF-8'],
  ])('%s is refused by readers', (_what, unknown, reason) => {
    expect(() => readMetadata(unknown)).toThrow(refused('PROTOCOL', reason));
  });
});

describe.each([
  ['a writer', encodeMetadata, 'INVALID_CALL'],
  ['a reader', (metadata: Metadata) => readMetadata(strange(metadata)), 'PROTOCOL'],
])('%s', (_who, takes, code) => {
  it.each([
    ['31 names', named(31)],
    ['32 names', named(32)],
    ['a name of 1 character', { a: 'x' }],
    ['a name of 64 characters', { ['x'.repeat(64)]: 'x' }],
    ['a name that begins with frond', { frond: 'x', 'frond.a': 'x' }],
    ['a value of 4,095 bytes', { a: `${'ä'.repeat(2_047)}x` }],
    ['a value of 4,096 bytes', { a: 'ä'.repeat(2_048) }],
    ['8,191 bytes in all', ofBytes(8_191)],
    ['8,192 bytes in all', ofBytes(8_192)],
    ['characters of any kind but controls', { a: '\u00a0\u2028\ufeff👋' }],
  ])('takes %s', (_what, metadata) => {
    expect(() => takes(metadata)).not.toThrow();
  });

  it.each([
    ['33 names', named(33), '32 names'],
    ['an empty name', { '': 'x' }, 'a name in metadata has 1 to 64 of a to z'],
    ['a name of 65 characters', { ['x'.repeat(65)]: 'x' }, 'a name in metadata has 1 to 64'],
    ['a name with a line end', { 'a\n': 'x' }, 'a name in metadata has 1 to 64'],
    ['a name that begins with a dot', { '.a': 'x' }, 'a name in metadata has 1 to 64'],
    ['a reserved name', { 'frond-user': 'x' }, 'the name "frond-user" in metadata is reserved'],
    [
      'a value of 4,097 bytes',
      { a: `${'ä'.repeat(2_048)}x` },
      '"a" in metadata may have 4096 bytes, not 4097',
    ],
    ['a line end in a value', { a: 'x\ny' }, '"a" in metadata must be a string without control characters'],
    ['8,193 bytes in all', ofBytes(8_193), '8192 bytes'],
  ])('refuses %s', (_what, metadata, reason) => {
    expect(() => takes(metadata)).toThrow(refused(code, reason));
  });
});

describe('what is not metadata', () => {
  it.each([
    ['a string', 'a=b', 'an object of strings, not "a=b"'],
    ['nothing', undefined, 'an object of strings, not undefined'],
    ['null', null, 'an object of strings, not null'],
    ['a list', ['x'], 'an object of strings, not a list of 1'],
    ['a number as a value', { a: 5 }, 'must be a string without control characters, not 5'],
    ['null as a value', { a: null }, 'must be a string without control characters, not null'],
    ['half of a surrogate pair', { a: '\ud800' }, 'surrogate'],
  ])('%s is refused before anything is sent', (_what, metadata, reason) => {
    expect(() => encodeMetadata(metadata)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        sent: false,
        message: expect.stringContaining(reason),
      }),
    );
  });
});
