/** Relays side by side over NATS: when one is gone, its clients go on at another, and miss nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { notOnce, numbered, readNumber, runJob } from '../support/jobs.ts';
import { NatsServer } from '../support/nats-server.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { connect, toRelay } from '../support/relay.ts';
import { within } from '../support/wait.ts';

const script = fileURLToPath(new URL('relay-process.ts', import.meta.url));
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

let ground: NatsServer;
let server: Server;
let balancer: Balancer;
let ports: Record<Name, number>;
let relays: Partial<Record<Name, ScriptProcess>>;
let clients: Client[];

beforeEach(async () => {
  ground = await NatsServer.start();
  server = await Server.start({
    transport: nats({ servers: ground.url }),
    name: 'server',
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
    concurrency: 64,
    functions: {
      slowly: async (payload) => {
        await pause(20);
        return payload;
      },
      late: async (payload) => {
        await pause(400);
        return payload;
      },
    },
  });
  ports = { a: portOf(await freeAddress()), b: portOf(await freeAddress()) };
  relays = {};
  clients = [];
  for (const name of names) await start(name);
  balancer = await startBalancer([ports.a, ports.b]);
});
afterEach(async () => {
  for (const client of clients) await client.close({ timeout: 0 });
  for (const relay of Object.values(relays)) relay.signal('SIGKILL');
  await balancer[Symbol.asyncDispose]();
  await server.close({ timeout: 0 });
  await ground[Symbol.asyncDispose]();
});

async function start(name: Name): Promise<void> {
  const other = name === 'a' ? 'b' : 'a';
  const peers = [`${other}=ws://127.0.0.1:${ports[other]}/`];
  relays[name] = await startScript(script, [ground.url, name, String(ports[name]), ...peers]);
}

function lead(to: Name | 'any'): void {
  balancer.pick = to === 'any' ? (count) => Math.floor(Math.random() * count) : () => (to === 'a' ? 0 : 1);
}

async function dial(): Promise<Client> {
  const client = await connect(balancer.url, { transport: toRelay(balancer.url), timeout: 30_000 });
  clients.push(client);
  return client;
}

it('a call that is under way when its relay is killed is answered at the other one', async () => {
  lead('a');
  const client = await dial();
  const { id } = client;
  const call = client.eval('server.late', bytes('x'));
  await pause(100);
  relays.a?.signal('SIGKILL');
  const began = performance.now();
  expect(textOf(await within(10_000, call))).toBe('x');
  console.log(`answered ${Math.round(performance.now() - began)} ms after the kill`);
  expect(client.id).toBe(id);
  expect(textOf(await client.eval('server.slowly', bytes('y')))).toBe('y');
});

it('a job and a map lose nothing, and nothing comes twice, while one relay after the other is killed', async () => {
  const [one, other] = [await dial(), await dial()];
  const kills = new AbortController();
  let killed = 0;
  const killing = (async () => {
    while (!kills.signal.aborted) {
      const name = names[killed % 2] as Name;
      await pause(700);
      relays[name]?.signal('SIGKILL');
      killed++;
      await start(name);
    }
  })();
  const map = async () => {
    const seen: number[] = [];
    for await (const result of other.map('server.slowly', numbered(3_000))) seen.push(readNumber(result));
    return seen;
  };
  const [job, order] = await within(55_000, Promise.all([runJob(one, 'server.slowly', 10_000), map()]));
  kills.abort();
  await killing;
  console.log('killed', killed);
  expect(notOnce(job)).toEqual([]);
  expect(order).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
}, 90_000);
