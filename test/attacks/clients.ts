/** Clients of a relay that take all they can get. */
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import { bytes } from '../support/bytes.ts';
import { dial, envelope, type RawPeer } from '../support/relay-peer.ts';
import type { Field } from './field.ts';
import { ATTACKER_TOKEN } from './parts.ts';

/** Addresses of this machine that attackers come from; honest clients come from 127.0.0.1. */
export const addressOf = (number: number) => `127.0.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;

/** Clients that come from each of those addresses. */
const ABREAST = 50;

/** A client that the relay has let in; undefined when it lets nobody in. */
export async function enter(
  field: Field,
  url: string,
  number = 0,
  token = ATTACKER_TOKEN,
): Promise<RawPeer | undefined> {
  const localAddress = addressOf(Math.floor(number / ABREAST));
  const peer = await dial(url, { localAddress }).catch(() => undefined);
  if (peer === undefined) return undefined;
  field.own(peer);
  try {
    await peer.greet(token);
    return peer;
  } catch {
    return undefined;
  }
}

/** Resolves when the socket took what was sent, or is closed. */
export async function flushed(peer: RawPeer): Promise<void> {
  const { socket } = peer;
  while (socket.readyState === socket.OPEN && socket.bufferedAmount > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // What came meanwhile is nobody's.
  peer.frames.length = 0;
}

export const isOpen = ({ socket }: RawPeer) => socket.readyState === socket.OPEN;

/** Subscriptions with topics of so many characters, on channels from `first` on. */
export async function subscribe(
  peer: RawPeer,
  server: string,
  count: number,
  length: number,
  first = 1,
): Promise<void> {
  for (let channel = first; channel < first + count && isOpen(peer); channel++) {
    const topic = `${peer.id}/${channel}`.padEnd(length, 't');
    peer.send([Type.open, channel, ChannelKind.subscribe, server, topic]);
    await flushed(peer);
  }
}

/** Calls of `path`, up to so many bytes on each channel to push from `first` on, as one that keeps to the window may send. */
export async function fillWindows(
  peer: RawPeer,
  server: string,
  path: string,
  channels: number,
  window: number,
  { first = 1, call = 65_536 } = {},
): Promise<void> {
  const frame = envelope({ client: `${peer.id}/1`, function: path, payload: new Uint8Array(call).fill(120) });
  for (let channel = first; channel < first + channels && isOpen(peer); channel++) {
    peer.send([Type.open, channel, ChannelKind.push, server, '']);
    await peer
      .next((own) => (own[0] === Type.ready || own[0] === Type.refused) && own[1] === channel, 2_000)
      .catch(() => {});
    for (let left = window - frame.length; left > 0 && isOpen(peer); left -= frame.length) {
      peer.send([Type.send, channel, 1, [frame]]);
    }
    await flushed(peer);
  }
}

/** Requests for keys, as many and as large as may be under way. */
export async function fillRequests(
  peer: RawPeer,
  server: string,
  count: number,
  window: number,
): Promise<void> {
  const size = Math.floor(window / count) - 200;
  const frame = envelope({
    client: peer.id,
    function: `${server}.set`,
    cache: 'k',
    payload: new Uint8Array(Math.max(0, size)).fill(120),
  });
  for (let id = 1; id <= count && isOpen(peer); id++) peer.send([Type.request, id, server, frame]);
  await flushed(peer);
}

/** Paths that are each looked into anew. */
export async function callPaths(peer: RawPeer, server: string, count: number, length: number): Promise<void> {
  peer.send([Type.open, 1, ChannelKind.push, server, '']);
  await peer.next((own) => own[0] === Type.ready).catch(() => {});
  for (let i = 0; i < count && isOpen(peer); i++) {
    const path = `${server}.${i}_`.padEnd(length, 'p');
    peer.send([Type.send, 1, 1, [envelope({ client: `${peer.id}/1`, function: path, payload: bytes('x') })]]);
    if (i % 32 === 0) await flushed(peer);
  }
  await flushed(peer);
}

/** Channels to pull work, from `first` on. */
export function openPulls(peer: RawPeer, server: string, first: number, count: number): void {
  for (let channel = first; channel < first + count; channel++) {
    peer.send([Type.open, channel, ChannelKind.pull, server, '']);
  }
}
