/** ZMTP 3 by hand, for peers that keep to nothing. Source: rfc.zeromq.org/spec/23. */
import { connect, type Socket } from 'node:net';
import { deferred } from '../../src/async/deferred.ts';
import { until, within } from './wait.ts';

/** What a ZeroMQ peer says first: signature, version 3.1, mechanism NULL. */
export const GREETING = Buffer.concat([
  Buffer.from('ff00000000000000017f0301', 'hex'),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
]);

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

/** What it says next: what kind of socket it is, and what it is called. */
export function readyOf(type: string, identity = ''): Buffer<ArrayBuffer> {
  const property = (name: string, value: string) =>
    Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([0, 0, 0, value.length]),
      Buffer.from(value),
    ]);
  const body = Buffer.concat([
    Buffer.from('\x05READY', 'latin1'),
    property('Socket-Type', type),
    property('Identity', identity),
  ]);
  return Buffer.concat([Buffer.from([COMMAND, body.length]), body]);
}

/** A sign of life. */
const PONG = Buffer.from('\x04\x05\x04PONG', 'latin1');

/** The head of a frame that says how long it is. */
export function headOf(length: bigint | number, more = false): Buffer<ArrayBuffer> {
  if (length < 256) return Buffer.from([more ? MORE : 0, Number(length)]);
  const head = Buffer.alloc(9);
  head[0] = LONG | (more ? MORE : 0);
  head.writeBigUInt64BE(BigInt(length), 1);
  return head;
}

export function frameOf(body: Uint8Array, more = false): Buffer<ArrayBuffer> {
  return Buffer.concat([headOf(body.length, more), body]);
}

/** A message of several parts. */
export function messageOf(...parts: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  return Buffer.concat(parts.map((part, i) => frameOf(part, i < parts.length - 1)));
}

/** Asks a publisher for a topic. */
export function subscriptionTo(topic: string | Uint8Array): Buffer<ArrayBuffer> {
  return frameOf(Buffer.concat([Buffer.from([1]), Buffer.from(topic)]));
}

export interface ZmtpOptions {
  /** Reads nothing behind the greeting. */
  readonly isDeaf?: boolean;
}

/** A peer whose handshake is done, and that says what it is told to. */
export class ZmtpPeer implements AsyncDisposable {
  readonly socket: Socket;
  readonly #sign: NodeJS.Timeout;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#sign = setInterval(() => {
      // Not amid a frame that is on its way.
      if (socket.writableLength === 0 && !this.isAmidFrame) socket.write(PONG);
    }, 1_000);
    socket.on('close', () => clearInterval(this.#sign));
  }

  /** A frame was begun and not ended: no sign of life can be sent. */
  isAmidFrame = false;

  static async dial(port: number, type: string, options: ZmtpOptions = {}): Promise<ZmtpPeer> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const peer = new ZmtpPeer(socket);
    socket.write(Buffer.concat([GREETING, readyOf(type)]));
    let came = 0;
    const greeted = new Promise<void>((resolve, reject) => {
      socket.on('data', (data) => {
        came += data.length;
        if (came > GREETING.length) resolve();
      });
      socket.once('close', () => reject(new Error(`port ${port} hung up on a ${type}`)));
    });
    await within(4_000, greeted, `the greeting of port ${port}`);
    if (options.isDeaf === true) socket.pause();
    return peer;
  }

  /** Resolves when it was taken, or the other end has hung up: with whether it was taken. */
  async write(data: Uint8Array): Promise<boolean> {
    const { socket } = this;
    if (socket.destroyed) return false;
    if (socket.write(data)) return true;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
    return !socket.destroyed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}

/** A connection that says what it is told to, and nothing by itself. */
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
  type: string,
  address: string,
  { identity = '', minor = 1 } = {},
): Promise<RawPeer> {
  const peer = await dialRaw(address);
  const greeting = Buffer.from(GREETING);
  greeting[11] = minor;
  await peer.write(Buffer.concat([greeting, readyOf(type, identity)]));
  // A message before its own READY is a mistake to libzmq.
  const isReady = until(() => peer.received > GREETING.length || peer.isClosed);
  await within(4_000, isReady, 'the handshake');
  return peer;
}
