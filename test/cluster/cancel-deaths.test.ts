/** Clients that are killed while their calls run. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { FunctionContext, Master, Worker } from '../../src/cluster/index.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { startScript } from '../support/processes.ts';
import { until, within } from '../support/wait.ts';

const CALLER = fileURLToPath(new URL('../support/caller-process.ts', import.meta.url));

/** Milliseconds that a call takes unless it is cancelled. */
const LONG = 20_000;

describe.each(grounds.filter(([name]) => name !== 'memory'))(
  'over %s, a client that is killed',
  (name, make) => {
    const cluster = testCluster(make);

    it('frees the three workers that its calls keep busy, and another client is answered within 2 s', async () => {
      const { start, connect, own } = cluster();
      const master = await start<Master>({ role: 'master', name: 'master' });
      const begun: string[] = [];
      const reasons: PalmError[] = [];
      const wait = (payload: Uint8Array, { signal }: FunctionContext) =>
        new Promise<Uint8Array>((resolve, reject) => {
          begun.push(textOf(payload));
          const timer = setTimeout(() => resolve(payload), LONG);
          signal.addEventListener('abort', () => {
            clearTimeout(timer);
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        });
      for (let i = 0; i < 3; i++)
        await start<Worker>({ role: 'worker', dbAddress: master.dbAddress, functions: { wait } });
      const other = await connect({ dbAddress: master.dbAddress });
      const caller = await startScript(CALLER, [name, master.dbAddress, 'master', '3']);
      own({
        close: () => {
          caller.signal('SIGKILL');
          return caller.ended;
        },
      });
      await within(
        10_000,
        until(() => begun.length === 3),
        'three calls',
      );
      caller.signal('SIGKILL');
      const answer = await within(2_000, other.eval('master.echo', bytes('other')), 'the other client');
      expect(textOf(answer)).toBe('other');
      await within(
        2_000,
        until(() => reasons.length === 3),
        'the signals',
      );
      expect(reasons.map(({ code }) => code)).toEqual(['DISCONNECTED', 'DISCONNECTED', 'DISCONNECTED']);
      expect(master.counters).toMatchObject({ answered: 1, cancelled: 3, inFlight: 0 });
    });
  },
);
