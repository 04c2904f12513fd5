/** The dialling ends: what a connection's verbs give. */
import type { Dealer, Pull, Push, Socket, Subscriber } from 'zeromq';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { atMost, startTimer } from '../../src/async/deadline.ts';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import type { Fifo } from '../../src/async/fifo.ts';
import { PendingReplies } from '../../src/async/pending.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type {
  Channel,
  CloseOptions,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  Subscription,
} from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { watchLink } from './monitor.ts';
import { plain, readInto, readSocket } from './reader.ts';
import { closeSocket } from './sockets.ts';
import { gatherFrames, SocketWriter } from './writer.ts';

/** Messages read and not taken by the reader, before a socket is left to fill up. */
const READ_AHEAD = 100_000;

/** Wait before a peer that speaks something else is dialled again, in milliseconds; ZeroMQ itself gives up. */
const REDIAL_DELAY = 1_000;

/** What a channel needs to know beside its socket. */
export interface DialContext {
  readonly address: string;
  readonly host: ChannelHost;
  readonly encrypted: boolean;
}

abstract class Dialled<S extends Socket & { connect(address: string): void }> implements Channel {
  protected readonly readiness = new Readiness();
  protected readonly socket: S;
  protected readonly context: DialContext;
  #stopRedial = () => {};

  constructor(socket: S, context: DialContext) {
    this.socket = socket;
    this.context = context;
  }

  get isReady(): boolean {
    return this.readiness.isReady;
  }

  ready(): Promise<void> {
    return this.readiness.ready();
  }

  onBreak(listener: (error: PalmError) => void): () => void {
    return this.readiness.onBreak(listener);
  }

  /** Separate from the constructor, because events may come before a subclass is complete. */
  dial(): this {
    const { address, host, encrypted } = this.context;
    watchLink(this.socket, address, encrypted, {
      connected: (took) => {
        host.report({ type: 'connected', address });
        this.connected(took);
      },
      disconnected: (reason) => {
        host.report({ type: 'disconnected', address, reason });
        // The monitor overtakes what was received before the end: let that be read first.
        setImmediate(() => setImmediate(() => this.disconnected(reason)));
      },
      reconnecting: (attempt, delay) => host.report({ type: 'reconnecting', address, attempt, delay }),
      refused: (error, final) => {
        host.report({ type: 'disconnected', address, reason: error.message });
        this.readiness.refuse(error);
        if (final) this.#redialLater();
      },
    });
    host.report({ type: 'connecting', address });
    this.socket.connect(address);
    return this;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.readiness.isClosed) return;
    this.#stopRedial();
    const { address, host } = this.context;
    this.readiness.close(new PalmError('CLOSED', `the connection to ${address} is closed`, { sent: false }));
    host.release(this);
    closeSocket(this.socket, options.timeout ?? 0);
  }

  protected connected(_took: number): void {
    this.readiness.set();
  }

  protected disconnected(reason: string): void {
    this.readiness.break(new PalmError('DISCONNECTED', reason, { sent: 'unknown' }));
  }

  protected reportSlow(queued: number): void {
    this.context.host.report({ type: 'slow', address: this.context.address, queued });
  }

  #redialLater(): void {
    this.#stopRedial = startTimer(REDIAL_DELAY, () => {
      this.socket.disconnect(this.context.address);
      this.socket.connect(this.context.address);
    });
  }
}

export class ZeromqPusher extends Dialled<Push> implements Pusher {
  readonly #writer = new SocketWriter<Uint8Array>(this.socket, {
    ready: () => this.readiness.ready(),
    gather: gatherFrames,
  });

  constructor(socket: Push, context: DialContext) {
    super(socket, context);
    this.onBreak((error) => this.#writer.drop(error));
  }

  send(frames: readonly Bytes[]): Promise<void> {
    return this.#writer.write(frames);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const { timeout = 0 } = options;
    const started = performance.now();
    if (timeout > 0 && this.isReady) await atMost(timeout, this.#writer.idle());
    await super.close({ timeout: timeout - (performance.now() - started) });
  }
}

/**
 * Requests under way at once. A REP drops replies without a word when more than its high-water mark, 1000 unless set
 * otherwise, wait for a peer.
 */
const MOST_UNANSWERED = 512;

interface Request {
  readonly id: number;
  readonly frame: Bytes;
}

/**
 * Requests to one REP over one DEALER. A REP gives back the parts in front of the empty one, so each reply names its
 * request, and one that was lost or given up holds up no other.
 */
export class ZeromqRequester extends Dialled<Dealer> {
  readonly #pending = new PendingReplies<Bytes>();
  readonly #sent = new Set<number>();
  #answered: Deferred<void> | undefined;
  readonly #writer: SocketWriter<Request>;

  constructor(socket: Dealer, context: DialContext) {
    super(socket, context);
    this.#writer = new SocketWriter(socket, {
      ready: () => this.#mayAsk(),
      gather: (requests) => this.#gather(requests),
      onDrop: (error) => this.#pending.failAll(error),
    });
    this.onBreak((error) => this.#failSent(error));
    readSocket(socket, (parts) => this.#take(parts));
  }

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    this.#writer.post({ id, frame });
    return { reply, cancel: (reason) => this.#fail(id, reason) };
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    const text = `the connection to ${this.context.address} was closed before the reply`;
    this.#pending.failAll(new PalmError('CLOSED', text, { sent: 'unknown' }));
  }

  async #mayAsk(): Promise<void> {
    await this.readiness.ready();
    while (this.#sent.size >= MOST_UNANSWERED) {
      this.#answered = deferred();
      await this.#answered.promise;
      this.#answered = undefined;
      await this.readiness.ready();
    }
  }

  #gather(requests: Fifo<Request>) {
    let taken = 0;
    for (let request = requests.peek(); request !== undefined; request = requests.peek(taken)) {
      taken++;
      const { id, frame } = request;
      // What was given up while it waited is passed over.
      if (!this.#pending.has(id)) continue;
      this.#sent.add(id);
      return { parts: [idFrame(id), NO_BYTES, frame], taken };
    }
    return { parts: [], taken };
  }

  #fail(id: number, reason: unknown): void {
    this.#pending.fail(id, reason);
    this.#forget(id);
  }

  #failSent(error: PalmError): void {
    for (const id of [...this.#sent]) this.#fail(id, error);
  }

  #forget(id: number): void {
    this.#sent.delete(id);
    this.#answered?.resolve();
  }

  #take(parts: Uint8Array[]): void {
    const [own, empty, reply] = parts;
    if (parts.length !== 3 || own?.length !== 4 || empty?.length !== 0 || reply === undefined) return;
    const id = readId(own);
    this.#forget(id);
    this.#pending.settle(id, plain(reply));
  }
}

function readId(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0);
}

const NO_BYTES = new Uint8Array(0);

function idFrame(id: number): Uint8Array {
  const frame = new Uint8Array(4);
  new DataView(frame.buffer).setUint32(0, id);
  return frame;
}

export class ZeromqPuller extends Dialled<Pull> implements Puller {
  readonly #queue = new BatchQueue<Bytes>(READ_AHEAD);

  constructor(socket: Pull, context: DialContext) {
    super(socket, context);
    readInto(socket, this.#queue, takeFrames, (queued) => this.reportSlow(queued));
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Bytes[], undefined> {
    return this.#queue;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }
}

/** Each part is a message: peers batch by sending several as one multipart message. */
export function takeFrames(parts: Uint8Array[], into: Bytes[]): void {
  for (const part of parts) into.push(plain(part));
}

export class ZeromqSubscription extends Dialled<Subscriber> implements Subscription {
  readonly #queue = new BatchQueue<Delivery>(READ_AHEAD);
  readonly #topic: string;
  readonly #margin: number;
  readonly #recent = new RecentTopic();
  #stopMargin = () => {};
  #isProved = false;

  constructor(socket: Subscriber, topic: string, margin: number, context: DialContext) {
    super(socket, context);
    this.#topic = topic;
    this.#margin = margin;
    socket.subscribe(topic);
    readInto(
      socket,
      this.#queue,
      (parts, into) => this.#take(parts, into),
      (queued) => this.reportSlow(queued),
    );
  }

  get isProved(): boolean {
    return this.#isProved;
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[], undefined> {
    return this.#queue;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    this.#stopMargin();
    await super.close(options);
    this.#queue.end();
  }

  /**
   * The subscription travels behind the handshake. A frond server proves its arrival with an empty delivery; pylm
   * cannot, so there it counts as arrived a little later, the more so the slower the link is.
   */
  protected override connected(took: number): void {
    this.#stopMargin();
    this.#stopMargin = startTimer(Math.max(this.#margin, 10 * took), () => this.readiness.set());
  }

  protected override disconnected(reason: string): void {
    this.#stopMargin();
    this.#isProved = false;
    super.disconnected(reason);
  }

  #take(parts: Uint8Array[], into: Delivery[]): void {
    const [first, ...frames] = parts;
    if (first === undefined || frames.length === 0) return;
    const topic = this.#recent.read(first);
    if (frames.length === 1 && frames[0]?.length === 0) {
      if (topic !== this.#topic) return;
      this.#stopMargin();
      this.#isProved = true;
      this.readiness.set();
      return;
    }
    into.push({ topic, frames: frames.map(plain) });
  }
}

/** Reads topics, most of which are the same as the one before. */
class RecentTopic {
  #bytes: Uint8Array = NO_BYTES;
  #topic = '';

  read(bytes: Uint8Array): string {
    if (bytes.length !== this.#bytes.length || Buffer.compare(bytes, this.#bytes) !== 0) {
      this.#bytes = bytes;
      this.#topic = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    }
    return this.#topic;
  }
}
