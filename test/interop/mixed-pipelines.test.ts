/** Pipelines of pylm's and frond's servers: whichever comes first, the next one takes what it publishes. */

import { afterEach, describe, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { readAll } from '../support/wait.ts';
import { type By, type MixedCluster, type Part, startMixed } from './mixed.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const sorted = (texts: readonly string[]) => [...texts].sort();

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** A pylm Server publishes faster than its high-water mark lets a slow reader follow: some hundreds at a time. */
const COUNT = 2_000;

async function run(path: readonly string[], count = COUNT, messages = count): Promise<string[]> {
  if (cluster === undefined) throw new Error('no cluster');
  const words = (await cluster.connect()).with(text());
  return readAll(words.job(path, numbers(count), { messages }));
}

const server = (by: By): Part => ({ kind: 'Server', label: 'first', by, pipelined: true });

describe.each([
  ['pylm', 'frond'],
  ['frond', 'pylm'],
  ['frond', 'frond'],
] as const)('a %s Server before', (by, other) => {
  it(`a ${other} Pipeline: every message, in order`, async () => {
    cluster = await startMixed(
      [server(by), { kind: 'Pipeline', label: 'second', by: other, from: ['first'] }],
      [{ path: 'first.same second.who', answers: ['second'] }],
    );
    const results = await run(['first.tag', 'second.tag']);
    expect(results).toEqual(numbers(COUNT).map((number) => `${number}|first|second`));
  });

  it(`a ${other} Pipeline whose function gives nothing: no answer`, async () => {
    cluster = await startMixed(
      [server(by), { kind: 'Pipeline', label: 'second', by: other, from: ['first'] }],
      [{ path: 'first.same second.who', answers: ['second'] }],
    );
    const results = await run(['first.same', 'second.even'], 100, 50);
    expect(results).toEqual(numbers(100).filter((number) => Number(number) % 2 === 0));
  });

  it(`a ${other} Sink, and one of its own kind between`, async () => {
    const branch = (label: string, kind: By): Part => ({
      kind: 'Pipeline',
      label,
      name: 'branch',
      by: kind,
      from: ['first'],
      pipelined: true,
    });
    cluster = await startMixed(
      [
        server(by),
        branch('left', by),
        branch('right', other),
        { kind: 'Sink', label: 'sink', by: other, from: ['left', 'right'] },
      ],
      [{ path: 'first.same branch.who sink.same', answers: ['left', 'right'] }],
    );
    const results = await run(['first.tag', 'branch.tag', 'sink.tag'], 500, 1_000);
    const expected = numbers(500).flatMap((number) => [
      `${number}|first|left|sink`,
      `${number}|first|right|sink`,
    ]);
    expect(sorted(results)).toEqual(sorted(expected));
  });

  it(`a ${other} Hub with a worker of each kind`, async () => {
    cluster = await startMixed(
      [
        server(by),
        { kind: 'Hub', label: 'hub', by: other, from: ['first'] },
        { kind: 'Worker', label: 'pylm', by: 'pylm', master: 'hub' },
      ],
      [{ path: 'first.same hub.who', answers: ['pylm'] }],
    );
    await cluster.add({ kind: 'Worker', label: 'frond', by: 'frond', master: 'hub' });
    const results = await run(['first.tag', 'hub.tag']);
    expect(sorted(results.map((result) => result.split('|').slice(0, 2).join('|')))).toEqual(
      sorted(numbers(COUNT).map((number) => `${number}|first`)),
    );
    expect(new Set(results.map((result) => result.split('|')[2]))).toEqual(new Set(['pylm', 'frond']));
  });
});

describe.each([
  ['pylm', 'frond'],
  ['frond', 'pylm'],
] as const)('a pipelined %s Master', (by, other) => {
  it(`before a ${other} Pipeline`, async () => {
    cluster = await startMixed(
      [
        { kind: 'Master', label: 'master', by, pipelined: true },
        { kind: 'Worker', label: 'worker', by: other, master: 'master' },
        { kind: 'Pipeline', label: 'second', by: other, from: ['master'] },
      ],
      [{ path: 'master.same second.who', answers: ['second'] }],
    );
    const results = await run(['master.tag', 'second.tag']);
    expect(sorted(results)).toEqual(sorted(numbers(COUNT).map((number) => `${number}|worker|second`)));
  });

  it(`before a ${other} Hub, and that before a ${by} Pipeline`, async () => {
    cluster = await startMixed(
      [
        { kind: 'Master', label: 'master', by, pipelined: true },
        { kind: 'Worker', label: 'one', by, master: 'master' },
        { kind: 'Hub', label: 'hub', by: other, from: ['master'], pipelined: true },
        { kind: 'Worker', label: 'two', by, master: 'hub' },
        { kind: 'Pipeline', label: 'third', by, from: ['hub'] },
      ],
      [{ path: 'master.same hub.same third.who', answers: ['third'] }],
    );
    const results = await run(['master.tag', 'hub.tag', 'third.tag'], 1_000);
    expect(sorted(results)).toEqual(sorted(numbers(1_000).map((number) => `${number}|one|two|third`)));
  });
});
