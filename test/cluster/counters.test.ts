/**
 * Every counter of every role, and every field of the status that servers tell: something moves it, and it is read before and after. A
 * counter or field that no line of these tables names fails to compile, or fails the test.
 */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type {
  Counters,
  FunctionContext,
  Hub,
  Master,
  Pipeline,
  Server,
  ServerStatus,
  Sink,
  Worker,
} from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { encodeWorkRequest, readWorkReply } from '../../src/protocol/work-request.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type TestCluster, testCluster } from '../support/test-cluster.ts';
import { eventually, within } from '../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
const GARBAGE = new Uint8Array([0xff]);
const codec = new EnvelopeCodec();

/** A role that counts, reached by a client's calls. */
interface Scene extends TestCluster {
  readonly client: Client;
  readonly counted: { readonly counters: Counters; readonly dbAddress?: string };
  /** A call to its function of this name, through the servers before it. */
  call(name: string, signal?: AbortSignal): Promise<unknown>;
  /** Resolves when `wait` runs; `go` lets it end. */
  readonly isWaiting: Promise<void>;
  go(): void;
}

function ownFunctions() {
  const waiting = deferred<void>();
  const over = deferred<void>();
  const functions = {
    f: (payload: Uint8Array) => payload,
    boom: () => {
      throw new RangeError('boom');
    },
    nothing: () => undefined,
    wait: async (payload: Uint8Array, { signal }: FunctionContext) => {
      signal.addEventListener('abort', () => over.resolve());
      waiting.resolve();
      await over.promise;
      return payload;
    },
  };
  return { functions, isWaiting: waiting.promise, go: () => over.resolve() };
}

type RoleName = 'Server' | 'Pipeline' | 'Sink' | 'Master' | 'Hub' | 'Worker';

/** Starts a role that counts, with what it needs around it. */
async function sceneOf(role: RoleName): Promise<Scene> {
  const own = cluster();
  const { start, connect } = own;
  const { functions, isWaiting, go } = ownFunctions();
  /** Messages whose function is `nothing` end here. */
  const scatter = function* (message: { readonly function: string }) {
    if (!message.function.endsWith('nothing')) yield message as never;
  };
  const first = async () => start<Server>({ role: 'server', name: 'first', pipelined: true });
  const work = (dbAddress: string) =>
    start<Worker>({ role: 'worker', dbAddress, functions, name: 'w', concurrency: 1 });
  let counted: Scene['counted'];
  let entry: { readonly dbAddress: string };
  let before: string[] = [];
  if (role === 'Server') {
    entry = counted = await start<Server>({ role: 'server', name: 'own', functions });
  } else if (role === 'Master' || role === 'Worker') {
    const master = await start<Master>({ role: 'master', name: 'own', scatter });
    const worker = await work(master.dbAddress);
    entry = master;
    counted = role === 'Worker' ? worker : master;
  } else {
    const server = await first();
    entry = server;
    before = ['first.echo'];
    const common = { name: 'own' };
    const { pubAddress: subAddress } = server;
    if (role === 'Hub') {
      const hub = await start<Hub>({ ...common, role: 'hub', subAddress, previous: 'first', scatter });
      await hub.ready();
      await work(hub.dbAddress);
      counted = hub;
    } else if (role === 'Sink') {
      const lists = { subAddresses: [subAddress], previous: ['first'] };
      const sink = await start<Sink>({ ...common, ...lists, role: 'sink', functions });
      await sink.ready();
      counted = sink;
    } else {
      const behind = { subAddress, previous: 'first' };
      const pipeline = await start<Pipeline>({ ...common, ...behind, role: 'pipeline', functions });
      await pipeline.ready();
      counted = pipeline;
    }
  }
  const answering = role === 'Worker' || before.length === 0 ? entry : (counted as { dbAddress: string });
  const pubAddress = (answering as Partial<Server>).pubAddress;
  const client = await connect({ dbAddress: entry.dbAddress, ...(pubAddress && { subAddress: pubAddress }) });
  const call = (name: string, signal?: AbortSignal) =>
    client.eval([...before, `own.${name}`], bytes('x'), { ...(signal && { signal }), timeout: 5_000 });
  return { ...own, client, counted, call, isWaiting, go };
}

const outcome = (call: Promise<unknown>) => call.catch((error: unknown) => error);

/** Has a call cancelled while its function runs. */
async function cancelled({ call, isWaiting }: Scene): Promise<void> {
  const abort = new AbortController();
  const calling = outcome(call('wait', abort.signal));
  await within(5_000, isWaiting, 'the function');
  abort.abort();
  await calling;
}

/** Calls a function whose message ends here. Nobody is answered. */
async function ended(scene: Scene): Promise<void> {
  const abort = new AbortController();
  const calling = outcome(scene.call('nothing', abort.signal));
  await eventually(async () => scene.counted.counters.ended > 0);
  abort.abort();
  await calling;
}

async function refusedRequest({ own, transport, counted }: Scene): Promise<void> {
  const connection = own(await transport.open());
  await connection.request(counted.dbAddress ?? '', GARBAGE).reply;
}

const NONE: Counters = {
  received: 0,
  answered: 0,
  failed: 0,
  ended: 0,
  cancelled: 0,
  dropped: 0,
  inFlight: 0,
};

type Move = readonly [move: (scene: Scene) => Promise<unknown>, expected: Partial<Counters>];

const ANSWERED: Move = [({ call }) => call('f'), { received: 1, answered: 1 }];

/** By counter: what moves it, and what else moves with it. */
const MOVES: Readonly<Record<keyof Counters, Move>> = {
  received: ANSWERED,
  answered: ANSWERED,
  failed: [({ call }) => outcome(call('boom')), { received: 1, answered: 1, failed: 1 }],
  ended: [ended, { received: 1, ended: 1 }],
  cancelled: [cancelled, { received: 1, cancelled: 1 }],
  dropped: [refusedRequest, { dropped: 1 }],
  inFlight: [
    async ({ call, isWaiting }) => {
      void outcome(call('wait'));
      await within(5_000, isWaiting, 'the function');
    },
    { received: 1, inFlight: 1 },
  ],
};

/** A worker pulls from nobody's cache: what it drops was pushed to it. */
const PUSHED_GARBAGE = 'dropped';
/** A message ends at a Server or Worker only as a failure: its caller waits for an answer. */
const NEVER_ENDS: readonly RoleName[] = ['Server', 'Worker'];

const statusOf = async (client: Client) =>
  JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}'))) as ServerStatus;

describe.each(['Server', 'Pipeline', 'Sink', 'Master', 'Hub', 'Worker'] as const)(
  'the counters of a %s',
  (role) => {
    const names = (Object.keys(MOVES) as (keyof Counters)[]).filter(
      (name) =>
        !(name === 'ended' && NEVER_ENDS.includes(role)) && !(name === PUSHED_GARBAGE && role === 'Worker'),
    );

    it.each(names)('have %s, which moves, and no other does', async (name) => {
      const [move, expected] = MOVES[name];
      const scene = await sceneOf(role);
      expect(scene.counted.counters).toEqual(NONE);
      await within(10_000, move(scene), 'what moves it');
      const now = () => JSON.stringify({ ...NONE, ...scene.counted.counters });
      const wanted = JSON.stringify({ ...NONE, ...expected });
      await within(
        5_000,
        eventually(async () => now() === wanted),
        now,
      );
      const { dbAddress } = scene.counted;
      if (dbAddress !== undefined) {
        const status = await statusOf(await scene.connect({ dbAddress }));
        expect(status.counters).toEqual({ ...NONE, ...expected });
      }
      scene.go();
      await eventually(async () => scene.counted.counters.inFlight === 0);
    });
  },
);

it('a worker counts frames that were pushed to it and are not messages, and a failure for a message without an answer', async () => {
  const { own, transport, start, any } = cluster();
  const master = own(await transport.open());
  const [push, pull] = [await master.bindPush(any), await master.bindPull(any)];
  const worker = await start<Worker>({
    role: 'worker',
    dbAddress: 'memory://nowhere',
    pushAddress: push.address,
    pullAddress: pull.address,
    functions: { nothing: () => undefined },
  });
  await push.send([GARBAGE]);
  await eventually(async () => worker.counters.dropped === 1);
  expect(worker.counters).toEqual({ ...NONE, received: 1, dropped: 1 });
  await push.send([codec.encode(palmMessage({ client: 'a/1', function: 'x.nothing' }))]);
  await eventually(async () => worker.counters.failed === 1);
  expect(worker.counters).toEqual({ ...NONE, received: 2, dropped: 1, answered: 1, failed: 1 });
});

describe('the status of a server', () => {
  /** Opens a Master, and a worker that a test moves by hand. */
  async function mastering(options: object = {}) {
    const own = cluster();
    const master = await own.start<Master>({ role: 'master', name: 'm', heartbeat: 50, ...options });
    const client = await own.connect({ dbAddress: master.dbAddress });
    const byHand = async (id: string) => {
      const connection = own.own(await own.transport.open());
      let sequence = 0;
      /** Asks until it is given a message: without one the Master answers at each heartbeat. */
      const take = async () => {
        const common = { worker: id, name: id, want: 1, leaves: false, isAway: false, items: [] };
        for (let items: readonly unknown[] = []; items.length === 0; ) {
          const frame = encodeWorkRequest(codec, { ...common, sequence: ++sequence });
          items = readWorkReply(codec, await connection.request(master.dbAddress, frame).reply);
        }
      };
      return { take, connection };
    };
    const call = () => void outcome(client.eval('m.f', bytes('x'), { timeout: 5_000 }));
    return { ...own, master, client, byHand, call, status: () => statusOf(client) };
  }

  /** Opens a server whose status is read, and one before or behind it. */
  async function serving(options: object = {}) {
    const own = cluster();
    const { functions, isWaiting, go } = ownFunctions();
    const server = await own.start<Server>({ role: 'server', name: 's', functions, ...options });
    const client = await own.connect({ dbAddress: server.dbAddress });
    return { ...own, server, client, isWaiting, go, status: () => statusOf(client) };
  }

  const moved = (isSo: () => Promise<boolean>) => within(10_000, eventually(isSo), 'what moves it');

  /** By field: something moves it, and it is read. */
  const FIELDS: Readonly<Record<keyof ServerStatus, () => Promise<void>>> = {
    role: async () => {
      expect((await (await serving()).status()).role).toBe('Server');
      expect((await (await mastering()).status()).role).toBe('Master');
    },
    name: async () => expect((await (await serving({ name: 'another' })).status()).name).toBe('another'),
    functions: async () => {
      expect((await (await serving()).status()).functions).toEqual(['echo', 'f', 'boom', 'nothing', 'wait']);
      expect((await (await mastering()).status()).functions).toEqual([]);
    },
    pipelined: async () => {
      for (const pipelined of [true, false]) {
        expect((await (await serving({ pipelined })).status()).pipelined).toBe(pipelined);
        expect((await (await mastering({ pipelined })).status()).pipelined).toBe(pipelined);
      }
      const handleStream = (message: unknown) => ({ topic: 'x', message });
      for (const open of [serving, mastering])
        expect((await (await open({ handleStream })).status()).pipelined).toBeUndefined();
    },
    previous: async () => {
      const { start, connect, server, status } = await serving({ pipelined: true });
      expect((await status()).previous).toBeUndefined();
      const common = { name: 'p', subAddress: server.pubAddress, previous: 's' } as const;
      for (const role of ['pipeline', 'hub'] as const) {
        const { dbAddress } = await start<Pipeline>({ ...common, role });
        expect((await statusOf(await connect({ dbAddress }))).previous).toEqual(['s']);
      }
    },
    next: async () => {
      const { start, server, status } = await serving({ pipelined: true });
      expect((await status()).next).toBeUndefined();
      const next = await start<Pipeline>({
        role: 'pipeline',
        name: 'p',
        previousDbAddress: server.dbAddress,
        previous: 's',
      });
      await moved(async () => (await status()).next?.join() === 'p');
      await next.close();
      await moved(async () => (await status()).next === undefined);
    },
    addresses: async () => {
      const { server, status } = await serving();
      const { dbAddress, pullAddress, pubAddress } = server;
      expect((await status()).addresses).toEqual({
        db_address: dbAddress,
        pull_address: pullAddress,
        pub_address: pubAddress,
      });
    },
    uptime: async () => {
      const { status } = await serving();
      const before = (await status()).uptime;
      await moved(async () => (await status()).uptime > before);
    },
    counters: async () => {
      const { status, client, server } = await serving();
      expect((await status()).counters).toEqual(NONE);
      await client.eval('s.f', bytes('x'));
      expect((await status()).counters).toEqual({ ...NONE, received: 1, answered: 1 });
      expect(server.counters).toEqual({ ...NONE, received: 1, answered: 1 });
    },
    waiting: async () => {
      const { status, client, isWaiting, go } = await serving({ maxWaiting: 2_000 });
      expect((await status()).waiting).toEqual({ bytes: 0, maxBytes: 2_000, timesFull: 0 });
      const calls = ['wait', 'f', 'f', 'f'].map((name) => client.eval(`s.${name}`, bytes('x')));
      await within(5_000, isWaiting);
      await moved(async () => ((await status()).waiting?.timesFull ?? 0) > 0);
      // Two messages of 1,024 bytes and their own.
      const { bytes: used = 0 } = (await status()).waiting ?? {};
      expect(used).toBeGreaterThan(2_048);
      go();
      await Promise.all(calls);
      await moved(async () => (await status()).waiting?.bytes === 0);
      const unlimited = await serving({ maxWaiting: Number.POSITIVE_INFINITY });
      expect((await unlimited.status()).waiting?.maxBytes).toBeNull();
    },
    workers: async () => {
      const { status, byHand, call } = await mastering();
      expect((await status()).workers).toEqual([]);
      const { take } = await byHand('w');
      const taking = take();
      await moved(async () => (await status()).workers?.length === 1);
      expect((await status()).workers).toMatchObject([{ name: 'w', holds: 0 }]);
      call();
      await within(5_000, taking, 'the message');
      expect((await status()).workers).toMatchObject([{ name: 'w', holds: 1 }]);
      await moved(async () => ((await status()).workers?.[0]?.silent ?? 0) >= 5);
    },
    losses: async () => {
      const none = { workers: 0, redelivered: 0, givenUp: 0 };
      const again = await mastering();
      expect((await again.status()).losses).toEqual(none);
      const first = await again.byHand('first');
      again.call();
      await within(5_000, first.take(), 'the message');
      await first.connection.close();
      await moved(async () => (await again.status()).losses?.workers === 1);
      const second = await again.byHand('second');
      await within(5_000, second.take(), 'the message');
      expect((await again.status()).losses).toEqual({ workers: 1, redelivered: 1, givenUp: 0 });
      const once = await mastering({ maxDeliveries: 1 });
      const only = await once.byHand('only');
      once.call();
      await within(5_000, only.take(), 'the message');
      await only.connection.close();
      await moved(async () => (await once.status()).losses?.givenUp === 1);
      expect((await once.status()).losses).toEqual({ workers: 1, redelivered: 0, givenUp: 1 });
    },
    pushedWorkers: async () => {
      const { status, own, transport, master } = await mastering();
      expect((await status()).pushedWorkers).toBe(0);
      const connection = own(await transport.open());
      const puller = connection.pull(master.workerPushAddress);
      await puller.ready();
      await moved(async () => (await status()).pushedWorkers === 1);
      await puller.close();
      await moved(async () => (await status()).pushedWorkers === 0);
    },
  };

  it.each(Object.entries(FIELDS))('tells its %s', (_name, check) => check());

  it('has no other fields', async () => {
    const { start, connect, server, status } = await serving({ pipelined: true });
    const hub = await start<Hub>({
      role: 'hub',
      name: 'h',
      previousDbAddress: server.dbAddress,
      previous: 's',
    });
    await moved(async () => (await status()).next !== undefined);
    const ofHub = await statusOf(await connect({ dbAddress: hub.dbAddress }));
    const seen = new Set([...Object.keys(await status()), ...Object.keys(ofHub)]);
    expect([...seen].filter((name) => !(name in FIELDS))).toEqual([]);
  });
});
