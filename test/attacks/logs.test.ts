/** Strangers who repeat what is logged. */
import { connect } from 'node:net';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { bytes } from '../support/bytes.ts';
import { upgradeText } from '../support/knock.ts';
import { portOf } from '../support/ports.ts';
import { dial } from '../support/relay-peer.ts';
import { frameOf, messageOf, ZmtpPeer } from '../support/zmtp.ts';
import { addressOf } from './clients.ts';
import { attack, times } from './field.ts';
import { HONEST_TOKEN, MASTER, oneServer, QUIET, SERVER, SEVERAL, tokens } from './parts.ts';

const codec = new EnvelopeCodec();
/** Bytes that a process may log, however often strangers repeat themselves. */
const LOG = 64 * 1_024;
const bounds = { growth: 96, descriptors: 300, log: LOG };

const HANDSHAKES = times(3_000, 100_000);
const GREETINGS = times(300, 10_000);
const ABREAST = 16;
/** What a log is to clip, and to write so that a terminal does nothing of it. */
const NOISE = 'x\u001b[2J\u009b31m\u202e'.repeat(200);

/** Asks for a WebSocket as a page of a foreign origin, and reads the answer. */
function knock(port: number, number: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: addressOf(number % 40) });
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
    socket.write(upgradeText('/', { Origin: `https://${number}.${'evil'.repeat(400)}.example` }));
  });
}

async function lanes(count: number, does: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await does(next++);
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
}

attack('9 the log of a relay', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const { target, url, port } = await field.relay({ servers, tokens: tokens() });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const sent = `${HANDSHAKES} handshakes of a foreign origin, ${GREETINGS} wrong tokens`;
  await field.besiege(target, { sent, bounds, honest }, async () => {
    await lanes(HANDSHAKES, (number) => knock(port, number));
    await lanes(GREETINGS, async (number) => {
      const peer = await dial(url, { localAddress: addressOf(number % 40) });
      await peer.greet(`${number}${NOISE}`).catch(() => {});
      await peer.close();
    });
  });
});

const CALLS = times(3_000, 100_000);

/** MiB: what may wait at each of the two roles that are flooded, and the slack of a heap under load. */
const WAITING = 2 * 64 + 160;

attack('9 the log of a server', async (field) => {
  const { target, ups } = await field.serve(SEVERAL, 3);
  const addressOfRole = (name: string, key: string) =>
    portOf(ups.find((up) => up.name === name)?.addresses[`${key}_address`] ?? '');
  const quiet = ups.find((up) => up.name === QUIET)?.addresses.db_address ?? '';
  const honest = [{ db: quiet, server: QUIET, path: `${QUIET}.upper` }];
  const sent = `${CALLS} each of unknown functions, functions that throw, broken envelopes, bad requests to a cache and for work`;
  await field.besiege(target, { sent, bounds: { ...bounds, growth: WAITING }, honest }, async () => {
    const peer = async (name: string, key: string, type: string) =>
      field.own(await ZmtpPeer.dial(addressOfRole(name, key), type));
    const call = (path: string) =>
      codec.encode(palmMessage({ client: 'stranger/1', function: path, payload: bytes('x') }));
    const request = (path: string) =>
      codec.encode(palmMessage({ client: 'stranger', function: path, cache: NOISE, payload: bytes(NOISE) }));
    const pushed = [
      call(`${SERVER}.${NOISE}`),
      call(`${SERVER}.boom`),
      call(NOISE),
      bytes('\u0007 no envelope'),
    ];
    const asked = [
      request(`${SERVER}.${NOISE}`),
      request(`${MASTER}.work`),
      request('_.work'),
      bytes('\u0007'),
    ];
    const attackers = [
      { to: await peer(SERVER, 'pull', 'PUSH'), messages: pushed.map((frame) => frameOf(frame)) },
      { to: await peer(MASTER, 'worker_pull', 'PUSH'), messages: pushed.map((frame) => frameOf(frame)) },
      {
        to: await peer(SERVER, 'db', 'DEALER'),
        messages: asked.map((frame) => messageOf(new Uint8Array(0), frame)),
      },
      {
        to: await peer(MASTER, 'db', 'DEALER'),
        messages: asked.map((frame) => messageOf(new Uint8Array(0), frame)),
      },
    ];
    await Promise.all(
      attackers.map(async ({ to, messages }) => {
        const round = Buffer.concat(Array.from({ length: 10 }, () => messages).flat());
        for (let i = 0; i < CALLS; i += 10) if (!(await to.write(round))) return;
      }),
    );
  });
});
