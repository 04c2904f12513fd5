/** What is published for those who are not there yet, hang up, or read too slowly. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { BindingConnection, ConnectionStatus, Delivery } from '../../src/transport.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { portOf } from '../support/ports.ts';
import { collect, first, until, within } from '../support/wait.ts';
import { frameOf, ZmtpPeer } from '../support/zmtp.ts';

const any = 'tcp://127.0.0.1:*';
const MiB = 1_048_576;

const delivery = (topic: string, text: string): Delivery => ({ topic, frames: [bytes(text)], mayWait: true });
const many = (count: number, size: number) =>
  Array.from({ length: count }, () => ({ topic: 'slow/1', frames: [new Uint8Array(size)] }));

/** Subscribed, as a peer of ZMTP 3.0, and reads nothing from then on. */
async function deaf(address: string, topic: string): Promise<ZmtpPeer> {
  const peer = await ZmtpPeer.dial(portOf(address), 'SUB');
  const proved = new Promise((resolve) => peer.socket.once('data', resolve));
  await peer.write(frameOf(bytes(`\x01${topic}`)));
  await within(5_000, proved, 'the proof of a subscription');
  peer.socket.pause();
  return peer;
}

describe('a publisher', () => {
  let server: BindingConnection;
  let client: BindingConnection;
  beforeEach(async () => {
    server = await zmtp({ sendHighWaterBytes: MiB, heartbeatInterval: 60_000 }).open();
    client = await zmtp().open();
  });
  afterEach(async () => {
    await client.close({ timeout: 0 });
    await server.close({ timeout: 0 });
  });

  it('names the topic of a subscriber that has lost something, and how much of it', async () => {
    const publisher = await server.bindPublish(any);
    await using _peer = await deaf(publisher.address, 'slow/');
    const told: Extract<ConnectionStatus, { type: 'lost' }>[] = [];
    const sum = () => told.reduce((total, { count }) => total + count, 0);
    void (async () => {
      for await (const status of server.status()) if (status.type === 'lost') told.push(status);
    })();
    // The system holds some for the peer, and more where it grows its buffers.
    const filling = until(() => told.length > 0);
    while (told.length === 0) {
      await publisher.publish(many(100, 65_536));
      await new Promise(setImmediate);
    }
    await within(5_000, filling);
    const before = sum();
    await publisher.publish(many(5_000, 65_536));
    await within(
      5_000,
      // The system may have taken some meanwhile.
      until(() => sum() > before + 4_500),
      'the report of all that was lost',
    );
    for (const { topic, address } of told) {
      expect({ topic, address }).toEqual({ topic: 'slow/', address: publisher.address });
    }
    // One for each turn of events: those who read them keep a few hundred.
    expect(told.length).toBeLessThan(200);
    // It is not a state, of which a later view would be told again.
    await publisher.close({ timeout: 0 });
    const later: string[] = [];
    const end = first(server.status(), ({ type }) => {
      later.push(type);
      return type === 'closed';
    });
    await server.close({ timeout: 0 });
    await within(5_000, end);
    expect(later).not.toContain('lost');
  });

  it('keeps what may wait for a subscriber that comes as it is closed', async () => {
    const publisher = await server.bindPublish(any);
    await publisher.publish([delivery('me/1', 'kept')]);
    const closing = publisher.close({ timeout: 5_000 });
    await expect(publisher.publish([delivery('me/1', 'late')])).rejects.toMatchObject({ code: 'CLOSED' });
    const subscription = client.subscribe(publisher.address, 'me/');
    const [got] = await collect(subscription, 1);
    expect(got?.frames.map(textOf)).toEqual(['kept']);
    await within(5_000, closing);
  });

  it('waits a moment for news of a stock client that was answered before, which hangs up and subscribes anew', async () => {
    const publisher = await server.bindPublish(any);
    const subscribed = async () => {
      const peer = await ZmtpPeer.dial(portOf(publisher.address), 'SUB');
      const seen: string[] = [];
      peer.socket.on('data', (data) => seen.push(data.toString('latin1')));
      await peer.write(frameOf(bytes('\x01stock')));
      return {
        peer,
        got: (text: string) => until(() => seen.join('').includes(text) || peer.socket.destroyed),
      };
    };
    let { peer, got } = await subscribed();
    await publisher.publish([delivery('stock', 'answer 0')]);
    await within(5_000, got('answer 0'));
    let lost = 0;
    for (let round = 1; round <= 10; round++) {
      await publisher.publish([delivery('stock', `answer ${round}`), delivery('stock', `and ${round}`)]);
      peer.socket.destroy();
      ({ peer, got } = await subscribed());
      const both = Promise.all([got(`answer ${round}`), got(`and ${round}`)]);
      // A busy system may take longer than that moment to tell of the end of a connection. Then the old one has got them.
      await within(2_000, both).catch(() => lost++);
    }
    expect(lost).toBeLessThanOrEqual(2);
    await publisher.publish(Array.from({ length: 100 }, (_, i) => delivery('stock', `<${i}>`)));
    await within(5_000, got('<99>'));
    peer.socket.destroy();
  });

  it('gives what may wait to the next subscriber when the one before has hung up', async () => {
    const publisher = await server.bindPublish(any);
    const pull = await server.bindPull(any);
    const pusher = client.push(pull.address);
    const calls = pull[Symbol.asyncIterator]();
    for (let round = 0; round < 10; round++) {
      const before = await ZmtpPeer.dial(portOf(publisher.address), 'SUB');
      const proved = new Promise((resolve) => before.socket.once('data', resolve));
      await before.write(frameOf(bytes('\x01me/')));
      await within(5_000, proved);
      await pusher.send([bytes('first')]);
      await within(5_000, calls.next());
      // The system tells of links that were used just now first: of the call, and of the end that came before it after that.
      before.socket.destroy();
      await pusher.send([bytes('second')]);
      await within(5_000, calls.next());
      await publisher.publish([delivery('me/1', String(round))]);
      const subscription = client.subscribe(publisher.address, 'me/');
      const [got] = await collect(subscription, 1);
      expect(got?.frames.map(textOf)).toEqual([String(round)]);
      await subscription.close();
    }
  });
});

it('a server says in its log and its counters who lost results', async () => {
  const lines: { message: string; fields: unknown }[] = [];
  const log = (message: string, fields: unknown) => void lines.push({ message, fields });
  await using server = await Server.start({
    transport: zmtp({ sendHighWaterBytes: MiB, heartbeatInterval: 60_000 }),
    name: 'server',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    logger: { debug: log, info: log, warning: log, error: log },
    functions: {
      *many() {
        for (let i = 0; i < 4_000; i++) yield new Uint8Array(16_384);
      },
    },
    handleStream: (message) => ({ topic: 'slow/', message }),
  });
  await using _peer = await deaf(server.pubAddress, 'slow/');
  await using connection = await zmtp().open();
  const call = palmMessage({ client: 'c/1', function: 'server.many', payload: bytes('x') });
  await connection.push(server.pullAddress).send([new EnvelopeCodec().encode(call)]);
  await within(
    15_000,
    until(() => server.counters.dropped > 1_000),
  );
  const [line] = lines.filter(({ message }) => message.includes('lost results'));
  expect(line?.fields).toMatchObject({ topic: 'slow/', address: server.pubAddress });
});
