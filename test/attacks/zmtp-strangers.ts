/** Peers of ZeroMQ sockets that keep to no protocol of frond's. Ports may be undefined, which is a fault of the attack. */
import { cancelMessage, MOST_CANCELLED } from '../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, palmMessage } from '../../src/protocol/message.ts';
import { encodeWorkRequest } from '../../src/protocol/work-request.ts';
import { bytes } from '../support/bytes.ts';
import { portOf } from '../support/ports.ts';
import type { Up } from '../support/service.ts';
import { frameOf, headOf, messageOf, ZmtpPeer } from '../support/zmtp.ts';
import { type Field, MiB, pause } from './field.ts';

const codec = new EnvelopeCodec();
const NOTHING = new Uint8Array(0);

/** By `role.key`, such as `server.pull`. */
export type Ports = Readonly<Record<string, number>>;

export function portsOf(ups: readonly Up[]): Ports {
  const entries = ups.flatMap(({ name, addresses }) =>
    Object.entries(addresses).map(([key, address]) => [
      `${name}.${key.replace('_address', '')}`,
      portOf(address),
    ]),
  );
  return Object.fromEntries(entries);
}

type Port = number | undefined;

export async function dialZmtp(field: Field, port: Port, type: string, isDeaf = false): Promise<ZmtpPeer> {
  return field.own(await ZmtpPeer.dial(port ?? 0, type, { isDeaf }));
}

/** Writes the same again and again, up to so many bytes, or until the other end hangs up. */
async function pour(peer: ZmtpPeer, chunk: Uint8Array, total: number): Promise<void> {
  for (let left = total; left > 0; left -= chunk.length) if (!(await peer.write(chunk))) return;
}

/** Calls of a function, up to so many bytes, for as long as the server takes some. */
export async function pushCalls(field: Field, port: Port, path: string, total: number): Promise<void> {
  const peer = await dialZmtp(field, port, 'PUSH');
  const payload = new Uint8Array(CALL);
  const frame = frameOf(codec.encode(palmMessage({ client: 'stranger/1', function: path, payload })));
  for (let left = total; left > 0; left -= frame.length) {
    const taken = await Promise.race([peer.write(frame), pause(LONGEST_PAUSE).then(() => false)]);
    if (!taken) return;
  }
}

/** Bytes of one. */
const CALL = 65_536;
/** Milliseconds after which a server that takes nothing takes nothing any more. */
const LONGEST_PAUSE = 1_000;

/** One topic of so many MiB. */
export async function subscribeLong(field: Field, port: Port, size: number): Promise<void> {
  const peer = await dialZmtp(field, port, 'SUB');
  await peer.write(frameOf(Buffer.alloc(size * MiB, 1)));
  // The next is read when the last is done with.
  await peer.write(frameOf(Buffer.from('\x01short/')));
}

const TOPICS_AT_ONCE = 500;

/** So many topics of 40 characters, and what comes behind them: with a slash they are clients', whose calls end with the subscription. */
export async function subscribeMany(
  field: Field,
  port: Port,
  count: number,
  behind: '' | '/' = '',
): Promise<void> {
  const peer = await dialZmtp(field, port, 'SUB');
  for (let left = count; left > 0; left -= TOPICS_AT_ONCE) {
    const topics = Array.from({ length: Math.min(left, TOPICS_AT_ONCE) }, () =>
      frameOf(Buffer.from(`\x01${Buffer.from(field.random.bytes(20)).toString('hex')}${behind}`)),
    );
    if (!(await peer.write(Buffer.concat(topics)))) return;
  }
  if (behind === '/') peer.socket.end();
}

/** So many notices, each of which cancels 1,024 calls that nobody has made. */
export async function cancelMany(field: Field, port: Port, count: number): Promise<void> {
  const peer = await dialZmtp(field, port, 'DEALER');
  const calls = Array.from({ length: MOST_CANCELLED }, (_, i) => String(i));
  for (let i = 0; i < count; i++) {
    const notice = cancelMessage({ client: `stranger${i}`, calls, code: 'CANCELLED', reason: 'no reason' });
    if (!(await peer.write(messageOf(NOTHING, codec.encode(notice))))) return;
  }
}

/** A message of parts of one byte that does not end, up to so many bytes. */
export async function sendWithoutEnd(field: Field, port: Port, type: string, total: number): Promise<void> {
  const part = frameOf(Buffer.from('x'), true);
  const chunk = Buffer.concat(Array.from({ length: 20_000 }, () => part));
  const peer = await dialZmtp(field, port, type);
  peer.isAmidFrame = true;
  await pour(peer, chunk, total);
}

const LONG_NAME = 256 * 1_024;

/** So many workers whose ids and names are 256 KiB each ask a Master for work. */
export async function askAsWorkers(field: Field, port: Port, count: number): Promise<void> {
  const peer = await dialZmtp(field, port, 'DEALER');
  for (let i = 0; i < count; i++) {
    const name = `${i}`.padEnd(LONG_NAME, 'w');
    const request = { worker: name, name, sequence: 1, want: 1, leaves: false, isAway: false, items: [] };
    if (!(await peer.write(messageOf(NOTHING, encodeWorkRequest(codec, request))))) return;
  }
}

/** A frame is announced, and a little of it comes. */
export async function announce(field: Field, port: Port, type: string, length: bigint): Promise<void> {
  const peer = await dialZmtp(field, port, type);
  peer.isAmidFrame = true;
  await peer.write(headOf(length, field.random.oneIn(2)));
  await peer.write(Buffer.alloc(256 * 1_024, 1));
}

const DEAF = 4;

/** So many requests for 512 KiB, of which no answer is read. */
export async function askDeaf(field: Field, port: Port, server: string, count: number): Promise<void> {
  const writer = await dialZmtp(field, port, 'DEALER');
  const payload = new Uint8Array(512 * 1_024);
  const set = { client: 'a', function: `${server}.set`, cache: 'large', payload };
  await writer.write(messageOf(NOTHING, codec.encode(palmMessage(set))));
  const get = {
    client: 'a',
    function: `${server}.get`,
    payload: bytes('large'),
    features: Feature.replies,
  };
  const request = messageOf(NOTHING, codec.encode(palmMessage(get)));
  const peers = await Promise.all(Array.from({ length: DEAF }, () => dialZmtp(field, port, 'DEALER', true)));
  await Promise.all(peers.map((peer) => pour(peer, request, (request.length * count) / DEAF)));
}
