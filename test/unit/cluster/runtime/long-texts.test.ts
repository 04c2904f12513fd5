import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LONGEST_TEXT, longText } from '../../../../src/cluster/runtime/long-texts.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';

const codec = new EnvelopeCodec();
const TEXTS = ['pipeline', 'client', 'function', 'cache', 'error', 'errorName'] as const;

it.each(TEXTS)('finds a %s that is too long, wherever it stands among other fields', (name) => {
  fc.assert(
    fc.property(
      fc.nat(LONGEST_TEXT),
      fc.uint8Array({ maxLength: 20_000 }),
      fc.integer(),
      (more, payload, stage) => {
        const others = { client: 'me/1', function: 'server.set', cache: 'key', payload, stage, features: 5 };
        const long = { ...others, [name]: 'ä'.repeat(LONGEST_TEXT / 2 + more + 1) };
        expect(longText(codec.encode(palmMessage(long)))).toEqual({
          length: LONGEST_TEXT + 2 * (more + 1),
          features: 5,
        });
      },
    ),
    { numRuns: 20 },
  );
});

it('finds nothing where no text is too long, whatever the payload has', () => {
  const text = 'x'.repeat(LONGEST_TEXT);
  const texts = Object.fromEntries(TEXTS.map((name) => [name, text]));
  const payload = new Uint8Array(1_000_000).fill(255);
  expect(longText(codec.encode(palmMessage({ ...texts, payload, features: 3, ordinal: 9 })))).toBeUndefined();
});

it('leaves what is malformed to the decoder', () => {
  const frame = codec.encode(palmMessage({ client: 'me/1', payload: new Uint8Array(20_000) }));
  expect(() => longText(frame.subarray(0, frame.length - 1))).toThrow(
    expect.objectContaining({ code: 'PROTOCOL' }),
  );
});
