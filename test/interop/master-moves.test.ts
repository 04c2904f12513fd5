/** A pylm Master that is killed and comes back at other addresses than before, but for its cache's. */
import { afterEach, expect, it } from 'vitest';
import { Worker } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { bytes } from '../support/bytes.ts';
import { readAll, until, within } from '../support/wait.ts';
import { connectTo } from './connect.ts';
import { type PylmCluster, startCluster } from './pylm.ts';
import { transportHere } from './transport.ts';

let undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const one of undo.reverse()) await within(10_000, one());
  undo = [];
});

async function start(db?: string): Promise<PylmCluster> {
  const pylm = await startCluster('master', {
    workers: 0,
    ...(db === undefined ? {} : { addresses: { master: { db } } }),
  });
  undo.push(() => pylm.stop());
  return pylm;
}

/** @param held - messages that the worker has when its Master goes. */
async function move(held: number): Promise<void> {
  const before = await start();
  const { db: dbAddress } = before.server('master');
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = await Worker.start({
    transport: transportHere(),
    dbAddress,
    loggingLevel: 'silent',
    functions: {
      hold: async (payload) => {
        await finished;
        return payload;
      },
      tag: () => bytes('worker'),
    },
  });
  undo.push(() => worker.close());
  const client = await connectTo(before);
  undo.push(() => client.close());
  expect(await client.with(text()).eval('master.tag', 'x', { timeout: 10_000 })).toBe('worker');
  for (let i = 0; i < held; i++) client.eval('master.hold', bytes('x')).catch(() => {});
  await within(
    5_000,
    until(() => worker.counters.received === 1 + held),
  );
  await before.stop();
  finish();

  const words = (await connectTo(await start(dbAddress), { timeout: 10_000 })).with(text());
  undo.push(() => words.close());
  expect(await words.eval('master.tag', 'x', { timeout: 10_000 })).toBe('worker');
  const sent = Array.from({ length: 100 }, (_x, i) => String(i));
  expect(await readAll(words.job('master.tag', sent, { messages: 100 }))).toHaveLength(100);
}

it('is found by its frond worker', () => move(0));

it('is found by its frond worker that has a result for the one that went', () => move(1));
