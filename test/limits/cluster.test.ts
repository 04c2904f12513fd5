/** What servers, Masters and workers hold for others: each bound at its value, one below and one above. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PushedCalls, PushWorkers } from '../../src/cluster/dispatch/push-workers.ts';
import { Master, type MasterOptions, Pipeline } from '../../src/cluster/index.ts';
import { Cancellations } from '../../src/cluster/runtime/cancellations.ts';
import { openRoleHost, type RoleHost } from '../../src/cluster/runtime/role-host.ts';
import {
  CANCELLED_NAMES,
  PREVIOUS_UNREAD,
  PROGRESS_HOPS,
  PUSH_RUN,
  PUSH_STALL,
  PUSHED_CALL_UNITS,
  PUSHED_CALLS,
  PUSHED_EACH,
  UNGATHERED,
  UNGATHERED_BYTES,
  WORKERS_SHARE,
} from '../../src/flow-control.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { progressCall } from '../../src/protocol/progress.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes } from '../support/bytes.ts';
import { collect, within } from '../support/wait.ts';

const codec = new EnvelopeCodec();

describe('work that is pushed', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** One worker that takes what is pushed, beside others that ask or not, and messages that wait for it. */
  function ground(waiting: number, hasLeasedWorkers: boolean) {
    const own = { waiting };
    const sends: number[] = [];
    const push = {
      address: '',
      peers: 1,
      onPeers: () => {},
      send: async (frames: readonly unknown[]) => void sends.push(frames.length),
      close: async () => {},
    };
    const workers = new PushWorkers(push, {
      get waiting() {
        return own.waiting;
      },
      next: () => {
        if (own.waiting === 0) return undefined;
        own.waiting--;
        return { frame: new Uint8Array(1) };
      },
      putBack: () => own.waiting++,
      hasLeasedWorkers: () => hasLeasedWorkers,
    });
    workers.peersChanged();
    return { own, workers, sends };
  }

  it('leaves 64 messages at a time at most', async () => {
    for (const waiting of [PUSH_RUN - 1, PUSH_RUN, PUSH_RUN + 1]) {
      // The worker gets a half of what waits.
      const { workers, sends } = ground(2 * waiting, false);
      await workers.run();
      expect(sends[0]).toBe(Math.min(PUSH_RUN, waiting));
    }
  });

  it('is 64 messages for each worker at most while others ask, however quick it is', async () => {
    const { workers } = ground(100_000, true);
    const seen: number[] = [];
    for (let round = 0; round < 2 * PUSHED_EACH; round++) {
      await workers.run();
      seen.push(workers.out);
      workers.cameBack(workers.out);
    }
    expect(Math.max(...seen)).toBe(PUSHED_EACH);
    expect(seen.at(-1)).toBe(PUSHED_EACH);
  });

  it('begins with one message after a second without any, and not before', async () => {
    for (const pause of [PUSH_STALL - 1, PUSH_STALL, PUSH_STALL + 1]) {
      const { workers } = ground(100_000, true);
      for (let round = 0; round < 20; round++) {
        await workers.run();
        workers.cameBack(workers.out);
      }
      vi.advanceTimersByTime(pause);
      await workers.run();
      expect(workers.out === 1, `${pause} ms`).toBe(pause >= PUSH_STALL);
    }
  });

  it('counts for a second where messages are quick, and no longer', async () => {
    const { workers } = ground(100_000, true);
    await workers.run();
    workers.cameBack(1);
    await workers.run();
    vi.advanceTimersByTime(PUSH_STALL - 1);
    workers.forgetOverdue();
    expect(workers.out).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    workers.forgetOverdue();
    expect(workers.out).toBe(0);
  });
});

describe('pushed calls that are remembered', () => {
  const call = (path: string) => codec.encode(palmMessage({ client: 'c/1', function: path })).slice();

  it('are 65,536: the oldest is forgotten for one more', () => {
    const calls = new PushedCalls();
    for (let i = 0; i < PUSHED_CALLS; i++) calls.note(call(`s.f${i}`));
    expect(calls.size).toBe(PUSHED_CALLS);
    calls.note(call('s.more'));
    expect(calls.size).toBe(PUSHED_CALLS);
    expect([calls.resultOf(call('s.f0')), calls.resultOf(call('s.f1'))]).toEqual([
      undefined,
      expect.any(Uint8Array),
    ]);
  });

  it('are 16 Mi characters of their names: the oldest is forgotten for one more', () => {
    const half = PUSHED_CALL_UNITS / 2;
    const named = (length: number, letter: string) => {
      const around = JSON.stringify(['', 'c/', 0, '']).length;
      return call(letter.repeat(length - around));
    };
    for (const [more, isKnown] of [
      [-1, true],
      [0, true],
      [1, false],
    ] as const) {
      const calls = new PushedCalls();
      const oldest = named(half, 'a');
      calls.note(oldest);
      calls.note(named(half + more, 'b'));
      expect(calls.resultOf(oldest) !== undefined, `${more}`).toBe(isKnown);
    }
  });
});

describe('cancelled calls that are remembered', () => {
  it('are forgotten in generations of 8,192 names, to the last one', () => {
    const cancellations = new Cancellations(new AbortController().signal);
    const cancel = (client: string, ...calls: string[]) =>
      cancellations.cancel({ client, calls, code: 'CANCELLED', reason: '' });
    const isKnown = (client: string) => cancellations.find(palmMessage({ client })) !== undefined;
    const fill = (client: string, count: number) => {
      for (let i = 0; i < count; i += 512)
        cancel(client, ...Array.from({ length: Math.min(512, count - i) }, (_, at) => `${i + at}`));
    };
    const bothAre = () => [isKnown('a/0'), isKnown('last/1')];
    fill('a', CANCELLED_NAMES - 1);
    // A look begins the next generation where this one is full.
    expect(bothAre()).toEqual([true, false]);
    cancel('last', '1');
    expect(bothAre()).toEqual([true, true]);
    fill('b', CANCELLED_NAMES - 1);
    expect(bothAre()).toEqual([true, true]);
    cancel('one more', '1');
    expect(bothAre()).toEqual([false, false]);
  });
});

describe('progress', () => {
  it('is passed on by 32 servers, and by no more', async () => {
    const transport = memory();
    let host: RoleHost | undefined;
    const options = { transport, name: 'server', dbAddress: 'memory://*', loggingLevel: 'silent' as const };
    await openRoleHost(options, 'server', [], async (own: RoleHost) => {
      host = own;
      const toClient = Object.assign((message: ReturnType<typeof palmMessage>) => ({ topic: 'a', message }), {
        isToClient: true,
      });
      const { address } = await own.publisher('memory://publish', toClient);
      return Object.assign(own, { address });
    });
    if (host === undefined) throw new Error('there is no host');
    const connection = (await transport.open()) as BindingConnection;
    const topic = `me/${progressCall('x')}`;
    const subscription = connection.subscribe('memory://publish', topic);
    await within(2_000, subscription.ready());
    for (const passed of [PROGRESS_HOPS - 2, PROGRESS_HOPS - 1, PROGRESS_HOPS, PROGRESS_HOPS + 1])
      host.passProgress(palmMessage({ client: topic, cache: String(passed) }));
    // A last one that goes through, behind those that may not.
    host.passProgress(palmMessage({ client: topic, cache: '0' }));
    const heard = await within(2_000, collect(subscription, 3));
    expect(heard.map(({ frames: [frame] }) => codec.decode(frame ?? new Uint8Array(0)).cache)).toEqual([
      String(PROGRESS_HOPS - 1),
      String(PROGRESS_HOPS),
      '1',
    ]);
    await connection.close({ timeout: 0 });
    await host.close(() => 0);
  });
});

it('a Pipeline leaves 128 deliveries of the server before it in the transport, and notices as well', async () => {
  const real = memory();
  const subscribed: unknown[] = [];
  const transport = {
    ...real,
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      const subscribe = connection.subscribe.bind(connection);
      connection.subscribe = (address, topic, options) => {
        subscribed.push(options?.maxUnread);
        return subscribe(address, topic, options);
      };
      return connection;
    },
  };
  await using _pipeline = await Pipeline.start({
    transport,
    name: 'pipeline',
    dbAddress: 'memory://*',
    subAddress: 'memory://before',
    previous: 'before',
    functions: {},
    loggingLevel: 'silent',
  });
  expect(subscribed).toEqual([PREVIOUS_UNREAD, PREVIOUS_UNREAD]);
});

describe('a Master', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** A Master, what is pushed to it, and a worker that asks as a test says. */
  async function ground(options: Partial<MasterOptions>) {
    const transport = memory();
    const any = 'memory://*';
    const master = await Master.start({
      transport,
      name: 'master',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
      loggingLevel: 'silent',
      heartbeat: 300,
      ...options,
    });
    const connection = (await transport.open()) as BindingConnection;
    closing.push(
      () => master.close({ timeout: 0 }),
      () => connection.close({ timeout: 0 }),
    );
    const pusher = connection.push(master.pullAddress);
    let calls = 0;
    const push = (sizes: readonly number[]) =>
      pusher.send(
        sizes.map((size) =>
          codec
            .encode(
              palmMessage({
                client: `c/${calls++}`,
                function: 'master.f',
                cache: 'k',
                payload: new Uint8Array(size),
              }),
            )
            .slice(),
        ),
      );
    let sequence = 0;
    const ask = async (want: number, items: readonly WorkItem[] = [], worker = 'w') => {
      const request = {
        worker,
        name: worker,
        sequence: ++sequence,
        want,
        leaves: false,
        isAway: false,
        items,
      };
      const frame = encodeWorkRequest(codec, request);
      return readWorkReply(codec, await connection.request(master.dbAddress, frame).reply);
    };
    return { master, push, ask };
  }

  /** A result of so many bytes in all. */
  const resultOf = ({ lease, frame }: WorkItem, size?: number): WorkItem => {
    const message = { ...codec.decode(frame), payload: bytes('r') };
    const around = codec.encode(message).length - 1;
    // The length of a payload that is long has three bytes more.
    const payload = size === undefined ? bytes('r') : new Uint8Array(size - around - 3);
    return { lease, kind: WorkKind.done, frame: codec.encode({ ...message, payload }).slice() };
  };

  it('has workers hold four times maxWaiting, and gives no more until some of it is done', async () => {
    const size = 500_000;
    const { push, ask } = await ground({ maxWaiting: 2 * size });
    // The last answer is kept, in case it is asked for again, and counts once more.
    const most = 2 * WORKERS_SHARE - 1;
    push(Array.from({ length: most + 2 }, () => size)).catch(() => {});
    const held: WorkItem[] = [];
    for (let i = 0; i < most; i++) held.push(...(await within(3_000, ask(1))));
    expect(held).toHaveLength(most);
    // After a heartbeat, without work.
    expect(await within(3_000, ask(1))).toEqual([]);
    const done = held.slice(0, 1).map((item) => resultOf(item));
    expect(await within(3_000, ask(1, done))).toHaveLength(1);
  });

  it.each([
    ['4,096 results', UNGATHERED, undefined],
    ['16 MiB of results', 4, UNGATHERED_BYTES / 4],
  ])('confirms results of workers until %s wait to be gathered', async (_, most, size) => {
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { push, ask } = await ground({
      gather: async function* (message) {
        await gate;
        yield message;
      },
    });
    const held: WorkItem[] = [];
    // One that is gathered, one that is read, and as many as may wait.
    const pushing = push(Array.from({ length: most + 2 }, () => 1));
    while (held.length < most + 2) held.push(...(await within(3_000, ask(most + 2 - held.length))));
    await within(3_000, pushing);
    const results = held.map((item) => resultOf(item, size));
    const frameSizes = results.map(({ frame }) => frame.length);
    if (size !== undefined) expect(new Set(frameSizes)).toEqual(new Set([size]));
    // One is gathered, and one is read and waits for that.
    for (let i = 0; i < 2; i++) await within(3_000, ask(0, results.slice(i, i + 1)));
    await within(3_000, ask(0, results.slice(2, -1)));
    let isConfirmed = false;
    const at = ask(0, results.slice(-1)).then(() => {
      isConfirmed = true;
    });
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(isConfirmed).toBe(false);
    letGo();
    await within(3_000, at);
  });
});
