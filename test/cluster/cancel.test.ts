/** What becomes of calls that nobody waits for any more: through every role, on every transport that binds. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type {
  FunctionContext,
  Hub,
  Master,
  PalmFunctions,
  Pipeline,
  Server,
  Worker,
} from '../../src/cluster/index.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { until, within } from '../support/wait.ts';

/** Functions that wait until their signal aborts, and what they saw. */
function waiting() {
  const begun: string[] = [];
  const reasons: { readonly call: string; readonly reason: PalmError }[] = [];
  const wait = (payload: Uint8Array, { signal }: FunctionContext) => {
    const call = textOf(payload);
    begun.push(call);
    const over = deferred<Uint8Array>();
    signal.addEventListener('abort', () => {
      reasons.push({ call, reason: signal.reason });
      over.reject(signal.reason);
    });
    return over.promise;
  };
  return {
    begun,
    reasons,
    functions: { wait, quick: (payload) => payload } satisfies PalmFunctions,
    hasBegun: (count: number) =>
      within(
        5_000,
        until(() => begun.length >= count),
        `${count} calls`,
      ),
    hasEnded: (count: number) =>
      within(
        5_000,
        until(() => reasons.length >= count),
        `${count} signals`,
      ),
  };
}

/** The outcome of a call, so that its rejection is handled from the beginning. */
const outcome = (call: Promise<unknown>) => call.then(String, (error: unknown) => error);

describe.each(grounds)('over %s, cancelled calls', (_name, make) => {
  const cluster = testCluster(make);

  it('end their functions with the reason when they are aborted or their time is up', async () => {
    const { start, connect } = cluster();
    const { functions, reasons, hasBegun, hasEnded } = waiting();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    const client = await connect({ dbAddress: server.dbAddress });
    const abort = new AbortController();
    const aborted = outcome(client.eval('server.wait', bytes('a'), { signal: abort.signal }));
    await hasBegun(1);
    abort.abort(new Error('the tab was left'));
    expect(await aborted).toMatchObject({ message: 'the tab was left' });
    await hasEnded(1);
    expect(reasons[0]).toMatchObject({ call: 'a', reason: { code: 'CANCELLED' } });
    expect(reasons[0]?.reason).toBeInstanceOf(PalmError);
    expect(reasons[0]?.reason.message).toContain('the tab was left');
    const late = outcome(client.eval('server.wait', bytes('b'), { timeout: 20 }));
    expect(await late).toMatchObject({ code: 'TIMEOUT' });
    await hasEnded(2);
    expect(reasons[1]).toMatchObject({ call: 'b', reason: { code: 'TIMEOUT' } });
    // The place is free again, and nobody was answered.
    expect(textOf(await client.eval('server.quick', bytes('c')))).toBe('c');
    expect(server.counters).toMatchObject({ received: 3, answered: 1, cancelled: 2, inFlight: 0 });
    expect(client.unclaimed).toBe(0);
  });

  it('are dropped before they begin, and nobody else is touched', async () => {
    const { start, connect } = cluster();
    const { functions, begun, reasons, hasBegun, hasEnded } = waiting();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    const client = await connect({ dbAddress: server.dbAddress });
    const other = await connect({ dbAddress: server.dbAddress });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = outcome(client.eval('server.wait', bytes('1'), { signal: first.signal }));
    await hasBegun(1);
    const queued = outcome(client.eval('server.wait', bytes('2'), { signal: second.signal }));
    const others = [3, 4].map((n) => other.eval('server.quick', bytes(`${n}`)));
    second.abort();
    expect(await queued).toMatchObject({ name: 'AbortError' });
    await within(
      5_000,
      until(() => server.counters.cancelled === 1),
      'the drop',
    );
    expect(reasons).toEqual([]);
    first.abort();
    await running;
    await hasEnded(1);
    expect((await Promise.all(others)).map(textOf)).toEqual(['3', '4']);
    expect(begun).toEqual(['1']);
    expect(server.counters).toMatchObject({ answered: 2, cancelled: 2, inFlight: 0 });
  });

  it('of a job that is left by break are cancelled, and generators end', async () => {
    const { start, connect } = cluster();
    const ended = deferred<string>();
    let given = 0;
    const server = await start<Server>({
      role: 'server',
      name: 'server',
      functions: {
        async *count(_payload, { signal }) {
          try {
            for (;;) {
              yield bytes(String(given++));
              await new Promise(setImmediate);
            }
          } finally {
            ended.resolve(signal.aborted ? String(signal.reason.code) : 'not aborted');
          }
        },
      },
    });
    const client = await connect({ dbAddress: server.dbAddress });
    for await (const result of client.job('server.count', [bytes('')])) if (textOf(result) === '5') break;
    expect(await within(5_000, ended.promise, 'the end of the generator')).toBe('CANCELLED');
    expect(textOf(await client.eval('server.echo', bytes('x')))).toBe('x');
  });

  it('of a map that is left, or whose inputs have no more tries, are cancelled', async () => {
    const { start, connect } = cluster();
    const { functions, reasons, hasEnded } = waiting();
    const server = await start<Server>({ role: 'server', name: 'server', functions, concurrency: 10 });
    const client = await connect({ dbAddress: server.dbAddress });
    const payloads = ['a', 'b', 'c'].map(bytes);
    const settled: string[] = [];
    for await (const { status } of client.mapSettled('server.wait', payloads, { timeout: 30 }))
      settled.push(status);
    expect(settled).toEqual(['rejected', 'rejected', 'rejected']);
    await hasEnded(3);
    expect(reasons.map(({ reason }) => reason.code)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT']);
    const abort = new AbortController();
    const map = client.map('server.wait', payloads, { signal: abort.signal, retries: 3 });
    const read = outcome(map.next());
    await within(
      5_000,
      until(() => server.counters.inFlight === 3),
      'the inputs',
    );
    abort.abort();
    expect(await read).toMatchObject({ name: 'AbortError' });
    await hasEnded(6);
    expect(server.counters).toMatchObject({ answered: 0, cancelled: 6, inFlight: 0 });
  });

  it('that are detached run on, and so do those that want no answer', async () => {
    const { start, connect, own } = cluster();
    const { functions, begun, reasons, hasBegun } = waiting();
    const server = await start<Server>({ role: 'server', name: 'server', functions, concurrency: 10 });
    const client = await connect({ dbAddress: server.dbAddress });
    const other = await connect({ dbAddress: server.dbAddress });
    const abort = new AbortController();
    const call = outcome(client.eval('server.wait', bytes('d'), { detached: true, signal: abort.signal }));
    await client.eval('server.wait', bytes('m'), { messages: 0 });
    const kept = outcome(client.eval('server.wait', bytes('k')));
    await hasBegun(3);
    abort.abort();
    await call;
    await client.close({ timeout: 0 });
    expect(await kept).toMatchObject({ code: 'CLOSED' });
    await within(
      5_000,
      until(() => reasons.length === 1),
      'the signal',
    );
    expect(reasons[0]).toMatchObject({ call: 'k', reason: { code: 'DISCONNECTED' } });
    expect(textOf(await other.eval('server.quick', bytes('x')))).toBe('x');
    expect(reasons.length).toBe(1);
    expect(begun.length).toBe(3);
    own({ close: () => server.close({ timeout: 0 }) });
  });

  it('are cancelled through a pipeline', async () => {
    const { start, connect } = cluster();
    const { functions, reasons, hasBegun, hasEnded } = waiting();
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
    const second = await start<Pipeline>({
      role: 'pipeline',
      name: 'second',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      toClient: false,
    });
    const third = await start<Pipeline>({
      role: 'pipeline',
      name: 'third',
      previous: 'second',
      previousDbAddress: second.dbAddress,
      functions,
    });
    await Promise.all([second.ready(), third.ready()]);
    const client = await connect({ dbAddress: first.dbAddress, subAddress: third.pubAddress });
    const path = ['first.echo', 'second.echo', 'third.wait'];
    const abort = new AbortController();
    const call = outcome(client.eval(path, bytes('p'), { signal: abort.signal }));
    await hasBegun(1);
    abort.abort();
    await call;
    await hasEnded(1);
    expect(reasons[0]).toMatchObject({ call: 'p', reason: { code: 'CANCELLED' } });
    expect(textOf(await client.eval(['first.echo', 'second.echo', 'third.quick'], bytes('q')))).toBe('q');
  });

  it.each(['leased', 'pushed'])(
    'free the %s workers of a Master, and what waits is dropped',
    async (kind) => {
      const { start, connect } = cluster();
      const { functions, reasons, begun, hasBegun, hasEnded } = waiting();
      const master = await start<Master>({ role: 'master', name: 'master' });
      const addresses =
        kind === 'leased'
          ? {}
          : { pushAddress: master.workerPushAddress, pullAddress: master.workerPullAddress };
      for (let i = 0; i < 2; i++)
        await start<Worker>({ role: 'worker', dbAddress: master.dbAddress, functions, ...addresses });
      const client = await connect({ dbAddress: master.dbAddress });
      const other = await connect({ dbAddress: master.dbAddress });
      const abort = new AbortController();
      const calls = ['1', '2'].map((text) =>
        outcome(client.eval('master.wait', bytes(text), { signal: abort.signal })),
      );
      await hasBegun(2);
      const queued = outcome(client.eval('master.wait', bytes('3'), { signal: abort.signal }));
      if (kind === 'leased')
        await within(
          5_000,
          until(() => master.counters.inFlight === 3),
          'the third',
        );
      abort.abort();
      await Promise.all([...calls, queued]);
      await hasEnded(2);
      expect(textOf(await within(5_000, other.eval('master.quick', bytes('x')), 'a free worker'))).toBe('x');
      expect(reasons.map(({ reason }) => reason.code)).toContain('CANCELLED');
      if (kind === 'leased') {
        expect(begun.length).toBe(2);
        expect(master.counters).toMatchObject({ answered: 1, cancelled: 3, inFlight: 0 });
      }
    },
  );

  it('behind a Hub free its workers', async () => {
    const { start, connect } = cluster();
    const { functions, hasBegun, hasEnded } = waiting();
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
    const hub = await start<Hub>({
      role: 'hub',
      name: 'hub',
      previous: 'first',
      previousDbAddress: first.dbAddress,
    });
    await hub.ready();
    await start<Worker>({ role: 'worker', dbAddress: hub.dbAddress, functions });
    const client = await connect({ dbAddress: first.dbAddress, subAddress: hub.pubAddress });
    const abort = new AbortController();
    const call = outcome(client.eval(['first.echo', 'hub.wait'], bytes('h'), { signal: abort.signal }));
    await hasBegun(1);
    abort.abort();
    await call;
    await hasEnded(1);
    expect(textOf(await client.eval(['first.echo', 'hub.quick'], bytes('q')))).toBe('q');
    expect(hub.counters.inFlight).toBe(0);
  });

  it('that are over, or cancelled already, change nothing', async () => {
    const { start, connect } = cluster();
    const { functions, reasons, hasBegun, hasEnded } = waiting();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    const client = await connect({ dbAddress: server.dbAddress });
    const abort = new AbortController();
    expect(textOf(await client.eval('server.quick', bytes('a'), { signal: abort.signal }))).toBe('a');
    abort.abort();
    const twice = new AbortController();
    const call = outcome(
      client.eval('server.wait', bytes('b'), { signal: twice.signal, timeout: 60_000, messages: 2 }),
    );
    await hasBegun(1);
    twice.abort();
    twice.abort();
    await call;
    await hasEnded(1);
    expect(textOf(await client.eval('server.quick', bytes('c')))).toBe('c');
    expect(reasons.length).toBe(1);
    expect(server.counters).toMatchObject({ received: 3, answered: 2, cancelled: 1 });
  });

  it('leave the signal alone when the server closes, and its results are sent', async () => {
    const { start, connect } = cluster();
    const begun = deferred<void>();
    const server = await start<Server>({
      role: 'server',
      name: 'server',
      functions: {
        last: (_payload, { signal }) => {
          begun.resolve();
          return new Promise((resolve) =>
            signal.addEventListener('abort', () => resolve(bytes(signal.reason.code))),
          );
        },
      },
    });
    const client = await connect({ dbAddress: server.dbAddress });
    const answer = client.eval('server.last', bytes(''));
    await within(5_000, begun.promise, 'the call');
    const closing = server.close();
    expect(textOf(await answer)).toBe('CLOSED');
    await closing;
  });
});
