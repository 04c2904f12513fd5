/** The parts of a frame that are read without decoding it: where each ends in a tidy frame, and that no other is taken for one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import {
  clientRange,
  headEnd,
  isAfterHead,
  isTidyTail,
  mayPass,
  payloadEnd,
  statusIn,
} from '../../../src/protocol/envelope-head.ts';
import { Feature, type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { bytesField, join, varint, varintField } from '../../support/envelope-frames.ts';

const encode = (fields: Partial<PalmMessage>) => new EnvelopeCodec().encode(palmMessage(fields));

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 100, maxLength: 200 }));
const integer = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, -1, 127, 128));
const head = fc.record({ pipeline: text, client: text, stage: integer, function: text });
const body = fc.record({
  cache: text,
  payload: fc.uint8Array({ maxLength: 300 }).map((own) => new Uint8Array(own)),
});
const tail = fc.record({
  features: integer,
  status: integer,
  error: text,
  errorName: text,
  ordinal: integer,
});

describe('the parts of a frame that an encoder wrote', () => {
  it('are found where they are', () => {
    fc.assert(
      fc.property(head, body, tail, (own, { cache, payload }, others) => {
        const frame = encode({ ...own, cache, payload, ...others });
        const ends = [
          encode(own).length,
          encode({ ...own, cache }).length,
          encode({ ...own, cache, payload }).length,
        ] as const;
        expect(headEnd(frame, 4)).toBe(ends[0]);
        expect(headEnd(frame)).toBe(ends[1]);
        expect(isAfterHead(frame, ends[1])).toBe(true);
        expect(payloadEnd(frame, ends[1])).toBe(ends[2]);
        expect(isTidyTail(frame, ends[2])).toBe(true);
        // A status of more bytes is told as none.
        const isByte = others.status > 0 && others.status < 128;
        expect(statusIn(frame, ends[2])).toBe(isByte ? others.status : 0);
        const [start, end] = clientRange(frame);
        expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(frame.subarray(start, end))).toBe(
          own.client,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('have no status behind a field of another number, though its tag begins as one of frond', () => {
    const other = join(varint((14_120 << 3) | 0), varint(8_008));
    for (const rest of [[8, 3], [8], []]) {
      const frame = join(other, new Uint8Array(rest));
      expect(frame.subarray(0, 5)).toEqual(new Uint8Array([0xc0, 0xf2, 0x06, 0xc8, 0x3e]));
      expect(statusIn(frame, 0)).toBe(0);
    }
  });

  it('end before what is cut off', () => {
    const whole = encode({ pipeline: 'p', client: 'c', stage: 300, function: 'f', cache: 'k' });
    // The last byte of each field: 3, 3, 3, 3 and 3 bytes.
    const ends = [0, 3, 6, 9, 12, 15];
    for (let length = 0; length <= whole.length; length++) {
      const frame = whole.slice(0, length);
      expect([length, headEnd(frame)]).toEqual([length, Math.max(...ends.filter((end) => end <= length))]);
    }
  });
});

describe('a head', () => {
  it.each([
    ['nothing', join(), 0],
    ['fields out of order', join(bytesField(2, 'c'), bytesField(1, 'p')), 3],
    ['a field twice', join(bytesField(1, 'p'), bytesField(1, 'p')), 3],
    ['a payload first', join(bytesField(6, 'x'), bytesField(1, 'p')), 0],
    ['a field of another kind', join(bytesField(1, 'p'), varintField(2, 1)), 3],
    ['an unknown field', join(bytesField(1, 'p'), bytesField(7, 'x')), 3],
    ['a length that is longer', join(bytesField(1, 'p'), bytesField(2, 'c', { length: 1 })), 3],
    ['a number that is longer', join(bytesField(1, 'p'), varintField(3, 1, { value: 1 })), 3],
    ['a field of another kind and much behind it', join(varintField(2, 1), bytesField(6, 'xyz')), 0],
    ['a stage of 0', varintField(3, 0), 2],
    ['a stage of 10 bytes', varintField(3, -1n), 11],
    ['a stage of 11 bytes', join([0x18], varint(2n ** 70n - 1n, 1)), 0],
    ['a stage of 11 bytes, none of them 0', join([0x18], new Array(10).fill(0x80), [1]), 0],
    [
      'a length of 4 bytes',
      join([0x0a, 0xff, 0xff, 0xff, 0x01], new Uint8Array(2 ** 22 - 1)),
      5 + 2 ** 22 - 1,
    ],
    ['a length of 5 bytes', join([0x0a, 0x80, 0x80, 0x80, 0x80, 0x01]), 0],
    // In 32 bits they are no length, and one of 8.
    ['a length of 2 ** 32', join([0x0a, 0x80, 0x80, 0x80, 0x80, 0x10]), 0],
    ['a length of 6 bytes', join([0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], new Uint8Array(8)), 0],
    ['field 0', join([0, 0]), 0],
  ] as const)('with %s', (_, frame, end) => {
    expect(headEnd(frame)).toBe(end);
  });

  it('ends in front of a payload, a field of frond, or the end', () => {
    const mayFollow = (frame: Bytes) => isAfterHead(frame, 0);
    for (const frame of [
      join(),
      bytesField(6, 'x'),
      ...[1000, 1001, 1004, 1005].map((number) => varintField(number, 1)),
      ...[1002, 1003, 1006, 1007].map((number) => bytesField(number, 'x')),
    ])
      expect([frame, mayFollow(frame)]).toEqual([frame, true]);
    for (const frame of [
      bytesField(1, 'x'),
      bytesField(5, 'x'),
      varintField(7, 1),
      bytesField(1000, 'x'),
      varintField(1002, 1),
      varintField(1008, 1),
      // The same first byte as of field 1000, and another second one.
      join([0xc0, 0x3f, 1]),
      join([0xc0, 0x01, 1]),
    ])
      expect([frame, mayFollow(frame)]).toEqual([frame, false]);
  });
});

describe('a payload', () => {
  it('is there or not, or malformed', () => {
    expect(payloadEnd(bytesField(6, 'xyz'), 0)).toBe(5);
    expect(payloadEnd(join(bytesField(1, 'p'), bytesField(6, '')), 3)).toBe(5);
    expect(payloadEnd(varintField(1000, 1), 0)).toBe(0);
    expect(payloadEnd(join(), 0)).toBe(0);
    for (const frame of [join([0x32]), join([0x32, 2, 1]), bytesField(6, 'x', { length: 1 })])
      expect(payloadEnd(frame, 0)).toBeLessThan(0);
  });
});

describe('a tidy tail', () => {
  const whole = join(
    varintField(1000, 300),
    varintField(1001, 1),
    bytesField(1002, 'e'),
    bytesField(1003, 'E'),
    varintField(1004, 7),
    bytesField(1006, 'p'),
    bytesField(1007, 'm'),
  );

  it('has the fields of frond in order, whole', () => {
    expect(isTidyTail(whole, 0)).toBe(true);
    expect(isTidyTail(whole, whole.length)).toBe(true);
    // The first takes 4 bytes, other numbers 3, and strings 4 with their lengths.
    const ends = [4, 7, 11, 15, 18, 22, 26];
    for (let length = 1; length <= whole.length; length++)
      expect([length, isTidyTail(whole.slice(0, length), 0)]).toEqual([length, ends.includes(length)]);
  });

  it.each([
    ['fields out of order', join(varintField(1001, 1), varintField(1000, 1))],
    ['a field twice', join(varintField(1000, 1), varintField(1000, 1))],
    ['a field behind frond’s', join(varintField(1000, 1), varintField(1008, 1))],
    ['a field of another kind', bytesField(1000, 'x')],
    ['a string as a number', varintField(1002, 1)],
    ['a payload', bytesField(6, 'x')],
    ['a number that is longer', varintField(1001, 1, { value: 1 })],
    ['a string whose length is longer', bytesField(1002, 'e', { length: 1 })],
    ['a name whose length is longer', bytesField(1003, 'e', { length: 1 })],
    ['a tag that is longer', varintField(1000, 1, { tag: 1 })],
    ['another field whose tag begins alike', join([0xc0, 0x3f, 1])],
    ['progress as a number', varintField(1006, 1)],
    ['metadata as a number', varintField(1007, 1)],
    ['metadata whose length is longer', bytesField(1007, 'm', { length: 1 })],
  ])('has not %s', (_, frame) => {
    expect(isTidyTail(frame, 0)).toBe(false);
  });
});

describe('the status in a tidy tail', () => {
  it.each([
    ['nothing', join(), 0],
    ['only features', varintField(1000, 300), 0],
    ['no number of its own', join(varintField(1000, 1), bytesField(1002, 'e')), 0],
    ['1', varintField(1001, 1), 1],
    ['127 behind features', join(varintField(1000, 300), varintField(1001, 127)), 127],
    ['127 in front of an error', join(varintField(1001, 127), bytesField(1002, 'e')), 127],
    ['128, which is more than one byte', varintField(1001, 128), 0],
    ['less than 0', varintField(1001, -1n), 0],
  ])('is %s', (_, tail, status) => {
    expect(isTidyTail(tail, 0)).toBe(true);
    expect(statusIn(join(bytesField(6, 'x'), tail), 3)).toBe(status);
  });
});

describe('the client in a frame', () => {
  it.each([
    ['alone', bytesField(2, 'c'), 'c'],
    ['after a pipeline', join(bytesField(1, 'p'), bytesField(2, 'c')), 'c'],
    ['of 127 bytes', bytesField(2, 'c'.repeat(127)), 'c'.repeat(127)],
    ['of 128 bytes', bytesField(2, 'c'.repeat(128)), 'c'.repeat(128)],
    ['of 20,000 bytes', bytesField(2, 'c'.repeat(20_000)), 'c'.repeat(20_000)],
    ['that is empty', bytesField(2, ''), ''],
  ])('%s is found', (_, frame, client) => {
    const [start, end] = clientRange(frame);
    expect(new TextDecoder().decode(frame.subarray(start, end))).toBe(client);
  });

  it.each([
    ['in an empty frame', join()],
    ['after a stage', join(varintField(3, 1), bytesField(2, 'c'))],
    ['after a pipeline that is cut off', join([0x0a, 5, 1])],
    ['that is cut off', join([0x12, 5, 1])],
    ['whose length is longer', bytesField(2, 'c', { length: 1 })],
    ['behind two pipelines', join(bytesField(1, 'p'), bytesField(1, 'p'), bytesField(2, 'c'))],
  ])('%s is not', (_, frame) => {
    expect(clientRange(frame)).toEqual([0, 0]);
  });
});

describe('a message that may pass others of its call', () => {
  it('is the only one of a frond client, or has a number', () => {
    fc.assert(
      fc.property(head, body, fc.nat(511), fc.nat(300), (own, rest, features, ordinal) => {
        const frame = encode({ ...own, ...rest, features, ordinal });
        const isSingle = (features & Feature.single) !== 0;
        expect(mayPass(frame)).toBe(isSingle || (features > 0 && ordinal > 0));
      }),
    );
  });

  it.each([
    ['an empty frame', []],
    ['a frame that is cut off in its payload', [0x32, 9, 1]],
    ['a frame that is cut off in its features', [0xc0, 0x3e]],
    ['fields in an unusual order', [0x32, 1, 1, 0x12, 1, 0x61, 0xc0, 0x3e, 64]],
    ['another field with the same first byte', [0xc0, 0x3f, 64]],
  ])('is not %s', (_, frame) => {
    expect(mayPass(Uint8Array.from(frame))).toBe(false);
  });
});
