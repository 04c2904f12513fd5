/** Stock pylm loses what a dead worker held, without a word: `retries` is what gets it answered. */
import { afterEach, describe, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { until, within } from '../support/wait.ts';
import { connectTo } from './connect.ts';
import { type PylmCluster, startCluster } from './pylm.ts';

const COUNT = 3_000;
const inputs = Array.from({ length: COUNT }, (_, i) => String(i));

let cluster: PylmCluster;
afterEach(() => cluster?.stop());

describe('a stock pylm Master, one of whose three workers is killed in the middle of a map', () => {
  it('answers every input of one that tries again, once and in order', async () => {
    cluster = await startCluster('master', { workers: 3 });
    await using client = await connectTo(cluster);
    const { serverName } = cluster.entry;
    const map = client
      .with(text())
      .map(`${serverName}.tag`, inputs, { retries: 2, timeout: 2_000, window: 300 });
    const results: string[] = [];
    const reading = (async () => {
      for await (const result of map) results.push(result);
    })();
    reading.catch(() => {});
    await within(
      15_000,
      until(() => results.length > COUNT / 3),
    );
    // What it is given from here on it never comes to, and takes along when it dies.
    cluster.kill('worker-2', 'SIGSTOP');
    const retried = () => map.progress?.retried ?? 0;
    await within(
      15_000,
      until(() => retried() > 0),
    );
    cluster.kill('worker-2');
    await within(30_000, reading);
    expect(results.map((result) => result.split('|')[0])).toEqual(inputs);
    expect(new Set(results.map((result) => result.split('|')[1])).size).toBe(3);
    expect(map.progress).toMatchObject({ answered: COUNT, failed: 0, inFlight: 0 });
  });

  it('leaves an input of one that does not without its result, and the map says which', async () => {
    cluster = await startCluster('master', { workers: 3 });
    await using client = await connectTo(cluster);
    const { serverName } = cluster.entry;
    // Held by the worker that dies: it never comes to it.
    cluster.kill('worker-2', 'SIGSTOP');
    const map = client.with(text()).mapSettled(`${serverName}.tag`, inputs.slice(0, 90), { timeout: 1_500 });
    const codes = new Map<string, number>();
    const reading = (async () => {
      for await (const outcome of map) {
        const what = outcome.status === 'fulfilled' ? 'answered' : outcome.reason.code;
        if (outcome.status === 'rejected') expect(outcome.reason.index).toBe(outcome.index);
        codes.set(what, (codes.get(what) ?? 0) + 1);
      }
    })();
    await within(15_000, reading);
    expect(Object.fromEntries(codes)).toEqual({ answered: 60, TIMEOUT: 30 });
  });
});
