/** The priority of a call: what may be given, how it is written down, and that every reader reads the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { priorityOf } from '../../../src/protocol/envelope-head.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import { encodeMetadata, joined, readMetadata } from '../../../src/protocol/metadata.ts';
import { encodePriority, readPriority } from '../../../src/protocol/priority.ts';
import { progressField } from '../../../src/protocol/progress.ts';

const codec = new EnvelopeCodec();
const ALL = Array.from({ length: 19 }, (_, i) => i - 9);

describe('a priority', () => {
  it.each(ALL)('of %i is read as it was written', (priority) => {
    const field = encodePriority(priority);
    expect(field.length).toBe(priority === 0 ? 0 : 3);
    expect(readPriority(field)).toBe(priority);
  });

  it.each([10, -10, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, true, {}, undefined])(
    'is not %j',
    (priority) => {
      expect(() => encodePriority(priority)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringMatching(/^priority must be a whole number from -9 to 9, not /),
        }),
      );
    },
  );

  it.each([19, 127, 128, 2 ** 40])('that is %i on the wire counts as 0', (value) => {
    const bytes = [0xe8, 0x3e];
    for (let left = value; left > 0; left = Math.floor(left / 128))
      bytes.push((left % 128) + (left >= 128 ? 128 : 0));
    const unknown = new Uint8Array(bytes);
    expect(readPriority(unknown)).toBe(0);
    expect(priorityOf(codec.encode(palmMessage({ client: 'c/1', features: 1, unknown })))).toBe(0);
  });

  it('is found in a frame without decoding it, whatever else the call has, and by a relay', () => {
    const aText = fc.string({ maxLength: 8 });
    const aCall = fc.record({
      pipeline: aText,
      client: aText,
      stage: fc.nat(300),
      function: aText,
      cache: aText,
      payload: fc.uint8Array({ maxLength: 300 }),
      features: fc.nat(300),
      ordinal: fc.nat(100_000),
    });
    fc.assert(
      fc.property(
        aCall,
        fc.constantFrom(...ALL),
        fc.boolean(),
        fc.boolean(),
        (call, priority, tells, says) => {
          const progress = tells ? progressField('a') : new Uint8Array(0);
          const metadata = encodeMetadata(says ? { lang: 'de' } : {});
          const unknown = joined(encodePriority(priority), progress, metadata);
          const frame = codec.encode(palmMessage({ ...(call as Partial<PalmMessage>), unknown }));
          expect(priorityOf(frame)).toBe(priority);
          const { message, frame: plain } = readPlain(codec, frame, true);
          expect([...plain]).toEqual([...frame]);
          expect(readPriority(message.unknown)).toBe(priority);
          expect(readMetadata(message.unknown)).toEqual(says ? { lang: 'de' } : {});
        },
      ),
    );
  });

  it('comes once in what a relay passes on', () => {
    const unknown = joined(encodePriority(1), encodePriority(2));
    const frame = codec.encode(palmMessage({ client: 'c/1', unknown }));
    expect(() => readPlain(codec, frame, true)).toThrow('field 1005 comes twice');
  });
});
