/** Cancelled calls of clients behind a relay, and of clients that are gone. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { type FunctionContext, Master, Worker } from '../../src/cluster/index.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { startScript } from '../support/processes.ts';
import { connect, startRelay } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';

const CALLER = fileURLToPath(new URL('../support/caller-process.ts', import.meta.url));
const any = 'memory://*';

let opened: { close(options?: { timeout: number }): Promise<unknown> }[] = [];
const own = <T extends { close(options?: { timeout: number }): Promise<unknown> }>(closable: T): T => {
  opened.push(closable);
  return closable;
};
afterEach(async () => {
  for (const closable of opened.reverse()) await within(5_000, closable.close({ timeout: 0 }), 'closing');
  opened = [];
});

/** A relay before a Master with workers, whose function waits until its signal aborts. */
async function ground(workers: number, limits: { readonly resumeWindow?: number } = {}) {
  const transport = memory();
  const common = { transport, loggingLevel: 'silent' } as const;
  const begun: string[] = [];
  const reasons: { readonly call: string; readonly reason: PalmError }[] = [];
  const wait = (payload: Uint8Array, { signal }: FunctionContext) =>
    new Promise<Uint8Array>((_, reject) => {
      begun.push(textOf(payload));
      signal.addEventListener('abort', () => {
        reasons.push({ call: textOf(payload), reason: signal.reason });
        reject(signal.reason);
      });
    });
  const master = own(
    await Master.start({
      ...common,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
    }),
  );
  for (let i = 0; i < workers; i++)
    own(await Worker.start({ ...common, dbAddress: master.dbAddress, functions: { wait } }));
  const relay = own(
    await startRelay({ transport, servers: { server: { dbAddress: master.dbAddress } }, limits }),
  );
  return { master, relay, begun, reasons };
}

const outcome = (call: Promise<unknown>) => call.then(String, (error: unknown) => error);

describe('behind a relay', () => {
  it('a call that is aborted frees its worker, and other clients keep theirs', async () => {
    const { relay, begun, reasons } = await ground(2);
    const [client, other] = [own(await connect(relay.url)), own(await connect(relay.url))];
    const abort = new AbortController();
    const call = outcome(client.eval('server.wait', bytes('a'), { signal: abort.signal }));
    const kept = outcome(other.eval('server.wait', bytes('b')));
    await within(
      5_000,
      until(() => begun.length === 2),
      'both calls',
    );
    abort.abort(new Error('enough'));
    await call;
    await within(
      5_000,
      until(() => reasons.length === 1),
      'the signal',
    );
    expect(reasons[0]).toMatchObject({ call: 'a', reason: { code: 'CANCELLED' } });
    expect(reasons[0]?.reason.message).toContain('enough');
    expect(textOf(await within(2_000, client.eval('server.echo', bytes('x')), 'the free worker'))).toBe('x');
    await other.close({ timeout: 0 });
    expect(await kept).toMatchObject({ code: 'CLOSED' });
  });

  it('calls whose places are taken by cancelled ones get these', async () => {
    const { relay, master, begun } = await ground(1);
    const client = own(await connect(relay.url));
    const abort = new AbortController();
    const calls = Array.from({ length: 200 }, (_, i) =>
      outcome(client.eval('server.wait', bytes(String(i)), { signal: abort.signal })),
    );
    await within(
      5_000,
      until(() => begun.length === 1),
      'the first call',
    );
    abort.abort();
    await Promise.all(calls);
    expect(textOf(await within(5_000, client.eval('server.echo', bytes('x')), 'the next'))).toBe('x');
    expect(begun.length).toBe(1);
    expect(master.counters).toMatchObject({ inFlight: 0 });
  });

  it.each(['closes', 'is put away for longer than its session is kept'])(
    'the calls of a client that %s are cancelled, but not those that are detached',
    async (what) => {
      const { relay, begun, reasons } = await ground(3, { resumeWindow: 100 });
      const caller = own(await connect(relay.url));
      const killed = what !== 'closes';
      const calls = [
        outcome(caller.eval('server.wait', bytes('a'))),
        outcome(caller.eval('server.wait', bytes('d'), { detached: true })),
      ];
      await within(
        5_000,
        until(() => begun.length === 2),
        'the calls',
      );
      if (killed) {
        const process = await startScript(CALLER, ['websocket', relay.url, 'server', '1']);
        own({ close: async () => process.signal('SIGKILL') });
        await within(
          10_000,
          until(() => begun.length === 3),
          'the call of the process',
        );
        process.signal('SIGKILL');
        await within(
          5_000,
          until(() => reasons.length === 1),
          'the signal',
        );
        expect(reasons[0]).toMatchObject({ call: '0', reason: { code: 'DISCONNECTED' } });
        return;
      }
      await caller.close({ timeout: 0 });
      await Promise.all(calls);
      await within(
        5_000,
        until(() => reasons.length === 1),
        'the signal',
      );
      expect(reasons[0]).toMatchObject({ call: 'a', reason: { code: 'DISCONNECTED' } });
      const other = own(await connect(relay.url));
      expect(textOf(await other.eval('server.echo', bytes('x')))).toBe('x');
      expect(reasons.length).toBe(1);
    },
  );

  it('a relay that is gone has the calls of its clients cancelled', async () => {
    const { relay, begun, reasons } = await ground(1);
    const client = own(await connect(relay.url));
    const call = outcome(client.eval('server.wait', bytes('a')));
    await within(
      5_000,
      until(() => begun.length === 1),
      'the call',
    );
    await relay.close();
    await within(
      5_000,
      until(() => reasons.length === 1),
      'the signal',
    );
    await client.close({ timeout: 0 });
    await call;
  });
});
