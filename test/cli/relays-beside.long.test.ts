/** Two relays of the command side by side: one is killed, each is started anew, and connections are cut all the while. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Server } from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type Child, start, until } from '../support/command.ts';
import { notOnce, numbered, readNumber, runJob } from '../support/jobs.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { connect, toRelay } from '../support/relay.ts';
import { testCluster } from '../support/test-cluster.ts';
import { within } from '../support/wait.ts';

const open = testCluster(() => ({ transport: zmtp(), any: 'tcp://127.0.0.1:*' }));

const KEY = 'a key that two relays share and nobody else';
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];

let folder = '';
let children: Child[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frond-peers-'));
  await writeFile(join(folder, 'peers.key'), `${KEY}\n`);
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await rm(folder, { recursive: true });
});

const slowly = async (payload: Uint8Array) => {
  await pause(20);
  return payload;
};

async function twoRelays() {
  const cluster = open();
  const server = await cluster.start<Server>({
    role: 'server',
    name: 'server',
    functions: { slowly },
    concurrency: 64,
  });
  const ports = { a: portOf(await freeAddress()), b: portOf(await freeAddress()) };
  const startOne = async (name: Name): Promise<Child> => {
    const other = name === 'a' ? 'b' : 'a';
    const child = start(
      [
        ...['relay', '--server', `server=${server.dbAddress}`, '--allow', 'server.*'],
        ...['--listen', `127.0.0.1:${ports[name]}`, '--json', '--drain', '30000', '--id', name],
        ...['--peer', `${other}=ws://127.0.0.1:${ports[other]}/`],
        // One has the key from a file, the other from its environment.
        ...(name === 'a' ? ['--peer-key-file', join(folder, 'peers.key')] : []),
      ],
      name === 'b' ? { FROND_PEER_KEY: KEY } : {},
    );
    children.push(child);
    child.stderr.resume();
    await until(child.stdout, /"url"/);
    return child;
  };
  const relays: Record<Name, Child> = { a: await startOne('a'), b: await startOne('b') };
  const balancer: Balancer = await startBalancer([ports.a, ports.b]);
  cluster.own({ close: async () => balancer[Symbol.asyncDispose]() });
  const dial = async (): Promise<Client> => {
    return cluster.own(
      await connect(balancer.url, { transport: toRelay(balancer.url, { token: undefined, maxDelay: 200 }) }),
    );
  };
  return { relays, balancer, startOne, dial };
}

it('nothing is lost or comes twice while links are cut every 200 ms and one relay after the other is started anew', async () => {
  const { relays, balancer, startOne, dial } = await twoRelays();
  const clients = [await dial(), await dial(), await dial()] as const;
  let cuts = 0;
  const timer = setInterval(() => {
    cuts += balancer.cut();
  }, 200);
  const map = async () => {
    const seen: number[] = [];
    for await (const result of clients[1].map('server.slowly', numbered(3_000)))
      seen.push(readNumber(result));
    return seen;
  };
  const work = Promise.all([
    runJob(clients[0], 'server.slowly', 10_000),
    map(),
    runJob(clients[2], 'server.slowly', 3_000),
  ]);
  const codes: unknown[] = [];
  await pause(500);
  for (const name of names) {
    const ended = once(relays[name], 'close');
    relays[name].kill('SIGTERM');
    codes.push((await within(40_000, ended, `the end of ${name}`))[0]);
    relays[name] = await startOne(name);
  }
  const [job, order, other] = await within(60_000, work, 'jobs and a map');
  clearInterval(timer);
  expect([notOnce(job), notOnce(other)]).toEqual([[], []]);
  expect(order).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  expect(codes).toEqual([0, 0]);
  expect(cuts).toBeGreaterThan(20);
}, 120_000);

it('a client of a relay that is killed learns within a second, by either way, and goes on at the other', async () => {
  const { relays, balancer, startOne, dial } = await twoRelays();
  const times: number[] = [];
  for (let round = 0; round < 6; round++) {
    balancer.pick = () => 0;
    const client = await dial();
    if (round % 2 === 1) {
      // By way of the other relay.
      balancer.pick = () => 1;
      balancer.cut();
      await client.eval('server.echo', bytes('x'));
    }
    const call = client.eval('server.slowly', bytes('x'));
    const failure = call.then(
      () => undefined,
      (error) => error,
    );
    await pause(5);
    const began = performance.now();
    relays.a.kill('SIGKILL');
    const error = await within(3_000, failure, 'the failure');
    // The call may have been answered in the very moment.
    if (error !== undefined) {
      expect(error).toMatchObject({ code: 'LOST', sent: 'unknown' });
      times.push(performance.now() - began);
    }
    expect(textOf(await within(3_000, client.eval('server.echo', bytes('next'))))).toBe('next');
    await client.close();
    relays.a = await startOne('a');
  }
  expect(times.length).toBeGreaterThan(3);
  expect(Math.max(...times)).toBeLessThan(1_000);
}, 60_000);
