/** Stock pylm workers on frond's Master and Hub. */
import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Master, Worker } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { readAll, until, within } from '../support/wait.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';
import { pylmCalls, textsOf } from './pylm-calls.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const sorted = (texts: readonly string[]) => [...texts].sort();
const master: Part = { kind: 'Master', label: 'master', by: 'frond' };
const first: Part = { kind: 'Server', label: 'first', by: 'frond', pipelined: true };
const pylmWorker = (label: string): Part => ({ kind: 'Worker', label, by: 'pylm', master: 'master' });

/** How many results bear each label. */
function shares(results: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const result of results) {
    const label = result.split('|').at(-1) ?? '';
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

let cluster: MixedCluster;
afterEach(() => cluster?.stop());

describe('two pylm workers on a frond Master', () => {
  const open = async () => {
    cluster = await startMixed(
      [master, pylmWorker('one'), pylmWorker('two')],
      [{ path: 'master.who', answers: ['one', 'two'] }],
    );
    return (await cluster.connect()).with(text());
  };

  it('share a job, each message answered once', async () => {
    const words = await open();
    const sent = numbers(4_000);
    const results = await readAll(words.job('master.tag', sent, { messages: sent.length }));
    expect(sorted(results.map((result) => result.split('|')[0] ?? ''))).toEqual(sorted(sent));
    const shared = shares(results);
    expect([...shared.keys()].sort()).toEqual(['one', 'two']);
    for (const count of shared.values()) expect(count).toBeGreaterThan(sent.length / 4);
    await within(
      5_000,
      until(() => cluster.role<Master>('master').counters.inFlight === 0),
    );
  });

  it('use its cache, and delete what is missing without harm', async () => {
    const words = await open();
    await words.set('by the client', 'k');
    expect(await words.eval('master.cached', 'k')).toBe('by the client');
    expect(await words.eval('master.store', 'w=by the worker')).toBe('w');
    expect(await words.get('w')).toBe('by the worker');
    expect(await words.eval('master.forget', 'w')).toBe('w');
    expect(await words.get('w')).toBeUndefined();
    for (let i = 0; i < 4; i++) expect(await words.eval('master.forget', 'absent')).toBe('');
    expect(await words.eval('master.cached', 'k')).toBe('by the client');
  });

  it('answer 0 for what raises or is not there', async () => {
    const words = await open();
    const calls = [
      ['eval', 'master.boom', '--payload', 'x'],
      ['eval', 'master.missing', '--payload', 'x'],
      ['eval', 'other.upper', '--payload', 'any name'],
    ];
    const answers = await pylmCalls(cluster.entry, calls);
    expect(answers.map(textsOf)).toEqual([['0'], ['0'], ['ANY NAME']]);
    const wary = await cluster.connect({ errorSentinel: true });
    await expect(wary.with(text()).eval('master.boom', 'x')).rejects.toMatchObject({ code: 'REMOTE' });
    expect(await words.eval('master.upper', 'alive')).toBe('ALIVE');
  });

  it('go on without the one that dies', async () => {
    const words = await open();
    await cluster.end('one');
    await within(
      5_000,
      statusOf(words, ({ pushedWorkers }) => pushedWorkers === 1),
    );
    const sent = numbers(500);
    const results = await readAll(words.job('master.tag', sent, { messages: sent.length }));
    expect(sorted(results)).toEqual(sorted(sent.map((number) => `${number}|two`)));
  });
});

it.each(['Master', 'Hub'] as const)('a pylm MuxWorker on a frond %s gives all its results', async (kind) => {
  const distributor: readonly Part[] =
    kind === 'Master' ? [master] : [first, { ...master, kind, from: ['first'] }];
  const path = (name: string) => [...(kind === 'Master' ? [] : ['first.same']), `master.${name}`];
  cluster = await startMixed(
    [...distributor, { ...pylmWorker('mux'), kind: 'MuxWorker' }],
    [{ path: path('who').join(' '), answers: ['mux'] }],
  );
  const words = (await cluster.connect()).with(text());
  expect(await words.eval(path('letters'), 'abc', { messages: 3 })).toEqual(['a', 'b', 'c']);
  const inputs = numbers(1_000).map(() => '3');
  const results = await readAll(words.job(path('count'), inputs, { messages: 3_000 }));
  expect(sorted(results)).toEqual(sorted(inputs.flatMap(() => ['0', '1', '2'])));
});

it('pylm and frond workers on one frond Master each get work', async () => {
  cluster = await startMixed([master, pylmWorker('pylm')], [{ path: 'master.who', answers: ['pylm'] }]);
  await cluster.add({ kind: 'Worker', label: 'frond', by: 'frond', master: 'master' });
  const words = (await cluster.connect()).with(text());
  const sent = numbers(6_000);
  const results = await readAll(words.job('master.tag', sent, { messages: sent.length }));
  expect(sorted(results.map((result) => result.split('|')[0] ?? ''))).toEqual(sorted(sent));
  const shared = shares(results);
  expect([...shared.keys()].sort()).toEqual(['frond', 'pylm']);
  expect(shared.get('frond')).toBe(cluster.role<Worker>('frond').counters.answered);
});

describe('a pylm and a frond worker on one frond Master', () => {
  const naps = Array.from({ length: 60 }, () => '30');
  const open = async () => {
    cluster = await startMixed([master, pylmWorker('pylm')], [{ path: 'master.who', answers: ['pylm'] }]);
    await cluster.add({ kind: 'Worker', label: 'frond', by: 'frond', master: 'master' });
    return (await cluster.connect()).with(text());
  };

  it('share what takes its time evenly', async () => {
    const words = await open();
    const results = await readAll(words.job('master.nap', naps, { messages: naps.length }));
    const shared = shares(results);
    expect(shared.get('pylm')).toBeGreaterThan(naps.length / 4);
    expect(shared.get('frond')).toBeGreaterThan(naps.length / 4);
  });

  it('lose what the pylm worker was at when it dies, and no queue of it', async () => {
    const words = await open();
    let answered = 0;
    let lost = 0;
    const isGoing = deferred<void>();
    const reading = (async () => {
      for await (const { status } of words.mapSettled('master.nap', naps, { timeout: 4_000 })) {
        if (status === 'fulfilled') answered++;
        else lost++;
        if (answered === 10) isGoing.resolve();
      }
    })();
    await within(10_000, isGoing.promise);
    await cluster.end('pylm');
    await within(15_000, reading);
    expect(answered + lost).toBe(naps.length);
    expect(lost).toBeLessThanOrEqual(2);
  });
});

it('two pylm workers on a frond Hub share what a frond Server publishes', async () => {
  const hub: Part = { kind: 'Hub', label: 'hub', by: 'frond', from: ['first'] };
  const workers = ['one', 'two'].map((label): Part => ({ ...pylmWorker(label), master: 'hub' }));
  cluster = await startMixed(
    [first, hub, ...workers],
    [{ path: 'first.same hub.who', answers: ['one', 'two'] }],
  );
  const words = (await cluster.connect()).with(text());
  const sent = numbers(3_000);
  const results = await readAll(words.job(['first.tag', 'hub.tag'], sent, { messages: sent.length }));
  expect(sorted(results.map((result) => result.split('|').slice(0, 2).join('|')))).toEqual(
    sorted(sent.map((number) => `${number}|first`)),
  );
  expect([...shares(results).keys()].sort()).toEqual(['one', 'two']);
});

interface Status {
  readonly pushedWorkers?: number;
}

/** Asks the server for its status until that fits. */
async function statusOf(
  words: { get(key: string): Promise<string | undefined> },
  fits: (status: Status) => boolean,
): Promise<void> {
  for (;;) {
    if (fits(JSON.parse((await words.get('frond_status')) ?? '{}') as Status)) return;
  }
}
