/** The bound ends. */

import type { Pull, Push, Router, Socket } from 'zeromq';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { deferred } from '../../src/async/deferred.ts';
import type { Fifo } from '../../src/async/fifo.ts';
import { harmless } from '../../src/async/harmless.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { PULLED, PULLED_BYTES, REPLIES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { invalidCall, messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { Answer, Binding, BoundPull, BoundPush, CloseOptions } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { checkDescriptors } from './descriptors.ts';
import { EventReader, isPowerOfTwo } from './monitor.ts';
import { plain, ReadProgress, readInto, readSocket, takeFrames } from './reader.ts';
import { RouteWatch } from './route-watch.ts';
import { checkIpcPath, closeSocket } from './sockets.ts';
import { gatherFrames, SocketWriter } from './writer.ts';

/** Milliseconds until an address is bound again after all its peers were dropped. */
const REBIND_DELAY = 50;

/** Milliseconds that frames of a bound push get to leave by default. */
const DRAIN_TIMEOUT = 1_000;

/** Milliseconds to wait for the system to release a port. */
const RELEASE_TIMEOUT = 500;

/** A bound end: one socket and its monitor. */
export abstract class Bound<S extends Socket> implements Binding {
  protected readonly socket: S;
  protected readonly host: ChannelHost;
  #address = '';
  readonly #unbound = deferred<void>();
  #onClosed = () => {};
  #stopBinding = () => {};
  #refused = 0;

  constructor(socket: S, host: ChannelHost) {
    this.socket = socket;
    this.host = host;
  }

  get address(): string {
    return this.#address;
  }

  /**
   * @param onClosed - called once it is bound and then closed.
   * @throws PalmError `INVALID_CALL` when the address is taken or not this machine's.
   */
  async bind(address: string, onClosed: () => void): Promise<void> {
    this.#watch().then(this.#unbound.resolve);
    try {
      await checkIpcPath(address);
      await this.socket.bind(address);
    } catch (cause) {
      closeSocket(this.socket, 0);
      throw invalidCall(`cannot bind ${address}: ${messageOf(cause)}`, { cause });
    }
    this.#address = this.socket.lastEndpoint ?? address;
    this.#onClosed = onClosed;
    this.start();
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.socket.closed) return;
    this.#stopBinding();
    this.host.release(this);
    closeSocket(this.socket, options.timeout ?? 0);
    this.#onClosed();
    // The caller may start a server again at once on the same port.
    await atMost(RELEASE_TIMEOUT, this.#unbound.promise);
  }

  protected abstract start(): void;

  /** Called when a peer completes its handshake or goes. */
  protected peersChanged(_peers: number): void {}

  /** Called when any peer goes. */
  protected someoneWent(): void {}

  /** Ends the connections of all peers. Honest peers dial again by themselves. */
  protected dropPeers(reason: string): void {
    this.refuse(reason);
    // Unbinding ends them at once.
    this.socket.disconnect(this.#address);
    this.#bindAgain();
  }

  /** Whether everything that dropped peers had sent is handled. */
  protected mayBindAgain(): boolean {
    return true;
  }

  #bindAgain(): void {
    this.#stopBinding = startTimer(REBIND_DELAY, () => {
      if (this.socket.closed) return;
      try {
        if (!this.mayBindAgain()) return this.#bindAgain();
        checkDescriptors(`bind ${this.#address}`);
        this.socket.bindSync(this.#address);
      } catch {
        // The system has not released the address, or the process has no descriptors left.
        this.#bindAgain();
      }
    });
  }

  /** Follows the events of the socket. Resolves when the system has released it. */
  async #watch(): Promise<void> {
    const events = new EventReader(this.socket);
    let peers = 0;
    // A disconnection does not name its peer. One in a handshake is more likely to leave.
    let strangers = 0;
    for (;;) {
      const event = await events.next();
      if (event === undefined) return;
      if (event.type === 'close') {
        // Read to the end: the monitor is a socket too, and would stay open until it is collected.
        if (this.socket.closed) this.#unbound.resolve();
      } else if (event.type === 'accept') {
        strangers++;
      } else if (event.type === 'handshake') {
        strangers--;
        this.peersChanged(++peers);
      } else if (event.type === 'disconnect') {
        this.someoneWent();
        if (strangers > 0) strangers--;
        else this.peersChanged(--peers);
      } else if (event.type === 'accept:error') {
        this.refuse(`a connection cannot be accepted: ${messageOf(event.error)}`);
      }
    }
  }

  /** Reports that a peer was refused, at each power of two: any stranger can cause it as often as it likes. */
  refuse(reason: string): void {
    this.#refused++;
    if (!isPowerOfTwo(this.#refused)) return;
    this.host.report({ type: 'refused', address: this.#address, reason, count: this.#refused });
  }
}

/** Answers REQ and DEALER sockets. It is a ROUTER, so that a slow answer does not delay others. */
export class ZeromqReply extends Bound<Router> {
  readonly #answer: Answer;
  readonly #writer: SocketWriter<Uint8Array[]>;
  readonly #routes: RouteWatch;

  constructor(socket: Router, host: ChannelHost, answer: Answer) {
    super(socket, host);
    this.#answer = answer;
    this.#routes = new RouteWatch(socket);
    this.#writer = new SocketWriter(socket, { gather: oneMessage });
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    this.#routes.close();
    await super.close(options);
  }

  protected override someoneWent(): void {
    this.#routes.someoneWent();
  }

  protected start(): void {
    const behind = () => (this.#writer.waiting < REPLIES ? undefined : this.#writer.idle());
    readSocket(
      this.socket,
      (parts) => this.#take(parts),
      new ReadProgress(),
      () => {},
      behind,
    );
  }

  #take(parts: Uint8Array[]): void {
    const empty = parts.findIndex((part) => part.length === 0);
    const request = parts[empty + 1];
    // Anything but [route…, '', request] is not a request, and cannot be answered.
    const [peer] = parts;
    if (empty < 1 || peer === undefined || request === undefined || parts.length !== empty + 2) return;
    const route = parts.slice(0, empty + 1);
    const reply = this.#answer(plain(request), this.#routes.origin(peer));
    if (reply instanceof Promise) reply.then((later) => this.#send(route, later));
    else this.#send(route, reply);
  }

  #send(route: Uint8Array[], reply: Bytes): void {
    // It rejects only when closed, and then nobody waits for the reply.
    this.#writer.write([[...route, reply]]).catch(() => {});
  }
}

/** Takes frames from all peers that push. */
export class ZeromqPull extends Bound<Pull> implements BoundPull {
  readonly #queue = new BatchQueue<Bytes>(PULLED, {
    sizeOf: ({ length }) => length,
    bytes: PULLED_BYTES,
  });

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  stop(): void {
    this.#queue.end();
  }

  protected start(): void {
    readInto(this.socket, this.#queue, takeFrames, () => {});
  }
}

/** Shares frames among the peers that pull. */
export class ZeromqPush extends Bound<Push> implements BoundPush {
  #peers = 0;
  #isClosing = false;
  readonly #listeners: (() => void)[] = [];
  readonly #writer = new SocketWriter<Uint8Array>(this.socket, { gather: gatherFrames });

  get peers(): number {
    return this.#peers;
  }

  onPeers(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    if (this.#isClosing) throw new PalmError('CLOSED', `${this.address} is closed`, { sent: false });
    await this.#writer.write(frames);
  }

  override async close({ timeout = DRAIN_TIMEOUT }: CloseOptions = {}): Promise<void> {
    this.#isClosing = true;
    // What waits here has not reached the socket, which lingers for its own messages alone.
    if (this.#peers > 0) await atMost(timeout, this.#writer.idle());
    await super.close({ timeout });
  }

  protected start(): void {}

  protected override peersChanged(peers: number): void {
    this.#peers = peers;
    for (const listener of this.#listeners) harmless(listener);
  }
}

function oneMessage(messages: Fifo<Uint8Array[]>) {
  return { parts: messages.peek() ?? [], taken: 1 };
}
