/** Peers that say nothing, or do not listen. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { Feature } from '../../../src/protocol/message.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { openTcp, readText, upgradeText } from '../../support/knock.ts';
import { envelope } from '../../support/relay-peer.ts';
import { until, within } from '../../support/wait.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const besieged = testRelays();
const children = testRelayChildren();

const greetingTimeout = 200;

it('serves others while TCP connections say nothing, or half a request', async () => {
  const { port, meanwhile, figure } = await besieged({ limits: { greetingTimeout } });
  await meanwhile(async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openTcp(port)));
    for (const [i, socket] of sockets.entries()) if (i % 2 === 0) socket.write('GET / HTTP/1.1\r\nUpgr');
    expect(await figure('connections')).toBe(1);
    for (const socket of sockets) socket.destroy();
  });
});

it('closes a WebSocket that does not greet with 4408, whatever else it says', async () => {
  const { dial, meanwhile, figure } = await besieged({ limits: { greetingTimeout } });
  await meanwhile(async () => {
    const silent = await dial();
    const chatty = await dial();
    // Pings of WebSocket are no greeting.
    const chat = setInterval(() => chatty.socket.ping(), 20);
    expect(await Promise.all([silent.end(), chatty.end()])).toMatchObject([{ code: 4408 }, { code: 4408 }]);
    clearInterval(chat);
  });
  expect(await figure('closes_total{code="4408"}')).toBe(2);
  expect(await figure('connections')).toBe(1);
});

it('lets go of who sends half a frame and then nothing, before a greeting and after', async () => {
  const heartbeat = 200;
  const { port, peer, meanwhile, figure } = await besieged({ limits: { greetingTimeout, heartbeat } });
  await meanwhile(async () => {
    const socket = await openTcp(port);
    socket.write(upgradeText());
    await readText(socket, (text) => text.endsWith('\r\n\r\n'));
    const closed = once(socket, 'close');
    // Binary and masked, of 1 000 bytes, of which three come.
    socket.write(Buffer.from('82fe03e800000000010203', 'hex'));
    await within(3_000, closed, 'the end before a greeting');
    const half = await peer('attacker-token');
    half.isMute = true;
    // Behind it no pong can come.
    half.socket.send(new Uint8Array(1_000), { fin: false });
    await half.end();
    await until(() => half.socket.readyState === half.socket.CLOSED);
  });
  expect(await figure('connections')).toBe(1);
  expect(await figure('closes_total{code="4408"}')).toBe(2);
});

it('lets go of who answers no pings', async () => {
  const { peer, meanwhile, figure } = await besieged({ limits: { heartbeat: 100 } });
  await meanwhile(async () => {
    const mute = await peer();
    mute.isMute = true;
    await mute.end();
  });
  expect(await figure('closes_total{code="4408"}')).toBe(1);
});

const CHUNK = 65_536;
const CHUNKS = 8_000;
/** MiB: for the 16 that are held for it, and as much again. */
const ROOM = 32;

const FLOODS = 3;

/** Peers that do not read are flooded one after another: by how much a relay grew at each, fresh from its start, in MiB. */
async function growths(isPaced: boolean): Promise<number[]> {
  const chunk = new Uint8Array(CHUNK);
  async function* paced() {
    for (let i = 0; i < CHUNKS; i++) {
      if (i % 16 === 0) await alive();
      yield chunk;
    }
  }
  function* flood() {
    for (let i = 0; i < CHUNKS; i++) yield chunk;
  }
  const { peer, alive, meanwhile, rss, figure, server } = await children({ flood: isPaced ? paced : flood });
  /** The most that the relay's memory was meanwhile. */
  const floodDeafPeer = async () => {
    let most = 0;
    const deaf = await peer();
    await deaf.openCalls();
    const all = server.counters.answered + CHUNKS;
    await meanwhile(async () => {
      deaf.socket.pause();
      // Else the flood would end with the peer's session.
      const features = Feature.detached;
      const call = { client: `${deaf.id}/1`, function: 'server.flood', features };
      deaf.send([Type.send, 1, 1, [envelope(call)]]);
      while (server.counters.answered < all) {
        most = Math.max(most, rss());
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    return most;
  };
  const grown: number[] = [];
  while (grown.length < FLOODS) {
    const before = rss();
    grown.push(((await floodDeafPeer()) - before) / MiB);
  }
  console.log(`the relay's memory grew by ${grown.map((own) => own.toFixed(1)).join(', ')} MiB at most`);
  await expect.poll(() => figure('closes_total{code="4413"}'), { timeout: 4_000 }).toBe(FLOODS);
  expect(await figure('sessions')).toBe(1);
  expect(await figure('held_bytes')).toBeLessThan(MiB);
  return grown;
}

const AMOUNT = `${(CHUNK * CHUNKS) / 1e6} MB`;

it(`holds little of ${AMOUNT} for a peer that does not read`, async () => {
  expect(Math.max(...(await growths(true)))).toBeLessThan(ROOM);
}, 40_000);

it(`holds little of ${AMOUNT} that come faster than it reads`, async () => {
  expect(Math.max(...(await growths(false)))).toBeLessThan(ROOM);
}, 40_000);
