/** Subscribers that do not read: what they are owed waits for them within a budget, and nobody else waits. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import type { BindingConnection, ConnectionStatus, Delivery } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { first, until, within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
const KiB = 1_024;

describe('a subscriber that does not read', () => {
  const sockets: Subscriber[] = [];
  let connection: BindingConnection;
  const open = async (maxOwed: number) => {
    connection = await zeromq({ maxOwed }).open();
    return connection.bindPublish(any);
  };
  beforeEach(() => {
    sockets.length = 0;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.close();
    await connection.close({ timeout: 0 });
  });

  /** Subscribed, with the proof of it read. */
  async function subscriber(address: string, topic: string): Promise<Subscriber> {
    const socket = new Subscriber({ receiveHighWaterMark: 10, linger: 0 });
    sockets.push(socket);
    socket.subscribe(topic, `${topic}proof/`);
    socket.connect(address);
    for (;;) {
      const [proof] = await within(5_000, socket.receive());
      if (String(proof) === `${topic}proof/`) return socket;
    }
  }

  const delivery = (topic: string, i: number, size = 2 * KiB): Delivery => {
    const frame = bytes(String(i).padEnd(size, '.'));
    return { topic, frames: [frame] };
  };
  const published = (topic: string, count: number) =>
    Array.from({ length: count }, (_, i) => delivery(topic, i));
  const read = async (socket: Subscriber, count: number) => {
    const numbers: number[] = [];
    while (numbers.length < count) {
      const [topic, frame] = await within(10_000, socket.receive(), `message ${numbers.length} of ${count}`);
      // Proofs are read by all who are subscribed to everything.
      if (!String(topic).endsWith('/')) numbers.push(Number.parseInt(String(frame), 10));
    }
    return numbers;
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

  it('gets all of it later, and another is not held up', async () => {
    const publisher = await open(256 * KiB * KiB);
    const slow = await subscriber(publisher.address, 'slow');
    const other = await subscriber(publisher.address, 'other');
    await publisher.publish(published('slow', 40_000));
    const reading = read(other, 2_000);
    await publisher.publish(published('other', 2_000));
    expect(await reading).toEqual(upTo(2_000));
    expect(await read(slow, 40_000)).toEqual(upTo(40_000));
  });

  it('loses what is beyond the budget, and is named', async () => {
    const publisher = await open(4 * KiB * KiB);
    const statuses = connection.status();
    const isLost = (status: ConnectionStatus) => status.type === 'lost';
    const lost = first(statuses, isLost);
    const slow = await subscriber(publisher.address, 'slow');
    await publisher.publish(published('slow', 40_000));
    expect(await within(5_000, lost)).toMatchObject({ topic: 'slow', address: publisher.address });
    const numbers = await read(slow, 2_000);
    expect(numbers).toEqual(upTo(2_000));
    // Room again: what is published now arrives, behind what was owed.
    const last = (async () => {
      for (;;) if ((await read(slow, 1))[0] === 99_999) return;
    })();
    await publisher.publish([delivery('slow', 99_999)]);
    const again = async () => {
      for (let i = 0; i < 200; i++) {
        await publisher.publish([delivery('slow', 99_999)]);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await within(10_000, Promise.race([last, again()]));
    await last;
  });

  it('is passed over for another connection to the same topic, after a second', async () => {
    const publisher = await open(64 * KiB * KiB);
    await subscriber(publisher.address, 'me/');
    const alive = await subscriber(publisher.address, 'me/');
    const reading = read(alive, 20_000);
    const topics = published('me/1', 20_000);
    await publisher.publish(topics);
    expect(await within(15_000, reading)).toEqual(upTo(20_000));
  });

  it('and observes everything holds up nobody', async () => {
    const publisher = await open(64 * KiB * KiB);
    const observer = new Subscriber({ receiveHighWaterMark: 10, linger: 0 });
    sockets.push(observer);
    observer.subscribe('');
    observer.connect(publisher.address);
    await within(
      5_000,
      (async () => {
        const first = observer.receive().then(() => true);
        do await publisher.publish([delivery('x', 0, 10)]);
        while (!(await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 50))])));
      })(),
    );
    const one = await subscriber(publisher.address, 'one');
    const reading = read(one, 20_000);
    await publisher.publish(published('one', 20_000));
    const began = performance.now();
    expect(await within(10_000, reading)).toEqual(upTo(20_000));
    const two = await subscriber(publisher.address, 'two');
    await publisher.publish(published('two', 5_000));
    await publisher.publish(published('one', 100));
    expect(await read(one, 100)).toEqual(upTo(100));
    expect(await read(two, 5_000)).toEqual(upTo(5_000));
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

it('a server says in its log and its counters who lost results', async () => {
  const lines: { message: string; fields: unknown }[] = [];
  const log = (message: string, fields: unknown) => void lines.push({ message, fields });
  const transport = zeromq({ maxOwed: 100 * KiB });
  await using server = await Server.start({
    transport,
    name: 'server',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    logger: { debug: log, info: log, warning: log, error: log },
    functions: {
      *many() {
        for (let i = 0; i < 20_000; i++) yield new Uint8Array(4 * KiB);
      },
    },
    handleStream: (message) => ({ topic: 'slow', message }),
  });
  const slow = new Subscriber({ receiveHighWaterMark: 10, linger: 0 });
  slow.subscribe('slow');
  slow.connect(server.pubAddress);
  try {
    await using client = await Client.connect({ transport: zeromq(), dbAddress: server.dbAddress });
    client.eval('server.many', new Uint8Array(1), { timeout: 20_000 }).catch(() => {});
    await within(
      20_000,
      until(() => server.counters.answered === 20_000 && server.counters.dropped > 10_000),
    );
    const [line] = lines.filter(({ message }) => message.includes('lost results'));
    expect(line?.fields).toMatchObject({ topic: 'slow', address: server.pubAddress });
  } finally {
    slow.close();
  }
});
