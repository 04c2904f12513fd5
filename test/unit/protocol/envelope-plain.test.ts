/** What a relay passes on of a stranger's frame: no reader sees anything in it that the relay did not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { type PlainEnvelope, readPlain } from '../../../src/protocol/envelope-plain.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { anyFrame, bytesField, join, NASTIES, varintField } from '../../support/envelope-frames.ts';
import { READERS, seenBy } from '../../support/envelope-readers.ts';

/** What is passed on; undefined for what is refused. */
function passed(frame: Bytes, codec = new EnvelopeCodec()): PlainEnvelope | undefined {
  try {
    return readPlain(codec, frame);
  } catch (error) {
    expect(error).toBeInstanceOf(PalmError);
    expect(error).toMatchObject({ code: 'PROTOCOL' });
    return undefined;
  }
}

function expectOneReading({ message, frame }: PlainEnvelope): void {
  const seen = seenBy((name) => message[name]);
  for (const { name, read } of READERS) expect([name, read(frame)]).toEqual([name, seen]);
  expect(new EnvelopeCodec().decode(frame)).toEqual(message);
}

const nasties = Object.entries(NASTIES);

describe('a frame that is passed on', () => {
  it.each(nasties)('says the same to every reader, or is refused: %s', (_, frame) => {
    const plain = passed(frame);
    if (plain !== undefined) expectOneReading(plain);
  });

  it('says the same to every reader, whatever came', () => {
    // One codec for all, so that what it remembers of one message must not show in the next.
    const codec = new EnvelopeCodec();
    let runs = 0;
    let count = 0;
    fc.assert(
      fc.property(anyFrame, (frame) => {
        runs++;
        const plain = passed(frame, codec);
        if (plain === undefined) return;
        count++;
        expectOneReading(plain);
      }),
      { numRuns: 5_000 },
    );
    expect(count).toBeGreaterThanOrEqual(Math.floor(runs / 10));
  });

  it('is what our encoder writes, also where the very bytes that came are passed on', () => {
    const codec = new EnvelopeCodec();
    let runs = 0;
    let same = 0;
    fc.assert(
      fc.property(anyFrame, (frame) => {
        runs++;
        const plain = passed(frame, codec);
        if (plain === undefined) return;
        const own = new EnvelopeCodec().encode(plain.message);
        expect(Buffer.compare(plain.frame, own)).toBe(0);
        expect(plain.frame === frame).toBe(Buffer.compare(frame, own) === 0);
        if (plain.frame === frame) same++;
      }),
      { numRuns: 5_000 },
    );
    expect(same).toBeGreaterThanOrEqual(Math.floor(runs / 25));
  });

  it('is the one that came when a client of ours wrote it: nothing is encoded twice', () => {
    const text = fc.string({ unit: 'binary' });
    const integer = fc.maxSafeInteger();
    const fields: fc.Arbitrary<Partial<PalmMessage>> = fc.record({
      pipeline: text,
      client: text,
      stage: integer,
      function: text,
      cache: text,
      payload: fc.uint8Array().map((payload) => new Uint8Array(payload)),
      features: integer,
      status: integer,
      error: text,
      errorName: text,
      ordinal: integer,
    });
    const codec = new EnvelopeCodec();
    fc.assert(
      fc.property(fields, (own) => {
        const frame = codec.encode(palmMessage(own));
        expect(readPlain(codec, frame)).toEqual({ message: palmMessage(own), frame });
        expect(readPlain(codec, frame).frame).toBe(frame);
      }),
      { numRuns: 500 },
    );
  });

  it('holds no unknown field, and no field at its default', () => {
    const call = [bytesField(2, 'c'), bytesField(4, 'a.f')] as const;
    const own = join(...call);
    for (const frame of [
      join(...call, varintField(7, 1)),
      join(bytesField(900, 'x'), ...call),
      join(...[...call].reverse()),
      join(varintField(3, 0), ...call),
      join(...call, bytesField(6, '')),
    ]) {
      expect(readPlain(new EnvelopeCodec(), frame).frame).toEqual(own);
    }
  });
});

describe('metadata, and how progress is asked for,', () => {
  const call = join(bytesField(2, 'c'), bytesField(4, 'a.f'));
  const [progress, metadata] = [bytesField(1006, 'p'), bytesField(1007, 'm')];
  const read = (frame: Bytes, keepsMetadata?: boolean) =>
    readPlain(new EnvelopeCodec(), frame, keepsMetadata).frame;

  it('stay for who judges them, in order and without other unknown fields', () => {
    const both = join(call, progress, metadata);
    expect(read(both, true)).toBe(both);
    for (const frame of [
      both,
      join(call, metadata, progress),
      join(call, metadata, varintField(7, 1), progress),
    ])
      expect([read(frame, true), read(frame)]).toEqual([both, call]);
    expect(read(join(call, varintField(7, 1), metadata), true)).toEqual(join(call, metadata));
    expect(read(join(call, varintField(7, 1)), true)).toEqual(call);
    expect(read(join(varintField(3, 0), call), true)).toEqual(call);
  });
});

it('numbers of a fixed length may end in 0', () => {
  const call = bytesField(4, 'a.f');
  const fixed = join([(7 << 3) | 5, 1, 0, 0, 0], [(8 << 3) | 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(readPlain(new EnvelopeCodec(), join(call, fixed)).frame).toEqual(call);
});

describe('what is refused', () => {
  it.each([
    ['field 2 comes twice', join(bytesField(2, 'c'), bytesField(2, 'c'))],
    ['field 2 has wire type 0', varintField(2, 1)],
    ['it holds a group', join([(7 << 3) | 3, (7 << 3) | 4])],
    ['a tag is longer than necessary', bytesField(2, 'c', { tag: 1 })],
    ['a length is longer than necessary', bytesField(2, 'c', { length: 1 })],
    ['a number is longer than necessary', varintField(3, 1, { value: 1 })],
  ])('is told why: %s', (why, frame) => {
    expect(() => readPlain(new EnvelopeCodec(), frame)).toThrow(why);
  });

  /** By what is wrong with them; those that only look so are not among them. */
  const wrong =
    /longer|longest|second|again|group|wraps|as a |as 32|as 64|as packed|as bytes|beyond (32|64) bits/;
  const fine = ['a status that wraps to 0', 'features beyond 32 bits'];
  const refused = nasties.filter(([name]) => wrong.test(name) && !fine.includes(name));

  it.each(refused)('is %s', (_, frame) => {
    expect(passed(frame)).toBeUndefined();
  });

  it('is what another reader does not take where ours does', () => {
    const apart = nasties.filter(([, frame]) => {
      try {
        new EnvelopeCodec().decode(frame);
      } catch {
        return false;
      }
      return READERS.some(({ read }) => {
        try {
          read(frame);
          return false;
        } catch {
          return true;
        }
      });
    });
    expect(apart.length).toBeGreaterThan(5);
    for (const [name, frame] of apart) expect([name, passed(frame)]).toEqual([name, undefined]);
  });
});
