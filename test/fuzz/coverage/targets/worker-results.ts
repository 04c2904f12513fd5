import { isDeepStrictEqual } from 'node:util';
import { PushedCalls } from '../../../../src/cluster/dispatch/push-workers.ts';
import { WorkerResults } from '../../../../src/cluster/dispatch/worker-results.ts';
import { decodeUtf8 } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { clientRange } from '../../../../src/protocol/envelope-head.ts';
import { NO_BYTES, palmMessage } from '../../../../src/protocol/message.ts';
import { clientOf } from '../../../../src/protocol/topics.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimSame, readOr } from '../claims.ts';
import { type Fields, fieldsBy, OTHERS } from '../readers.ts';
import type { Target } from '../target.ts';

const codec = new EnvelopeCodec();

const CALL = { pipeline: 'p', client: 'me/1', function: 'server.upper', cache: 'c', features: 3, ordinal: 7 };
const OTHER = { ...CALL, client: 'eve/1', function: 'next.secret' };
/** Known fields, written so that readers differ or that the order is unusual. */
const OVERLONG = new Uint8Array([0xa2, 0, 8, ...bytes('evil.run')]);

/** The message that was handed over, and the result that a worker gave for it: the first byte of an input is the message's length. */
export const target: Target = {
  longest: 512,
  seeds: () => {
    const message = codec.encode(palmMessage({ ...CALL, payload: bytes('hi') }));
    const results = [
      palmMessage({ ...CALL, payload: bytes('HI') }),
      palmMessage({ ...CALL }),
      palmMessage({ ...CALL, payload: bytes('0'), status: 1, error: 'no', errorName: 'E' }),
      palmMessage({ ...OTHER, payload: bytes('HI') }),
      palmMessage({ ...CALL, payload: bytes('HI'), unknown: OVERLONG }),
    ];
    return [
      ...results.map((result) => new Uint8Array([message.length, ...message, ...codec.encode(result)])),
      new Uint8Array([message.length, ...message, 0x30]),
      new Uint8Array([message.length + OVERLONG.length, ...OVERLONG, ...message, ...message]),
    ];
  },
  words: [
    'server.upper',
    'evil.run',
    'eve/1',
    '\xa2\x00',
    '\x92\x00',
    '\x22',
    '\x12',
    '\x32\x00',
    '\xc0\x3e',
    '\xc8\x3e',
    '\xd2\x3e',
    '\xda\x3e',
    '\xe0\x3e',
  ],
  check(data) {
    const end = 1 + (data[0] ?? 0);
    const [message, result] = [data.slice(1, end), data.slice(end)];
    const original = readOr(() => codec.decode(message), 'PROTOCOL');
    if (original === undefined) return;
    const { unknown, ...known } = original;
    const [from, to] = clientRange(message);
    const isFirst = to > 0 && fieldsBy('pure Python', message)?.client === original.client;
    if (isFirst && !comesAgain(original.client, message, to)) {
      claim(decodeUtf8(message, from, to) === original.client, 'the range of the client is another');
    }
    const passed = new WorkerResults().of(message, result);
    for (const reader of OTHERS) {
      const [own, its] = [fieldsBy(reader, message), fieldsBy(reader, passed)];
      if (own === undefined || its === undefined || unknown.length > 0) continue;
      // Made anew, it is what the Master read; as it came, it reads as the message did.
      const isMessage = isDeepStrictEqual(without(its), without(own));
      if (!isMessage)
        claimSame(without(its), without(known), `${reader} reads another message in the result`);
    }
    const pushed = new PushedCalls();
    pushed.note(message);
    for (const again of [1, 2]) {
      const given = pushed.resultOf(result);
      if (given === undefined) continue;
      const read = readOr(() => codec.decode(given), 'PROTOCOL');
      if (read === undefined || read.unknown.length > 0) continue;
      for (const reader of OTHERS) {
        const its = fieldsBy(reader, given);
        if (its === undefined) continue;
        claimSame(callOf(its), callOf(original), `${reader} reads another call in result ${again}`);
      }
    }
  },
};

/** Whether the field that says who the client is comes again behind `end`, also with nothing in it. */
function comesAgain(client: string, message: Uint8Array, end: number): boolean {
  const other = client === 'x' ? 'y' : 'x';
  const rest = new Uint8Array([0x12, 1, ...bytes(other), ...message.slice(end)]);
  return readOr(() => codec.decode(rest), 'PROTOCOL')?.client !== other;
}

function without(fields: Fields): Fields {
  return { ...fields, payload: NO_BYTES, status: 0, error: '', errorName: '' };
}

function callOf({ pipeline, client, stage, function: path }: Fields): unknown {
  return [pipeline, clientOf(client), stage, path];
}
