/** Workers that reach their Master through a relay: they work, and only those that may. */
import { describe, expect, it } from 'vitest';
import { memory } from '../../../transports/memory/index.ts';
import { grounds } from '../../support/cluster.ts';
import { notOnce, runJob } from '../../support/jobs.ts';
import { EVERYTHING, startRelay, toRelay } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';
import { received, scene } from './workers-scene.ts';

const COUNT = 10_000;

describe.each(grounds)('on %s', (_, make) => {
  const open = scene(make);

  it('do a job of 10 000, each message once', async () => {
    const { startWorker, client } = await open();
    const workers = await Promise.all([startWorker(), startWorker()]);
    expect(notOnce(await runJob(await client(), 'master.echo', COUNT))).toEqual([]);
    expect(received(workers)).toBe(COUNT);
    for (const worker of workers) expect(received([worker])).toBeGreaterThan(COUNT / 10);
  }, 30_000);
});

describe('that are not let in', () => {
  const open = scene(grounds[0][1]);

  it('may not be one without the grant: start says so soon, and that is all', async () => {
    const { relay, startWorker } = await open(() => ({ ...EVERYTHING, name: 'visitor', work: false }));
    const transport = toRelay(relay.url, { token: 'visitor' });
    for (const addresses of [{}, { pushAddress: 'master', pullAddress: 'master/results' }]) {
      const start = startWorker(undefined, { transport, ...addresses });
      await expect(within(1_000, start, 'the refusal')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const refusals = () =>
      Promise.all(['request', 'channel'].map((what) => relay.figure(`refusals_total{what="${what}"}`)));
    const before = await refusals();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await refusals()).toEqual(before);
    expect(relay.relay.connections).toBe(0);
  });

  it('are refused with the relay itself: start says so soon', async () => {
    const { relay, startWorker } = await open(() => undefined);
    const start = startWorker(undefined, { transport: toRelay(relay.url, { token: 'wrong' }) });
    await expect(within(2_000, start, 'the refusal')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('find no relay: start says so when its time is up', async () => {
    const { relay, startWorker, wire } = await open();
    const cut = await wire();
    cut.isOpen = false;
    const start = startWorker(cut.url, { timeout: 200 });
    await expect(within(2_000, start, 'the time-out')).rejects.toMatchObject({ code: 'TIMEOUT' });
    // What it dialled last may be on its way.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { count } = cut;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cut.count).toBe(count);
    expect(relay.relay.connections).toBe(0);
  });

  it('are thrown out for good: they end, and say so', async () => {
    let isWelcome = true;
    const { relay, startWorker } = await open(() =>
      isWelcome ? { ...EVERYTHING, name: 'guest' } : undefined,
    );
    const logged: string[] = [];
    const log = (text: string) => logged.push(text);
    const logger = { debug: log, info: log, warning: log, error: log };
    const worker = await startWorker(undefined, {
      transport: toRelay(relay.url, { token: 'guest' }),
      logger,
      loggingLevel: 'warning',
    });
    isWelcome = false;
    await relay.close();
    const next = await startRelay({
      transport: memory(),
      servers: {},
      port: relay.port,
      authenticate: () => undefined,
    });
    expect(await within(5_000, worker.closed, 'the end')).toMatchObject({ code: 'FORBIDDEN' });
    await new Promise(setImmediate);
    const { length } = logged;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(logged.slice(length)).toEqual([]);
    await next.close();
  });
});
