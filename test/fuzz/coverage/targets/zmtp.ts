import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { frameOf, GREETING, readyOf, subscriptionTo } from '../../../support/zmtp.ts';
import { ENDS, MemoryLink, type Outcome } from '../../../support/zmtp-ends.ts';
import { claim, claimSame } from '../claims.ts';
import type { Target } from '../target.ts';

const KINDS = Object.entries(ENDS);
/** Bytes before the stream: the kind of end, how far the handshake is, and how long the pieces are. */
const HEAD = 3;
const BOUNDS = { maxMessageSize: 2_000, maxMessageParts: 8, maxTopicBytes: 4_096 };

const command = (name: string, data = '') => {
  const body = Buffer.from(`${String.fromCharCode(name.length)}${name}${data}`, 'latin1');
  return Buffer.concat([Buffer.from([4, body.length]), body]);
};

/** What a peer of ZMTP sends to any kind of end: the kind of end, the stage of the handshake, then the stream. */
export const target: Target = {
  longest: 1_024,
  seeds: () =>
    KINDS.flatMap(([, { peer }], kind) => {
      const id = Buffer.from([0, 0, 0, 1]);
      const messages = Buffer.concat([
        ...[id, Buffer.alloc(0)].map((part) => frameOf(part, true)),
        frameOf(Buffer.from('a reply')),
        frameOf(Buffer.from('me/1'), true),
        frameOf(Buffer.alloc(300, 1)),
      ]);
      const commands = Buffer.concat([
        command('PING', '\0\x01context'),
        command('PONG', 'context'),
        command('SUBSCRIBE', 'a/'),
        subscriptionTo('b'),
        command('CANCEL', 'a/'),
        frameOf(Buffer.from('\0b')),
        command('ERROR', '\x02no'),
      ]);
      return [
        [kind, 0, 0, ...GREETING, ...readyOf(peer), ...messages],
        [kind, 1, 7, ...readyOf(peer), ...commands],
        [kind, 2, 0, ...messages],
        [kind, 2, 1, ...commands],
        [kind, 3, 20, ...messages],
      ].map((input) => Uint8Array.from(input));
    }),
  words: [
    GREETING.toString('latin1'),
    ...['READY', 'ERROR', 'PING', 'PONG', 'SUBSCRIBE', 'CANCEL'].map((name) =>
      command(name).toString('latin1'),
    ),
    ...KINDS.map(([, { peer }]) => readyOf(peer).toString('latin1')),
    '\x0bSocket-Type\0\0\0',
    '\x0eX-Busy-Timeout\0\0\0',
    '\x01\0',
    '\x02\x80\0\0\0\0\0\0\0',
  ],
  async check(data) {
    const stream = data.subarray(HEAD);
    const whole = await read(data, stream.length);
    claimBounds(whole, stream);
    const cut = await read(data, 1 + ((data[2] ?? 0) % 32));
    claimBounds(cut, stream);
    // Where reading pauses depends on the pieces, and so does what is answered meanwhile.
    if (whole.wasPaused || cut.wasPaused) return;
    claimSame(cut.given, whole.given, 'pieces change what is given');
    claimSame(told(cut), told(whole), 'pieces change how the link ends');
  },
};

/** Has one end read the stream in pieces of so many bytes. */
async function read(data: Bytes, length: number): Promise<Outcome> {
  const [kind, { peer }] = KINDS[(data[0] ?? 0) % KINDS.length] ?? raise();
  const link = new MemoryLink(kind, BOUNDS);
  const stage = (data[1] ?? 0) % 4;
  const greeting = Buffer.from(GREETING);
  greeting[11] = ((data[1] ?? 0) >> 2) & 1;
  if (stage > 0) await link.receive(new Uint8Array(greeting));
  if (stage > 1) await link.receive(new Uint8Array(readyOf(peer)));
  if (stage > 2) await link.receive(Uint8Array.of(1, 2, 1));
  for (let at = HEAD; at < data.length && !link.isOver; at += length) {
    const piece = data.slice(at, at + length);
    await link.receive(piece);
    // Nobody keeps a view of what was read. A link that waits for its turn has yet to read the rest.
    if (!link.isPaused) piece.fill(0xee);
  }
  return link.outcome();
}

/** Bytes that an end writes without being asked, and for each byte that it reads. */
const [LEAST_WRITTEN, WRITTEN_PER_BYTE] = [2_048, 3];

function claimBounds({ given, written, end, ends, mostParts, mostPartBytes }: Outcome, stream: Bytes): void {
  claim(ends <= 1, `the end of one link was told ${ends} times`);
  claim(end === undefined || end.violation !== undefined, `the link ended without a reason: ${end?.reason}`);
  claim((end?.reason.length ?? 0) <= 512, 'the reason is long');
  claim(/^[ -~]*$/.test(end?.reason ?? ''), 'the reason has characters that a terminal may act on');
  claim(mostParts <= BOUNDS.maxMessageParts, `${mostParts} parts are kept`);
  claim(mostPartBytes <= BOUNDS.maxMessageSize, `${mostPartBytes} bytes of parts are kept`);
  claim(given.join('').length <= 4 * (stream.length + 64), 'more is given than came');
  claim(
    written <= LEAST_WRITTEN + WRITTEN_PER_BYTE * stream.length,
    `${written} bytes are written for ${stream.length}`,
  );
}

function told({ end }: Outcome): unknown {
  return end === undefined ? undefined : [end.wasUp, end.reason];
}

function raise(): never {
  throw new Error('there is no such end');
}
