import { type Bytes, encodeUtf8, Slab } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec, withCache } from '../../../../src/protocol/envelope.ts';
import { NO_BYTES, type PalmMessage, palmMessage } from '../../../../src/protocol/message.ts';
import { encodeMetadata } from '../../../../src/protocol/metadata.ts';
import { progressField } from '../../../../src/protocol/progress.ts';
import { claim, claimBounded, claimSame, readOr } from '../claims.ts';
import { goldenFrames } from '../golden.ts';
import { fieldsBy, OTHERS, type Reader } from '../readers.ts';
import type { Target } from '../target.ts';

const FILLED = encodeUtf8('filled');

/** Shared by all inputs: what it remembers of one must not change the next. */
const shared = new EnvelopeCodec();

export const target: Target = {
  longest: 2_048,
  seeds: () => [
    ...goldenFrames(),
    // The fields that are read apart: the wish for progress, and metadata.
    shared.encode(palmMessage({ client: 'a/1', unknown: progressField('7') })).slice(),
    shared.encode(palmMessage({ client: 'a/1', unknown: encodeMetadata({ tenant: 'a' }) })).slice(),
  ],
  words: [
    'server.upper',
    '\xc0\x3e',
    '\xc8\x3e',
    '\xd2\x3e',
    '\xda\x3e',
    '\xe0\x3e',
    '\xf2\x3e\x017',
    '\xfa\x3e',
    '\xa2\x00',
    '\xff\xff\xff\xff\x0f',
  ],
  check(data) {
    const message = readOr(() => new EnvelopeCodec().decode(data), 'PROTOCOL');
    const again = readOr(() => shared.decode(data), 'PROTOCOL');
    claimSame(again, message, 'a used codec decodes it otherwise');
    if (message === undefined) return;
    claimBounded(message, data, 4);
    const frame = shared.encode(message);
    claim(frame.length <= data.length, 're-encoding makes a frame longer');
    claimSame(new EnvelopeCodec().encode(message), frame, 'a used codec encodes it otherwise');
    claimSame(new EnvelopeCodec().decode(frame), message, 'encoding and decoding changes a message');
    const clean = shared.encode({ ...message, unknown: NO_BYTES });
    for (const other of OTHERS) claimReads(other, clean, message);
    // A known field number with another wire type is an unknown field to us and to Google's readers, but not to these.
    const isKnown = message.unknown.length === 0;
    for (const other of OTHERS) if (isKnown && other !== 'pure Python') claimReads(other, data, message);
    if (message.cache === '') {
      const filled = new EnvelopeCodec().decode(withCache(frame, FILLED, new Slab()));
      claimSame(filled, { ...message, cache: 'filled' }, 'filling the cache field changes another field');
    }
  },
};

function claimReads(reader: Reader, frame: Bytes, message: PalmMessage): void {
  const theirs = fieldsBy(reader, frame);
  if (theirs !== undefined) claimSame(theirs, known(message), `${reader} reads it otherwise`);
}

function known({ unknown: _, ...fields }: PalmMessage) {
  const { unknown: __, ...others } = palmMessage(fields);
  return others;
}
