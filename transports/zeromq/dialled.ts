import type { Socket } from 'zeromq';
import { startTimer } from '../../src/async/deadline.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { invalidCall, PalmError, reasonText } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Channel, CloseOptions } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { watchLink } from './monitor.ts';
import { ReadProgress } from './reader.ts';
import { closeSocket } from './sockets.ts';

/** Wait before a peer that speaks something else is dialled again, in milliseconds; ZeroMQ itself gives up. */
const REDIAL_DELAY = 1_000;

/** What a channel needs to know beside its socket. */
export interface DialContext {
  readonly address: string;
  readonly host: ChannelHost;
  readonly encrypted: boolean;
  /** Bytes of the largest frame that may be sent; -1: any. */
  readonly maxMessageSize: number;
}

/** A dialling end: follows its link, and says when it can be used. */
export abstract class Dialled<S extends Socket & { connect(address: string): void }>
  extends Readiness
  implements Channel
{
  protected readonly socket: S;
  protected readonly context: DialContext;
  protected readonly progress = new ReadProgress();
  /** Why the link broke, until what came before is read. */
  #breakReason: string | undefined;
  #stopRedial = () => {};

  constructor(socket: S, context: DialContext) {
    super();
    this.socket = socket;
    this.context = context;
  }

  /** Separate from the constructor, because events may come before a subclass is complete. */
  dial(): this {
    const { address, host, encrypted } = this.context;
    watchLink(this.socket, address, encrypted, {
      connected: (took) => {
        host.report({ type: 'connected', address });
        this.#break();
        this.connected(took);
      },
      disconnected: (reason) => {
        host.report({ type: 'disconnected', address, reason });
        // The monitor overtakes what was received before the end: let that be read first.
        this.#breakReason = reason;
        this.progress.caughtUp().then(() => this.#break());
      },
      reconnecting: (attempt, delay) => host.report({ type: 'reconnecting', address, attempt, delay }),
      refused: (error, final) => {
        host.report({ type: 'disconnected', address, reason: error.message });
        this.setRefused(error);
        if (final) this.#redialLater();
      },
    });
    host.report({ type: 'connecting', address });
    try {
      this.socket.connect(address);
    } catch (cause) {
      void this.close();
      throw invalidCall(`cannot dial ${address}: ${reasonText(cause)}`, { cause });
    }
    return this;
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    this.#stopRedial();
    const { address, host } = this.context;
    this.setClosed(new PalmError('CLOSED', `the connection to ${address} is closed`, { sent: false }));
    host.release(this);
    closeSocket(this.socket, options.timeout ?? 0);
  }

  /** The error for a frame that the peer would hang up at. */
  protected refusal({ length }: Bytes): PalmError | undefined {
    const { address, maxMessageSize } = this.context;
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

  protected reportSlow(queued: number): void {
    this.context.host.report({ type: 'slow', address: this.context.address, queued });
  }

  #break(): void {
    const reason = this.#breakReason;
    this.#breakReason = undefined;
    if (reason !== undefined) this.disconnected(reason);
  }

  #redialLater(): void {
    // News of the socket may come after its end, and more than once.
    if (this.isClosed) return;
    this.#stopRedial();
    this.#stopRedial = startTimer(REDIAL_DELAY, () => {
      const { address } = this.context;
      try {
        this.socket.disconnect(address);
      } catch {
        // ZeroMQ has let go of it already.
      }
      try {
        this.socket.connect(address);
      } catch {
        this.#redialLater();
      }
    });
  }
}
