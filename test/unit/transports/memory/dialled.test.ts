/** The dialling ends of the memory transport, at bound ends that a test plays. */
import { describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { macrotasks } from '../../../../src/async/macrotask.ts';
import { PULLED_BYTES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import type { Delivery, RequestOrigin } from '../../../../src/transport.ts';
import {
  MemoryPuller,
  MemoryPusher,
  MemoryRequester,
  MemorySubscription,
} from '../../../../transports/memory/dialled.ts';
import { type Endpoint, MemoryNetwork, type Taker } from '../../../../transports/memory/network.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

const ADDRESS = 'memory://a';
const LIMIT = 2_000;

/** A network, and the connection as its channels see it. */
function ground() {
  const network = new MemoryNetwork(macrotasks());
  const reports: object[] = [];
  const released: object[] = [];
  const channels = new Set<object>();
  const host = {
    report: (status: object, channel: object) => {
      reports.push(status);
      channels.add(channel);
    },
    release: (channel: object) => void released.push(channel),
  };
  const types = () => reports.map((report) => (report as { type: string }).type);
  return { network, host, reports, types, released, channels };
}

/** Lets what is due in this turn and the next happen. */
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** A bound reply that answers when it is told. */
function replying() {
  const asked: { request: string; from: RequestOrigin; answer: Deferred<Bytes> }[] = [];
  const endpoint: Endpoint = {
    kind: 'reply',
    answer: (request, from) => {
      const answer = deferred<Bytes>();
      asked.push({ request: textOf(request), from, answer });
      return answer.promise;
    },
  };
  return { asked, endpoint };
}

describe('any dialling end', () => {
  const open = () => {
    const own = ground();
    const pusher = new MemoryPusher(own.network, ADDRESS, own.host as never);
    return { ...own, pusher };
  };
  const pull = (): Endpoint => ({ kind: 'pull', take: () => undefined });

  it('says that it dials, is connected, and is not any more, each as its own', async () => {
    const { network, pusher, reports, released, channels } = open();
    expect(pusher.dial()).toBe(pusher);
    expect([pusher.isReady, reports]).toEqual([false, [{ type: 'connecting', address: ADDRESS }]]);
    network.bind(ADDRESS, pull());
    expect(pusher.isReady).toBe(true);
    const broke = vi.fn();
    pusher.onBreak(broke);
    network.unbind(ADDRESS);
    expect(pusher.isReady).toBe(false);
    expect(broke.mock.calls).toEqual([[expect.objectContaining({ code: 'DISCONNECTED' })]]);
    network.bind(ADDRESS, pull());
    expect(reports.slice(1)).toEqual([
      { type: 'connected', address: ADDRESS },
      { type: 'disconnected', address: ADDRESS, reason: `the server at ${ADDRESS} is gone` },
      { type: 'connected', address: ADDRESS },
    ]);
    expect([...channels]).toEqual([pusher]);
    expect(released).toEqual([]);
  });

  it('is refused by an end of another kind, and taken by one of its own that comes later', async () => {
    const { network, pusher, types } = open();
    network.bind(ADDRESS, replying().endpoint);
    pusher.dial();
    await expect(pusher.ready()).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: `${ADDRESS} is bound to reply, not to pull`,
      sent: false,
    });
    expect(types()).toEqual(['connecting']);
    // That one was never its own, so nothing breaks with it.
    network.unbind(ADDRESS);
    expect(types()).toEqual(['connecting']);
    network.bind(ADDRESS, pull());
    await within(LIMIT, pusher.ready());
    expect(types()).toEqual(['connecting', 'connected']);
  });

  it('that is closed is released once, hears no more, and fails those that wait', async () => {
    const { network, pusher, types, released } = open();
    const waiting = pusher.dial().ready();
    const refused = expect(waiting).rejects.toMatchObject({
      code: 'CLOSED',
      message: `the connection to ${ADDRESS} is closed`,
      sent: false,
    });
    await pusher.close();
    await pusher.close();
    await refused;
    expect([pusher.isClosed, released]).toEqual([true, [pusher]]);
    network.bind(ADDRESS, pull());
    expect([pusher.isReady, types()]).toEqual([false, ['connecting']]);
  });
});

describe('a requester', () => {
  function open() {
    const own = ground();
    const requester = new MemoryRequester(own.network, ADDRESS, own.host as never).dial();
    const reply = replying();
    return { ...own, requester, ...reply };
  }

  it('asks when the server is there, and gives each its own reply, copied', async () => {
    const { network, requester, asked, endpoint } = open();
    const replies = ['a', 'b'].map((text) => requester.request(bytes(text)).reply);
    await turn();
    network.bind(ADDRESS, endpoint);
    await turn();
    expect(asked.map(({ request }) => request)).toEqual(['a', 'b']);
    const kept = bytes('B');
    asked[1]?.answer.resolve(kept);
    const second = await within(LIMIT, replies[1] as Promise<Bytes>);
    expect(second).toEqual(kept);
    expect(second).not.toBe(kept);
    asked[0]?.answer.resolve(bytes('A'));
    expect(textOf(await within(LIMIT, replies[0] as Promise<Bytes>))).toBe('A');
  });

  it('asks in a turn of its own, so that other events are served between', async () => {
    const { network, requester, asked, endpoint } = open();
    network.bind(ADDRESS, endpoint);
    requester.request(bytes('a'));
    for (let i = 0; i < 20; i++) await undefined;
    expect(asked).toEqual([]);
    await turn();
    expect(asked).toHaveLength(1);
  });

  it('does not ask for a request that was given up, and passes its reply over', async () => {
    const { network, requester, asked, endpoint } = open();
    const reason = new Error('too late');
    const early = requester.request(bytes('early'));
    early.cancel(reason);
    await expect(early.reply).rejects.toBe(reason);
    network.bind(ADDRESS, endpoint);
    await turn();
    expect(asked).toEqual([]);
    const late = requester.request(bytes('late'));
    await turn();
    late.cancel(reason);
    await expect(late.reply).rejects.toBe(reason);
    asked[0]?.answer.resolve(bytes('x'));
    await turn();
    expect(asked).toHaveLength(1);
  });

  it('fails when the server goes before it was asked, and does not ask the next one', async () => {
    const { network, requester, asked, endpoint } = open();
    const first = replying();
    network.bind(ADDRESS, first.endpoint);
    const failed = expect(requester.request(bytes('a')).reply).rejects.toMatchObject({
      code: 'DISCONNECTED',
    });
    // Its turn has not come.
    for (let i = 0; i < 5; i++) await undefined;
    network.unbind(ADDRESS);
    network.bind(ADDRESS, endpoint);
    await failed;
    await turn();
    expect([first.asked, asked]).toEqual([[], []]);
  });

  it('fails what is under way when the server goes, and asks the next one anew', async () => {
    const { network, requester, asked, endpoint } = open();
    network.bind(ADDRESS, endpoint);
    const { reply } = requester.request(bytes('a'));
    await turn();
    network.unbind(ADDRESS);
    await expect(within(LIMIT, reply)).rejects.toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    asked[0]?.answer.resolve(bytes('late'));
    const again = requester.request(bytes('b')).reply;
    const next = replying();
    network.bind(ADDRESS, next.endpoint);
    await turn();
    next.asked[0]?.answer.resolve(bytes('B'));
    expect(textOf(await within(LIMIT, again))).toBe('B');
  });

  it('is refused where another kind of end is bound', async () => {
    const { network, requester } = open();
    const { reply } = requester.request(bytes('a'));
    network.bind(ADDRESS, { kind: 'pull', take: () => undefined });
    await expect(within(LIMIT, reply)).rejects.toMatchObject({ code: 'PROTOCOL', sent: false });
  });

  it('that is closed says of each request whether the server has it', async () => {
    const { network, requester, asked, endpoint } = open();
    network.bind(ADDRESS, endpoint);
    const [answered, sent] = ['answered', 'sent'].map((text) => requester.request(bytes(text)).reply);
    await turn();
    asked[0]?.answer.resolve(bytes('A'));
    expect(textOf(await within(LIMIT, answered as Promise<Bytes>))).toBe('A');
    const unsent = requester.request(bytes('unsent')).reply;
    const ends = [sent, unsent].map((reply) => (reply as Promise<Bytes>).catch((error) => error));
    await requester.close();
    const message = `the connection to ${ADDRESS} was closed before the reply`;
    expect(await within(LIMIT, Promise.all(ends))).toEqual([
      expect.objectContaining({ code: 'CLOSED', sent: 'unknown', message }),
      expect.objectContaining({ code: 'CLOSED', sent: false, message }),
    ]);
    await turn();
    expect(asked).toHaveLength(2);
    await expect(requester.request(bytes('after')).reply).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('forgets what it asked a server that is gone: it says nothing of that when it is closed', async () => {
    const { network, requester, asked, endpoint } = open();
    network.bind(ADDRESS, endpoint);
    requester.request(bytes('a')).reply.catch(() => {});
    await turn();
    expect(asked).toHaveLength(1);
    network.unbind(ADDRESS);
    const waiting = requester.request(bytes('b')).reply;
    const ended = expect(waiting).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    await requester.close();
    await ended;
  });

  it('is one link for the server, which hears once when it is closed', async () => {
    const { network, requester, asked, endpoint } = open();
    network.bind(ADDRESS, endpoint);
    for (const text of ['a', 'b']) requester.request(bytes(text)).reply.catch(() => {});
    await turn();
    const [first, second] = asked.map(({ from }) => from);
    expect(first?.link).toBe(second?.link);
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
    const [heard, left] = [vi.fn(), vi.fn()];
    first?.onGone(() => {
      throw new Error('a listener failed');
    });
    first?.onGone(heard);
    first?.onGone(left)();
    await turn();
    expect(heard).not.toHaveBeenCalled();
    await requester.close();
    await requester.close();
    expect([heard.mock.calls.length, left.mock.calls.length]).toEqual([1, 0]);
    expect(reported).toHaveBeenCalledTimes(1);
    reported.mockRestore();
    // A listener that comes after the end hears of it, too, unless it leaves before.
    const [late, gone] = [vi.fn(), vi.fn()];
    first?.onGone(late);
    first?.onGone(gone)();
    expect(late).not.toHaveBeenCalled();
    await turn();
    expect([late.mock.calls.length, gone.mock.calls.length]).toEqual([1, 0]);
  });
});

describe('a pusher', () => {
  /** A bound pull that takes what a test lets it. */
  function open() {
    const own = ground();
    const taken: string[][] = [];
    let taking: Deferred<void> | undefined;
    const endpoint: Endpoint = {
      kind: 'pull',
      take: (frames) => {
        taken.push(frames.map(textOf));
        return taking?.promise;
      },
    };
    const pusher = new MemoryPusher(own.network, ADDRESS, own.host as never).dial();
    const hold = () => {
      taking = deferred();
      return taking;
    };
    const letGo = () => {
      taking?.resolve();
      taking = undefined;
    };
    return { ...own, taken, endpoint, pusher, hold, letGo };
  }

  /** How far a send is. */
  function watched(sending: Promise<void>) {
    const own: { is: unknown } = { is: 'waiting' };
    sending.then(
      () => {
        own.is = 'sent';
      },
      (error) => {
        own.is = error;
      },
    );
    return own;
  }

  it('sends when the server is there, in order, and waits until it has room', async () => {
    const { network, pusher, taken, endpoint, hold, letGo } = open();
    const early = pusher.send([bytes('a'), bytes('b')]);
    await turn();
    expect(taken).toEqual([]);
    network.bind(ADDRESS, endpoint);
    await within(LIMIT, early);
    hold();
    const held = watched(pusher.send([bytes('c')]));
    await turn();
    expect([taken, held.is]).toEqual([[['a', 'b'], ['c']], 'waiting']);
    letGo();
    await turn();
    expect(held.is).toBe('sent');
    await within(LIMIT, pusher.send([bytes('d')]));
    expect(taken.at(-1)).toEqual(['d']);
  });

  it('fails what is held up when the server goes, which may have it, and sends on to the next', async () => {
    const { network, pusher, taken, endpoint, hold, letGo } = open();
    network.bind(ADDRESS, endpoint);
    hold();
    const sends = ['a', 'b'].map((text) => watched(pusher.send([bytes(text)])));
    await turn();
    network.unbind(ADDRESS);
    await turn();
    const gone = expect.objectContaining({ code: 'DISCONNECTED', sent: 'unknown' });
    expect(sends.map(({ is }) => is)).toEqual([gone, gone]);
    letGo();
    const next = pusher.send([bytes('c')]);
    await turn();
    expect(taken).toHaveLength(2);
    network.bind(ADDRESS, endpoint);
    await within(LIMIT, next);
    expect(taken.at(-1)).toEqual(['c']);
  });

  it('that is closed gives what is held up its time, and no more', async () => {
    for (const isTaken of [true, false]) {
      const { network, pusher, endpoint, hold, letGo } = open();
      network.bind(ADDRESS, endpoint);
      hold();
      const sends = ['a', 'b'].map((text) => watched(pusher.send([bytes(text)])));
      await turn();
      const before = performance.now();
      const closing = pusher.close({ timeout: isTaken ? 10_000 : 50 });
      await turn();
      expect(pusher.isClosed).toBe(false);
      if (isTaken) letGo();
      await within(LIMIT, closing);
      if (!isTaken) expect(performance.now() - before).toBeGreaterThanOrEqual(45);
      const closed = expect.objectContaining({
        code: 'CLOSED',
        message: `the connection to ${ADDRESS} was closed before the server took the message`,
        sent: 'unknown',
      });
      expect(sends.map(({ is }) => is)).toEqual(isTaken ? ['sent', 'sent'] : [closed, closed]);
    }
  });

  it('that is closed waits for all that is held up, one after the other', async () => {
    const { network, pusher, endpoint, hold } = open();
    network.bind(ADDRESS, endpoint);
    const gates = ['a', 'b'].map((text) => {
      const gate = hold();
      pusher.send([bytes(text)]);
      return gate;
    });
    await turn();
    const closing = pusher.close({ timeout: 60_000 });
    gates[0]?.resolve();
    await turn();
    expect(pusher.isClosed).toBe(false);
    gates[1]?.resolve();
    await within(LIMIT, closing);
  });

  it('that is closed waits for nothing where nothing is held up, or no time is given', async () => {
    const { network, pusher, endpoint, hold } = open();
    network.bind(ADDRESS, endpoint);
    await pusher.send([bytes('a')]);
    const idle = pusher.close({ timeout: 60_000 });
    expect(pusher.isClosed).toBe(true);
    await within(LIMIT, idle);
    await within(LIMIT, pusher.close({ timeout: 60_000 }));
    await expect(pusher.send([bytes('b')])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    const other = open();
    other.network.bind(ADDRESS, other.endpoint);
    other.hold();
    const sending = watched(other.pusher.send([bytes('a')]));
    await turn();
    const closing = other.pusher.close();
    expect(other.pusher.isClosed).toBe(true);
    await within(LIMIT, closing);
    expect(sending.is).toMatchObject({ code: 'CLOSED' });
    hold();
  });

  it('that is closed while it waits is done when the server goes', async () => {
    const { network, pusher, endpoint, hold } = open();
    network.bind(ADDRESS, endpoint);
    hold();
    const sending = watched(pusher.send([bytes('a')]));
    await turn();
    const closing = pusher.close({ timeout: 60_000 });
    network.unbind(ADDRESS);
    await within(LIMIT, closing);
    expect(sending.is).toMatchObject({ code: 'DISCONNECTED' });
  });
});

describe('what receives', () => {
  it('a puller is attached while it is open, gives what comes, and is full from so many bytes on', async () => {
    const { network, host, types } = ground();
    const takers: Taker<Bytes>[] = [];
    const endpoint: Endpoint = {
      kind: 'push',
      attach: (taker) => void takers.push(taker),
      detach: (taker) => void takers.splice(takers.indexOf(taker), 1),
    };
    const puller = new MemoryPuller(network, ADDRESS, host as never).dial();
    network.bind(ADDRESS, endpoint);
    expect(takers).toEqual([puller]);
    expect([puller.topic, puller.isFull]).toEqual(['', false]);
    puller.give([new Uint8Array(PULLED_BYTES - 1)]);
    expect(puller.isFull).toBe(false);
    puller.give([new Uint8Array(1)]);
    expect(puller.isFull).toBe(true);
    const roomy = vi.fn();
    puller.room().then(roomy);
    await turn();
    expect(roomy).not.toHaveBeenCalled();
    const reader = puller[Symbol.asyncIterator]();
    expect((await reader.next()).value?.map(({ length }) => length)).toEqual([PULLED_BYTES - 1, 1]);
    await turn();
    expect([roomy.mock.calls.length, puller.isFull]).toEqual([1, false]);
    const ended = reader.next();
    await puller.close();
    expect(await within(LIMIT, ended)).toEqual({ done: true, value: undefined });
    expect([takers, types()]).toEqual([[], ['connecting', 'connected']]);
  });

  it('a puller whose server is gone is detached from nothing when it is closed', async () => {
    const { network, host } = ground();
    const detach = vi.fn();
    const puller = new MemoryPuller(network, ADDRESS, host as never).dial();
    network.bind(ADDRESS, { kind: 'push', attach: () => {}, detach });
    network.unbind(ADDRESS);
    await puller.close();
    expect(detach).not.toHaveBeenCalled();
  });

  function subscribed() {
    const own = ground();
    const takers: Taker<Delivery>[] = [];
    const endpoint: Endpoint = {
      kind: 'publish',
      attach: (taker) => void takers.push(taker),
      detach: (taker) => void takers.splice(takers.indexOf(taker), 1),
    };
    const subscription = new MemorySubscription(own.network, ADDRESS, 'topic/', own.host as never).dial();
    own.network.bind(ADDRESS, endpoint);
    return { ...own, subscription, takers };
  }

  it('a subscription is proved at once, attached with its topic, and detached when it is closed', async () => {
    const { subscription, takers } = subscribed();
    expect([subscription.isProved, subscription.topic, subscription.isReady]).toEqual([true, 'topic/', true]);
    expect(takers).toEqual([subscription]);
    const reader = subscription[Symbol.asyncIterator]();
    const delivery = { topic: 'topic/1', frames: [bytes('x')] };
    subscription.give([delivery]);
    expect(await reader.next()).toEqual({ done: false, value: [delivery] });
    await subscription.close();
    expect(await within(LIMIT, reader.next())).toEqual({ done: true, value: undefined });
    expect(takers).toEqual([]);
  });

  /** Gives 256 MiB in all, and so many bytes more, with what a delivery costs beside its frames: 256 bytes and its topic. */
  function fill(subscription: MemorySubscription, more: number) {
    const mebibyte = new Uint8Array(1_048_576);
    const heavy = { topic: 'topic/1', frames: Array.from({ length: 255 }, () => mebibyte) };
    const rest = { topic: 'topic/1', frames: [new Uint8Array(1_048_576 - 2 * (256 + 7) + more)] };
    subscription.give([heavy]);
    subscription.give([rest]);
  }

  it('a subscription is full from so many bytes on', () => {
    const { subscription } = subscribed();
    fill(subscription, 0);
    expect(subscription.isFull).toBe(true);
  });

  it('a subscription that is not read says what it lost, and goes on', async () => {
    const { subscription, reports } = subscribed();
    const broke = vi.fn();
    subscription.onBreak(broke);
    fill(subscription, -1);
    expect(subscription.isFull).toBe(false);
    subscription.give([{ topic: '', frames: [] }]);
    expect([subscription.isFull, broke.mock.calls]).toEqual([true, []]);
    subscription.give([{ topic: 'topic/2', frames: [bytes('lost')] }]);
    const text = `3 deliveries from ${ADDRESS} are unread, so newer ones were dropped: read faster`;
    expect(broke.mock.calls).toEqual([
      [expect.objectContaining({ code: 'LOST', message: text, sent: true })],
    ]);
    expect(broke.mock.calls[0]?.[0]).toBeInstanceOf(PalmError);
    expect(reports.at(-1)).toEqual({ type: 'slow', address: ADDRESS, queued: 3 });
    expect(subscription.isReady).toBe(true);
    const reader = subscription[Symbol.asyncIterator]();
    expect((await reader.next()).value).toHaveLength(3);
    const next = { topic: 'topic/3', frames: [bytes('next')] };
    subscription.give([next]);
    expect(await reader.next()).toEqual({ done: false, value: [next] });
  });
});
