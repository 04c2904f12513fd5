/** Servers of both kinds that take what one frond Server publishes: none is harmed by the others' coming. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Pipeline } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const first: Part = { kind: 'Server', label: 'first', by: 'frond', pipelined: true };
const branch = { kind: 'Pipeline', name: 'branch', from: ['first'] } as const;
const path = ['first.tag', 'branch.tag'];

// The frond server that comes subscribes to `first/` too, to have its subscription proved; and pylm's, which take every
// topic that begins with `first`, end at the empty delivery that proves it.
describe('behind a frond Server', () => {
  it('a pylm Pipeline goes on when a frond Pipeline comes', async () => {
    cluster = await startMixed(
      [first, { ...branch, label: 'left', by: 'pylm' }],
      [{ path: 'first.same branch.who', answers: ['left'] }],
    );
    const words = (await cluster.connect()).with(text());
    expect(await words.eval(path, 'x')).toBe('x|first|left');
    await cluster.add({ ...branch, label: 'right', by: 'frond' });
    const subAddress = cluster.addresses('right').pub ?? '';
    const other = (await cluster.connect({ subAddress })).with(text());
    expect(await other.eval(path, 'x')).toBe('x|first|right');
    expect(await words.eval(path, 'x', { timeout: 3_000 })).toBe('x|first|left');
    expect(cluster.role<Pipeline>('right').counters.dropped).toBe(0);
  });

  it('a pylm Hub and its worker go on when a frond Hub comes', async () => {
    cluster = await startMixed(
      [
        first,
        { kind: 'Hub', label: 'left', name: 'branch', by: 'pylm', from: ['first'] },
        { kind: 'Worker', label: 'worker', by: 'pylm', master: 'left' },
      ],
      [{ path: 'first.same branch.who', answers: ['worker'] }],
    );
    const words = (await cluster.connect()).with(text());
    expect(await words.eval(path, 'x')).toBe('x|first|worker');
    await cluster.add({ kind: 'Hub', label: 'right', name: 'branch', by: 'frond', from: ['first'] });
    expect(await words.eval(path, 'x', { timeout: 3_000 })).toBe('x|first|worker');
  });
});
