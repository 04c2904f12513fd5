import { atMost } from '../../src/async/deadline.ts';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Pusher } from '../../src/transport.ts';
import { RelayedChannel, tooLarge } from './channel.ts';
import { ChannelKind, type Frame, Type } from './frames.ts';
import { FIRST_WINDOW } from './window.ts';

/** Bytes of frames that travel together. */
const LARGEST_BATCH = 65_536;

/** Frames that somebody wants sent, and the promise to them. */
interface Waiting {
  /** Those that have not left. */
  frames: readonly Bytes[];
  readonly sent: Deferred<void>;
}

/** Frames to a server, no faster than it takes them off the relay's hands. */
export class RelayedPusher extends RelayedChannel implements Pusher {
  protected readonly kind = ChannelKind.push;
  readonly #waiting = new Fifo<Waiting>();
  /** Bytes that were sent and that the server has not taken. */
  #outstanding = 0;
  /** Bytes that may be, as far as this side goes. */
  #window = FIRST_WINDOW;
  /** Resolved when there is credit, or none to come; there while somebody waits for that. */
  #change: Deferred<void> | undefined;

  async send(frames: readonly Bytes[]): Promise<void> {
    // The limit is known once the channel is ready, and it is that before anything is sent.
    if (this.terms === undefined) await this.ready();
    if (this.isClosed) throw new PalmError('CLOSED', 'the channel is closed', { sent: false });
    const limit = this.terms?.maxFrame ?? Number.POSITIVE_INFINITY;
    for (const { length } of frames) if (length > limit) throw tooLarge(length, limit);
    const sent = deferred<void>();
    this.#waiting.push({ frames, sent });
    this.#pump();
    return sent.promise;
  }

  async room(most = this.#allowance): Promise<void> {
    while (this.isReady && this.#outstanding >= most) {
      this.#change ??= deferred();
      await this.#change.promise;
    }
  }

  override break(error: PalmError): void {
    this.#outstanding = 0;
    super.break(error);
    this.#drop(error);
  }

  protected override becameReady(): void {
    queueMicrotask(() => this.#pump());
  }

  protected override ended(error: PalmError): void {
    this.#drop(error);
  }

  protected override took(frame: Frame): void {
    if (frame[0] !== Type.taken) {
      super.took(frame);
      return;
    }
    this.#outstanding = Math.max(0, this.#outstanding - frame[2]);
    this.#window += frame[2];
    this.#pump();
  }

  protected override async drain(timeout: number): Promise<void> {
    // While something waits, something is out.
    await atMost(timeout, this.room(1));
  }

  get #allowance(): number {
    return Math.min(this.#window, this.terms?.window ?? 0);
  }

  #drop(error: PalmError): void {
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      waiting.sent.reject(error);
    }
    this.#pump();
  }

  /** Sends what may be sent. */
  #pump(): void {
    this.#change?.resolve();
    this.#change = undefined;
    const window = this.#allowance;
    for (let waiting = this.#waiting.peek(); waiting !== undefined; waiting = this.#waiting.peek()) {
      if (!this.isReady) return;
      while (waiting.frames.length > 0) {
        if (this.#outstanding >= window) return;
        this.#sendSome(waiting);
      }
      this.#waiting.skip(1);
      waiting.sent.resolve();
    }
  }

  #sendSome(waiting: Waiting): void {
    const { frames } = waiting;
    let size = 0;
    let end = 0;
    for (const { length } of frames) {
      if (end > 0 && size + length > LARGEST_BATCH) break;
      size += length;
      end++;
    }
    waiting.frames = frames.slice(end);
    this.#outstanding += size;
    this.context.post([Type.send, this.number, this.generation, frames.slice(0, end)]);
  }
}
