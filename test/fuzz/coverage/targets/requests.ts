import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { setRequest } from '../../../../src/protocol/cache-keys.ts';
import { keyRequest, readReply, replyText } from '../../../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../../../src/protocol/message.ts';
import {
  encodeWorkReply,
  encodeWorkRequest,
  readWorkReply,
  readWorkRequest,
  WORK,
  type WorkItem,
} from '../../../../src/protocol/work-request.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimSame, readOr } from '../claims.ts';
import { goldenFrames } from '../golden.ts';
import type { Target } from '../target.ts';

const codec = new EnvelopeCodec();

const ITEMS: readonly WorkItem[] = [
  { lease: 1, kind: 0, frame: bytes('a') },
  { lease: 70_000, kind: 1, frame: new Uint8Array(0) },
  { lease: 0x3fff_ffff, kind: 2, frame: new Uint8Array(0) },
];

/** Requests to a server's cache, requests for work, and their replies. */
export const target: Target = {
  longest: 2_048,
  seeds() {
    const parties = { server: 'server', client: 'me' };
    const request = { worker: 'w', name: 'one', sequence: 7, leaves: false, isAway: false, items: ITEMS };
    const made = [
      setRequest(parties, 'k', bytes('v'), Feature.replies),
      keyRequest('get', parties, 'name', Feature.replies),
      keyRequest('delete', parties, 'k', 0),
      palmMessage({
        features: Feature.replies | Feature.work,
        payload: bytes('v'),
        status: 3,
        error: 'missing',
      }),
    ];
    return [
      ...made.map((message) => codec.encode(message)),
      encodeWorkRequest(codec, { ...request, want: 5 }),
      encodeWorkRequest(codec, { ...request, want: 0, leaves: true }),
      encodeWorkRequest(codec, { ...request, want: 0, isAway: true, items: [] }),
      encodeWorkReply(codec, ITEMS),
      encodeWorkReply(codec, []),
      bytes('server'),
      bytes('tcp://127.0.0.1:5555'),
      ...goldenFrames().slice(0, 10),
    ];
  },
  words: [WORK, '_.get', '.set', '.delete', '\xc0\x3e\x0a', '0x10', '1e3', ' 1'],
  check(data) {
    for (const plainIsText of [true, false]) {
      const reply = readOr(() => readReply(codec, data, plainIsText), 'PROTOCOL');
      if (reply === undefined) continue;
      claimBounded(reply, data, 4);
      readOr(() => replyText(reply), 'PROTOCOL');
      if (reply.message !== undefined) {
        const again = readReply(codec, codec.encode(reply.message), true);
        claimSame(again, reply, 'encoding and decoding changes a reply');
      }
    }
    const given = readOr(() => readWorkReply(codec, data), 'PROTOCOL');
    if (given !== undefined) {
      claimItems(given, data);
      claimSame(
        readWorkReply(codec, encodeWorkReply(codec, given)),
        given,
        'encoding and decoding changes the items of work',
      );
    }
    const message = readOr(() => codec.decode(data), 'PROTOCOL');
    if (message === undefined) return;
    const request = readOr(() => readWorkRequest(message), 'PROTOCOL');
    if (request === undefined) return;
    claimItems(request.items, data);
    claim(
      /^[1-9]\d*$/.test(message.cache),
      `${JSON.stringify(message.cache)} is accepted as a decimal number`,
    );
    const again = readWorkRequest(codec.decode(encodeWorkRequest(codec, request)));
    claimSame(again, request, 'encoding and decoding changes a request for work');
  },
};

function claimItems(items: readonly WorkItem[], data: Bytes): void {
  claimBounded(items, data, 128);
}
