/** Links that died unseen, while a page was hidden or a machine slept; and pages that are left. */
import { afterEach, expect, it, vi } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { connect, startRelay, TOKEN } from '../../support/relay.ts';
import { dial } from '../../support/relay-peer.ts';
import { eventually, first, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll(heartbeat: number) {
  const cluster = open();
  const { dbAddress } = await cluster.start<Server>({ role: 'server', name: 'server' });
  const relay = cluster.own(
    await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress } },
      limits: { heartbeat },
    }),
  );
  const wire = cluster.own(await startWire(relay.port));
  return { cluster, relay, wire, client: cluster.own(await connect(wire.url)) };
}

/** Has this process tell of events as a page does. */
function actAsPage(): EventTarget {
  const page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  return page;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A client in a page of its own. */
async function openPage() {
  const page = actAsPage();
  return { page, ...(await openAll(20_000)) };
}

// All at once, since each takes the seconds that a link has to answer.
it('whatever event wakes a page, a link that is dead is given up soon, and one that lives is kept', async () => {
  const { page, client, wire } = await openPage();
  const woken = [];
  for (const type of ['visibilitychange', 'online', 'pageshow', 'resume']) {
    woken.push({ type, ...(await openPage()) });
  }
  const isGivenUp = woken.map(async ({ type, page, client, wire }) => {
    const { id } = client;
    await client.eval('server.echo', bytes('before'));
    wire.freeze();
    page.dispatchEvent(new Event(type));
    const answer = await within(
      5_000,
      client.eval('server.echo', bytes('after')),
      `after ${type}, the answer`,
    );
    expect([type, textOf(answer)]).toEqual([type, 'after']);
    expect([type, client.id, wire.count]).toEqual([type, id, 2]);
  });
  const isKept = async () => {
    for (let i = 0; i < 5; i++) page.dispatchEvent(new Event('visibilitychange'));
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await client.eval('server.echo', bytes('after'));
    expect(wire.count).toBe(1);
  };
  await Promise.all([...isGivenUp, isKept()]);
}, 15_000);

it('a page that is put away lets go of its link, and goes on when it is back', async () => {
  const page = actAsPage();
  const { client, relay } = await openAll(20_000);
  const { id } = client;
  const gone = first(client.status(), ({ type }) => type === 'disconnected');
  page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
  await within(2_000, gone, 'the end of the link');
  page.dispatchEvent(new Event('pageshow'));
  await within(2_000, client.eval('server.echo', bytes('after')), 'the answer');
  expect([client.id, await relay.figure('sessions')]).toEqual([id, 1]);
});

it('a machine that slept finds out that the link is dead, without any event', async () => {
  const { wire, client } = await openAll(8_000);
  wire.freeze();
  const now = Date.now;
  const begin = now();
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  const answer = await within(6_000, client.eval('server.echo', bytes('after')), 'the answer');
  expect(textOf(answer)).toBe('after');
  // Two looks at the heartbeat would be more.
  expect(now() - begin).toBeLessThan(1.7 * 8_000);
}, 15_000);

it('a page that is left, which its browser says with 1001, has no session any more', async () => {
  const { cluster, relay, wire } = await openAll(20_000);
  const peer = cluster.own(await dial(wire.url));
  await peer.greet(TOKEN);
  expect(await relay.figure('sessions')).toBe(2);
  peer.socket.close(1001);
  await peer.end();
  await eventually(async () => (await relay.figure('sessions')) === 1, 2_000);
});
