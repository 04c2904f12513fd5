/** A ZeroMQ peer that writes its bytes itself (rfc.zeromq.org/spec/23), and keeps to nothing. */
import { connect, type Socket } from 'node:net';
import { deferred } from '../../src/async/deferred.ts';
import { until, within } from '../support/wait.ts';

export type PeerType = 'SUB' | 'PUSH' | 'PULL' | 'DEALER' | 'REQ';

/** What a peer says first: signature, version 3.1, mechanism NULL. */
export const GREETING = Buffer.concat([
  Buffer.from('ff00000000000000017f0301', 'hex'),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
]);

/** A frame of ZMTP 3. */
export function zmtpFrame(body: Uint8Array, hasMore = false): Buffer {
  const flags = hasMore ? 1 : 0;
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | 2;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

export function subscription(topic: string | Uint8Array): Buffer {
  return zmtpFrame(Buffer.concat([Buffer.from([1]), Buffer.from(topic)]));
}

export function ready(type: PeerType, identity = ''): Buffer {
  const property = (name: string, value: string) =>
    Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([0, 0, 0, value.length]),
      Buffer.from(value),
    ]);
  const body = Buffer.concat([
    Buffer.from([5]),
    Buffer.from('READY'),
    property('Socket-Type', type),
    property('Identity', identity),
  ]);
  return Buffer.concat([Buffer.from([4, body.length]), body]);
}

export class RawPeer implements AsyncDisposable {
  readonly socket: Socket;
  /** Resolves once the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  /** Bytes that came. */
  received = 0;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    const end = deferred<void>();
    this.closed = end.promise;
    socket.on('data', ({ length }) => {
      this.received += length;
    });
    // A reset is an end like any other.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      end.resolve();
    });
  }

  /** Resolves once the bytes have left, or the connection is over. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.isClosed || this.socket.write(bytes)) return;
    const drained = new Promise<void>((resolve) => this.socket.once('drain', resolve));
    await Promise.race([drained, this.closed]);
  }

  /** Waits for the server to hang up. */
  async hungUp(timeout = 5_000): Promise<void> {
    await within(timeout, this.closed, 'the server to hang up');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

/** Connects to `tcp://…`, and says nothing. */
export async function dialRaw(address: string): Promise<RawPeer> {
  const { hostname, port } = new URL(address.replace('tcp:', 'http:'));
  const socket = connect(Number(port), hostname.replace(/[[\]]/g, ''));
  const peer = new RawPeer(socket);
  const opened = new Promise<void>((resolve) => socket.once('connect', resolve));
  await within(4_000, Promise.race([opened, peer.closed]), 'a connection');
  return peer;
}

/** Connects to `tcp://…` and shakes hands; what comes after that is up to the caller. */
export async function dialAs(
  type: PeerType,
  address: string,
  { identity = '', minor = 1 } = {},
): Promise<RawPeer> {
  const peer = await dialRaw(address);
  const greeting = Buffer.from(GREETING);
  greeting[11] = minor;
  await peer.write(Buffer.concat([greeting, ready(type, identity)]));
  // A message before its own READY is a mistake to libzmq.
  const isReady = until(() => peer.received > GREETING.length || peer.isClosed);
  await within(4_000, isReady, 'the handshake');
  return peer;
}
