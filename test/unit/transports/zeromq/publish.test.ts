/** A publisher and its subscribers: who is confirmed, what waits for whom, and what becomes of it. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Subscriber, XSubscriber } from 'zeromq';
import { deferred } from '../../../../src/async/deferred.ts';
import { CONFIRMATIONS, HELD_TIME, READ_RUN, STANDSTILL } from '../../../../src/flow-control.ts';
import type {
  BindingConnection,
  BoundPublish,
  ConnectionStatus,
  Delivery,
} from '../../../../src/transport.ts';
import { type ZeromqOptions, zeromq } from '../../../../transports/zeromq/index.ts';
import { ZeromqPublish } from '../../../../transports/zeromq/publish.ts';
import { loadAddon } from '../../../../transports/zeromq/sockets.ts';
import { type CountingPublisher, countingTopics } from '../../../../transports/zeromq/topics.ts';
import { bytes } from '../../../support/bytes.ts';
import { PlayedPublisher } from '../../../support/played-publisher.ts';
import { until, within } from '../../../support/wait.ts';

const ANY = 'tcp://127.0.0.1:*';
/** Milliseconds in which a message that must not come would have come. */
const QUIET = 60;

const open: BindingConnection[] = [];
const sockets: { close(): void }[] = [];
afterEach(async () => {
  for (const own of sockets.splice(0)) own.close();
  for (const own of open.splice(0)) await within(3_000, own.close({ timeout: 0 }));
});

async function publishing(options: ZeromqOptions = {}) {
  const connection = await zeromq(options).open();
  open.push(connection);
  const publisher = await connection.bindPublish(ANY);
  const statuses: ConnectionStatus[] = [];
  const watch = async () => {
    for await (const status of connection.status()) statuses.push(status);
  };
  void watch();
  const heard: string[] = [];
  publisher.onSubscribers?.((topic, isThere) => heard.push(isThere ? topic : `not ${topic}`));
  const hears = (count: number) =>
    within(
      3_000,
      until(() => heard.length >= count),
      () => `news ${count} of ${heard}`,
    );
  /** A subscriber that is known. */
  const subscriber = async (topic: string, own: object = {}) => {
    const socket = new Subscriber({ linger: 0, receiveTimeout: 3_000, ...own });
    sockets.push(socket);
    socket.connect(publisher.address);
    socket.subscribe(topic);
    await hears(heard.length + 1);
    return socket;
  };
  return { publisher, statuses, heard, hears, subscriber };
}

const delivery = (topic: string, ...frames: string[]): Delivery => ({ topic, frames: frames.map(bytes) });
const received = async (socket: Subscriber) => (await socket.receive()).map(String);
async function expectNothing(socket: Subscriber | XSubscriber): Promise<void> {
  socket.receiveTimeout = QUIET;
  await expect(socket.receive()).rejects.toMatchObject({ code: 'EAGAIN' });
  socket.receiveTimeout = 3_000;
}

describe('a subscriber', () => {
  it('is told to all who listen when it comes and when it goes, though one of them throws', async () => {
    const { publisher, heard, hears, subscriber } = await publishing();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    sockets.push({ close: () => error.mockRestore() });
    const second: string[] = [];
    publisher.onSubscribers?.(() => {
      throw new Error('mine');
    });
    publisher.onSubscribers?.((topic, isThere) => second.push(`${topic} ${isThere}`));
    const one = await subscriber('é');
    await subscriber('é');
    one.close();
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    expect(heard).toEqual(['é', 'é']);
    sockets.at(-1)?.close();
    await hears(3);
    expect(heard).toEqual(['é', 'é', 'not é']);
    expect(second).toEqual(['é true', 'é true', 'é false']);
    expect(error).toHaveBeenCalledTimes(3);
  });

  it('is not said to go by a publisher that closes', async () => {
    const { publisher, heard, subscriber } = await publishing();
    await subscriber('a');
    await publisher.close({ timeout: 0 });
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    expect(heard).toEqual(['a']);
  });

  it('is confirmed by an empty delivery on its topic where that asks for it, each time', async () => {
    const { publisher, subscriber } = await publishing();
    for (let i = 0; i < 2; i++) {
      const asking = await subscriber('a/');
      expect(await received(asking)).toEqual(['a/', '']);
    }
    const other = await subscriber('a');
    await publisher.publish([delivery('a/', 'x')]);
    expect(await received(other)).toEqual(['a/', 'x']);
    await expectNothing(other);
  });

  it('gets deliveries in order, each as its topic and frames', async () => {
    const { publisher, subscriber } = await publishing();
    const socket = await subscriber('é');
    await publisher.publish([delivery('é/1', 'a'), delivery('x', 'b'), delivery('é', 'c', 'd')]);
    expect([await received(socket), await received(socket)]).toEqual([
      ['é/1', 'a'],
      ['é', 'c', 'd'],
    ]);
  });

  it('that says what is no subscription is passed over', async () => {
    const { publisher, heard, hears } = await publishing();
    const socket = new XSubscriber({ linger: 0, receiveTimeout: 3_000 });
    sockets.push(socket);
    socket.connect(publisher.address);
    await socket.send([Buffer.from('\u0001first')]);
    await hears(1);
    await socket.send([Buffer.alloc(0)]);
    await socket.send([Buffer.from('\u0002first')]);
    await socket.send([Buffer.from('xfirst')]);
    await socket.send([Buffer.from('\u0001last')]);
    await hears(2);
    expect(heard).toEqual(['first', 'last']);
    await publisher.publish([delivery('last', 'x')]);
    expect((await socket.receive()).map(String)).toEqual(['last', 'x']);
  });
});

describe('a delivery under a topic without a subscriber', () => {
  it('waits for one if it may, and goes before later ones', async () => {
    const { publisher, subscriber } = await publishing();
    await publisher.publish([{ ...delivery('a/1', 'x'), mayWait: true }, delivery('a/2', 'y')]);
    const socket = await subscriber('a/');
    await publisher.publish([{ ...delivery('a/3', 'z'), mayWait: true }]);
    const all = [await received(socket), await received(socket), await received(socket)];
    expect(all.filter(([, text]) => text !== '')).toEqual([
      ['a/1', 'x'],
      ['a/3', 'z'],
    ]);
    await expectNothing(socket);
  });

  it('waits a second, and no more', async () => {
    const { publisher, subscriber } = await publishing();
    await publisher.publish([{ ...delivery('a', 'x'), mayWait: true }]);
    const start = performance.now();
    await within(3_000, publisher.close({ timeout: 3_000 }));
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(2_500);
    await expect(publisher.publish([delivery('a', 'x')])).rejects.toMatchObject({
      code: 'CLOSED',
      sent: false,
    });
    expect(subscriber).toBeDefined();
  });

  it('is dropped when its publisher is closed, without a wait where none was asked for', async () => {
    const { publisher } = await publishing();
    await publisher.publish([{ ...delivery('a', 'x'), mayWait: true }]);
    const start = performance.now();
    await publisher.close();
    expect(performance.now() - start).toBeLessThan(800);
  });
});

describe('a subscriber that does not read', () => {
  const frame = new Uint8Array(100_000);
  const COUNT = 100;
  let options: ZeromqOptions;
  beforeEach(() => {
    options = { sendHighWaterMark: 2 };
  });
  const SLOW = { receiveHighWaterMark: 1 };

  const flood = async (publisher: BoundPublish, topic: string, count = COUNT) => {
    for (let i = 0; i < count; i++) {
      frame[0] = i;
      await publisher.publish([{ topic, frames: [frame.slice()] }]);
    }
  };
  const marks = async (socket: Subscriber, count: number) => {
    const all: (number | undefined)[] = [];
    while (all.length < count) {
      const [, own] = await socket.receive();
      if (own !== undefined && own.length > 0) all.push(own[0]);
    }
    return all;
  };
  const inOrder = Array.from({ length: COUNT }, (_, i) => i);

  it('gets all in order once it does, and holds up neither the publisher nor others', async () => {
    const { publisher, statuses, subscriber } = await publishing(options);
    const [slow, other] = [await subscriber('slow', SLOW), await subscriber('other')];
    await within(3_800, flood(publisher, 'slow/1'), 'publishing');
    await publisher.publish([delivery('other/1', 'x')]);
    expect(await received(other)).toEqual(['other/1', 'x']);
    expect(await marks(slow, COUNT)).toEqual(inOrder);
    expect(statuses.filter(({ type }) => type === 'lost')).toEqual([]);
  });

  it('loses what is more than it may be owed, which is told', async () => {
    const { publisher, statuses, subscriber } = await publishing({ ...options, maxOwed: 1_000_000 });
    const slow = await subscriber('slow', SLOW);
    await within(3_800, flood(publisher, 'slow/1'), 'publishing');
    const lost = statuses.filter((status) => status.type === 'lost');
    expect(lost.length).toBeGreaterThan(5);
    expect(lost[0]).toEqual({ type: 'lost', address: publisher.address, topic: 'slow', count: 1 });
    expect(await marks(slow, COUNT - lost.length)).toEqual(inOrder.slice(0, COUNT - lost.length));
  });

  it('holds up no other of its topic for longer than it may be owed', async () => {
    const { publisher, subscriber } = await publishing({ ...options, maxOwed: 500_000 });
    await subscriber('topic', SLOW);
    const other = await subscriber('topic');
    const large = new Uint8Array(1_048_576);
    let read = 0;
    const reading = async () => {
      for (; read < 12; read++) await other.receive();
    };
    const publishAll = async () => {
      while (read < 12) {
        await publisher.publish([{ topic: 'topic', frames: [large] }]);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    await within(3_500, Promise.all([publishAll(), reading()]), () => `12 large deliveries, not ${read},`);
  });

  it.each(['topic', 'topic/'])(
    'is passed over once it loses deliveries, and again a second later when it is full again: %s',
    async (topic) => {
      let isFull = false;
      let sent = 0;
      const passes: number[] = [];
      class Scripted extends countingTopics(loadAddon()) {
        override async send(parts: Parameters<CountingPublisher['send']>[0]): Promise<void> {
          if (isFull) throw Object.assign(new Error('no room'), { code: 'EAGAIN' });
          sent++;
          return super.send(parts);
        }
        override async sendPast(): Promise<void> {
          passes.push(performance.now());
        }
      }
      const socket = new Scripted({ linger: 0, sendTimeout: 0, noDrop: true });
      socket.verbosity = 'allSubsUnsubs';
      const publisher = new ZeromqPublish(
        socket,
        { report: () => {}, release: () => {} },
        { maxOwed: 1_000 },
      );
      await publisher.bind(ANY, () => {});
      let count = 0;
      publisher.onSubscribers(() => count++);
      for (let i = 0; i < 2; i++) {
        const own = new Subscriber({ linger: 0 });
        sockets.push(own);
        own.connect(publisher.address);
        own.subscribe(topic);
      }
      await within(
        3_000,
        until(() => count === 2),
      );
      // Each that asks for it is confirmed.
      await within(
        3_000,
        until(() => sent === (topic.endsWith('/') ? 2 : 0)),
      );
      isFull = true;
      const start = performance.now();
      const publish = () => publisher.publish([delivery(topic, 'x'.repeat(500))]);
      await publish();
      await new Promise((resolve) => setTimeout(resolve, 100));
      // It is not over what it may be owed.
      expect(passes).toEqual([]);
      await publish();
      await within(
        2_000,
        until(() => passes.length === 1),
      );
      await publish();
      await publish();
      await publish();
      await within(
        3_000,
        until(() => passes.length === 2),
        'the second pass',
      );
      expect((passes[1] ?? 0) - (passes[0] ?? 0)).toBeGreaterThan(990);
      expect((passes[0] ?? 0) - start).toBeLessThan(900);
      await publisher.close({ timeout: 0 });
    },
  );

  it('and takes everything does not hold up the others', async () => {
    const { publisher, subscriber } = await publishing(options);
    await subscriber('', SLOW);
    const other = await subscriber('topic');
    const reading = marks(other, COUNT);
    await within(3_800, flood(publisher, 'topic'), 'publishing');
    expect(await within(3_800, reading)).toEqual(inOrder);
  });

  it('is waited for when its publisher is closed, and no longer than asked for', async () => {
    const { publisher, subscriber } = await publishing(options);
    const slow = await subscriber('slow', SLOW);
    await flood(publisher, 'slow/1');
    const closed = publisher.close({ timeout: 3_000 });
    expect(await marks(slow, COUNT)).toEqual(inOrder);
    await within(3_000, closed);
    const next = await publishing(options);
    await next.subscriber('slow', SLOW);
    await flood(next.publisher, 'slow/1');
    const start = performance.now();
    await next.publisher.close({ timeout: 100 });
    expect(performance.now() - start).toBeGreaterThan(95);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('whose client may come again is owed in a queue of its own topic', async () => {
    const { publisher, subscriber } = await publishing(options);
    const slow = await subscriber('slow', SLOW);
    for (let i = 0; i < COUNT; i++) {
      frame[0] = i;
      await publisher.publish([{ topic: 'slow', frames: [frame.slice()], mayWait: true }]);
    }
    expect(await marks(slow, COUNT)).toEqual(inOrder);
  });
});

describe('subscribers with too many bytes of topics', () => {
  it('are all dropped and told, and may come again', async () => {
    const { publisher, statuses, subscriber, heard } = await publishing();
    const honest = await subscriber('honest', { reconnectInterval: 10 });
    const stranger = new XSubscriber({ linger: 0, sendHighWaterMark: 0, reconnectInterval: 60_000 });
    sockets.push(stranger);
    stranger.connect(publisher.address);
    // 250 topics of 1,000 bytes have room: each counts 32 more.
    for (let i = 0; i < 250; i++) await stranger.send([Buffer.from(`\u0001${String(i).padEnd(1_000, '.')}`)]);
    await within(
      3_000,
      until(() => heard.length === 251),
    );
    expect(statuses.some(({ type }) => type === 'refused')).toBe(false);
    for (let i = 250; i < 260; i++)
      await stranger.send([Buffer.from(`\u0001${String(i).padEnd(1_000, '.')}`)]);
    await within(
      3_000,
      until(() => statuses.some(({ type }) => type === 'refused')),
    );
    expect(statuses.find(({ type }) => type === 'refused')).toEqual({
      type: 'refused',
      address: publisher.address,
      reason: 'subscriptions to more than 262144 bytes of topics: all were ended',
      count: 1,
    });
    stranger.close();
    const before = heard.length;
    // A socket that is not read does not subscribe again.
    const next = received(honest);
    await within(
      3_000,
      until(() => heard.length > before && heard.at(-1) === 'honest'),
      'the honest subscriber',
    );
    await publisher.publish([delivery('honest', 'x')]);
    expect(await next).toEqual(['honest', 'x']);
    // What they held is forgotten.
    const other = await subscriber('z'.repeat(1_000));
    await publisher.publish([delivery('z'.repeat(1_000), 'y')]);
    expect((await received(other))[1]).toBe('y');
    expect(statuses.filter(({ type }) => type === 'refused')).toHaveLength(1);
  });
});

/** Bytes of topics that all subscribers together may hold, and what a topic counts beside its own. */
const MOST_TOPIC_BYTES = 262_144;
const OVERHEAD = 32;

describe('a publisher whose peers a test plays', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const turn = () => vi.advanceTimersByTimeAsync(1);

  async function played(maxOwed = 1_000_000) {
    const peers = new PlayedPublisher();
    const statuses: { readonly type: string }[] = [];
    const host = { report: (status: { readonly type: string }) => statuses.push(status), release: () => {} };
    const publisher = new ZeromqPublish(peers.socket, host, { maxOwed });
    await publisher.bind('tcp://127.0.0.1:5555', () => {});
    const heard: string[] = [];
    publisher.onSubscribers((topic, isThere) => heard.push(isThere ? topic : `not ${topic}`));
    const tell = (topic: string, text: string, mayWait = false) => {
      const told = publisher.publish([{ ...delivery(topic, text), ...(mayWait && { mayWait }) }]);
      told.catch(() => {});
      return told;
    };
    const subscribe = async (...topics: readonly string[]) => {
      for (const topic of topics) peers.subscribe(topic);
      await turn();
    };
    return { peers, publisher, statuses, heard, tell, subscribe };
  }

  describe('reads subscriptions', () => {
    it('and passes over what is none, whatever parts it has', async () => {
      const { peers, heard } = await played();
      peers.report();
      peers.report(new Uint8Array(0));
      peers.report('\u0001a', 'b');
      peers.report('\u0001last');
      await turn();
      expect(heard).toEqual(['last']);
    });

    it('while other events have their turn after each 256', async () => {
      const { peers } = await played();
      for (let i = 0; i < 4 * READ_RUN; i++) peers.report(`\u0001${i}`);
      const before = peers.reads;
      let atFirst = 0;
      setImmediate(() => {
        atFirst = peers.reads - before;
      });
      await vi.advanceTimersByTimeAsync(20);
      expect(atFirst).toBeLessThanOrEqual(READ_RUN + 1);
      expect(peers.reads - before).toBe(4 * READ_RUN);
    });

    it('no further than 64 confirmations ahead of what was sent: results do not wait behind those', async () => {
      const { peers, heard } = await played();
      peers.sending = deferred();
      for (let i = 0; i < 3 * CONFIRMATIONS; i++) peers.subscribe(`${i}/`);
      await turn();
      expect(heard).toHaveLength(CONFIRMATIONS);
      peers.sending.resolve();
      peers.sending = undefined;
      await vi.advanceTimersByTimeAsync(20);
      expect(heard).toHaveLength(3 * CONFIRMATIONS);
      // Those that were sent count no more.
      peers.sending = deferred();
      for (let i = 0; i < CONFIRMATIONS - 1; i++) peers.subscribe(`more ${i}/`);
      await turn();
      expect(heard).toHaveLength(4 * CONFIRMATIONS - 1);
      peers.subscribe('the last/');
      peers.subscribe('and one/');
      await turn();
      expect(heard.at(-1)).toBe('the last/');
    });

    it('and says of none that it ended once it closes', async () => {
      const { peers, publisher, heard, tell, subscribe } = await played();
      await subscribe('a');
      tell('waits', 'x', true);
      const closing = publisher.close({ timeout: 500 });
      peers.unsubscribe('a');
      await vi.advanceTimersByTimeAsync(600);
      await closing;
      expect(heard).toEqual(['a']);
    });
  });

  describe('with the most bytes of topics', () => {
    const TOPIC = 1_024 - OVERHEAD;
    const fill = async (subscribe: (...topics: string[]) => Promise<void>, count = 256) => {
      await subscribe(...Array.from({ length: count }, (_, i) => `${i}`.padEnd(TOPIC, '.')));
      // Each run of reads leaves others a turn.
      await vi.advanceTimersByTimeAsync(10);
    };

    it('drops nobody, and all at one byte more; they come back once all was read that they had sent', async () => {
      expect(256 * (TOPIC + OVERHEAD)).toBe(MOST_TOPIC_BYTES);
      const { peers, statuses, heard, subscribe } = await played();
      await fill(subscribe);
      expect([peers.dropped, statuses, heard.length]).toEqual([0, [], 256]);
      await subscribe('x');
      expect([peers.dropped, statuses.map(({ type }) => type)]).toEqual([1, ['refused']]);
      await subscribe('while they are dropped');
      peers.seemsReadable = true;
      await vi.advanceTimersByTimeAsync(500);
      expect([peers.bound, heard.length]).toEqual([0, 256]);
      peers.seemsReadable = false;
      peers.topics = 0;
      await vi.advanceTimersByTimeAsync(100);
      expect(peers.bound).toBe(1);
      // Nothing counts that was there before.
      await fill(subscribe);
      expect([peers.dropped, heard.length]).toEqual([1, 512]);
    });

    it('counts topics that have ended until connections have', async () => {
      const { peers, subscribe } = await played();
      await fill(subscribe);
      for (let i = 0; i < 256; i++) peers.unsubscribe(`${i}`.padEnd(TOPIC, '.'));
      await vi.advanceTimersByTimeAsync(10);
      peers.happens('disconnect');
      await turn();
      await subscribe('y'.repeat(512 - OVERHEAD));
      expect(peers.dropped).toBe(0);
      await subscribe('z');
      expect(peers.dropped).toBe(1);
    });
  });

  describe('has an answer that may wait', () => {
    it('which leaves at once when its client is there, and when nothing was reported meanwhile', async () => {
      const { peers, tell, subscribe } = await played();
      await subscribe('me');
      await tell('me', 'x', true);
      expect(peers.sent).toEqual([['me', 'x']]);
    });

    it('which is not sent to a client that may have gone: it goes to the next one of its topic', async () => {
      const { peers, tell, subscribe } = await played();
      await subscribe('me');
      peers.seemsReadable = true;
      await tell('me', 'x', true);
      expect(peers.sent).toEqual([]);
      peers.unsubscribe('me');
      peers.seemsReadable = false;
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent).toEqual([]);
      await subscribe('me');
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent).toEqual([['me', 'x']]);
    });

    it('which is sent after a second though nobody was reported: ZeroMQ may know somebody', async () => {
      const { peers, tell } = await played();
      await tell('me', 'x', true);
      await vi.advanceTimersByTimeAsync(HELD_TIME - 10);
      expect(peers.sent).toEqual([]);
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent).toEqual([['me', 'x']]);
    });

    it('unlike one that may not, which nobody gets who comes later', async () => {
      const { peers, tell, subscribe } = await played();
      await subscribe('slow');
      peers.full.add('slow');
      await tell('slow', 'waits');
      await tell('other', 'x');
      expect(peers.sent).toEqual([['other', 'x']]);
      await subscribe('other');
      await vi.advanceTimersByTimeAsync(2 * HELD_TIME);
      expect(peers.sent).toEqual([['other', 'x']]);
    });
  });

  describe('owes what a subscriber had no room for', () => {
    it('to a topic that nobody was reported for, too', async () => {
      const { peers, tell } = await played();
      peers.full.add('me');
      await tell('me', 'x');
      await vi.advanceTimersByTimeAsync(100);
      peers.full.clear();
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent).toEqual([['me', 'x']]);
    });

    it('and tells a sender of any other failure', async () => {
      for (const error of [
        new Error('broken'),
        Object.assign(new Error('broken'), { code: 'EFSM' }),
        Object.assign(new Error('broken'), { code: '' }),
      ]) {
        const { peers, tell } = await played();
        peers.error = error;
        await expect(tell('me', 'x')).rejects.toMatchObject({ code: 'DISCONNECTED' });
        peers.error = undefined;
        await vi.advanceTimersByTimeAsync(100);
        expect(peers.sent).toEqual([]);
      }
    });

    it('and tries no more what fails for another reason', async () => {
      const { peers, publisher, tell } = await played();
      peers.full.add('me');
      await tell('me', 'x');
      peers.error = Object.assign(new Error('broken'), { code: 'EFSM' });
      await vi.advanceTimersByTimeAsync(100);
      peers.error = undefined;
      peers.full.clear();
      await vi.advanceTimersByTimeAsync(100);
      expect(peers.sent).toEqual([]);
      const closing = publisher.close({ timeout: 60_000 });
      await turn();
      expect(peers.closed).toBe(true);
      await vi.advanceTimersByTimeAsync(1_000);
      await closing;
    });

    it('past one who takes everything, whom others do not wait for', async () => {
      const { peers, tell, subscribe } = await played();
      await subscribe('', 'topic');
      peers.full.add('');
      await tell('topic', 'x');
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent).toEqual([['topic', 'x']]);
      expect(peers.sentPast).toEqual([[expect.stringMatching(/^[\w-]+\/$/), '']]);
    });

    it('and sends nothing past one who takes everything and has room', async () => {
      const { peers, tell, subscribe } = await played();
      await subscribe('', 'topic');
      peers.full.add('topic');
      await tell('topic', 'x');
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sentPast).toEqual([]);
      peers.full.clear();
      await vi.advanceTimersByTimeAsync(50);
      expect(peers.sent.filter(([topic]) => topic === 'topic')).toEqual([['topic', 'x']]);
    });

    it.each([
      ['topic/', 1],
      ['topic', 0],
      // Nobody else waits for it.
      ['alone/', 0],
    ])(
      'past the one of several with %s who stood still for a second, if it asked to be confirmed',
      async (topic, passes) => {
        const { peers, tell, subscribe } = await played();
        await subscribe(topic, ...(topic.startsWith('alone') ? [] : [topic]));
        peers.full.add(topic);
        await tell(topic, 'x');
        await vi.advanceTimersByTimeAsync(STANDSTILL - 20);
        expect(peers.sentPast).toEqual([]);
        await vi.advanceTimersByTimeAsync(100);
        expect(peers.sentPast).toHaveLength(passes);
      },
    );
  });

  it('reads nothing more once it is closed', async () => {
    const { peers, publisher } = await played();
    const closing = publisher.close();
    await vi.advanceTimersByTimeAsync(1_000);
    await closing;
    expect(peers.reads).toBe(1);
  });
});
