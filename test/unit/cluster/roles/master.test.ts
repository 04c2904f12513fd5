/** A Master and a Hub in one process: scatter and gather around workers, what they tell and refuse, and how they close. */
import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import {
  Hub,
  type HubOptions,
  Master,
  type MasterOptions,
  Server,
  Worker,
} from '../../../../src/cluster/index.ts';
import type { PalmFunctions } from '../../../../src/cluster/runtime/functions.ts';
import { SCATTER_QUEUE, UNGATHERED_BYTES, WORKER_QUEUE } from '../../../../src/flow-control.ts';
import { metricsText } from '../../../../src/metrics.ts';
import { cancelMessage } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../../../src/protocol/work-request.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { testCluster } from '../../../support/test-cluster.ts';
import { until, within } from '../../../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
const codec = new EnvelopeCodec();
const upper: PalmFunctions = { upper: (own) => bytes(textOf(own).toUpperCase()) };

async function open(options: Partial<MasterOptions> = {}) {
  const { transport, own, connect } = cluster();
  const quiet = { transport, loggingLevel: 'silent' } as const;
  const master = own(await Master.start({ ...quiet, name: 'm', heartbeat: 100, ...options }));
  const { dbAddress } = master;
  const work = async (functions: PalmFunctions = upper) =>
    own(await Worker.start({ ...quiet, dbAddress, functions }));
  const client = await connect({ dbAddress });
  const call = (name: string, text: string, messages = 1) =>
    client.eval(`m.${name}`, bytes(text), { timeout: 5_000, messages } as { messages: 1 });
  const several = async (name: string, text: string, messages: number) =>
    ((await call(name, text, messages)) as unknown as Uint8Array[]).map(textOf);
  const said = async (key: string) => textOf((await client.get(key)) ?? bytes(''));
  return { transport, own, connect, master, work, client, call, several, said, quiet };
}

describe('a master', () => {
  it('tells its addresses, and what it is', async () => {
    const { master, said } = await open();
    const { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress } = master;
    const addresses = {
      db_address: dbAddress,
      pull_address: pullAddress,
      pub_address: pubAddress,
      worker_pull_address: workerPullAddress,
      worker_push_address: workerPushAddress,
    };
    for (const [key, address] of Object.entries(addresses)) expect(await said(key)).toBe(address);
    expect(JSON.parse(await said('frond_status'))).toMatchObject({
      role: 'Master',
      name: 'm',
      functions: [],
      pipelined: false,
      addresses,
      workers: [],
      pushedWorkers: 0,
    });
    expect(JSON.parse(await said('frond_status'))).not.toHaveProperty('previous');
    expect(master.functionNames).toEqual([]);
  });

  it('gives calls to its workers and their results to clients', async () => {
    const { work, call, master } = await open();
    await work();
    expect(textOf(await call('upper', 'x'))).toBe('X');
    expect(master.counters).toMatchObject({ received: 1, answered: 1, failed: 0, dropped: 0, inFlight: 0 });
  });

  it('has all of its workers work at once', async () => {
    const gate = deferred<void>();
    const { work, call } = await open();
    const functions: PalmFunctions = {
      wait: async (payload) => {
        await gate.promise;
        return payload;
      },
    };
    const workers = [await work(functions), await work(functions)];
    const calling = ['a', 'b'].map((text) => call('wait', text));
    await until(() => workers.every(({ counters }) => counters.inFlight === 1));
    gate.resolve();
    expect((await Promise.all(calling)).map(textOf)).toEqual(['a', 'b']);
  });

  it('says what the functions of its workers are', async () => {
    const { work, said } = await open();
    await work();
    expect(JSON.parse(await said('frond_functions'))).toEqual([{ name: 'echo' }, { name: 'upper' }]);
  });

  it('says in its status which functions and workers it has, and of a handleStream not where results go', async () => {
    const { work, said } = await open({ handleStream: (message) => ({ topic: message.client, message }) });
    await work();
    const status = JSON.parse(await said('frond_status'));
    expect(status).toMatchObject({ functions: ['echo', 'upper'], workers: [{ holds: 0 }] });
    expect(status).not.toHaveProperty('pipelined');
  });

  it('publishes results as its handleStream changes them', async () => {
    const { work, call } = await open({
      handleStream: (message) => ({
        topic: message.client,
        message: { ...message, payload: bytes('changed') },
      }),
    });
    await work();
    expect(textOf(await call('upper', 'x'))).toBe('changed');
  });

  it('measures itself, the functions of its workers, and what waits for one', async () => {
    const { master, work, call } = await open();
    const metrics = () =>
      metricsText(master.metrics())
        .split('\n')
        .map((line) => line.replace('role="master",name="m"', '').replace('{}', '').replace('{,', '{'));
    const calling = call('upper', 'x');
    await until(() => master.counters.inFlight === 1);
    expect(metrics()).toContain('frond_messages_waiting 1');
    await work();
    await calling;
    expect(metrics()).toEqual(
      expect.arrayContaining([
        'frond_messages_waiting 0',
        'frond_function_seconds_count{function="upper"} 1',
        'frond_function_seconds_count{function="all others"} 0',
        'frond_workers{work="asked"} 1',
        'frond_workers{work="pushed"} 0',
      ]),
    );
  });

  it('passes on how far a worker is, while it works', async () => {
    const { work, client } = await open();
    const isHeard = deferred<void>();
    await work({
      steps: async (payload, { progress }) => {
        progress(1, 2);
        await isHeard.promise;
        return payload;
      },
    });
    const onProgress = vi.fn(() => isHeard.resolve());
    await client.eval('m.steps', bytes('x'), { timeout: 5_000, onProgress });
    expect(onProgress.mock.calls).toMatchObject([[{ done: 1, total: 2 }]]);
  });

  it('queues its part for one client, takes those of others, and goes on with the first when there is room', async () => {
    const { master, work, transport, own, call } = await open();
    const peer = own(await transport.open());
    const pusher = peer.push(master.pullAddress);
    await pusher.ready();
    const many = SCATTER_QUEUE + WORKER_QUEUE;
    const message = palmMessage({ client: 'c/1', function: 'm.upper', payload: bytes('x') });
    await pusher.send(Array.from({ length: many }, () => codec.encode(message).slice()));
    await until(() => master.counters.inFlight === WORKER_QUEUE);
    const calling = call('upper', 'other');
    await until(() => master.counters.inFlight === WORKER_QUEUE + 1);
    await work();
    expect(textOf(await calling)).toBe('OTHER');
    await until(() => master.counters.answered === many + 1);
  });

  it('scatters and gathers', async () => {
    const { work, several, master } = await open({
      *scatter(message) {
        for (const more of ['a', 'b']) yield { ...message, payload: bytes(textOf(message.payload) + more) };
      },
      *gather(message) {
        yield message;
        if (textOf(message.payload).endsWith('B')) yield { ...message, payload: bytes('end') };
      },
    });
    await work();
    expect((await several('upper', 'x', 3)).sort()).toEqual(['XA', 'XB', 'end']);
    expect(master.counters).toMatchObject({ received: 1, answered: 3 });
  });

  it('gives scatter and gather payloads that they may change', async () => {
    const change = function* (message: { readonly payload: Uint8Array }) {
      message.payload.reverse();
      yield message as never;
    };
    for (const options of [{ scatter: change }, { gather: change }]) {
      const { work, call } = await open(options);
      await work();
      expect(textOf(await call('upper', 'abc'))).toBe('CBA');
    }
  });

  it('gives them payloads with buffers of their own', async () => {
    const sizes: number[][] = [];
    const note = function* (message: { readonly payload: Uint8Array }) {
      sizes.push([message.payload.length, message.payload.buffer.byteLength]);
      yield message as never;
    };
    const handleStream = (message: PalmMessage) => {
      note(message).next();
      return { topic: message.client, message };
    };
    for (const options of [{ scatter: note }, { gather: note }, { handleStream }]) {
      const { work, call } = await open(options);
      await work();
      await call('echo', 'abc');
    }
    expect(sizes).toEqual([
      [3, 3],
      [3, 3],
      [3, 3],
    ]);
  });

  it.each(['scatter', 'gather'] as const)(
    'counts a message as in flight while its %s takes time',
    async (where) => {
      const gate = deferred<void>();
      const isIn = deferred<void>();
      const { work, call, master } = await open({
        async *[where](message: PalmMessage) {
          isIn.resolve();
          await gate.promise;
          yield message;
        },
      });
      await work();
      const calling = call('upper', 'x');
      await within(5_000, isIn.promise);
      await until(() => master.counters.inFlight === 1);
      gate.resolve();
      expect(textOf(await calling)).toBe('X');
      expect(master.counters.inFlight).toBe(0);
    },
  );

  it.each(['scatter', 'gather'] as const)('answers a call that fails in %s', async (where) => {
    const { work, call, master } = await open({
      [where]: () => {
        throw new RangeError('too far');
      },
    });
    await work();
    await expect(call('upper', 'x')).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'RangeError' });
    expect(master.counters).toMatchObject({ received: 1, answered: 1, failed: 1 });
  });

  it('gives a message that kills its workers up, and says how many died', async () => {
    for (const [maxDeliveries, died] of [
      [1, '1 worker'],
      [2, '2 workers'],
    ] as const) {
      const { call, master, transport, own } = await open({ maxDeliveries });
      const calling = call('dies', 'x').catch((error: unknown) => error);
      for (let death = 0; death < maxDeliveries; death++) {
        const worker = own(await transport.open());
        const request = { worker: `w${death}`, name: 'w', want: 1, leaves: false, isAway: false, items: [] };
        for (let sequence = 1, items: readonly unknown[] = []; items.length === 0; sequence++) {
          const frame = encodeWorkRequest(codec, { ...request, sequence });
          const asked = worker.request(master.dbAddress, frame).reply;
          items = readWorkReply(codec, await within(5_000, asked));
        }
        await worker.close({ timeout: 0 });
      }
      expect(await within(10_000, calling)).toMatchObject({
        code: 'REMOTE',
        remoteName: 'WorkerDied',
        message: expect.stringContaining(
          `${died} died with this message; no other worker gets it (maxDeliveries)`,
        ),
      });
      expect(master.counters).toMatchObject({ answered: 1, failed: 1, inFlight: 0 });
    }
  });

  it('drops results of nothing that it pushed, and counts each', async () => {
    const warning = vi.fn();
    const logger = { debug: vi.fn(), info: vi.fn(), warning, error: vi.fn() };
    const { master, own, transport } = await open({ logger, loggingLevel: 'info' });
    const pusher = own(await transport.open()).push(master.workerPullAddress);
    await pusher.ready();
    const made = codec.encode(palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('x') })).slice();
    await pusher.send([made, made, new Uint8Array([0xff])]);
    await until(() => master.counters.dropped === 3);
    const fields = { worker_pull: master.workerPullAddress };
    expect(warning).toHaveBeenCalledWith('a result of nothing that was pushed', fields);
    expect(master.counters).toMatchObject({ received: 0, answered: 0 });
  });

  it('leaves reports of workers unanswered while too many bytes of results wait for its gather', async () => {
    const gate = deferred<void>();
    const { master, own, transport } = await open({
      async *gather(message) {
        await gate.promise;
        yield message;
      },
    });
    const peer = own(await transport.open());
    const pusher = peer.push(master.pullAddress);
    await pusher.ready();
    const message = palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('x') });
    await pusher.send(Array.from({ length: 8 }, () => codec.encode(message).slice()));
    await until(() => master.counters.inFlight === 8);
    let sequence = 0;
    const ask = async (want: number, items: readonly WorkItem[]) => {
      const own = { worker: 'w', name: 'w', sequence: ++sequence, leaves: false, isAway: false };
      const frame = encodeWorkRequest(codec, { ...own, want, items }).slice();
      return readWorkReply(codec, await peer.request(master.dbAddress, frame).reply);
    };
    const leases = await within(5_000, ask(8, []));
    // The first two are taken to be gathered: the other six are more than may wait.
    const payload = new Uint8Array(UNGATHERED_BYTES / 6 + 1);
    const report = ({ lease, frame }: WorkItem) => {
      const result = codec.encode({ ...codec.decode(frame), payload }).slice();
      return ask(0, [{ lease, kind: WorkKind.done, frame: result }]);
    };
    for (const lease of leases.slice(0, 7)) await within(5_000, report(lease));
    let isAnswered = false;
    const last = leases.slice(7).map((lease) => report(lease).then(() => (isAnswered = true)));
    await until(() => master.counters.inFlight === 1);
    expect([leases.length, isAnswered]).toEqual([8, false]);
    gate.resolve();
    await within(5_000, Promise.all(last));
  });

  it('pushes work to workers that do not ask, and takes their results', async () => {
    const { master, own, transport, call } = await open();
    const peer = own(await transport.open());
    const [puller, pusher] = [peer.pull(master.workerPushAddress), peer.push(master.workerPullAddress)];
    await Promise.all([puller.ready(), pusher.ready()]);
    const calling = call('f', 'x');
    const { value = [] } = await within(5_000, puller[Symbol.asyncIterator]().next());
    await until(() => master.counters.inFlight === 1);
    await pusher.send(
      value.map((frame) => codec.encode({ ...codec.decode(frame), payload: bytes('r') }).slice()),
    );
    expect(textOf(await within(5_000, calling))).toBe('r');
    expect(master.counters).toMatchObject({ received: 1, answered: 1, dropped: 0 });
  });

  it('lets go of a call that is cancelled, and counts it', async () => {
    const { master, client } = await open();
    const abort = new AbortController();
    const calling = client.eval('m.f', bytes('x'), { signal: abort.signal }).catch(() => {});
    await until(() => master.counters.inFlight === 1);
    abort.abort();
    await calling;
    await until(() => master.counters.cancelled === 1);
    expect(master.counters).toMatchObject({ received: 1, answered: 0, inFlight: 0 });
  });

  it('answers a call that comes after its notice, and gives it to nobody', async () => {
    const { master, work, transport, own } = await open();
    const worker = await work();
    const peer = own(await transport.open());
    const answers = peer.subscribe(master.pubAddress, 'c/1');
    const pusher = peer.push(master.pullAddress);
    await Promise.all([answers.ready(), pusher.ready()]);
    const notice = { client: 'c', calls: ['1'], code: 'CANCELLED', reason: 'enough' } as const;
    await peer.request(master.dbAddress, codec.encode(cancelMessage(notice)).slice()).reply;
    const message = palmMessage({ client: 'c/1', function: 'm.upper', payload: bytes('x') });
    await pusher.send([codec.encode(message).slice()]);
    const { value = [] } = await within(5_000, answers[Symbol.asyncIterator]().next());
    const [frame] = value.flatMap(({ frames }) => frames);
    expect(codec.decode(frame ?? bytes(''))).toMatchObject({ status: Status.cancelled, payload: bytes('0') });
    expect(worker.counters.received).toBe(0);
    expect(master.counters).toMatchObject({ received: 1, answered: 1 });
  });

  it('refuses interceptors: its workers have the functions', async () => {
    const { master } = await open();
    expect(() => master.use((next) => next)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'a Master or Hub has no functions: use its workers, or scatter and gather',
      }),
    );
  });

  it.each([
    ['heartbeat', 0],
    ['heartbeat', 'x'],
    ['workerTimeout', -1],
    ['maxDeliveries', 0],
    ['maxDeliveries', 1.5],
    ['maxWaiting', 'x'],
    ['workerPushAddress', 'nowhere'],
    ['workerPullAddress', 'nowhere'],
    ['pubAddress', 'nowhere'],
    ['pullAddress', 'nowhere'],
  ])('with %s %s is refused, by its name', async (name, value) => {
    const error = (await open({ [name]: value }).catch((one: unknown) => one)) as PalmError;
    expect(error.code).toBe('INVALID_CALL');
    if (!name.endsWith('Address')) expect(error.message).toContain(name);
  });

  it('sends results to the next server, or where handleStream says', async () => {
    const { master, work, transport, own } = await open({ pipelined: true });
    await work();
    const peer = own(await transport.open());
    const next = peer.subscribe(master.pubAddress, 'm');
    const pusher = peer.push(master.pullAddress);
    await Promise.all([next.ready(), pusher.ready()]);
    const message = palmMessage({ client: 'c/1', function: 'm.upper p.f', payload: bytes('x') });
    await pusher.send([codec.encode(message).slice()]);
    const { value = [] } = await within(5_000, next[Symbol.asyncIterator]().next());
    const [frame] = value.flatMap(({ frames }) => frames);
    expect(codec.decode(frame ?? bytes(''))).toMatchObject({ stage: 1, payload: bytes('X') });
  });
});

describe('a master that closes', () => {
  it('has what its workers hold finished, and sends the results', async () => {
    const gate = deferred<void>();
    const { work, call, master } = await open();
    const worker = await work({
      wait: async (payload) => {
        await gate.promise;
        return payload;
      },
    });
    const calling = call('wait', 'x');
    await until(() => worker.counters.inFlight === 1);
    const closing = master.close();
    gate.resolve();
    expect(textOf(await within(5_000, calling))).toBe('x');
    await within(5_000, closing);
  });

  it('gives up what nobody takes, after the time', async () => {
    const { call, master } = await open();
    const calling = call('f', 'x').catch((error: unknown) => error);
    await until(() => master.counters.inFlight === 1);
    const before = performance.now();
    await within(5_000, master.close({ timeout: 30 }));
    expect(performance.now() - before).toBeGreaterThanOrEqual(25);
    await within(10_000, calling);
  });
});

describe('a hub', () => {
  async function hubbed(options: Partial<HubOptions> = {}) {
    const { transport, own, connect } = cluster();
    const quiet = { transport, loggingLevel: 'silent' } as const;
    const server = own(await Server.start({ ...quiet, name: 'first', pipelined: true }));
    const hub = own(
      await Hub.start({
        ...quiet,
        name: 'hub',
        previous: 'first',
        previousDbAddress: server.dbAddress,
        ...options,
      }),
    );
    await within(5_000, hub.ready());
    own(await Worker.start({ ...quiet, dbAddress: hub.dbAddress, functions: upper }));
    return { server, hub, connect };
  }

  it('gives what the server before it publishes to workers', async () => {
    const { server, hub, connect } = await hubbed();
    expect([hub.subAddress, hub.missing]).toEqual([server.pubAddress, []]);
    const client = await connect({ dbAddress: server.dbAddress });
    const path = ['first.echo', 'hub.upper'];
    expect(textOf(await client.eval(path, bytes('x'), { timeout: 5_000 }))).toBe('X');
    expect(hub.counters).toMatchObject({ received: 1, answered: 1 });
    const { dbAddress, pubAddress, workerPullAddress, workerPushAddress } = hub;
    const own = await connect({ dbAddress });
    expect(JSON.parse(textOf((await own.get('frond_status')) ?? bytes('{}')))).toMatchObject({
      role: 'Hub',
      previous: ['first'],
      addresses: {
        db_address: dbAddress,
        pub_address: pubAddress,
        sub_address: server.pubAddress,
        worker_pull_address: workerPullAddress,
        worker_push_address: workerPushAddress,
      },
    });
  });

  it('reads where it is told, and reads no more once it is closed', async () => {
    const { transport, own, connect } = cluster();
    const quiet = { transport, loggingLevel: 'silent' } as const;
    const hub = own(
      await Hub.start({ ...quiet, name: 'hub', previous: 'first', subAddress: 'memory://later' }),
    );
    expect(hub.subAddress).toBe('memory://later');
    const client = await connect({ dbAddress: hub.dbAddress });
    expect(textOf((await client.get('sub_address')) ?? bytes(''))).toBe('memory://later');
    const ready = hub.ready();
    const refused = expect(ready).rejects.toMatchObject({ code: 'CLOSED' });
    await hub.close();
    await refused;
  });

  it('does not know where that publishes before it has heard of it', async () => {
    const { transport, own, connect } = cluster();
    const quiet = { transport, loggingLevel: 'silent' } as const;
    const previousDbAddress = 'memory://nobody';
    const hub = own(await Hub.start({ ...quiet, name: 'hub', previous: 'first', previousDbAddress }));
    const client = await connect({ dbAddress: hub.dbAddress });
    expect([hub.subAddress, await client.get('sub_address')]).toEqual([undefined, bytes('')]);
  });

  it.each([
    ['without a previous server', { previous: '' }],
    ['without an address of it', { previousDbAddress: undefined }],
    ['with an address that the transport does not take', { subAddress: 'nowhere' }],
  ])('%s is refused', async (_what, options) => {
    await expect(hubbed(options)).rejects.toMatchObject({ code: 'INVALID_CALL' });
  });
});
