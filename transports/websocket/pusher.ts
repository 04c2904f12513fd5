import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import { atMost } from '../../src/async/timers.ts';
import { BATCH_BYTES, FIRST_PUSH_WINDOW } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { isClosed, type PalmError } from '../../src/protocol/errors.ts';
import { NO_BYTES } from '../../src/protocol/message.ts';
import type { Pusher } from '../../src/transport.ts';
import { ChannelKind, type Frame, Type } from '../relay-protocol/frames.ts';
import type { SendWindow } from '../relay-protocol/window.ts';
import { type ChannelContext, RelayedChannel, tooLarge } from './channel.ts';

/** Frames of one call of `send`, and its promise. */
interface PendingSend {
  /** Frames that have not left. */
  frames: readonly Bytes[];
  readonly sent: Deferred<void>;
}

/** Sends frames to a server, no faster than it takes them from the relay. */
export class RelayedPusher extends RelayedChannel implements Pusher {
  protected readonly kind: number = ChannelKind.push;
  readonly #pending = new Fifo<PendingSend>();
  /** Bytes under way of all channels to the server. */
  readonly #shared: SendWindow;
  readonly #stopListening: () => void;
  /** Bytes that were sent on this channel and that the server has not taken. */
  #outstanding = 0;
  /** The most bytes under way by slow start; the relay's window bounds them too. */
  #window = FIRST_PUSH_WINDOW;
  /** Resolves when credit comes, or cannot come any more. Undefined while nobody waits. */
  #change: Deferred<void> | undefined;

  constructor(context: ChannelContext, shared: SendWindow) {
    super(context);
    this.#shared = shared;
    this.#stopListening = shared.onRoom(() => this.#pump());
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    // The limit is known once the channel is ready, which it must be before anything is sent.
    if (this.terms === undefined) await this.ready();
    if (this.isClosed) throw isClosed('the channel');
    const limit = this.terms?.maxFrame ?? Number.POSITIVE_INFINITY;
    for (const { length } of frames) if (length > limit) throw tooLarge(length, limit);
    const sent = deferred<void>();
    this.#pending.push({ frames, sent });
    this.#pump();
    return sent.promise;
  }

  room(): Promise<void> {
    const most = this.#allowance;
    return this.#until(() => this.#outstanding < most && !this.#isSharedFull);
  }

  override break(error: PalmError): void {
    super.break(error);
    this.#drop(error);
  }

  protected override becameReady(): void {
    queueMicrotask(() => this.#pump());
  }

  protected override ended(error: PalmError): void {
    if (this.isClosed) this.#stopListening();
    this.#drop(error);
  }

  protected override took(frame: Frame): void {
    if (frame[0] !== Type.taken) {
      super.took(frame);
      return;
    }
    this.#window += frame[2];
    this.#took(Math.min(frame[2], this.#outstanding));
  }

  protected override async drain(timeout: number): Promise<void> {
    await atMost(
      timeout,
      this.#until(() => this.#outstanding === 0 && this.#pending.size === 0),
    );
  }

  /** Resolves when the condition holds, or the channel is not ready. */
  async #until(isSo: () => boolean): Promise<void> {
    while (this.isReady && !isSo()) {
      this.#change ??= deferred();
      await this.#change.promise;
    }
  }

  get #allowance(): number {
    return Math.min(this.#window, this.terms?.window ?? 0);
  }

  get #isSharedFull(): boolean {
    return this.#shared.outstanding >= (this.terms?.window ?? 0);
  }

  /** So many bytes were taken by the server, or lost. */
  #took(bytes: number): void {
    this.#outstanding -= bytes;
    this.#shared.release(bytes);
  }

  #drop(error: PalmError): void {
    for (let pending = this.#pending.shift(); pending !== undefined; pending = this.#pending.shift()) {
      pending.sent.reject(error);
    }
    this.#took(this.#outstanding);
    this.#pump();
  }

  /** Sends frames as far as the windows allow. */
  #pump(): void {
    this.#change?.resolve();
    this.#change = undefined;
    const window = this.#allowance;
    for (let pending = this.#pending.peek(); pending !== undefined; pending = this.#pending.peek()) {
      if (!this.isReady) return;
      while (pending.frames.length > 0) {
        if (this.#outstanding >= window || this.#isSharedFull) return;
        this.#sendSome(pending);
      }
      this.#pending.skip(1);
      pending.sent.resolve();
    }
  }

  #sendSome(pending: PendingSend): void {
    const { frames } = pending;
    let size = 0;
    let end = 0;
    for (const { length } of frames) {
      if (end > 0 && size + length > BATCH_BYTES) break;
      size += length;
      end++;
    }
    pending.frames = frames.slice(end);
    let counted = 0;
    for (const { length } of frames.slice(0, end))
      counted += Math.min(length, this.terms?.heaviest ?? length);
    // A large frame must not hold up small ones.
    if (end === 1 && counted >= this.#window) this.#window = counted + FIRST_PUSH_WINDOW;
    this.#outstanding += counted;
    this.#shared.take(counted);
    this.context.post(
      [Type.send, this.number, this.generation, frames.slice(0, end)],
      () => this.number + headOf(frames[0]),
    );
  }
}

/** Identifies an envelope's call: skips the field `pipeline` and returns the field `client`. */
function headOf(envelope: Bytes = NO_BYTES): string {
  const at = envelope[0] === 10 ? 2 + (envelope[1] ?? 0) : 0;
  return `:${envelope.subarray(at, at + 2 + (envelope[at + 1] ?? 0))}`;
}
