/** What a publisher knows of its subscribers: how many bytes of topics they hold, and who takes a topic. */
import { describe, expect, it, vi } from 'vitest';
import type { Addon } from '../../../../transports/zeromq/sockets.ts';
import { type CountingPublisher, countingTopics, HeldTopics } from '../../../../transports/zeromq/topics.ts';

const subscribed = (topic: string) => Buffer.from(`\u0001${topic}`);
const ended = (topic: string) => Buffer.from(`\0${topic}`);

/** What libzmq says of its socket: how many topics it has, and whether there are reports to read. */
function ground() {
  const socket = { topics: 0, readable: false };
  const topics = new HeldTopics();
  const bytes = () => topics.bytes(socket as CountingPublisher);
  const take = (news: Uint8Array) => {
    const topic = topics.take(news);
    socket.topics = Math.max(0, socket.topics + (topic === undefined ? -1 : 1));
    return topic;
  };
  return { socket, topics, bytes, take };
}

describe('the bytes of topics', () => {
  it('are those of each topic and 32 more, and 16 for each further subscriber', () => {
    const { topics, bytes, socket } = ground();
    expect(topics.take(subscribed('abc/'))).toBe('abc/');
    socket.topics = 1;
    expect(bytes()).toBe(4 + 32);
    topics.take(subscribed('abc/'));
    expect(bytes()).toBe(4 + 32 + 16);
    topics.take(subscribed('d'));
    socket.topics = 2;
    expect(bytes()).toBe(4 + 32 + 16 + 1 + 32);
  });

  it('count on when a subscription ends, until as many connections are gone as may have held it', () => {
    const { topics, bytes, socket } = ground();
    for (let i = 0; i < 20; i++) topics.take(subscribed(`${10 + i}`.repeat(10)));
    socket.topics = 20;
    expect(bytes()).toBe(20 * 52);
    for (let i = 0; i < 20; i++) expect(topics.take(ended(`${10 + i}`.repeat(10)))).toBeUndefined();
    expect(bytes()).toBe(20 * 52);
    // Nor do topics that libzmq still has of them count as new ones.
    topics.take(subscribed('abcd'));
    socket.topics = 21;
    socket.readable = true;
    expect(bytes()).toBe(20 * 52 + 36);
    socket.readable = false;
    topics.take(ended('abcd'));
    topics.connectionWent();
    expect(bytes()).toBe(20 * 52 + 36 - 512);
    topics.connectionWent();
    topics.connectionWent();
    // No more than all of them.
    expect(bytes()).toBe(0);
  });

  it('of one of several subscribers count on the same way, and the last takes the rest', () => {
    const { topics, bytes, socket } = ground();
    topics.take(subscribed('abc/'));
    topics.take(subscribed('abc/'));
    socket.topics = 1;
    topics.take(ended('abc/'));
    expect(bytes()).toBe(52);
    topics.connectionWent();
    expect(bytes()).toBe(36);
    topics.take(ended('abc/'));
    expect(bytes()).toBe(36);
    topics.connectionWent();
    expect(bytes()).toBe(0);
  });

  it('are not ended by a message that a peer makes up', () => {
    const { topics, bytes, socket } = ground();
    topics.onEnd = () => expect.unreachable();
    topics.take(subscribed('abc/'));
    socket.topics = 1;
    for (const first of ['\u0002', 'x', '\u00ff'])
      expect(topics.take(Buffer.from(`${first}abc/`, 'latin1'))).toBeUndefined();
    expect([bytes(), topics.coverage('abc/')?.subscription]).toEqual([36, 'abc/']);
  });

  it('count nothing for the end of what nobody subscribed to', () => {
    const { topics, bytes } = ground();
    expect(topics.take(ended('abc/'))).toBeUndefined();
    expect(bytes()).toBe(0);
  });

  it('count topics that libzmq has and has not reported yet, as long as the others on average', () => {
    const { topics, bytes, socket } = ground();
    topics.take(subscribed('abcd'));
    topics.take(subscribed('abcdefgh'));
    socket.topics = 6;
    socket.readable = true;
    expect(bytes()).toBe(3 * (36 + 40));
    // Without a report to come, they are surplus.
    socket.readable = false;
    expect(bytes()).toBe(36 + 40);
    socket.readable = true;
    expect(bytes()).toBe(36 + 40);
    socket.topics = 8;
    expect(bytes()).toBe(2 * (36 + 40));
  });

  it('count no more than are known where libzmq has fewer', () => {
    const { topics, bytes, socket } = ground();
    topics.take(subscribed('abcd'));
    topics.take(subscribed('efgh'));
    socket.topics = 1;
    socket.readable = true;
    expect(bytes()).toBe(72);
    socket.topics = 9;
    const none = new HeldTopics();
    expect(none.bytes(socket as CountingPublisher)).toBe(0);
  });

  it('are forgotten when all connections are gone', () => {
    const { topics, bytes, socket } = ground();
    topics.take(subscribed('abcd'));
    topics.take(subscribed('efgh'));
    topics.take(ended('efgh'));
    socket.topics = 5;
    topics.clear(socket as CountingPublisher);
    socket.readable = true;
    expect([bytes(), topics.coverage('abcd')]).toEqual([0, undefined]);
    topics.take(subscribed('ab'));
    socket.topics = 6;
    expect(bytes()).toBe(34);
    expect(topics.coverage('abcd')?.subscription).toBe('ab');
  });
});

describe('the subscribers of a topic', () => {
  it('are those of the longest subscription that it begins with', () => {
    const { topics } = ground();
    expect(topics.coverage('abc/1')).toBeUndefined();
    topics.take(subscribed('ab'));
    expect(topics.coverage('abc/1')?.subscription).toBe('ab');
    topics.take(subscribed('abc/'));
    topics.take(subscribed('a'));
    expect(topics.coverage('abc/1')?.subscription).toBe('abc/');
    expect(topics.coverage('abc/')?.subscription).toBe('abc/');
    expect(topics.coverage('abx/')?.subscription).toBe('ab');
    expect(topics.coverage('b')).toBeUndefined();
    topics.take(ended('abc/'));
    expect(topics.coverage('abc/1')?.subscription).toBe('ab');
  });

  it('are looked for anew once one came or went', () => {
    const { topics } = ground();
    for (const own of ['abc/1', 'abc/2']) topics.take(subscribed(own));
    for (const own of ['abc/1', 'abc/2', 'abc/1']) expect(topics.coverage(own)?.subscription).toBe(own);
    // Others of that length are still there.
    topics.take(ended('abc/1'));
    expect([topics.coverage('abc/1'), topics.coverage('abc/2')?.subscription]).toEqual([undefined, 'abc/2']);
    topics.take(ended('abc/2'));
    expect(topics.coverage('abc/2')).toBeUndefined();
  });

  it('are found by bytes where the topic is not ASCII', () => {
    const { topics } = ground();
    const taken = topics.take(subscribed('é/'));
    expect(taken).toBe('Ã©/');
    expect(topics.coverage('é/1')?.subscription).toBe('Ã©/');
    topics.take(subscribed('éé'));
    expect(topics.coverage('éé')?.subscription).toBe('Ã©Ã©');
    // The name of a queue is not the topic.
    expect(topics.coverage('Ã©/1')).toBeUndefined();
    topics.take(subscribed('\u007f'));
    expect(topics.coverage('\u007fx')?.subscription).toBe('\u007f');
  });

  it('are several until there is one, and one was skipped until one comes or goes', () => {
    const { topics } = ground();
    const isShared = () => {
      const coverage = topics.coverage('a/1');
      return coverage?.isShared && !coverage.wasPassed;
    };
    topics.take(subscribed('a/'));
    expect(isShared()).toBe(false);
    topics.take(subscribed('a/'));
    expect(isShared()).toBe(true);
    topics.passed('a/');
    expect(isShared()).toBe(false);
    topics.take(subscribed('a/'));
    expect(isShared()).toBe(true);
    topics.passed('a/');
    topics.take(ended('a/'));
    expect(isShared()).toBe(true);
    topics.take(ended('a/'));
    expect(isShared()).toBe(false);
    topics.passed('never there');
    expect(topics.coverage('never there')).toBeUndefined();
  });

  it('are observed where another one takes everything', () => {
    const { topics } = ground();
    topics.take(subscribed('a/'));
    expect(topics.coverage('a/1')?.isObserved).toBe(false);
    topics.take(subscribed(''));
    expect(topics.coverage('a/1')?.isObserved).toBe(true);
    expect(topics.coverage('b/1')).toEqual({
      subscription: '',
      isShared: false,
      wasPassed: false,
      isObserved: false,
    });
  });

  it('are told of when the last of a topic is gone', () => {
    const { topics } = ground();
    const onEnd = vi.fn();
    topics.onEnd = onEnd;
    topics.take(subscribed('a/'));
    topics.take(subscribed('a/'));
    topics.take(ended('a/'));
    expect(onEnd).not.toHaveBeenCalled();
    topics.take(ended('a/'));
    topics.take(ended('a/'));
    expect(onEnd.mock.calls).toEqual([['a/']]);
  });
});

describe('a publisher that counts its topics', () => {
  /** What libzmq gives for the option, how a send ends, and with which `noDrop` it was sent. */
  function counting(send: () => Promise<void> = async () => {}) {
    const sentWith: boolean[] = [];
    class XPublisher {
      closed = false;
      #noDrop = true;

      get noDrop(): boolean {
        return this.#noDrop;
      }

      set noDrop(isOn: boolean) {
        this.#noDrop = isOn;
        process.emitWarning('the option waits for the next bind');
      }

      getInt32Option(option: number): number {
        // ZMQ_TOPICS_COUNT
        return option === 116 ? 7 : -1;
      }

      send(): Promise<void> {
        sentWith.push(this.#noDrop);
        return send();
      }
    }
    const Counting = countingTopics({ XPublisher } as unknown as Addon);
    return { publisher: new Counting() as CountingPublisher & { closed: boolean }, sentWith };
  }

  it('has none once it is closed', () => {
    const { publisher } = counting();
    expect(publisher.topics).toBe(7);
    publisher.closed = true;
    expect(publisher.topics).toBe(0);
  });

  it('drops for those without room what it sends past them, and nothing else, without a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { publisher, sentWith } = counting();
    await publisher.sendPast([]);
    await publisher.send([]);
    expect([sentWith, publisher.noDrop, warned.mock.calls]).toEqual([[false, true], true, []]);
    process.emitWarning('mine');
    expect(warned).toHaveBeenCalledTimes(1);
    warned.mockRestore();
  });

  it('drops nothing later though sending past them fails', () => {
    const { publisher } = counting(() => {
      throw new Error('broken');
    });
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    expect(() => publisher.sendPast([])).toThrow('broken');
    expect(publisher.noDrop).toBe(true);
    vi.restoreAllMocks();
  });
});

it('a topic that ended counts no more than it did, while reports wait to be read', () => {
  const { topics, bytes, socket } = ground();
  topics.take(subscribed('a'));
  topics.take(subscribed('b'));
  topics.take(ended('a'));
  Object.assign(socket, { topics: 2, readable: true });
  expect(bytes()).toBe(2 * 33);
});
