/** frond workers on stock pylm's Master and Hub: plain PUSH and PULL, at the addresses that its cache gives. */
import { afterEach, describe, expect, it } from 'vitest';
import { Worker } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { readAll, until, within } from '../support/wait.ts';
import { connectTo } from './connect.ts';
import { functionsOf } from './functions.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';
import { startCluster } from './pylm.ts';
import { pylmCalls, textsOf } from './pylm-calls.ts';
import { transportHere } from './transport.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const sorted = (texts: readonly string[]) => [...texts].sort();
const worker = (label: string, master = 'master'): Part => ({ kind: 'Worker', label, by: 'frond', master });

let cluster: MixedCluster | undefined;
let undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const one of undo.reverse()) await within(10_000, one());
  undo = [];
  await cluster?.stop();
  cluster = undefined;
});

describe('two frond workers on a pylm Master', () => {
  const open = async () => {
    cluster = await startMixed(
      [{ kind: 'Master', label: 'master', by: 'pylm' }, worker('one'), worker('two')],
      [{ path: 'master.who', answers: ['one', 'two'] }],
    );
    const { entry, role } = cluster;
    return { words: (await cluster.connect()).with(text()), entry, role };
  };

  it('share a job, each message answered once', async () => {
    const { words, role } = await open();
    const sent = numbers(2_000);
    const results = await readAll(words.job('master.tag', sent, { messages: sent.length }));
    expect(sorted(results.map((result) => result.split('|')[0] ?? ''))).toEqual(sorted(sent));
    for (const label of ['one', 'two']) {
      expect(results.filter((result) => result.endsWith(label)).length).toBeGreaterThan(sent.length / 4);
      expect(role<Worker>(label).counters).toMatchObject({ failed: 0, dropped: 0, inFlight: 0 });
    }
  });

  it('tell it no progress, which would be a result there', async () => {
    const { words, role } = await open();
    const heard: unknown[] = [];
    const options = { onProgress: (progress: unknown) => void heard.push(progress) };
    expect(await words.eval('master.counted', 'x', options)).toBe('x');
    // Its cache, which is asked for what it takes, goes on.
    await words.set('v', 'k');
    expect(await words.get('k')).toBe('v');
    expect(heard).toEqual([]);
    const answered = ['one', 'two'].map((label) => role<Worker>(label).counters.answered);
    const sent = numbers(100);
    expect(sorted(await readAll(words.map('master.counted', sent, options)))).toEqual(sorted(sent));
    expect(['one', 'two'].map((label) => role<Worker>(label).counters.answered)).not.toEqual(answered);
    expect(heard).toEqual([]);
  });

  it('use its cache, which outlives the delete of what is missing', async () => {
    const { words } = await open();
    await words.set('by the client', 'k');
    expect(await words.eval('master.cached', 'k')).toBe('by the client');
    expect(await words.eval('master.store', 'w=by the worker')).toBe('w');
    expect(await words.get('w')).toBe('by the worker');
    expect(await words.eval('master.forget', 'w')).toBe('w');
    for (let i = 0; i < 4; i++) expect(await words.eval('master.forget', 'absent')).toBe('');
    expect(await words.eval('master.cached', 'k')).toBe('by the client');
    expect(await words.get('k')).toBe('by the client');
  });

  it('give every result of a generator', async () => {
    const { words, role } = await open();
    const answered = () =>
      ['one', 'two'].map((label) => role<Worker>(label).counters.answered).reduce((a, b) => a + b);
    expect(await words.eval('master.letters', 'abc', { messages: 3 })).toEqual(['a', 'b', 'c']);
    const before = answered();
    const inputs = numbers(500).map(() => '4');
    const job = words.job('master.count', inputs, { messages: 2_000, idleTimeout: 5_000 });
    const results = await readAll(job).catch(() => []);
    expect({ answered: answered() - before, received: job.progress.received }).toEqual({
      answered: 2_000,
      received: 2_000,
    });
    expect(sorted(results)).toEqual(sorted(inputs.flatMap(() => ['0', '1', '2', '3'])));
  });

  it('tell frond’s client what failed, and pylm’s 0', async () => {
    const { words, entry } = await open();
    await expect(words.eval('master.boom', 'x')).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName: 'RangeError',
    });
    await expect(words.eval('master.missing', 'x')).rejects.toMatchObject({ code: 'REMOTE' });
    const calls = ['boom', 'none', 'missing', 'upper'].map((name) => [
      'eval',
      `master.${name}`,
      '--payload',
      'x',
    ]);
    expect((await pylmCalls(entry, calls)).map(textsOf)).toEqual([['0'], ['0'], ['0'], ['X']]);
  });
});

it('frond and pylm workers on one pylm Master share a job', async () => {
  cluster = await startMixed(
    [{ kind: 'Master', label: 'master', by: 'pylm' }, worker('frond'), { ...worker('pylm'), by: 'pylm' }],
    [{ path: 'master.who', answers: ['frond', 'pylm'] }],
  );
  const words = (await cluster.connect()).with(text());
  const sent = numbers(1_000);
  const results = await readAll(words.job('master.tag', sent, { messages: sent.length }));
  expect(sorted(results.map((result) => result.split('|')[0] ?? ''))).toEqual(sorted(sent));
  expect(new Set(results.map((result) => result.split('|')[1]))).toEqual(new Set(['frond', 'pylm']));
});

it('frond workers on a pylm Hub run the second stage', async () => {
  cluster = await startMixed(
    [
      { kind: 'Server', label: 'first', by: 'pylm', pipelined: true },
      { kind: 'Hub', label: 'hub', by: 'pylm', from: ['first'] },
      worker('one', 'hub'),
      worker('two', 'hub'),
    ],
    [{ path: 'first.same hub.who', answers: ['one', 'two'] }],
  );
  const words = (await cluster.connect()).with(text());
  const sent = numbers(1_000);
  const results = await readAll(words.job(['first.tag', 'hub.tag'], sent, { messages: sent.length }));
  const trimmed = results.map((result) => result.split('|').slice(0, 2).join('|'));
  expect(sorted(trimmed)).toEqual(sorted(sent.map((number) => `${number}|first`)));
  expect(await words.eval(['first.same', 'hub.forget'], 'absent')).toBe('');
  expect(await words.eval(['first.same', 'hub.store'], 'k=v')).toBe('k');
  expect(await words.eval(['first.same', 'hub.cached'], 'k')).toBe('v');
});

describe('a pylm server that is killed and comes back at its addresses', () => {
  it.each([
    ['master', 'master', 'master.tag'],
    ['hub', 'hub', 'first.same hub.tag'],
  ] as const)('%s: its frond workers find it again', async (topology, label, path) => {
    const pylm = await startCluster(topology, { workers: 0 });
    undo.push(() => pylm.stop());
    const { db: dbAddress } = pylm.server(label);
    const start = (name: string) =>
      Worker.start({
        transport: transportHere(),
        name,
        dbAddress,
        functions: functionsOf(name),
        loggingLevel: 'silent',
      });
    const workers = await Promise.all([start('one'), start('two')]);
    undo.push(() => Promise.all(workers.map((own) => own.close())));
    const client = await connectTo(pylm);
    undo.push(() => client.close());
    const words = client.with(text());
    const isAnswered = () =>
      words.eval(path, 'x', { timeout: 300 }).then(
        (answer) => answer.startsWith('x|'),
        () => false,
      );
    const answers = async () => {
      while (!(await isAnswered())) await new Promise(setImmediate);
    };

    for (let round = 0; round < 2; round++) {
      await within(15_000, answers(), 'the first answer');
      const before = workers.map(({ counters }) => counters.received);
      const grown = () => workers.every(({ counters }, i) => counters.received > (before[i] ?? 0));
      // The first answer says that one worker is back. The other one may come while a job is under way.
      const shared = async () => {
        while (!grown()) {
          const sent = numbers(300);
          const results = await readAll(words.job(path, sent, { messages: sent.length }));
          expect(sorted(results.map((result) => result.split('|')[0] ?? ''))).toEqual(sorted(sent));
        }
      };
      await within(15_000, shared(), 'work for both');
      await within(
        5_000,
        until(() => workers.every(({ counters }) => counters.inFlight === 0)),
        'its end',
      );
      if (round === 0) await pylm.restart(label);
    }
  });
});
