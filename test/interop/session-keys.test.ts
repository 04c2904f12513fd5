/** Keys of a session and stock pylm workers, which know of none: what one side is given, the other side finds. */
import { afterEach, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';
import { pylmCalls, textsOf } from './pylm-calls.ts';
import { runClient } from './python.ts';

let cluster: MixedCluster;
afterEach(() => cluster?.stop());

const worker: Part = { kind: 'Worker', label: 'worker', by: 'pylm', master: 'master' };
const frondWorker: Part = { ...worker, by: 'frond' };
const master = (by: 'pylm' | 'frond'): Part => ({ kind: 'Master', label: 'master', by });

it.each([
  { name: 'a pylm worker on a frond Master', parts: [master('frond'), worker] },
  { name: 'a pylm worker on a pylm Master', parts: [master('pylm'), worker] },
  { name: 'a frond worker on a frond Master', parts: [master('frond'), frondWorker] },
  { name: 'a frond worker on a pylm Master', parts: [master('pylm'), frondWorker] },
])('$name finds the keys that a client in a session was given, and the other way', async ({ parts }) => {
  cluster = await startMixed(parts, [{ path: 'master.who', answers: ['worker'] }]);
  const words = (await cluster.connect({ session: 'S1' })).with(text());
  const given = await words.set('by the client', 'k');
  expect(given).toBe('S1k');
  expect(await words.eval('master.cached', given)).toBe('by the client');
  expect(await words.get(given)).toBe('by the client');
  expect(await words.get('k')).toBe('by the client');
  const random = await words.set('under any key');
  expect(await words.eval('master.cached', random)).toBe('under any key');
  const stored = await words.eval('master.store', 'r=by the worker');
  expect(await words.get(stored)).toBe('by the worker');
  expect(await words.get('r')).toBe('by the worker');
  expect(await words.delete(given)).toBe(true);
  expect(await words.get('k')).toBeUndefined();
});

it('a frond client gives the keys that a pylm client gives', async () => {
  cluster = await startMixed([master('frond'), worker], [{ path: 'master.who', answers: ['worker'] }]);
  const { serverName, dbAddress, pushAddress, subAddress } = cluster.entry;
  const words = ['--server', serverName, '--db', dbAddress, '--push', pushAddress, '--sub', subAddress];
  const { key } = await runClient<{ key: string }>([...words, '--session', 'S1', 'set', 'pylm', 'k']);
  const own = (await cluster.connect({ session: 'S1' })).with(text());
  expect(await own.get(key)).toBe('pylm');
  expect(await own.set('frond', 'k')).toBe(key);
  const [seen] = await pylmCalls(cluster.entry, [['eval', 'master.cached', '--payload', key]]);
  expect(textsOf(seen ?? {})).toEqual(['frond']);
});
