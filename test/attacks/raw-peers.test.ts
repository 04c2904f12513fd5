/** Peers of a server's ZeroMQ sockets that keep to no protocol of frond's. */
import { attack, type Field, MiB, pause, times } from './field.ts';
import { MASTER, QUIET, SERVER, SEVERAL } from './parts.ts';
import { IS_NATIVE } from './target.ts';
import {
  announce,
  askAsWorkers,
  askDeaf,
  type Ports,
  portsOf,
  sendWithoutEnd,
  subscribeLong,
  subscribeMany,
} from './zmtp-strangers.ts';

/** MiB that a server may grow by, whatever strangers say: what they may make it keep, and the slack of its heap. */
const GROWTH = 96;
/** MiB that may wait for functions (`maxWaiting`), and as much again for the objects around messages of a byte. */
const WAITING = 128;

/**
 * Bytes that libzmq takes for each that comes in parts of one byte: it gathers a message of any number of parts before it hands
 * any of it on, and nothing bounds that. The bound holds what it costs, so that it does not become more.
 */
const GATHERED = 24;

/** Attacks a process of three roles, of which honest clients call one. */
function attackServer(
  name: string,
  sent: string,
  run: (field: Field, ports: Ports) => Promise<unknown>,
  besideNative = 0,
  beside = 0,
): void {
  attack(`6 ${name}`, async (field) => {
    const { target, ups } = await field.serve(SEVERAL, 3);
    const quiet = ups.find((up) => up.name === QUIET);
    const honest = [{ db: quiet?.addresses.db_address ?? '', server: QUIET, path: `${QUIET}.upper` }];
    const bounds = { growth: GROWTH + (IS_NATIVE ? besideNative : beside), descriptors: 400 };
    await field.besiege(target, { sent, bounds, honest }, async () => {
      await run(field, portsOf(ups));
    });
  });
}

const TOPIC = 20;

attackServer('a long subscription', `a topic of ${TOPIC} MiB to each of two publishers`, (field, ports) =>
  Promise.all([SERVER, MASTER].map((name) => subscribeLong(field, ports[`${name}.pub`], TOPIC))),
);

const TOPICS = times(100_000, 1_000_000);
const SUBSCRIBERS = 4;

attackServer(
  'many subscriptions',
  `${TOPICS} topics of 40 bytes of ${SUBSCRIBERS} subscribers to one publisher`,
  (field, ports) =>
    Promise.all(
      Array.from({ length: SUBSCRIBERS }, () =>
        subscribeMany(field, ports[`${SERVER}.pub`], TOPICS / SUBSCRIBERS),
      ),
    ),
);

/** MiB. libzmq keeps the parts; frond's own ZeroMQ hands each on, and a server takes 5 µs to find out that it is nothing. */
const PARTS = IS_NATIVE ? times(8, 20) : times(1, 4);

attackServer(
  'messages without an end',
  `${PARTS} MiB of parts of one byte to each socket that reads`,
  (field, ports) => {
    const reading = [
      [`${SERVER}.pull`, 'PUSH'],
      [`${SERVER}.db`, 'DEALER'],
      [`${MASTER}.worker_pull`, 'PUSH'],
      [`${MASTER}.db`, 'REQ'],
    ] as const;
    return Promise.all(reading.map(([name, type]) => sendWithoutEnd(field, ports[name], type, PARTS * MiB)));
  },
  4 * PARTS * GATHERED,
  WAITING,
);

const WORKERS = times(300, 1_500);

attackServer(
  'workers with long names',
  `${WORKERS} workers with names of 256 KiB ask a Master`,
  (field, ports) => askAsWorkers(field, ports[`${MASTER}.db`], WORKERS),
);

const GIANTS = times(40, 200);
const LENGTHS = [2n ** 63n - 1n, 2n ** 31n];

attackServer(
  'frames that are announced',
  `${GIANTS} peers announce 2^63 − 1 bytes, as many 2 GiB, and send 256 KiB`,
  async (field, ports) => {
    const read = Object.entries(ports).filter(([name]) => !name.endsWith('worker_push'));
    for (let i = 0; i < GIANTS; i++) {
      for (const length of LENGTHS) {
        const [name, port] = field.random.pick(read);
        const type = name.endsWith('.db') ? 'DEALER' : name.endsWith('.pub') ? 'SUB' : 'PUSH';
        await announce(field, port, type, length);
      }
    }
  },
);

const UNREAD = times(400, 4_000);

attackServer(
  'peers that read nothing',
  `${UNREAD} requests for 512 KiB, of which no answer is read`,
  async (field, ports) => {
    await askDeaf(field, ports[`${SERVER}.db`], SERVER, UNREAD);
    await pause(1_000);
  },
  // libzmq holds 1 000 replies for a peer, of any size, until heartbeats find out that it is deaf.
  Math.min(UNREAD, 1_000) / 2,
);
