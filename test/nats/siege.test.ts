/**
 * A cluster whose parts are killed one after another, on three servers of NATS: its clients get each result once, and in order. Half of them
 * are at NATS, half behind relays: one in Chromium, where there is one. `SIEGE=100000` has so many inputs.
 */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Client, text } from '../../src/index.ts';
import type { Transport } from '../../src/transport.ts';
import { nats } from '../../transports/nats/index.ts';
import { loadPackages } from '../../transports/nats/packages.ts';
import { Control } from '../browser/control.ts';
import { remoteWebsocket } from '../browser/remote.ts';
import { startStudio } from '../browser/studio.ts';
import { BROWSER } from '../support/browser.ts';
import { megabytes } from '../support/leftovers.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { TOKEN, toRelay } from '../support/relay.ts';
import { relaysOnNats } from '../support/relays-on-nats.ts';
import { eventually, within } from '../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('siege-process.ts', import.meta.url));
const INPUTS = Number(process.env['SIEGE'] ?? 10_000);

let ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** Whether all streams have all of their copies, so that another server of NATS may be killed. */
async function haveCaughtUp(servers: readonly string[]): Promise<boolean> {
  await using connection = await stranger(servers);
  const { streams } = await loadPackages().jetstreamManager(connection);
  for await (const info of streams.list('palm.>')) {
    const { cluster } = info as {
      readonly cluster?: { readonly replicas?: readonly { current: boolean }[] };
    };
    const replicas = cluster?.replicas ?? [];
    if (replicas.length < 2 || !replicas.every(({ current }) => current)) return false;
  }
  return true;
}

it(`${INPUTS} inputs: none is lost, none is seen twice, and all come in order`, async () => {
  const nodes = await NatsServer.cluster(3);
  ends.push(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
  const urls = nodes.map(({ url }) => url);
  const transport = () => nats({ servers: urls, replicas: 3, heartbeat: 500 });
  await eventually(async () => {
    await using connection = await transport().open();
    return await connection.bindPublish('nats:*').then(
      () => true,
      () => false,
    );
  }, 40_000);
  const studio = await startStudio(['remote']).catch(() => undefined);
  if (studio !== undefined) ends.push(async () => studio[Symbol.asyncDispose]());
  const origins = studio === undefined ? [] : [studio.site.origin];
  const processes = new Map<string, ScriptProcess[]>([
    ['master', []],
    ['worker', []],
  ]);
  const start = async (role: string, index: number) => {
    const all = processes.get(role) ?? [];
    // While NATS chooses a leader, it waits for that.
    all[index] = await startScript(SCRIPT, [urls.join(','), role]);
  };
  ends.push(async () => {
    for (const all of processes.values()) for (const one of all) one.signal('SIGKILL');
  });
  for (const index of [0, 1, 2]) await start('master', index);
  for (const index of [0, 1, 2, 3]) await start('worker', index);
  const relays = await relaysOnNats(2, { servers: urls, replicas: 3, server: 'crew', origins });
  ends.push(async () => relays[Symbol.asyncDispose]());

  const done = new AbortController();
  const kills = { node: 0, master: 0, worker: 0, relay: 0 };
  const killing = (async () => {
    for (let round = 0; !done.signal.aborted; round++) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const kind = (['node', 'worker', 'relay', 'master', 'relay'] as const)[round % 5] ?? 'worker';
      const turn = kills[kind]++;
      if (kind === 'node') {
        const node = nodes[turn % nodes.length];
        await node?.kill();
        await node?.run();
        await eventually(() => haveCaughtUp(urls).catch(() => false), 60_000);
      } else if (kind === 'relay') {
        await relays.kill(turn % 2);
        await relays.start(turn % 2);
      } else {
        const index = turn % (processes.get(kind)?.length ?? 1);
        processes.get(kind)?.[index]?.signal('SIGKILL');
        await start(kind, index);
      }
    }
  })();
  const page = async (): Promise<Transport> => {
    const { url } = relays.balancer;
    if (studio === undefined) return toRelay(url);
    const coming = studio.site.nextControl();
    const { context } = await studio.open('remote');
    ends.push(() => context.close());
    const control = new Control(await within(20_000, coming, 'the page'));
    return remoteWebsocket(() => control, url, { token: TOKEN, maxDelay: 200 });
  };
  const clientsOf = [
    { transport: transport(), dbAddress: 'nats:crew' },
    { transport: transport(), dbAddress: 'nats:crew' },
    { transport: toRelay(relays.balancer.url), serverName: 'crew' },
    { transport: await page(), serverName: 'crew' },
  ];
  const run = async (own: (typeof clientsOf)[number], number: number) => {
    const connected = await Client.connect({ ...own, loggingLevel: 'silent', timeout: 120_000 });
    ends.push(() => connected.close());
    const count = INPUTS / clientsOf.length;
    const inputOf = (index: number) => `${number}/${index}`;
    function* inputs() {
      for (let index = 0; index < count; index++) yield inputOf(index);
    }
    const client = connected.with(text());
    // Until one of each kind was killed: once, or twice on a quick machine.
    for (let times = 1; ; times++) {
      let seen = 0;
      for await (const result of client.map('crew.soon', inputs(), { retries: 20 })) {
        if (result !== inputOf(seen)) expect(result).toBe(inputOf(seen));
        if (++seen === count >> 2 && times === 1) early.push(megabytes());
      }
      expect(seen).toBe(count);
      if (Object.values(kills).every((count) => count > 0)) return times * count;
    }
  };
  /** What the clients of this process hold after a quarter of their inputs. */
  const early: Promise<number>[] = [];
  const began = performance.now();
  const clients = clientsOf.map(run);
  const counts = await within(1_500_000, Promise.all(clients), 'the clients').finally(() => done.abort());
  await killing;
  const seconds = Math.round((performance.now() - began) / 1_000);
  const where = studio === undefined ? 'without a page' : `with a page in ${BROWSER}`;
  const [most, last] = [Math.max(...(await Promise.all(early))), await megabytes()];
  const memory = `${most.toFixed(0)} MiB after a quarter, ${last.toFixed(0)} at the end`;
  console.log(
    `${counts.reduce((a, b) => a + b)} inputs in ${seconds} s, ${where}, ${memory}, killed: %o`,
    kills,
  );
  // What it kept of each input would be more, in a run of a million.
  expect(last - most).toBeLessThan(16);
}, 1_600_000);
