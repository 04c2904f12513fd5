/** Garbage at each socket of each role of frond's: it goes on answering pylm's clients and frond's. */
import { afterEach, describe, expect, it } from 'vitest';
import { Dealer, Push, Request, XSubscriber } from 'zeromq';
import type { Hub, Master, Server } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { readAll, until, within } from '../support/wait.ts';
import { entryOf, type RoleCase, roleCases, startCase } from './frond-roles.ts';
import { badFrames, badRequests, junkAt } from './garbage.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';
import { hex, pylmCalls, textsOf } from './pylm-calls.ts';

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** Sends each frame by itself, then all as one multipart message, and waits until they have left. */
async function pushAll(address: string, frames: readonly Uint8Array[]): Promise<void> {
  const push = new Push({ linger: 5_000, sendTimeout: 5_000 });
  push.connect(address);
  for (const frame of frames) await push.send(frame);
  await push.send([...frames]);
  push.close();
}

/** Each request gets some reply, in time. */
async function requestAll(address: string, frames: readonly Uint8Array[]): Promise<void> {
  const request = new Request({ linger: 0, sendTimeout: 5_000, receiveTimeout: 5_000 });
  request.connect(address);
  for (const frame of frames) {
    await request.send(frame);
    expect(await request.receive()).toHaveLength(1);
  }
  request.close();
}

/** What no REQ of one frame sends. Nobody waits for replies, so the server need not find any. */
async function misshapenRequests(address: string, frames: readonly Uint8Array[]): Promise<void> {
  const multipart = new Request({ linger: 5_000, sendTimeout: 5_000 });
  multipart.connect(address);
  await multipart.send([...frames]);
  multipart.close();
  const dealer = new Dealer({ linger: 5_000, sendTimeout: 5_000 });
  dealer.connect(address);
  for (const frame of frames) await dealer.send(frame);
  await dealer.send(['', '']);
  await dealer.send(['', '', '']);
  await dealer.send(['', ...frames]);
  await dealer.send(['one', 'two', '', 'three']);
  dealer.close();
}

async function subscribeBadly(address: string, frames: readonly Uint8Array[]): Promise<void> {
  const subscriber = new XSubscriber({ linger: 5_000, sendTimeout: 5_000 });
  subscriber.connect(address);
  for (const frame of frames) await subscriber.send(frame);
  // Subscriptions to what is no text, to everything, and the end of one that was never begun.
  for (const wish of ['01fffe2f', '01', '012f', '00', '00fffe', '02'])
    await subscriber.send(Buffer.from(wish, 'hex'));
  subscriber.close();
}

async function expectAlive(own: MixedCluster, { label, path, answers }: RoleCase): Promise<void> {
  const times = (result: string) => Array.from({ length: answers }, () => result);
  const words = (await own.connect()).with(text());
  const answer = await within(10_000, words.eval(path('upper'), 'x', { messages: answers }));
  expect([answer].flat()).toEqual(times('X'));
  const sent = Array.from({ length: 200 }, (_, i) => String(i));
  const job = words.job(path('same'), sent, { messages: sent.length * answers });
  expect((await within(10_000, readAll(job))).sort()).toEqual(sent.flatMap(times).sort());
  const messages = String(answers);
  const results = await pylmCalls(entryOf(own, label), [
    ['eval', ...path('upper'), '--payload', 'alive', '--messages', messages],
    ['set', 'value', 'k'],
    ['get', 'k'],
    ['delete', 'absent'],
    ['get', 'name'],
  ]);
  expect(textsOf(results[0] ?? {})).toEqual(times('ALIVE'));
  expect(results.slice(1).map(({ result }) => result)).toEqual(['k', 'value', '', label].map(hex));
}

describe.each(roleCases)('a frond $label', (role) => {
  const { label, path } = role;
  const frames = badFrames(path('same').at(-1) ?? '');

  it('takes garbage where clients push', async () => {
    cluster = await startCase(role);
    const first = cluster.role<Server>(cluster.entry.serverName);
    const before = first.counters.received;
    // With the whole path too, so that what is wrong comes to the later stages.
    const all = [...badFrames(path('same')[0] ?? ''), ...badFrames(path('same').join(' '))];
    await pushAll(cluster.entry.pushAddress, all);
    await within(
      10_000,
      until(() => first.counters.received >= before + 2 * all.length),
    );
    expect(first.counters.dropped).toBeGreaterThan(10);
    await expectAlive(cluster, role);
  });

  it('takes garbage at its cache', async () => {
    cluster = await startCase(role);
    const { db } = cluster.addresses(label);
    await requestAll(db, badRequests());
    await misshapenRequests(db, badRequests());
    await expectAlive(cluster, role);
  });

  it('takes garbage from subscribers', async () => {
    cluster = await startCase(role);
    await subscribeBadly(cluster.addresses(label).pub ?? '', frames);
    await expectAlive(cluster, role);
  });

  it('takes what is no ZeroMQ at each port', async () => {
    cluster = await startCase(role);
    for (const address of Object.values(cluster.addresses(label))) await junkAt(address);
    await expectAlive(cluster, role);
  });
});

describe.each(roleCases.filter(({ label }) => label === 'master' || label === 'hub'))(
  'a frond $label with a worker',
  (role) => {
    const { label, path } = role;
    const frames = badFrames(path('same').at(-1) ?? '');

    it('takes garbage as results', async () => {
      cluster = await startCase(role);
      const distributor = cluster.role<Master | Hub>(label);
      await pushAll(cluster.addresses(label).worker_pull ?? '', frames);
      await within(
        10_000,
        until(() => distributor.counters.dropped > 10),
      );
      await expectAlive(cluster, role);
    });
  },
);

it('a frond Master still knows how many pylm workers there are, after strangers at their port', async () => {
  const worker = (own: string): Part => ({ kind: 'Worker', label: own, by: 'pylm', master: 'master' });
  cluster = await startMixed(
    [{ kind: 'Master', label: 'master', by: 'frond' }, worker('one')],
    [{ path: 'master.who', answers: ['one'] }],
  );
  const { worker_push: port = '' } = cluster.addresses('master');
  for (let i = 0; i < 5; i++) await junkAt(port);
  await cluster.end('one');
  const words = (await cluster.connect()).with(text());
  const pushedWorkers = async () => JSON.parse((await words.get('frond_status')) ?? '{}').pushedWorkers;
  await within(
    5_000,
    (async () => {
      while ((await pushedWorkers()) !== 0);
    })(),
    'the Master to notice that its worker went',
  );
  // What is sent while there is none waits for the next one, and is not pushed to nobody.
  const master = cluster.role<Master>('master');
  const before = master.counters.received;
  const call = words.eval('master.tag', 'x');
  await within(
    5_000,
    until(() => master.counters.received > before),
  );
  await cluster.add(worker('two'));
  expect(await call).toBe('x|two');
});
