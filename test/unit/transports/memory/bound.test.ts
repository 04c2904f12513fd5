/** The bound ends of the memory transport: whom they give what, and what they keep meanwhile. */
import { describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { macrotasks } from '../../../../src/async/macrotask.ts';
import { PULLED, PULLED_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import type { Delivery } from '../../../../src/transport.ts';
import { MemoryPublish, MemoryPull, MemoryPush, MemoryReply } from '../../../../transports/memory/bound.ts';
import {
  type Endpoint,
  type EndpointOf,
  MemoryNetwork,
  type Taker,
} from '../../../../transports/memory/network.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

const HOST = { report: () => {}, release: () => {} } as never;

/** A puller whose room a test moves. */
function puller(isFull = false) {
  const rooms: Deferred<void>[] = [];
  const taken: string[] = [];
  const own = {
    topic: '',
    isFull,
    room: () => {
      const room = deferred<void>();
      rooms.push(room);
      return room.promise;
    },
    give: (frames: readonly Bytes[]) => taken.push(...frames.map(textOf)),
  } satisfies Taker<Bytes>;
  /** Reads all, and has room. */
  const read = () => {
    own.isFull = false;
    for (const room of rooms.splice(0)) room.resolve();
  };
  return { own, rooms, taken, read };
}

describe('a bound push', () => {
  function ground() {
    const network = new MemoryNetwork(macrotasks());
    const push = new MemoryPush(network, HOST).bind('memory://*');
    let endpoint: EndpointOf<'push'> | undefined;
    network.dial(push.address, {
      bound: (own) => {
        if (own.kind === 'push') endpoint = own;
      },
      gone: () => {},
    });
    if (endpoint === undefined) throw new Error('nothing is bound');
    return { push, endpoint };
  }

  it('gives frames to pullers in turn, and passes over those that are full', async () => {
    const { push, endpoint } = ground();
    const [first, full, last] = [puller(), puller(true), puller()];
    for (const { own } of [first, full, last]) endpoint.attach(own);
    await push.send(['a', 'b', 'c', 'd'].map(bytes));
    expect([first.taken.length, full.taken.length, last.taken.length]).toEqual([2, 0, 2]);
    expect([...first.taken, ...last.taken].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('waits while all are full, and gives to the one that reads first, in order', async () => {
    const { push, endpoint } = ground();
    const [slow, quick] = [puller(true), puller(true)];
    for (const { own } of [slow, quick]) endpoint.attach(own);
    const sends = [push.send([bytes('a')]), push.send([bytes('b')])];
    quick.read();
    await within(2_000, Promise.all(sends));
    expect([slow.taken, quick.taken]).toEqual([[], ['a', 'b']]);
  });

  it('gathers nothing at a puller that never reads, however often others make it wait', async () => {
    const { push, endpoint } = ground();
    const [stuck, quick] = [puller(true), puller(true)];
    for (const { own } of [stuck, quick]) endpoint.attach(own);
    for (let i = 0; i < 50; i++) {
      const sent = push.send([bytes(String(i))]);
      quick.read();
      await within(2_000, sent);
      quick.own.isFull = true;
    }
    expect([quick.taken.length, stuck.rooms.length]).toEqual([50, 1]);
    const sent = push.send([bytes('last')]);
    stuck.read();
    await within(2_000, sent);
    expect(stuck.taken).toEqual(['last']);
  });

  it('waits for a puller that comes, and no longer than it is open', async () => {
    const { push, endpoint } = ground();
    const sent = push.send([bytes('a')]);
    const late = puller();
    endpoint.attach(late.own);
    await within(2_000, sent);
    expect(late.taken).toEqual(['a']);
    endpoint.detach(late.own);
    const waiting = push.send([bytes('b')]).catch((error) => error);
    await push.close();
    expect(await within(2_000, waiting)).toMatchObject({
      code: 'CLOSED',
      message: `${push.address} is closed`,
      sent: false,
    });
    await expect(push.send([bytes('c')])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
  });

  it('tells how many pullers there are, and lets a listener that throws spoil nothing', () => {
    const { push, endpoint } = ground();
    const counts: number[] = [];
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
    const error = new Error('a listener failed');
    push.onPeers(() => {
      throw error;
    });
    push.onPeers(() => counts.push(push.peers));
    const [first, second] = [puller(), puller()];
    endpoint.attach(first.own);
    endpoint.attach(second.own);
    endpoint.detach(first.own);
    endpoint.detach(second.own);
    expect(counts).toEqual([1, 2, 1, 0]);
    expect(reported.mock.calls).toEqual(Array(4).fill([error]));
    reported.mockRestore();
  });
});

describe('any bound end', () => {
  it('has its address until it is closed, and is released once', async () => {
    const network = new MemoryNetwork(macrotasks());
    const released: object[] = [];
    const host = { report: () => {}, release: (one: object) => void released.push(one) } as never;
    const answer = vi.fn(() => bytes('answer'));
    const reply = new MemoryReply(network, host, answer);
    expect([reply.address, reply.bind('memory://a'), reply.address]).toEqual(['', reply, 'memory://a']);
    let endpoint: Endpoint | undefined;
    const gone = vi.fn();
    network.dial('memory://a', {
      bound: (own) => {
        endpoint = own;
      },
      gone,
    });
    if (endpoint?.kind !== 'reply') throw new Error('no reply is bound');
    const from = { link: {}, onGone: () => () => {} };
    expect(textOf(await endpoint.answer(bytes('question'), from))).toBe('answer');
    expect(answer.mock.calls).toEqual([[bytes('question'), from]]);
    await reply.close();
    await reply.close();
    expect([released, gone.mock.calls.length]).toEqual([[reply], 1]);
    // Another may have it, and is not let go with this one.
    new MemoryReply(network, host, answer).bind('memory://a');
    await reply.close();
    expect(() => network.bind('memory://a', endpoint as Endpoint)).toThrow(/already bound/);
  });
});

/** Lets what is due in this turn and the next happen. */
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

describe('a bound pull', () => {
  function ground() {
    const network = new MemoryNetwork(macrotasks());
    const pull = new MemoryPull(network, HOST).bind('memory://*');
    let endpoint: EndpointOf<'pull'> | undefined;
    network.dial(pull.address, {
      bound: (own) => {
        if (own.kind === 'pull') endpoint = own;
      },
      gone: () => {},
    });
    if (endpoint === undefined) throw new Error('nothing is bound');
    const { take } = endpoint;
    const peer = {};
    return {
      pull,
      take: (frames: readonly Uint8Array<ArrayBuffer>[]) => take(frames, peer),
      reader: pull[Symbol.asyncIterator](),
    };
  }

  const frames = (count: number, size = 0) => Array.from({ length: count }, () => new Uint8Array(size));

  it('gives what came in a turn as one batch, in order', async () => {
    const { take, reader } = ground();
    expect([take(['a', 'b'].map(bytes)), take([bytes('c')])]).toEqual([undefined, undefined]);
    const { value = [] } = await within(2_000, reader.next());
    expect(value.map(textOf)).toEqual(['a', 'b', 'c']);
    take([bytes('d')]);
    expect((await within(2_000, reader.next())).value?.map(textOf)).toEqual(['d']);
  });

  it.each([
    ['messages', frames(PULLED - 1), frames(1)],
    ['bytes', frames(1, PULLED_BYTES - 1), frames(1, 1)],
  ])('holds a sender up from so many %s in a turn on, until they are read', async (_what, most, more) => {
    const { take, reader } = ground();
    expect(take(most)).toBeUndefined();
    const taking = take(more);
    expect(taking).toBeInstanceOf(Promise);
    const gone = vi.fn();
    taking?.then(gone);
    await turn();
    expect(gone).not.toHaveBeenCalled();
    // Behind what is unread, the next one waits as well.
    const next = take([bytes('x')]);
    expect(next).toBeInstanceOf(Promise);
    await within(2_000, reader.next());
    await within(2_000, Promise.all([taking, next]));
    // What is counted is what came since.
    await within(2_000, reader.next());
    expect(take(most)).toBeUndefined();
  });

  it('counts each turn for itself: less than that holds nobody up', async () => {
    const { take, reader } = ground();
    for (let i = 0; i < 3; i++) {
      expect(take(frames(PULLED - 1, 1))).toBeUndefined();
      await within(2_000, reader.next());
    }
  });

  it('that stops ends behind what came, and keeps its address; one that is closed does not', async () => {
    const { pull, take, reader } = ground();
    take([bytes('a')]);
    await turn();
    pull.stop();
    expect((await within(2_000, reader.next())).value?.map(textOf)).toEqual(['a']);
    expect(await within(2_000, reader.next())).toEqual({ done: true, value: undefined });
    // Those who push are not told, and are not held up.
    const much = take(frames(PULLED));
    await within(2_000, Promise.resolve(much));
    const other = ground();
    const ended = other.reader.next();
    await other.pull.close();
    expect(await within(2_000, ended)).toEqual({ done: true, value: undefined });
  });
});

describe('a bound publisher', () => {
  function ground() {
    const network = new MemoryNetwork(macrotasks());
    const publisher = new MemoryPublish(network, HOST).bind('memory://*');
    let endpoint: EndpointOf<'publish'> | undefined;
    const gone = vi.fn();
    network.dial(publisher.address, {
      bound: (own) => {
        if (own.kind === 'publish') endpoint = own;
      },
      gone,
    });
    if (endpoint === undefined) throw new Error('nothing is bound');
    const subscriber = (topic: string) => {
      const batches: string[][] = [];
      const own: Taker<Delivery> = {
        topic,
        isFull: false,
        room: async () => {},
        give: (deliveries) => void batches.push(deliveries.map((delivery) => delivery.topic)),
      };
      return { own, batches };
    };
    return { publisher, endpoint, subscriber, gone };
  }

  const delivery = (topic: string, mayWait = false) => ({ topic, frames: [bytes(topic)], mayWait });

  it('gives each subscriber what is under its topic, as one batch a turn', async () => {
    const { publisher, endpoint, subscriber } = ground();
    const [a, all, none] = [subscriber('a/'), subscriber(''), subscriber('z')];
    for (const { own } of [a, all, none]) endpoint.attach(own);
    await publisher.publish([delivery('a/1'), delivery('b/1')]);
    await publisher.publish([delivery('a/2')]);
    expect(a.batches).toEqual([]);
    await turn();
    await publisher.publish([delivery('a/3')]);
    await turn();
    expect([a.batches, all.batches, none.batches]).toEqual([
      [['a/1', 'a/2'], ['a/3']],
      [['a/1', 'b/1', 'a/2'], ['a/3']],
      [],
    ]);
    endpoint.detach(a.own);
    await publisher.publish([delivery('a/4')]);
    await turn();
    expect([a.batches.length, all.batches.length]).toEqual([2, 3]);
  });

  it('keeps what may wait, and nobody has, for one who comes', async () => {
    const { publisher, endpoint, subscriber } = ground();
    const other = subscriber('other');
    endpoint.attach(other.own);
    await publisher.publish([delivery('a/1', true), delivery('a/2'), delivery('other', true)]);
    await turn();
    expect(other.batches).toEqual([['other']]);
    const [late, second, unconcerned] = [subscriber('a/'), subscriber('a/'), subscriber('b/')];
    for (const { own } of [unconcerned, late, second]) endpoint.attach(own);
    expect([late.batches, second.batches, unconcerned.batches]).toEqual([[['a/1']], [], []]);
    // What somebody has got is not kept.
    const again = subscriber('other');
    endpoint.attach(again.own);
    expect(again.batches).toEqual([]);
  });

  it('tells who comes, and when the last one of a topic goes; a listener that throws spoils nothing', () => {
    const { publisher, endpoint, subscriber } = ground();
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
    const told: [string, boolean][] = [];
    publisher.onSubscribers(() => {
      throw new Error('a listener failed');
    });
    publisher.onSubscribers((topic, isThere) => void told.push([topic, isThere]));
    const [first, second, other] = [subscriber('a/'), subscriber('a/'), subscriber('b/')];
    for (const { own } of [first, second, other]) endpoint.attach(own);
    endpoint.detach(first.own);
    expect(told).toEqual([
      ['a/', true],
      ['a/', true],
      ['b/', true],
    ]);
    endpoint.detach(second.own);
    endpoint.detach(other.own);
    expect(told.slice(3)).toEqual([
      ['a/', false],
      ['b/', false],
    ]);
    expect(reported).toHaveBeenCalledTimes(5);
    reported.mockRestore();
  });

  it.each([0, 1])(
    'keeps nothing once it is closed, of what was published meanwhile, %i turns later',
    async (turns) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const { publisher } = ground();
        await publisher.publish([delivery('before', true)]);
        const closing = publisher.close();
        if (turns > 0) await Promise.resolve();
        await publisher.publish([delivery('meanwhile', true)]);
        await closing;
        for (let i = 0; i < 3; i++) await turn();
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it('that is closed has given what was published before its readers learn of the end', async () => {
    const { publisher, endpoint, subscriber, gone } = ground();
    const { own, batches } = subscriber('');
    endpoint.attach(own);
    await publisher.publish([delivery('a')]);
    const closing = publisher.close();
    expect([batches, gone.mock.calls.length]).toEqual([[['a']], 0]);
    await within(2_000, closing);
    expect(gone).toHaveBeenCalledTimes(1);
    await expect(publisher.publish([delivery('b')])).rejects.toMatchObject({
      code: 'CLOSED',
      message: `${publisher.address} is closed`,
      sent: false,
    });
    await turn();
    expect(batches).toEqual([['a']]);
  });

  it('that is closed keeps nothing that waited, and no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { publisher, endpoint, subscriber } = ground();
    await publisher.publish([delivery('a', true)]);
    await turn();
    expect(vi.getTimerCount()).toBe(1);
    await publisher.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    const { own, batches } = subscriber('a');
    endpoint.attach(own);
    expect(batches).toEqual([]);
  });
});
