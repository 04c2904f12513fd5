/** What is read, sent and under way over libzmq: each bound at its value, one below and one above. */
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Fifo } from '../../src/async/fifo.ts';
import {
  BATCH,
  BATCH_BYTES,
  CONFIRMATIONS,
  OWED_SUBSCRIBERS,
  PULLED,
  READ_RUN,
  READ_RUN_BYTES,
  REQUEST_BURST,
  REQUEST_BYTES,
  REQUESTS,
  SEND_RUN,
} from '../../src/flow-control.ts';
import type { BindingConnection, ConnectionStatus } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { ZeromqPublish } from '../../transports/zeromq/publish.ts';
import { ReadProgress, readSocket } from '../../transports/zeromq/reader.ts';
import { gatherFrames, SocketWriter } from '../../transports/zeromq/writer.ts';
import { first, until, within } from '../support/wait.ts';

const addon = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(options = {}) {
  const connection = (await zeromq(options).open()) as BindingConnection;
  closing.push(() => within(3_000, connection.close({ timeout: 0 })));
  return connection;
}

const turn = () => new Promise(setImmediate);

/** What happens in each turn of the event loop, counted, until nothing does. */
async function perTurn(count: () => number): Promise<number[]> {
  const seen: number[] = [];
  for (let before = count(), idle = 0; idle < 5; ) {
    await turn();
    const now = count();
    if (now === before) idle++;
    else {
      seen.push(now - before);
      idle = 0;
    }
    before = now;
  }
  return seen;
}

describe('messages that a socket holds', () => {
  /** Reads so many messages of a socket that has them all, and tells how many in each turn. */
  async function read(sizes: readonly number[]) {
    let taken = 0;
    const socket = {
      closed: false,
      readable: true,
      writable: true,
      receive: async () => {
        const size = sizes[taken];
        if (size === undefined) return new Promise<never>(() => {});
        return [new Uint8Array(size)];
      },
    };
    void readSocket(socket, () => taken++, new ReadProgress());
    return perTurn(() => taken);
  }

  it('are read 256 in a row, then other events have their turn', async () => {
    // The first one is passed on by itself.
    expect(await read(Array.from({ length: READ_RUN }, () => 1))).toEqual([1, READ_RUN - 1]);
    expect((await read(Array.from({ length: READ_RUN + 1 }, () => 1))).slice(0, 2)).toEqual([
      1,
      READ_RUN - 1,
    ]);
    expect((await read(Array.from({ length: READ_RUN - 1 }, () => 1))).slice(0, 2)).toEqual([
      1,
      READ_RUN - 2,
    ]);
  });

  it('are read up to 1 MiB in a row, with the message that reaches it', async () => {
    // The first one has 2 bytes.
    for (const [size, inOneTurn] of [
      [READ_RUN_BYTES - 3, 2],
      [READ_RUN_BYTES - 2, 1],
      [READ_RUN_BYTES - 1, 1],
    ] as const)
      expect((await read([2, size, 1]))[1], `${size} bytes`).toBe(inOneTurn);
  });
});

describe('batches that are to be sent', () => {
  it('leave 32 in a row, then other events have their turn', async () => {
    for (const count of [SEND_RUN - 1, SEND_RUN, SEND_RUN + 1]) {
      let sent = 0;
      const socket = { closed: false, readable: true, writable: true, send: async () => void sent++ };
      const writer = new SocketWriter<Uint8Array>(socket, {
        ready: () => undefined,
        gather: (items) => ({ parts: [items.peek() ?? new Uint8Array(0)], taken: 1 }),
      });
      const writing = writer.write(Array.from({ length: count }, () => new Uint8Array(1)));
      for (let i = 0; i < 500; i++) await Promise.resolve();
      expect(sent).toBe(Math.min(count, SEND_RUN));
      await within(2_000, writing);
      expect(sent).toBe(count);
    }
  });

  it('have 128 messages and 65,536 bytes at most', () => {
    const batchOf = (...sizes: readonly number[]) => {
      const frames = new Fifo<Uint8Array>();
      for (const size of sizes) frames.push(new Uint8Array(size));
      return gatherFrames(frames).taken;
    };
    for (const count of [BATCH - 1, BATCH, BATCH + 1])
      expect(batchOf(...Array.from({ length: count }, () => 1))).toBe(Math.min(count, BATCH));
    expect([
      batchOf(BATCH_BYTES - 1, 1),
      batchOf(BATCH_BYTES, 0),
      batchOf(BATCH_BYTES, 1),
      batchOf(BATCH_BYTES + 1, 0),
    ]).toEqual([2, 2, 1, 1]);
  });
});

describe('requests to a server that does not answer', () => {
  /** A server, the requests that it has, and a client. */
  async function ground() {
    const server = new addon.Router({ linger: 0, receiveHighWaterMark: 0 });
    closing.push(() => server.close());
    await server.bind('tcp://127.0.0.1:*');
    const connection = await open();
    const asked: Buffer[][] = [];
    void (async () => {
      try {
        for (;;) asked.push(await server.receive());
      } catch {
        // It is closed.
      }
    })();
    const ask = (size = 1) => {
      connection.request(server.lastEndpoint ?? '', new Uint8Array(size)).reply.catch(() => {});
    };
    const answer = async () => {
      const [route = Buffer.alloc(0), id = Buffer.alloc(0)] = asked[0] ?? [];
      await server.send([route, id, Buffer.alloc(0), Buffer.from('reply')]);
    };
    /** As many have come, and no more within a while. */
    const come = async (count: number) => {
      await within(
        5_000,
        until(() => asked.length >= count),
        `${count} requests`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(asked).toHaveLength(count);
    };
    return { ask, answer, come };
  }

  it('are 512 at once, and one more for each answer', async () => {
    const { ask, answer, come } = await ground();
    for (let i = 0; i < REQUESTS - 1; i++) ask();
    await come(REQUESTS - 1);
    ask();
    ask();
    await come(REQUESTS);
    await answer();
    await come(REQUESTS + 1);
  });

  it('are 16 MiB at once, with the one that reaches it', async () => {
    for (const [size, count] of [
      [REQUEST_BYTES - 1, 2],
      [REQUEST_BYTES, 1],
      [REQUEST_BYTES + 1, 1],
    ] as const) {
      const { ask, answer, come } = await ground();
      ask(size);
      ask();
      await come(count);
      await answer();
      await come(2);
    }
  });

  it('leave at once while fewer than 8 are under way, and with others of their turn from then on', async () => {
    const sends = vi.spyOn(addon.Dealer.prototype, 'send');
    closing.push(() => sends.mockRestore());
    const { ask, come } = await ground();
    for (let count = 1; count <= REQUEST_BURST + 2; count++) {
      const before = sends.mock.calls.length;
      ask();
      for (let i = 0; i < 20; i++) await Promise.resolve();
      // The first one waits for its link.
      if (count > 1) expect(sends.mock.calls.length - before, `${count}`).toBe(count > REQUEST_BURST ? 0 : 1);
      await come(count);
    }
  });
});

it('a worker has 4,096 messages unread, then whoever pushes waits', async () => {
  const server = new addon.Push({ linger: 0, sendHighWaterMark: 0 });
  closing.push(() => server.close());
  await server.bind('tcp://127.0.0.1:*');
  const connection = await open();
  const slow = first(connection.status(), ({ type }) => type === 'slow');
  slow.catch(() => {});
  const puller = connection.pull(server.lastEndpoint ?? '');
  await within(3_000, puller.ready());
  const push = async (count: number) => {
    for (let i = 0; i < count; i++) await server.send(new Uint8Array(1));
  };
  let isSlow = false;
  slow.then(
    () => {
      isSlow = true;
    },
    () => {},
  );
  await push(PULLED - 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isSlow).toBe(false);
  await push(1);
  // What is read in one turn of events is counted when the next message comes: on a busy machine it is told one later.
  if (
    !(await within(1_000, slow).then(
      () => true,
      () => false,
    ))
  )
    await push(1);
  const { queued } = (await within(10_000, slow)) as Extract<ConnectionStatus, { type: 'slow' }>;
  expect(queued - PULLED).toBeOneOf([0, 1]);
  const { value } = await within(3_000, puller[Symbol.asyncIterator]().next());
  expect(value).toHaveLength(queued);
});

/** A publisher whose socket takes nothing, with subscriptions as they are read, and what subscribers have lost. */
function fullPublisher(
  subscriptions: () => string | undefined,
  send: () => Promise<void>,
  maxOwed = 1_000_000,
) {
  const lost: [string, number][] = [];
  const socket = {
    closed: false,
    readable: true,
    writable: true,
    topics: 0,
    receive: () => {
      const topic = subscriptions();
      return topic === undefined
        ? new Promise<never>(() => {})
        : Promise.resolve([Buffer.from(`\x01${topic}`)]);
    },
    send,
  };
  class Opened extends ZeromqPublish {
    begin(): void {
      this.start();
    }
  }
  const report = (status: ConnectionStatus) => {
    if (status.type === 'lost') lost.push([status.topic, status.count]);
  };
  const publish = new Opened(socket as never, { report, release: () => {} }, { maxOwed });
  closing.push(async () => {
    socket.closed = true;
    await publish.close({ timeout: 0 });
  });
  publish.begin();
  return { publish, lost };
}

it('subscriptions are read while fewer than 64 confirmations of others have not left', async () => {
  let read = 0;
  fullPublisher(
    () => `client ${read++}/`,
    () => new Promise(() => {}),
  );
  for (let i = 0; i < 20; i++) await turn();
  expect(read).toBe(CONFIRMATIONS);
});

describe('what slow subscribers are owed', () => {
  const full = () => Promise.reject(Object.assign(new Error('no room'), { code: 'EAGAIN' }));
  const most = 100_000;

  async function ground() {
    const topics = ['a', 'b', 'c'];
    const own = fullPublisher(() => topics.shift(), full, most);
    for (let i = 0; i < 5; i++) await turn();
    /** A delivery that costs so many bytes: its topic and 256 count. */
    const tell = async (topic: string, cost: number) => {
      await own.publish.publish([{ topic, frames: [new Uint8Array(cost - 256 - topic.length)] }]);
      for (let i = 0; i < 5; i++) await turn();
    };
    return { ...own, tell };
  }

  it('is maxOwed for one, to the last byte', async () => {
    for (const cost of [999, 1_000, 1_001]) {
      const { lost, tell } = await ground();
      await tell('a', most - 1_000);
      await tell('a', cost);
      expect(lost, `${cost}`).toEqual(cost > 1_000 ? [['a', 1]] : []);
    }
  });

  it('is owed to all subscribers twice what one may be owed', async () => {
    for (const cost of [999, 1_000, 1_001]) {
      const { lost, tell } = await ground();
      // Of the one that is owed the most, the newest is dropped.
      await tell('a', most - 1_000);
      await tell('a', 1_000);
      await tell('b', (OWED_SUBSCRIBERS - 1) * most - 1_000);
      await tell('c', cost);
      expect(lost, `${cost}`).toEqual(cost > 1_000 ? [['a', 1]] : []);
    }
  });
});

it('topics of all subscribers have 262,144 bytes, and 32 more for each; with one byte more all are dropped', async () => {
  for (const more of [-1, 0, 1]) {
    const connection = await open();
    const publish = await connection.bindPublish('tcp://127.0.0.1:*');
    const refused: ConnectionStatus[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'refused') refused.push(status);
    })();
    const subscriber = new addon.Subscriber({ linger: 0 });
    closing.push(() => subscriber.close());
    // All but one are as long as their share: libzmq is ahead of its reports, and what it has not told counts as the others do.
    const [count, share] = [256, 262_144 / 256];
    const topic = (name: string, length: number) => `${name.padEnd(length - 1, '.')}/`;
    for (let i = 1; i < count; i++) subscriber.subscribe(`${i}`.padEnd(share - 32, '.'));
    const last = topic('z', share - 32 + more);
    // The confirmation of the last one shows that all are read.
    subscriber.subscribe(last);
    subscriber.connect(publish.address);
    const confirmed = within(5_000, subscriber.receive()).then(() => 'confirmed');
    const ended = until(() => refused.length > 0).then(() => 'refused');
    expect(await Promise.race([confirmed, within(6_000, ended)]), `${more}`).toBe(
      more > 0 ? 'refused' : 'confirmed',
    );
    confirmed.catch(() => {});
    ended.catch(() => {});
    subscriber.close();
  }
});
