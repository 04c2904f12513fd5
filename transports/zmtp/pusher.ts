import { atMost } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CloseOptions, Pusher } from '../../src/transport.ts';
import { closedError, Dialled } from './dialled.ts';
import type { Link } from './link.ts';
import { SendQueue } from './send-queue.ts';
import { Violation } from './violation.ts';

const DONE = Promise.resolve();

/** Sends frames to one PULL. When the link breaks, waiting frames are dropped: they never go over the next link. */
export class ZmtpPusher extends Dialled implements Pusher {
  readonly socketType = 'PUSH';
  override readonly takesControlOnly = true;
  override readonly isHeldUp = true;
  readonly #queue = new SendQueue<Bytes>();
  #isClosing = false;

  send(frames: readonly Bytes[]): Promise<void> {
    if (this.isClosed || this.#isClosing) return Promise.reject(closedError(this.address));
    for (const { length } of frames) {
      const refusal = this.refusal(length);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    const { link } = this;
    if (link === undefined) return this.#whenReady(frames);
    if (this.#queue.size > 0 || !link.hasRoom) return this.#queue.add(frames);
    let sent = 0;
    for (; sent < frames.length && link.hasRoom; sent++) link.send(frames[sent] as Bytes, false);
    return sent === frames.length ? DONE : this.#queue.add(frames.slice(sent), sent > 0);
  }

  frame(): void {
    throw new Violation('it sent a message, but it may only receive');
  }

  override writable(link: Link): void {
    for (let frame = this.#queue.peek(); frame !== undefined && link.hasRoom; frame = this.#queue.peek()) {
      this.#queue.shift();
      link.send(frame, false);
    }
    this.#queue.settle();
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    const { timeout = 0 } = options;
    const started = performance.now();
    this.#isClosing = true;
    if (timeout > 0 && this.isReady) await atMost(timeout, this.#queue.idle());
    const closing = super.close({ timeout: Math.max(0, timeout - (performance.now() - started)) });
    this.#queue.drop(() => closedError(this.address));
    await closing;
  }

  protected override connected(link: Link): void {
    super.connected(link);
    this.writable(link);
  }

  protected override disconnected(error: PalmError): void {
    // First, so that listeners to the break find an empty queue.
    this.#queue.drop((isBegun) =>
      isBegun ? error : new PalmError('DISCONNECTED', error.message, { sent: false }),
    );
    super.disconnected(error);
  }

  override setRefused(error: PalmError): void {
    super.setRefused(error);
    this.#queue.drop(() => error);
  }

  /** Queues the frames, unless the peer refuses. */
  #whenReady(frames: readonly Bytes[]): Promise<void> {
    if (this.refusedWith !== undefined) return Promise.reject(this.refusedWith);
    return this.#queue.add(frames);
  }
}
