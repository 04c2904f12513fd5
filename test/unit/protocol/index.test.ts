import { expect, it } from 'vitest';
import { EnvelopeCodec, Feature, palmMessage, parsePath, Status } from '../../../src/protocol/index.ts';

it('makes frames of envelopes and back, for tools', () => {
  const codec = new EnvelopeCodec();
  const message = palmMessage({ client: 'me/1', function: 'a.f b.g', features: Feature.batches });
  const read = codec.decode(codec.encode(message));
  expect(read).toEqual(message);
  expect(read.status).toBe(Status.ok);
  expect(parsePath(read.function)).toHaveLength(2);
});
