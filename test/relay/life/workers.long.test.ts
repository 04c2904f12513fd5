/** Workers behind a relay that are cut off, vanish or are killed: what becomes of what they hold. */
import { describe, expect, it } from 'vitest';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds } from '../../support/cluster.ts';
import { notOnce, runJob } from '../../support/jobs.ts';
import { until, within } from '../../support/wait.ts';
import { startChild } from './child.ts';
import { Scissors } from './scissors.ts';
import { LONG, received, SHORT, scene } from './workers-scene.ts';

const COUNT = 10_000;

describe.each(grounds)('on %s', (_, make) => {
  const open = scene(make);

  it('are cut and go on: nothing is lost, and nothing is run twice', async () => {
    // A Master gives away what a worker holds that is away for half a heartbeat.
    const { startWorker, client, wire } = await open(undefined, LONG, 2 * LONG);
    const cut = await wire();
    const workers = await Promise.all([startWorker(cut.url), startWorker(cut.url)]);
    const scissors = new Scissors(cut, 3);
    const cutting = scissors.run(100);
    for (let round = 0; round < 3; round++)
      expect(notOnce(await runJob(await client(), 'master.echo', COUNT))).toEqual([]);
    scissors.isOver = true;
    await within(3_000, cutting, 'the cuts');
    expect(scissors.cuts).toBeGreaterThan(10);
    expect(received(workers)).toBe(3 * COUNT);
  }, 30_000);

  it('one vanishes in the middle of a job: what it held is for the other at once', async () => {
    const { startWorker, client, wire, master } = await open();
    const cut = await wire();
    const [, vanishing] = await Promise.all([startWorker(), startWorker(cut.url)]);
    const begin = performance.now();
    const times = await runJob(await client(), 'master.echo', COUNT, {
      [COUNT / 2]: () => {
        cut.isOpen = false;
        cut.cut('rst');
      },
    });
    expect(notOnce(times)).toEqual([]);
    expect(received([vanishing])).toBeGreaterThan(0);
    // The Master itself would miss it after 30 seconds.
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(master.counters.inFlight).toBe(0);
  }, 30_000);

  it('one vanishes while it holds something and the others have nothing to do', async () => {
    const { startWorker, client, wire } = await open();
    const cut = await wire();
    const functions = { slow: () => new Promise<Uint8Array>(() => {}) };
    const vanishing = await startWorker(cut.url, { functions });
    const caller = await client();
    const call = caller.eval('master.slow', bytes('x'));
    await within(
      3_000,
      until(() => vanishing.counters.inFlight === 1),
    );
    await startWorker(undefined, { functions: { slow: (payload) => payload } });
    cut.isOpen = false;
    cut.cut('rst');
    expect(textOf(await within(SHORT + 2_000, call, 'the answer'))).toBe('x');
  }, 30_000);

  it('one that is away for too long works again when it is back', async () => {
    const { startWorker, client, wire, relay } = await open();
    const cut = await wire();
    const worker = await startWorker(cut.url);
    const caller = await client();
    for (let round = 0; round < 2; round++) {
      cut.isOpen = false;
      cut.cut('rst');
      const call = caller.eval('master.echo', bytes('x'));
      while ((await relay.figure('sessions')) > 1) await new Promise((resolve) => setTimeout(resolve, 10));
      cut.isOpen = true;
      expect(textOf(await within(5_000, call, 'the answer'))).toBe('x');
    }
    expect(worker.counters.answered).toBe(2);
  }, 30_000);
});

const openOnZeromq = scene(grounds[1][1]);

it('a worker whose process is killed: what it held is given to others, while the relay still waits for it', async () => {
  const { relay, startWorker, client } = await openOnZeromq(undefined, LONG);
  const killed = await startChild('worker-process.ts', relay.url);
  const caller = await client();
  const calls = Array.from({ length: 5 }, () => caller.eval('master.slowly', bytes('x')));
  expect(await killed.go()).toBe('full');
  await startWorker(undefined, { functions: { slowly: (payload) => payload } });
  killed.kill();
  const answers = await within(3_000, Promise.all(calls), 'the answers');
  expect(answers.map(textOf)).toEqual(Array.from({ length: 5 }, () => 'x'));
}, 30_000);
