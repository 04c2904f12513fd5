/** Attacks below what a transport sends: subscriptions of any bytes, and no ZeroMQ at all. */
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { Random } from '../support/random.ts';
import { GREETING, readyOf } from '../support/zmtp.ts';
import type { Fleet } from './fleet.ts';

/** Topics that are subscribed to at once: ZeroMQ remembers each for as long as its subscriber is there. */
const TOPICS = 500;

export function attackSubscriptions(fleet: Fleet, random: Random, address: string) {
  const { XSubscriber } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');
  const socket = new XSubscriber({ linger: 0, receiveHighWaterMark: 100 });
  socket.connect(address);
  fleet.own({ close: async () => socket.close() });
  const discard = async () => {
    for (;;) await socket.receive();
  };
  discard().catch(() => {});
  return async (count: number) => {
    for (let sent = 0; sent < count; sent++) {
      const kind = random.pick([0, 1, 1, 2, 255]);
      const topic = random.oneIn(3) ? random.bytes(2) : Buffer.from(`t${random.below(TOPICS)}/`);
      const news = random.oneIn(20) ? random.bytes(random.below(9)) : new Uint8Array([kind, ...topic]);
      // Nothing of it shall make this socket take what all others get.
      await socket.send(news.length < 2 ? new Uint8Array([2]) : news);
    }
  };
}

/** Frames whose length nobody has the room for, and ones that are cut off. */
const FRAMES = [
  '02ffffffffffffffff',
  '027fffffffffffffff',
  '020000004000000000',
  '00ff61',
  '0301',
  '04ff',
  '01',
];

/** A socket that fits most others. */
const READY = readyOf('DEALER');

/** Connections at once. */
const ABREAST = 16;

function oneConnection(random: Random, address: string): Promise<void> {
  const bytes = [random.bytes(random.below(200))];
  if (!random.oneIn(3)) {
    const isCut = random.oneIn(4);
    bytes.unshift(isCut ? GREETING.subarray(0, random.below(GREETING.length)) : GREETING);
    if (!isCut && !random.oneIn(3)) bytes.splice(1, 0, READY, Buffer.from(random.pick(FRAMES), 'hex'));
  }
  return new Promise((resolve) => {
    const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1');
    // Whoever is sent no ZeroMQ hangs up, or waits for more: then this end does.
    socket.setTimeout(5 + random.below(20), () => socket.destroy());
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
    if (random.oneIn(10)) socket.on('connect', () => socket.destroy());
    else if (random.oneIn(3)) socket.end(Buffer.concat(bytes));
    else socket.write(Buffer.concat(bytes));
  });
}

/** As many connections as a thousandth of the frames asked for: each costs as much as hundreds of frames. */
export function attackWithBytes(random: Random, addresses: readonly string[]) {
  return async (count: number) => {
    for (let left = Math.ceil(count / 1_000); left > 0; left -= ABREAST) {
      const connections = Array.from({ length: Math.min(ABREAST, left) }, () =>
        oneConnection(random, random.pick(addresses)),
      );
      await Promise.all(connections);
    }
  };
}
