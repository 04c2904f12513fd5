import { readCapture, writeCapture } from '../../../../playground/src/state/capture.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, claimSame } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const ENTRY = {
  direction: 'out',
  channel: 'push',
  address: 'server',
  client: 'me',
  size: 12,
  at: 3.5,
  topic: undefined,
} as const;

/** Captures, as the playground loads them. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    bytes(writeCapture([])),
    bytes(writeCapture([{ ...ENTRY, number: 0, message: undefined }])),
    bytes(
      writeCapture([
        {
          ...ENTRY,
          number: 0,
          channel: 'sub',
          direction: 'in',
          topic: 'me/1',
          message: palmMessage({
            pipeline: 'p',
            client: 'me/1',
            function: 'a.b',
            payload: bytes('hi'),
            ordinal: 4,
          }),
        },
      ]),
    ),
    bytes('{"format":"frond-capture-1","envelopes":[{"__proto__":{"size":1}}]}'),
  ],
  words: [
    ...[
      'format',
      'envelopes',
      'direction',
      'channel',
      'address',
      'client',
      'size',
      'at',
      'message',
      'topic',
      '__proto__',
    ].map((key) => `"${key}":`),
    ...[
      'pipeline',
      'function',
      'cache',
      'payload',
      'stage',
      'features',
      'status',
      'error',
      'errorName',
      'ordinal',
      'unknown',
    ].map((key) => `"${key}":`),
    ...['"frond-capture-1"', '"in"', '"out"', '"push"', '"sub"', '"db"', '1e999', '0a ', '\\ud800', 'null'],
  ],
  check(data) {
    let entries: ReturnType<typeof readCapture>;
    try {
      entries = readCapture(textIn(data));
    } catch (error) {
      claim(
        error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError),
        String(error),
      );
      return;
    }
    claimBounded(entries, data, 128);
    claimPlain(entries);
    for (const { topic, size, at, message } of entries) {
      claim(topic === undefined || typeof topic === 'string', 'the topic is not a string');
      claim(Number.isFinite(size) && Number.isFinite(at), 'a size or time is not finite');
      claim(message === undefined || message.payload instanceof Uint8Array, 'a payload is not a Uint8Array');
    }
    claimSame(readCapture(writeCapture(entries)), entries, 'a capture changes when it is saved again');
  },
};
