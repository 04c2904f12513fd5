/** All of it at once, at every limit, beside fifty clients that do nothing but call. */
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import type { RawPeer } from '../support/relay-peer.ts';
import {
  callPaths,
  enter,
  fillRequests,
  fillWindows,
  flushed,
  isOpen,
  openPulls,
  subscribe,
} from './clients.ts';
import { attack, IS_LONG, MiB, pause, times } from './field.ts';
import { EVERYTHING, HONEST_TOKEN, MASTER, QUIET, SERVER, SEVERAL, tokenOf, tokens } from './parts.ts';
import { resetAt, stagesAt } from './upgrades.ts';
import {
  announce,
  askAsWorkers,
  askDeaf,
  cancelMany,
  portsOf,
  sendWithoutEnd,
  subscribeLong,
  subscribeMany,
} from './zmtp-strangers.ts';

/** Times that each attack is repeated. */
const ROUNDS = times(3, 60);
/** Milliseconds between two of the same. */
const BETWEEN = 50;
const HELD = 32;
const IDENTITIES = 200;
/** MiB: what a relay may hold for its clients, and what memory.test.ts allows beside, of each attack. */
const GROWTH = HELD + 224;
/**
 * MiB that servers may hold: replies that no peer of one socket reads (`sendHighWaterBytesTotal`), what waits for functions (`maxWaiting`), topics of
 * one publisher (`maxTopicBytesTotal`); and what raw-peers.test.ts allows beside.
 */
const SERVERS_GROWTH = 256 + 64 + 64 + 96;

/** How many times as long as before the honest calls may take, 99 of 100; a short run is for machines that are busy. */
const P99 = IS_LONG ? { p99: 3 } : {};

attack('together', async (field) => {
  const { target, ups } = await field.serve(SEVERAL, 3);
  const servers = Object.fromEntries(ups.map((up) => [up.name, up.addresses.db_address]));
  const relay = await field.relay({
    servers,
    tokens: tokens(IDENTITIES, { ...EVERYTHING, functions: [`${SERVER}.*`, `${MASTER}.*`] }),
    limits: { maxHeldTotal: HELD * MiB },
  });
  const ports = portsOf(ups);
  const { url, port } = relay;
  const path = `${QUIET}.upper`;
  const honest = [
    { url, token: HONEST_TOKEN, server: QUIET, path, count: 40, pace: 100 },
    { db: servers[QUIET] ?? '', server: QUIET, path, count: 10, pace: 100 },
  ];
  const sent = `${ROUNDS} times, all at once, what each of the others sends, to the relay and to the servers behind it`;
  const bounds = { growth: GROWTH, descriptors: 1_000, log: 128 * 1_024, ...P99 };
  const siege = { sent, bounds, growths: { servers: SERVERS_GROWTH }, honest, isPolite: IS_LONG };
  await field.besiege({ relay: relay.target, servers: target }, siege, async () => {
    let number = 0;
    const client = () => {
      const own = number++ % IDENTITIES;
      return enter(field, url, own, tokenOf(own));
    };
    const again = async (act: () => Promise<unknown>) => {
      for (let round = 0; round < ROUNDS; round++) {
        // One that is refused or cut off tries again.
        await act().catch(() => {});
        await pause(BETWEEN);
      }
    };
    const asClient = (act: (peer: RawPeer) => Promise<void>) =>
      again(async () => {
        const peer = await client();
        if (peer === undefined) return;
        await act(peer);
        if (isOpen(peer)) peer.socket.terminate();
      });
    await Promise.all([
      asClient((peer) => subscribe(peer, SERVER, 31, MiB)),
      asClient((peer) => callPaths(peer, SERVER, 256, 4_090)),
      asClient((peer) => fillWindows(peer, SERVER, `${SERVER}.slow`, 8, MiB)),
      asClient((peer) => fillRequests(peer, SERVER, 256, MiB)),
      asClient(async (peer) => {
        openPulls(peer, MASTER, 1, 31);
        await flushed(peer);
      }),
      asClient(async (peer) => {
        peer.send([Type.open, 1, ChannelKind.push, `${MASTER}/results`, '']);
        await flushed(peer);
      }),
      again(async () => {
        for (const stage of stagesAt('/')) await resetAt(field, stage, port);
      }),
      again(() => subscribeLong(field, ports[`${SERVER}.pub`], 20)),
      again(() => subscribeMany(field, ports[`${MASTER}.pub`], 5_000)),
      again(() => subscribeMany(field, ports[`${SERVER}.pub`], 5_000, '/')),
      again(() => cancelMany(field, ports[`${SERVER}.db`], 20)),
      again(() => sendWithoutEnd(field, ports[`${SERVER}.pull`], 'PUSH', MiB / 8)),
      again(() => sendWithoutEnd(field, ports[`${MASTER}.db`], 'DEALER', MiB / 8)),
      again(() => askAsWorkers(field, ports[`${MASTER}.db`], 20)),
      again(() => announce(field, ports[`${SERVER}.db`], 'DEALER', 2n ** 63n - 1n)),
      again(() => askDeaf(field, ports[`${SERVER}.db`], SERVER, 40)),
    ]);
  });
});
