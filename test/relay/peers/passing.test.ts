/** A client of one relay that comes back to another of its peers: it goes on as if nothing had been. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Client } from '../../../src/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { notOnce, numbered, readNumber, runJob } from '../../support/jobs.ts';
import { within } from '../../support/wait.ts';
import { type Beside, passed, relaysBeside, taken } from './beside.ts';

const beside = relaysBeside();

const JOB = 10_000;

/** Cuts everything every so many milliseconds, until it is stopped. @returns how many connections were cut. */
function cutting({ balancer }: Beside, every = 200): () => number {
  let cut = 0;
  const timer = setInterval(() => {
    cut += balancer.cut();
  }, every);
  return () => {
    clearInterval(timer);
    return cut;
  };
}

/** Answers after 20 ms, so that a job lasts some seconds. */
const slowly = async (payload: Uint8Array) => {
  await pause(20);
  return payload;
};

/** The results of a map, in their order. */
async function runMap(client: Client, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const result of client.map('server.slowly', numbered(count))) seen.push(readNumber(result));
  return seen;
}

it('goes on at the other relay with what is under way, and keeps its id', async () => {
  const own = await beside({ slowly });
  own.lead('a');
  const client = await own.connect();
  const { id } = client;
  own.lead('b');
  const call = client.eval('server.slowly', bytes('x'));
  await pause(5);
  own.balancer.cut();
  expect(textOf(await within(3_000, call))).toBe('x');
  expect(client.id).toBe(id);
  expect(await passed(own.relays.b, 'passed')).toBe(1);
  expect(await taken(own.relays.a, 'taken')).toBe(1);
  expect(await own.relays.b.figure('passed_on')).toBe(1);
  expect(await own.relays.b.figure('sessions')).toBe(0);
});

it('loses and repeats nothing in a job and keeps the order of a map, cut every 200 ms', async () => {
  const own = await beside({ slowly });
  const clients = [await own.connect(), await own.connect()] as const;
  const stop = cutting(own);
  const [times, order] = await within(
    40_000,
    Promise.all([runJob(clients[0], 'server.slowly', JOB), runMap(clients[1], 3_000)]),
    'a job and a map',
  );
  const cuts = stop();
  expect(notOnce(times)).toEqual([]);
  expect(order).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
  expect(cuts).toBeGreaterThan(10);
  expect((await passed(own.relays.a, 'passed')) + (await passed(own.relays.b, 'passed'))).toBeGreaterThan(2);
});

it('loses nothing while one relay after the other is started anew', async () => {
  const own = await beside({ slowly });
  const clients = await Promise.all(Array.from({ length: 4 }, () => own.connect()));
  const stop = cutting(own);
  const work = Promise.all(
    clients.map(async (client, i) => {
      if (i % 2 === 0) return notOnce(await runJob(client, 'server.slowly', JOB / 4));
      const order = await runMap(client, JOB / 8);
      return order.flatMap((number, at) => (number === at ? [] : [`${number} at ${at}`]));
    }),
  );
  await pause(500);
  for (const name of ['a', 'b'] as const) {
    await within(25_000, own.relays[name].relay.close({ timeout: 20_000 }), `closing ${name}`);
    await own.relays[name].close();
    await own.restart(name);
  }
  expect(await within(40_000, work, 'jobs and maps')).toEqual([[], [], [], []]);
  stop();
});
