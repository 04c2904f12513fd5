import type { Pull, Push, Socket } from 'zeromq';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { invalidCall, messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { Channel, CloseOptions, Puller, Pusher } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { openSocket } from './descriptors.ts';
import { Dialler } from './dialler.ts';
import { watchLink } from './monitor.ts';
import type { ZeromqSettings } from './options.ts';
import { ReadProgress, readInto, takeFrames } from './reader.ts';
import { closeSocket } from './sockets.ts';
import { gatherFrames, SocketWriter } from './writer.ts';

/** Milliseconds before a peer that speaks another protocol is dialled again. ZeroMQ itself gives up. */
const REDIAL_DELAY = 1_000;

/** What every dialled channel needs besides its socket. */
export interface DialContext {
  readonly address: string;
  readonly host: ChannelHost;
  readonly encrypted: boolean;
  readonly settings: ZeromqSettings;
}

/** Opens a socket of the channel's kind. */
export type OpenSocket<S> = () => S;

/** A dialling end. It follows its link, and knows when it is ready. */
export abstract class Dialled<S extends Socket & { connect(address: string): void }>
  extends Readiness
  implements Channel
{
  protected socket: S;
  /** The socket that was closed last, for another one. */
  #left: S | undefined;
  protected readonly context: DialContext;
  protected readonly progress: ReadProgress = new ReadProgress();
  /** Why the link broke, until everything that arrived before is read. */
  #breakReason: string | undefined;
  #stopRedial = () => {};
  readonly #dialler: Dialler;

  readonly #open: OpenSocket<S>;

  /** @throws PalmError `INVALID_CALL` when the process has no descriptors left. */
  constructor(open: OpenSocket<S>, context: DialContext) {
    super();
    this.#open = open;
    this.socket = this.#openSocket(context.address);
    this.context = context;
    const { address, host, settings } = context;
    const { reconnectInterval, reconnectMaxInterval } = settings;
    this.#dialler = new Dialler(this.socket, {
      address,
      reconnectInterval,
      reconnectMaxInterval,
      lost: (reason, attempt, delay) => {
        host.report({ type: 'reconnecting', address, attempt, delay, reason }, this);
      },
    });
  }

  /** Dials. It is not part of the constructor, because events may come before the subclass is complete. */
  dial(): this {
    const { address, host } = this.context;
    this.#watch(this.socket);
    host.report({ type: 'connecting', address }, this);
    try {
      this.#dialler.start();
    } catch (cause) {
      void this.close();
      throw invalidCall(`cannot dial ${address}: ${messageOf(cause)}`, { cause });
    }
    return this;
  }

  #openSocket(address: string): S {
    return openSocket(`dial ${address}`, this.#open);
  }

  #watch(socket: S): void {
    const { address, host, encrypted } = this.context;
    // Events of a socket come after its end, too.
    const isCurrent = () => socket === this.socket && socket !== this.#left && !this.isClosed;
    watchLink(socket, address, encrypted, {
      isOver: (endpoint) => this.#dialler.hasLeft(endpoint),
      connected: (took) => {
        if (!isCurrent()) return;
        host.report({ type: 'connected', address }, this);
        this.#dialler.connected();
        this.#break();
        this.connected(took);
      },
      disconnected: (reason) => {
        if (!isCurrent()) return;
        host.report({ type: 'disconnected', address, reason }, this);
        this.#dialler.disconnected();
        // The monitor is ahead of the messages: those that came before the end are read first.
        this.#breakReason = reason;
        this.progress.caughtUp().then(() => this.#break());
      },
      reconnecting: (attempt, delay) => {
        if (!isCurrent()) return;
        host.report({ type: 'reconnecting', address, attempt, delay }, this);
        // Dialling another address discards unread messages.
        this.progress.caughtUp().then(() => {
          if (!this.isClosed) this.#dialler.failed();
        });
      },
      refused: (error, final) => {
        if (!isCurrent()) return;
        host.report({ type: 'disconnected', address, reason: error.message }, this);
        if (this.#dialler.refused()) return;
        this.setRefused(error);
        if (final) this.#redialLater();
      },
    });
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    this.#stopRedial();
    this.#dialler.stop();
    const { address, host } = this.context;
    this.setClosed(new PalmError('CLOSED', `the connection to ${address} is closed`, { sent: false }));
    host.release(this);
    closeSocket(this.socket, options.timeout ?? 0);
  }

  /** The error for a frame for which the peer would hang up. */
  protected refusal({ length }: Bytes): PalmError | undefined {
    const { address, settings } = this.context;
    const { maxMessageSize } = settings;
    if (length <= maxMessageSize || maxMessageSize === -1) return undefined;
    const text = `a message of ${length} bytes to ${address} is over maxMessageSize, ${maxMessageSize}: raise it on both sides`;
    return new PalmError('TOO_LARGE', text, { sent: false });
  }

  protected connected(_took: number): void {
    this.setReady();
  }

  protected disconnected(reason: string): void {
    this.setBroken(new PalmError('DISCONNECTED', reason, { sent: 'unknown' }));
  }

  /**
   * Continues with a new socket. After a break ZeroMQ sends the message that it was taking to the next peer, unless the socket is closed: a call
   * that had failed would then run.
   * @param error - why a send that is under way has failed.
   */
  protected renew(error: PalmError): void {
    const { address } = this.context;
    this.#left = this.socket;
    closeSocket(this.socket, 0);
    try {
      this.socket = this.#openSocket(address);
    } catch {
      // The process has no descriptors left. Until it has, sends are refused.
      this.#stopRedial();
      this.#stopRedial = startTimer(REDIAL_DELAY, () => this.renew(error));
      return;
    }
    this.renewed(this.socket, error);
    this.#watch(this.socket);
    this.#dialler.move(this.socket);
  }

  /** Called when the channel continues with another socket. */
  protected renewed(_socket: S, _error: PalmError): void {}

  protected reportSlow(queued: number): void {
    this.context.host.report({ type: 'slow', address: this.context.address, queued }, this);
  }

  #break(): void {
    const reason = this.#breakReason;
    this.#breakReason = undefined;
    if (reason !== undefined) this.disconnected(reason);
  }

  #redialLater(): void {
    // Events of the socket may come more than once.
    this.#stopRedial();
    this.#stopRedial = startTimer(REDIAL_DELAY, () => {
      try {
        this.#dialler.redial();
      } catch {
        this.#redialLater();
      }
    });
  }
}

/** Takes its share of the frames of one PUSH. */
export class ZeromqPuller extends Dialled<Pull> implements Puller {
  readonly #queue = new BatchQueue<Bytes>(PULLED, {
    sizeOf: ({ length }) => length,
    bytes: PULLED_BYTES,
  });

  constructor(open: OpenSocket<Pull>, context: DialContext) {
    super(open, context);
    const { socket } = this;
    readInto(socket, this.#queue, takeFrames, (queued) => this.reportSlow(queued), this.progress);
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }
}

/** Sends frames to one PULL. When the link breaks, frames that have not left are dropped. */
export class ZeromqPusher extends Dialled<Push> implements Pusher {
  readonly #writer = new SocketWriter<Uint8Array>(this.socket, {
    ready: () => (this.isReady ? undefined : this.ready()),
    gather: gatherFrames,
  });

  constructor(open: OpenSocket<Push>, context: DialContext) {
    super(open, context);
    this.onBreak((error) => {
      this.#writer.drop(error);
      if (!this.#writer.isSending) return;
      // The send fails with this error though no other socket can be opened yet.
      this.#writer.replace(this.socket, error);
      this.renew(error);
    });
  }

  send(frames: readonly Bytes[]): Promise<void> {
    for (const frame of frames) {
      const refusal = this.refusal(frame);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    return this.#writer.write(frames);
  }

  protected override renewed(socket: Push, error: PalmError): void {
    this.#writer.replace(socket, error);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const { timeout = 0 } = options;
    const started = performance.now();
    if (timeout > 0 && this.isReady) await atMost(timeout, this.#writer.idle());
    await super.close({ timeout: timeout - (performance.now() - started) });
  }
}
