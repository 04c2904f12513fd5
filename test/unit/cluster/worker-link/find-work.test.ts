/** How a worker finds its work: what it asks its Master, where it goes, and what becomes of the link when the Master has moved. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../../src/async/batch-queue.ts';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { Readiness } from '../../../../src/async/readiness.ts';
import { findWork, type LinkSettings } from '../../../../src/cluster/worker-link/find-work.ts';
import { LeasedLink } from '../../../../src/cluster/worker-link/leased-link.ts';
import { PushedLink } from '../../../../src/cluster/worker-link/work-link.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { plainReply } from '../../../../src/protocol/cache-request.ts';
import { cancelMessage } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import {
  encodeWorkRefusal,
  encodeWorkReply,
  OFFERS,
  readOffers,
  readWorkRequest,
  WorkKind,
} from '../../../../src/protocol/work-request.ts';
import type { Connection, Puller } from '../../../../src/transport.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { BROKEN, FakeConnection, settle } from '../../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
/** Addresses that make a worker one that is pushed to. */
const GIVEN = { pushAddress: 'a', pullAddress: 'b' };
const notice = { client: 'c', calls: ['1'], code: 'TIMEOUT', reason: 'late' } as const;

class FakePuller extends Readiness implements Puller {
  readonly queue: BatchQueue<Bytes> = new BatchQueue<Bytes>(1_000);

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.queue;
  }

  async close(): Promise<void> {
    this.queue.end();
    this.setClosed(new PalmError('CLOSED', 'closed'));
  }
}

class WorkerConnection extends FakeConnection {
  readonly pullers: FakePuller[] = [];
  readonly dialled: string[] = [];
  readonly subscribed: unknown[][] = [];

  override pull(...[address]: Parameters<Connection['pull']>): FakePuller {
    this.dialled.push(`pull ${address}`);
    const puller = new FakePuller();
    this.pullers.push(puller);
    return puller;
  }

  override push(address: string) {
    this.dialled.push(`push ${address}`);
    return super.push(address);
  }

  override subscribe(...call: [string]) {
    this.subscribed.push(call);
    return super.subscribe(...call);
  }
}

interface Master {
  /** What its cache says. */
  readonly values?: Readonly<Record<string, string>>;
  /** Undefined for a stock pylm Master. */
  readonly features?: number | undefined;
  readonly settings?: Partial<LinkSettings>;
  readonly id?: string;
}

function ground({ values = {}, features, settings = {}, id = 'worker' }: Master = {}) {
  const connection = new WorkerConnection();
  const told = {
    worker_push_address: 'work',
    worker_pull_address: 'results',
    pub_address: 'news',
    ...values,
  };
  const failures: unknown[] = [];
  const asked: string[] = [];
  const state = { features };
  const read = async (key: string) => {
    asked.push(key);
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return { ...plainReply(bytes(told[key as keyof typeof told])), features: state.features };
  };
  const [onCancel, onLost] = [vi.fn(), vi.fn()];
  const finding = connection.identify(id).then(() =>
    findWork({
      transport: { name: 'fake', checkAddress: () => {}, open: async () => connection },
      connection,
      dbAddress: 'db',
      cacheLink: { read } as unknown as LinkSettings['cacheLink'],
      name: 'me',
      concurrency: 3,
      clock: { now: 0 },
      pushAddress: undefined,
      pullAddress: undefined,
      offers: bytes('[]'),
      onOffersRefused: () => {},
      onCancel,
      onLost,
      ...settings,
    }),
  );
  finding.catch(() => {});
  /** The link, once its channels are ready. */
  const found = async () => {
    await settle();
    connection.pullers[0]?.setReady();
    connection.pushers[0]?.setReady();
    connection.subscriptions[0]?.setReady();
    await settle();
    return finding;
  };
  return { connection, told, state, failures, asked, onCancel, onLost, finding, found };
}

describe('a worker of a frond Master', () => {
  it('asks for work at the address of its cache, under its name', async () => {
    const own = ground({ features: Feature.replies | Feature.work });
    const requests: ReturnType<typeof readWorkRequest>[] = [];
    own.connection.answer = async (frame) => {
      requests.push(readWorkRequest(codec.decode(frame)));
      return encodeWorkReply(codec, [
        { lease: 0, kind: WorkKind.notice, frame: codec.encode(cancelMessage(notice)) },
        { lease: 0, kind: WorkKind.notice, frame: new Uint8Array([0xff]) },
        { lease: 7, kind: WorkKind.open, frame: bytes('work') },
      ]);
    };
    const request = vi.spyOn(own.connection, 'request');
    const link = await own.finding;
    expect(link).toBeInstanceOf(LeasedLink);
    expect(own.connection.dialled).toEqual([]);
    const { value } = await link.next();
    expect(value).toMatchObject([{ lease: 7, frame: bytes('work') }]);
    expect(request.mock.calls[0]?.[0]).toBe('db');
    expect(requests[0]).toMatchObject({ name: 'me', want: 3, takesCancels: true });
    expect(requests[0]?.worker).toMatch(/^worker\//);
    // A notice that cannot be read cancels nothing.
    expect(own.onCancel.mock.calls).toEqual([[notice]]);
  });

  it('tells what its functions take, and how far they are where the Master takes that', async () => {
    for (const more of [Feature.progress, Feature.batches]) {
      const onOffersRefused = vi.fn();
      const own = ground({
        features: Feature.work | more,
        settings: { offers: bytes('[1]'), onOffersRefused },
      });
      const messages: PalmMessage[] = [];
      own.connection.answer = async (frame) => {
        messages.push(codec.decode(frame.slice()));
        if (messages.at(-1)?.function === OFFERS) return encodeWorkRefusal(codec, 'no');
        return encodeWorkReply(codec, [{ lease: 7, kind: WorkKind.open, frame: bytes('work') }]);
      };
      const link = (await own.finding) as LeasedLink;
      const { value: [work] = [] } = await link.next();
      if (work === undefined) throw new Error('no work came');
      link.begin(work);
      link.tell(palmMessage({ client: 'c', status: Status.progress }), work);
      link.done(work);
      await link.flush();
      await settle();
      const told = messages.filter(({ function: path }) => path === OFFERS);
      expect(told).toMatchObject([{ pipeline: 'me', payload: bytes('[1]') }]);
      expect(onOffersRefused).toHaveBeenCalledTimes(1);
      const items = messages
        .filter(({ function: path }) => path !== OFFERS)
        .flatMap((one) => readWorkRequest(one).items);
      // The last item of the message holds the progress, or nothing.
      expect(items.map(({ kind, frame }) => [kind, frame.length > 0])).toEqual([
        [WorkKind.done, more === Feature.progress],
      ]);
      link.stop();
    }
  });

  it('is pushed to where one of its addresses was given', async () => {
    for (const settings of [{ pushAddress: 'mine' }, { pullAddress: 'mine' }]) {
      const own = ground({ features: Feature.replies | Feature.work, settings });
      own.connection.answer = async () => encodeWorkReply(codec, []);
      expect(await own.found()).toBeInstanceOf(PushedLink);
      const { pushAddress = 'work' } = settings as { pushAddress?: string };
      const { pullAddress = 'results' } = settings as { pullAddress?: string };
      expect(own.connection.dialled).toEqual([`pull ${pushAddress}`, `push ${pullAddress}`]);
    }
  });
});

describe('a worker that is pushed to', () => {
  it('pulls and pushes at the addresses that the Master says, once both can be used', async () => {
    const own = ground();
    let isFound = false;
    own.finding.then(() => {
      isFound = true;
    });
    await settle();
    expect(own.connection.dialled).toEqual(['pull work', 'push results']);
    own.connection.pullers[0]?.setReady();
    await settle();
    expect(isFound).toBe(false);
    own.connection.pushers[0]?.setReady();
    await settle();
    expect(isFound).toBe(true);
    expect(await own.finding).toBeInstanceOf(PushedLink);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('reads them as they look from where the Master was reached', async () => {
    const resolveAddress = vi.fn((address: string, via: string) => `${address} via ${via}`);
    const own = ground({
      features: Feature.replies | Feature.cancels,
      settings: {
        transport: { resolveAddress } as unknown as LinkSettings['transport'],
        pushAddress: undefined,
      },
    });
    await own.found();
    expect(own.connection.dialled).toEqual(['pull work via db', 'push results via db']);
    expect(own.connection.subscribed[0]?.[0]).toBe('news via db');
  });

  it('asks nothing where both are given', async () => {
    const own = ground({ settings: { pushAddress: 'a', pullAddress: 'b' } });
    await own.found();
    expect(own.connection.dialled).toEqual(['pull a', 'push b']);
    expect(own.asked).toEqual(['pub_address']);
  });

  it.each([{ worker_push_address: '' }, { worker_pull_address: '' }])(
    'is refused at a server without workers: %j',
    async (values) => {
      await expect(ground({ values }).finding).rejects.toMatchObject({
        code: 'WRONG_SERVER',
        sent: true,
        message:
          'the server at db has no workers: it is not a Master or Hub, or dbAddress is not its db_address',
      });
    },
  );

  it('says how many results it lost', async () => {
    const own = ground();
    const link = await own.found();
    own.connection.pushers[0]?.setBroken(BROKEN);
    link.add({ ...codec.decode(new Uint8Array(0)), payload: bytes('x') }, {
      lease: 0,
      frame: bytes(''),
    } as never);
    await link.flush();
    expect(own.onLost.mock.calls).toEqual([[1, expect.objectContaining({ code: 'DISCONNECTED' })]]);
  });
});

describe('a worker that is pushed to, and its Master', () => {
  const FROND = { features: Feature.replies | Feature.work | Feature.progress, settings: GIVEN };

  /** A Master that takes what the worker says, unless it refuses it. */
  function meet(master: Master = FROND) {
    const own = ground(master);
    const said: (ReturnType<typeof readOffers> | string)[] = [];
    const refusals: string[] = [];
    own.connection.answer = async (frame) => {
      const message = codec.decode(frame);
      said.push(message.function === OFFERS ? readOffers(message) : message.function);
      const refusal = refusals.shift();
      if (refusal !== undefined) return encodeWorkRefusal(codec, refusal);
      return encodeWorkReply(codec, []);
    };
    return { ...own, said, refusals };
  }

  it('know of each other: what the functions take, and that the Master takes progress', async () => {
    const own = meet();
    const link = (await own.found()) as PushedLink;
    expect(own.said).toEqual([
      { worker: expect.stringMatching(/^worker\//), name: 'me', offers: bytes('[]'), isPushed: true },
    ]);
    expect(link.takesProgress).toBe(true);
    link.stop();
    await settle();
    expect(own.said).toHaveLength(2);
    expect(own.said[1]).toEqual({ ...(own.said[0] as object), offers: bytes('[]') });
  });

  it.each([undefined, Feature.replies, Feature.replies | Feature.cancels])(
    "do not, where that is pylm's or has no workers: features %s",
    async (features) => {
      const own = meet({ features, settings: GIVEN });
      const link = (await own.found()) as PushedLink;
      expect([own.said, link.takesProgress]).toEqual([[], false]);
      link.stop();
      await settle();
      expect(own.said).toEqual([]);
    },
  );

  it('work together though the Master does not take what the worker says', async () => {
    const onOffersRefused = vi.fn();
    const own = meet({ ...FROND, settings: { ...GIVEN, onOffersRefused } });
    own.refusals.push('too much');
    expect(await own.found()).toBeInstanceOf(PushedLink);
    expect(onOffersRefused.mock.calls).toEqual([
      [expect.objectContaining({ code: 'PROTOCOL', message: expect.stringContaining('too much') })],
    ]);
  });

  it('know of each other anew over each new link, and not in between', async () => {
    const own = meet();
    const link = (await own.found()) as PushedLink;
    const { connection, told } = own;
    connection.report({ type: 'connected', address: 'other' });
    await settle();
    expect(own.said).toHaveLength(1);
    connection.pullers[0]?.setBroken(BROKEN);
    expect(link.takesProgress).toBe(false);
    for (const address of ['a', 'db']) connection.report({ type: 'disconnected', address, reason: 'gone' });
    await settle();
    expect(own.said).toHaveLength(1);
    connection.report({ type: 'connected', address: 'db' });
    await settle();
    expect([own.said.length, link.takesProgress]).toEqual([2, true]);
    // Now a Master of pylm's is there.
    Object.assign(own.state, { features: undefined });
    connection.report({ type: 'connected', address: 'a' });
    await settle();
    expect([own.said.length, link.takesProgress, told]).toEqual([2, false, told]);
    link.stop();
    connection.report({ type: 'disconnected', address: 'db', reason: 'gone' });
    connection.report({ type: 'connected', address: 'db' });
    await settle();
    expect(own.said).toHaveLength(2);
  });
});

describe('a worker that is pushed to, while it tells its Master what it can', () => {
  const FROND = { features: Feature.replies | Feature.work | Feature.progress | Feature.cancels };

  /** A Master whose answers a test gives. */
  async function met(settings: Partial<LinkSettings> = {}) {
    const own = ground({ ...FROND, settings: { ...GIVEN, ...settings } });
    const said: { readonly offers: string; readonly reply: Deferred<Bytes> }[] = [];
    own.connection.answer = (frame) => {
      const reply = deferred<Bytes>();
      said.push({ offers: textOf(readOffers(codec.decode(frame)).offers), reply });
      return reply.promise;
    };
    await settle();
    own.connection.pullers[0]?.setReady();
    own.connection.pushers[0]?.setReady();
    own.connection.subscriptions[0]?.setReady();
    // No longer than that is waited for the Master.
    await vi.advanceTimersByTimeAsync(250);
    return { ...own, link: (await own.finding) as PushedLink, said };
  }
  const answer = () => encodeWorkReply(codec, []);
  const back = async ({ connection }: Awaited<ReturnType<typeof met>>) => {
    connection.report({ type: 'disconnected', address: 'db', reason: 'gone' });
    connection.report({ type: 'connected', address: 'db' });
    await settle();
  };

  it('does so once at a time, and once more for all links that came meanwhile', async () => {
    const own = await met();
    for (let i = 0; i < 3; i++) await back(own);
    expect(own.said).toHaveLength(1);
    own.said[0]?.reply.resolve(answer());
    await settle();
    expect(own.said).toHaveLength(2);
    own.said[1]?.reply.resolve(answer());
    await settle();
    expect(own.said).toHaveLength(2);
  });

  it('hears of the same notices over a new link, and of those of a Master that has moved', async () => {
    const own = await met();
    own.said[0]?.reply.resolve(answer());
    await back(own);
    expect(own.connection.subscribed.map(([address]) => address)).toEqual(['news']);
    own.told.pub_address = 'elsewhere';
    own.said[1]?.reply.resolve(answer());
    await back(own);
    expect(own.connection.subscribed.map(([address]) => address)).toEqual(['news', 'elsewhere']);
    expect(own.connection.subscriptions.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it('complains of a refusal, and not of a link that broke or of an end', async () => {
    for (const [end, complaints] of [
      ['refused', 1],
      ['broken', 0],
      ['stopped', 0],
    ] as const) {
      const onOffersRefused = vi.fn();
      const own = await met({ onOffersRefused });
      if (end === 'stopped') own.link.stop();
      if (end === 'broken') own.said[0]?.reply.reject(BROKEN);
      else own.said[0]?.reply.resolve(encodeWorkRefusal(codec, 'no'));
      await settle();
      expect(onOffersRefused, end).toHaveBeenCalledTimes(complaints);
      own.link.stop();
    }
  });

  it('says no more once it takes no work, but that it offers nothing where the Master knows it', async () => {
    const own = await met();
    own.link.stop();
    await settle();
    expect(own.said.map(({ offers }) => offers)).toEqual(['[]', '[]']);
    for (const { reply } of own.said) reply.resolve(answer());
    await back(own);
    expect([own.said.length, own.asked]).toEqual([2, ['pub_address']]);
    const other = await met();
    other.said[0]?.reply.resolve(answer());
    other.connection.report({ type: 'disconnected', address: 'db', reason: 'gone' });
    await settle();
    other.link.stop();
    await settle();
    expect(other.said).toHaveLength(1);
  });

  it('says nothing when it takes no more work before the Master has answered at all', async () => {
    const gate = deferred<void>();
    const cacheLink = {
      read: async () => {
        await gate.promise;
        return { ...plainReply(bytes('news')), ...FROND };
      },
    };
    const own = await met({ cacheLink: cacheLink as unknown as LinkSettings['cacheLink'] });
    own.link.stop();
    gate.resolve();
    await settle();
    expect([own.said, own.connection.subscribed, own.link.takesProgress]).toEqual([[], [], false]);
  });
});

describe('what is cancelled', () => {
  const CANCELS = { features: Feature.replies | Feature.cancels };

  it('is heard of from a frond Master, until the worker takes no more', async () => {
    const own = ground(CANCELS);
    const link = await own.found();
    expect(own.connection.subscribed).toMatchObject([['news', '_.notices/', expect.anything()]]);
    const [subscription] = own.connection.subscriptions;
    subscription?.queue.push([{ topic: '_.notices/', frames: [codec.encode(cancelMessage(notice))] }]);
    await settle();
    expect(own.onCancel.mock.calls).toEqual([[notice]]);
    link.stop();
    expect(subscription?.isClosed).toBe(true);
  });

  it('is not heard of from others', async () => {
    for (const features of [undefined, Feature.replies]) {
      const own = ground({ features });
      await own.found();
      expect([own.asked.at(-1), own.connection.subscribed]).toEqual(['pub_address', []]);
    }
  });

  it('is not heard of behind a relay, which gives its clients no topics but their own', async () => {
    const own = ground({ ...CANCELS, id: 'relay/7' });
    await own.found();
    expect(own.connection.subscribed).toEqual([]);
  });

  it('is waited for for 250 ms, and needed for nothing', async () => {
    const own = ground(CANCELS);
    let isFound = false;
    own.finding.then(() => {
      isFound = true;
    });
    await settle();
    own.connection.pullers[0]?.setReady();
    own.connection.pushers[0]?.setReady();
    await vi.advanceTimersByTimeAsync(249);
    expect(isFound).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isFound).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may be asked for in vain', async () => {
    const own = ground({ ...CANCELS, settings: { pushAddress: 'a', pullAddress: 'b' } });
    own.failures.push(new Error('odd'));
    expect(await own.found()).toBeInstanceOf(PushedLink);
    expect(own.connection.subscribed).toEqual([]);
  });
});

describe('a link over which work is pushed, when it breaks', () => {
  async function broken(change: (own: ReturnType<typeof ground>) => void = () => {}) {
    const own = ground();
    await own.found();
    own.asked.length = 0;
    change(own);
    own.connection.pullers[0]?.setBroken(BROKEN);
    await settle();
    return { ...own, isAbandoned: own.connection.pullers[0]?.isClosed };
  }

  it('stays where the Master is at the same addresses', async () => {
    const own = await broken();
    expect([own.isAbandoned, own.asked.length]).toEqual([false, 2]);
    // And is looked at again after the next break, of either channel.
    own.connection.pushers[0]?.setBroken(BROKEN);
    await settle();
    expect(own.asked).toHaveLength(4);
  });

  it.each(['worker_push_address', 'worker_pull_address'])(
    'is left where the Master has another %s',
    async (key) => {
      const own = await broken(({ told }) => {
        Object.assign(told, { [key]: 'elsewhere' });
      });
      expect([own.isAbandoned, own.connection.pushers[0]?.isClosed]).toEqual([true, true]);
    },
  );

  it('is left where the Master cannot be read, or is none any more', async () => {
    expect((await broken(({ failures }) => failures.push(new Error('odd')))).isAbandoned).toBe(true);
    const own = await broken(({ told }) => {
      Object.assign(told, { worker_push_address: '' });
    });
    expect(own.isAbandoned).toBe(true);
  });

  it('waits for a Master that is not back, and asks it once for several breaks', async () => {
    const gone = new PalmError('DISCONNECTED', 'gone');
    const own = await broken(({ failures, connection }) => {
      failures.push(gone, gone);
      connection.pushers[0]?.setBroken(BROKEN);
    });
    expect(own.isAbandoned).toBe(false);
    // Two reads at a time: the first two failed.
    expect(own.asked).toHaveLength(4);
  });

  it('stays where both addresses were given, wherever the Master is', async () => {
    const own = ground({ settings: { pushAddress: 'a', pullAddress: 'b' } });
    await own.found();
    Object.assign(own.told, { worker_push_address: 'elsewhere' });
    own.connection.pullers[0]?.setBroken(BROKEN);
    await settle();
    expect(own.connection.pullers[0]?.isClosed).toBe(false);
  });
});
