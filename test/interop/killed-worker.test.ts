/** Stock pylm's Master and Workers, of whom one is killed: what it had is lost with it, and the client's retries cover that. */
import { afterEach, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { within } from '../wait.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;
afterEach(() => cluster?.stop());

it('every input is answered once, in its place', async () => {
  const crew = ['one', 'two', 'three'];
  const worker = (label: string): Part => ({ kind: 'Worker', label, by: 'pylm', master: 'master' });
  const opened = await startMixed(
    [{ kind: 'Master', label: 'master', by: 'pylm' }, ...crew.map(worker)],
    [{ path: 'master.who', answers: crew }],
  );
  cluster = opened;
  const sent = Array.from({ length: 3_000 }, (_, i) => String(i));
  const client = (await opened.connect()).with(text());
  const results = client.map('master.upper', sent, { retries: 2, timeout: 3_000, concurrency: 300 });
  const seen: string[] = [];
  const read = async () => {
    for await (const result of results) {
      seen.push(result);
      if (seen.length === sent.length / 3) await opened.end('two');
    }
  };
  await within(45_000, read());
  expect(seen).toEqual(sent);
  expect(results.progress?.retried).toBeGreaterThan(0);
});
