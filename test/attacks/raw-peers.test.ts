/** Peers of a server's ZeroMQ sockets that keep to no protocol of frond's. */
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../src/protocol/message.ts';
import { encodeWorkRequest } from '../../src/protocol/work.ts';
import { bytes } from '../bytes.ts';
import type { Up } from '../cli/service.ts';
import { frameOf, headOf, messageOf, portOf, ZmtpPeer } from '../zmtp.ts';
import { attack, type Field, MiB, times } from './field.ts';
import { MASTER, QUIET, SERVER, SEVERAL } from './parts.ts';

const codec = new EnvelopeCodec();
const NOTHING = new Uint8Array(0);

/** MiB that a server may grow by, whatever strangers say: what they may make it keep, and the slack of its heap. */
const GROWTH = 96;

type Portals = Readonly<Record<string, number>>;

/** Attacks a process of three roles, of which honest clients call one. */
function attackServer(
  name: string,
  sent: string,
  run: (field: Field, ports: Portals) => Promise<void>,
  growth = GROWTH,
): void {
  attack(`6 ${name}`, async (field) => {
    const { target, ups } = await field.serve(SEVERAL, 3);
    const quiet = ups.find((up) => up.name === QUIET);
    const honest = [{ db: quiet?.addresses.db_address ?? '', server: QUIET, path: `${QUIET}.upper` }];
    const bounds = { growth, descriptors: 400 };
    await field.besiege(target, { sent, bounds, honest }, () => run(field, portsOf(ups)));
  });
}

/** Ports by `role.key`. */
function portsOf(ups: readonly Up[]): Portals {
  return Object.fromEntries(
    ups.flatMap(({ name, addresses }) =>
      Object.entries(addresses).map(([key, address]) => [
        `${name}.${key.replace('_address', '')}`,
        portOf(address),
      ]),
    ),
  );
}

async function dial(field: Field, port: number | undefined, type: string, isDeaf = false): Promise<ZmtpPeer> {
  return field.own(await ZmtpPeer.dial(port ?? 0, type, { isDeaf }));
}

/** Writes the same again and again, up to so many bytes, or until the other end hangs up. */
async function pour(peer: ZmtpPeer, chunk: Uint8Array, total: number): Promise<void> {
  for (let left = total; left > 0; left -= chunk.length) if (!(await peer.write(chunk))) return;
}

const TOPIC = 20;

attackServer('a long subscription', `a topic of ${TOPIC} MiB to each publisher`, async (field, ports) => {
  for (const name of [SERVER, MASTER]) {
    const peer = await dial(field, ports[`${name}.pub`], 'SUB');
    await pour(peer, frameOf(Buffer.alloc(TOPIC * MiB, 1)), 1);
    // The next is read when the last is done with.
    await pour(peer, frameOf(Buffer.from('\x01short/')), 1);
  }
});

const TOPICS = times(100_000, 1_000_000);

attackServer('many subscriptions', `${TOPICS} topics of 40 bytes to one publisher`, async (field, ports) => {
  const peers = await Promise.all(
    Array.from({ length: 4 }, () => dial(field, ports[`${SERVER}.pub`], 'SUB')),
  );
  await Promise.all(
    peers.map(async (peer) => {
      for (let left = TOPICS / peers.length; left > 0; left -= 500) {
        const topics = Array.from({ length: 500 }, () =>
          frameOf(Buffer.from(`\x01${Buffer.from(field.random.bytes(20)).toString('hex')}`)),
        );
        if (!(await peer.write(Buffer.concat(topics)))) return;
      }
    }),
  );
});

const PARTS = times(8, 20);

attackServer(
  'messages without an end',
  `${PARTS} MiB of parts of one byte to each socket that reads`,
  async (field, ports) => {
    const part = frameOf(Buffer.from('x'), true);
    const chunk = Buffer.concat(Array.from({ length: 20_000 }, () => part));
    const reading = [
      [`${SERVER}.pull`, 'PUSH'],
      [`${SERVER}.db`, 'DEALER'],
      [`${MASTER}.worker_pull`, 'PUSH'],
      [`${MASTER}.db`, 'REQ'],
    ] as const;
    await Promise.all(
      reading.map(async ([name, type]) => {
        const peer = await dial(field, ports[name], type);
        await pour(peer, chunk, PARTS * MiB);
      }),
    );
  },
);

const WORKERS = times(300, 1_500);

attackServer(
  'workers with long names',
  `${WORKERS} workers with names of 256 KiB ask a Master`,
  async (field, ports) => {
    const peer = await dial(field, ports[`${MASTER}.db`], 'DEALER');
    for (let i = 0; i < WORKERS; i++) {
      const name = `${i}`.padEnd(256 * 1_024, 'w');
      const request = { worker: name, name, sequence: 1, want: 1, leaves: false, isAway: false, items: [] };
      if (!(await peer.write(messageOf(NOTHING, encodeWorkRequest(codec, request))))) {
        peer.socket.destroy();
        return;
      }
    }
  },
);

const GIANTS = times(40, 200);

attackServer(
  'frames that are announced',
  `${GIANTS} peers announce 2^63 − 1 bytes, as many 2 GiB, and send 256 KiB`,
  async (field, ports) => {
    const targets = Object.entries(ports).filter(([name]) => !name.endsWith('worker_push'));
    for (let i = 0; i < GIANTS; i++) {
      for (const length of [2n ** 63n - 1n, 2n ** 31n]) {
        const [name, port] = field.random.pick(targets);
        const type = name.endsWith('.db') ? 'DEALER' : name.endsWith('.pub') ? 'SUB' : 'PUSH';
        const peer = await dial(field, port, type);
        peer.isAmidFrame = true;
        await pour(peer, headOf(length, i % 2 === 0), 1);
        await pour(peer, Buffer.alloc(256 * 1_024, 1), 1);
      }
    }
  },
);

const UNREAD = times(400, 4_000);

attackServer(
  'peers that read nothing',
  `${UNREAD} requests for 512 KiB, of which no answer is read`,
  async (field, ports) => {
    const writer = await dial(field, ports[`${SERVER}.db`], 'DEALER');
    const value = new Uint8Array(512 * 1_024);
    const set = codec.encode(
      palmMessage({ client: 'a', function: `${SERVER}.set`, cache: 'large', payload: value }),
    );
    await writer.write(messageOf(NOTHING, set));
    const get = codec.encode(
      palmMessage({
        client: 'a',
        function: `${SERVER}.get`,
        payload: bytes('large'),
        features: Feature.replies,
      }),
    );
    const request = messageOf(NOTHING, get);
    const peers = await Promise.all(
      Array.from({ length: 4 }, () => dial(field, ports[`${SERVER}.db`], 'DEALER', true)),
    );
    await Promise.all(peers.map((peer) => pour(peer, request, (request.length * UNREAD) / peers.length)));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  },
);
