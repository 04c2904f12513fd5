/** A page before two relays side by side, behind a balancer that sends each link to either. */
import { expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { startBalancer } from '../support/balancer.ts';
import { BROWSER, withoutSockets } from '../support/browser.ts';
import { notOnce, numbered, readNumber } from '../support/jobs.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { startRelay, TOKEN } from '../support/relay.ts';
import { within } from '../support/wait.ts';
import { Control } from './control.ts';
import { remoteWebsocket } from './remote.ts';
import { startStudio } from './studio.ts';

const COUNT = 10_000;
const KEY = 'a key that two relays share and nobody else';

it(`loses and repeats nothing of a job from ${BROWSER}, cut every 200 ms`, async () => {
  await using studio = await startStudio(['remote']);
  const any = 'tcp://127.0.0.1:*';
  await using server = await Server.start({
    transport: zmtp(),
    name: 'server',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
    concurrency: 64,
    functions: {
      slowly: async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return payload;
      },
    },
  });
  const ports = { a: portOf(await freeAddress()), b: portOf(await freeAddress()) };
  const start = (id: 'a' | 'b', other: 'a' | 'b') =>
    startRelay({
      transport: zmtp(),
      servers: { server: { dbAddress: server.dbAddress } },
      origins: [studio.site.origin],
      peers: { id, key: KEY, urls: { [other]: `ws://127.0.0.1:${ports[other]}/` } },
      port: ports[id],
    });
  const relays = [await start('a', 'b'), await start('b', 'a')];
  try {
    await using balancer = await startBalancer([ports.a, ports.b]);
    const coming = studio.site.nextControl();
    const { complaints, settle, context } = await studio.open('remote');
    const control = new Control(await within(20_000, coming, 'the page'));
    const client = await Client.connect({
      transport: remoteWebsocket(() => control, balancer.url, { token: TOKEN, maxDelay: 20 }),
      serverName: 'server',
      loggingLevel: 'silent',
    });
    const { id } = client;
    const times = new Uint8Array(COUNT);
    let cuts = 0;
    const timer = setInterval(() => {
      cuts += balancer.cut();
    }, 200);
    const run = async () => {
      for await (const result of client.job('server.slowly', numbered(COUNT), { messages: COUNT })) {
        const number = readNumber(result);
        times[number] = (times[number] ?? 0) + 1;
      }
    };
    try {
      await within(50_000, run(), 'the job');
    } finally {
      clearInterval(timer);
    }
    expect(notOnce(times)).toEqual([]);
    expect(client.id).toBe(id);
    expect(cuts).toBeGreaterThan(5);
    const passed = await Promise.all(
      relays.map((relay) => relay.figure('passed_sessions_total{outcome="passed"}')),
    );
    expect(Math.max(...passed.map((count) => count || 0))).toBeGreaterThan(0);
    await client.close();
    await settle();
    // Some links were cut during their handshake, of which browsers tell.
    expect(withoutSockets(complaints)).toEqual([]);
    await context.close();
  } finally {
    for (const relay of relays) await relay.close();
  }
}, 90_000);
