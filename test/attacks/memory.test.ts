/** Clients of a relay that fill what it keeps for them: it stays within what its limits say. */

import type { RawPeer } from '../support/relay-peer.ts';
import type { Up } from '../support/service.ts';
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
import { attack, type Field, MiB, type RunningRelay, times } from './field.ts';
import {
  EVERYTHING,
  HONEST_TOKEN,
  MASTER,
  oneServer,
  QUIET,
  SERVER,
  SEVERAL,
  tokenOf,
  tokens,
} from './parts.ts';
import type { Target } from './target.ts';
import { portsOf, pushCalls } from './zmtp-strangers.ts';

/** MiB that the relay may hold for all clients. */
const HELD = 32;
const WINDOW = MiB;
const limits = { maxHeldTotal: HELD * MiB, window: WINDOW };
/**
 * MiB that a process may grow by beside what its limits let it keep: messages that are being read, twice the largest of each
 * of some sockets, a heap that V8 has not cleared (60 MiB were seen), and freed buffers that the allocator keeps (40 MiB).
 */
const CONSTANT = 128;
const GROWTH = HELD + CONSTANT;
/** MiB: what waits for the functions of a server (`maxWaiting`) takes the place of what a relay holds. */
const WAITING = 64 + CONSTANT;
/** Channels of one client: the relay's own limit is one more. */
const CHANNELS = 31;

interface Scene {
  readonly field: Field;
  readonly relay: RunningRelay;
  /** The process of the servers, and what they are. */
  readonly servers: Target;
  readonly ups: readonly Up[];
  readonly fell: (fault: string) => void;
}

/** Attacks a relay, or the servers behind it, whose server `quiet` honest clients call. */
function fill(
  name: string,
  sent: string,
  victim: 'relay' | 'servers',
  run: (scene: Scene) => Promise<void>,
  { isSplit = false, more = 0, grants = EVERYTHING as object, growth = GROWTH } = {},
): void {
  attack(`5 ${name}`, async (field) => {
    const { target, ups } = await field.serve(SEVERAL, 3);
    const addresses = Object.fromEntries(ups.map((up) => [up.name, up.addresses.db_address]));
    // What is stopped is not what honest clients call.
    const other = isSplit ? await field.serve(oneServer(QUIET)) : undefined;
    const quiet = other?.ups[0]?.addresses.db_address ?? addresses[QUIET];
    const relay = await field.relay({
      servers: { ...addresses, [QUIET]: quiet },
      tokens: tokens(more, grants),
      limits,
    });
    const honest = [{ url: relay.url, token: HONEST_TOKEN, server: QUIET, path: `${QUIET}.upper` }];
    const attacked = victim === 'relay' ? relay.target : target;
    await field.besiege(attacked, { sent, bounds: { growth, descriptors: 400 }, honest }, async (fell) => {
      try {
        await run({ field, relay, servers: target, ups, fell });
        const held = await relay.figure('held_bytes');
        if (held > limits.maxHeldTotal) fell(`held_bytes is ${held}, of ${limits.maxHeldTotal} at most`);
      } finally {
        target.signal('SIGCONT');
      }
    });
  });
}

/** So many clients, all at once. */
async function many(
  { field, relay }: Scene,
  count: number,
  does: (peer: RawPeer) => Promise<void>,
  tokenFor?: (number: number) => string,
): Promise<void> {
  const ABREAST = 10;
  for (let first = 0; first < count; first += ABREAST) {
    await Promise.all(
      Array.from({ length: Math.min(ABREAST, count - first) }, async (_, i) => {
        const peer = await enter(field, relay.url, first + i, tokenFor?.(first + i));
        if (peer !== undefined) await does(peer);
      }),
    );
  }
}

const TOPIC = 4 * MiB - 1_024;
const LEAVING = times(2, 12);

fill(
  'topics of sessions that leave',
  `${CHANNELS} subscriptions of 4 MiB in each of ${LEAVING} sessions that leave`,
  'relay',
  async ({ field, relay }) => {
    for (let i = 0; i < LEAVING; i++) {
      const peer = await enter(field, relay.url, i);
      if (peer === undefined) return;
      await subscribe(peer, SERVER, CHANNELS, TOPIC);
      peer.socket.terminate();
    }
  },
);

const PATHS = 256;
const BEARERS = times(60, 200);

fill(
  'paths that were judged',
  `${PATHS} paths of 4 kB by each of ${BEARERS} identities`,
  'relay',
  async (scene) => {
    let number = 0;
    const token = () => tokenOf(number++);
    await many(scene, BEARERS, (peer) => callPaths(peer, SERVER, PATHS, 4_090), token);
  },
  { more: BEARERS, grants: { ...EVERYTHING, functions: [`${SERVER}.upper`] } },
);

const PUSHING = times(6, 10);

fill(
  'windows to a server that is stopped',
  `${PUSHING} clients fill the windows of ${CHANNELS} channels, ${WINDOW / MiB} MiB each, to a stopped server`,
  'relay',
  async (scene) => {
    const peers: RawPeer[] = [];
    await many(scene, PUSHING, async (peer) => {
      peers.push(peer);
      // So that the server is known before it is stopped.
      await fillWindows(peer, SERVER, `${SERVER}.upper`, 1, 1_000, { call: 100 });
    });
    scene.servers.signal('SIGSTOP');
    await Promise.all(
      peers.map((peer) => fillWindows(peer, SERVER, `${SERVER}.upper`, CHANNELS - 1, WINDOW, { first: 2 })),
    );
  },
  { isSplit: true },
);

fill(
  'windows to a slow function',
  `${PUSHING} clients fill the windows of ${CHANNELS} channels, ${WINDOW / MiB} MiB each, with calls of a slow function`,
  'servers',
  async (scene) => {
    await many(scene, PUSHING, (peer) => fillWindows(peer, SERVER, `${SERVER}.slow`, CHANNELS, WINDOW));
  },
);

const POURED = times(40, 100);

fill(
  'calls of a slow function, straight',
  `${PUSHING} peers push ${POURED} MiB each of calls of a slow function to a server's socket`,
  'servers',
  async ({ field, ups }) => {
    const port = portsOf(ups)[`${SERVER}.pull`];
    await Promise.all(
      Array.from({ length: PUSHING }, () => pushCalls(field, port, `${SERVER}.slow`, POURED * MiB)),
    );
  },
  { growth: WAITING },
);

const ASKING = times(80, 200);

fill(
  'requests to a server that is stopped',
  `${ASKING} sessions leave 256 requests, ${WINDOW / MiB} MiB together, at a stopped server`,
  'relay',
  async (scene) => {
    scene.servers.signal('SIGSTOP');
    await many(scene, ASKING, async (peer) => {
      await fillRequests(peer, SERVER, 256, WINDOW);
      peer.socket.terminate();
    });
  },
  { isSplit: true },
);

const CROWD = times(16, 200);

fill(
  'everything, at its limit',
  `${CROWD} clients open all they may, with topics and windows as large as they may be, and stay`,
  'relay',
  async (scene) => {
    const peers: RawPeer[] = [];
    await many(scene, CROWD, async (peer) => {
      peers.push(peer);
      await fillWindows(peer, SERVER, `${SERVER}.upper`, 1, 1_000, { call: 100 });
    });
    scene.servers.signal('SIGSTOP');
    await Promise.all(
      peers.map(async (peer) => {
        const third = Math.floor(CHANNELS / 3);
        await fillWindows(peer, SERVER, `${SERVER}.upper`, third - 1, WINDOW, { first: 2 });
        await subscribeFrom(peer, third + 1, third);
        openPulls(peer, MASTER, 2 * third + 1, third);
        await flushed(peer);
        await fillRequests(peer, SERVER, 256, WINDOW);
      }),
    );
  },
  { isSplit: true },
);

async function subscribeFrom(peer: RawPeer, first: number, count: number): Promise<void> {
  if (isOpen(peer)) await subscribe(peer, SERVER, count, MiB, first);
}
