/** A slow pylm server in the midst of a pipeline: PUB drops what it cannot take, unless the client holds back. */
import { afterEach, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { readAll } from './connect.ts';
import { type MixedCluster, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function open(last: 'none' | 'frond'): Promise<void> {
  const isLast = last === 'none';
  cluster = await startMixed(
    [
      { kind: 'Server', label: 'first', by: 'frond', pipelined: true },
      { kind: 'Hub', label: 'hub', by: 'pylm', from: ['first'], pipelined: !isLast },
      { kind: 'Worker', label: 'worker', by: 'frond', master: 'hub' },
      ...(isLast ? [] : [{ kind: 'Pipeline', label: 'third', by: 'frond', from: ['hub'] } as const]),
    ],
    [{ path: isLast ? 'first.same hub.who' : 'first.same hub.who third.same', answers: ['worker'] }],
  );
}

async function run(path: readonly string[], count: number): Promise<number> {
  if (cluster === undefined) throw new Error('no cluster');
  const sent = Array.from({ length: count }, (_, i) => String(i));
  const words = (await cluster.connect()).with(text());
  return (await readAll(words.job(path, sent, { messages: count, idleTimeout: 3_000 }))).length;
}

it('loses nothing when it is the last', async () => {
  await open('none');
  expect(await run(['first.same', 'hub.same'], 5_000)).toBe(5_000);
});

// The client judges by the last server how much it may have on its way, and does not see the pylm server before it.
it.fails('loses nothing when a frond Pipeline comes after it', async () => {
  await open('frond');
  expect(await run(['first.same', 'hub.same', 'third.same'], 16_000)).toBe(16_000);
});
