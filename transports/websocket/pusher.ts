import { atMost } from '../../src/async/deadline.ts';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import type { Macrotasks } from '../../src/async/macrotask.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Pusher } from '../../src/transport.ts';
import { gatherFrames, SocketWriter } from '../shared/writer.ts';
import { type ChannelContext, RelayedChannel, tooLarge } from './channel.ts';
import { ChannelKind, type Frame, Type } from './frames.ts';

/** Frames to a server, no faster than it takes them off the relay's hands. */
export class RelayedPusher extends RelayedChannel implements Pusher {
  protected readonly kind = ChannelKind.push;
  readonly #writer: SocketWriter<Bytes, Bytes>;
  /** Bytes that were sent and that the server has not taken. */
  #outstanding = 0;
  #room: Deferred<void> | undefined;
  #taken: Deferred<void> | undefined;

  constructor(context: ChannelContext, later: Macrotasks) {
    super(context);
    const { readiness } = this;
    const sink = {
      get closed() {
        return readiness.isClosed;
      },
      send: (frames: Bytes[]) => this.#send(frames),
    };
    this.#writer = new SocketWriter<Bytes, Bytes>(sink, {
      later,
      ready: () => (this.isReady ? undefined : this.ready()),
      gather: gatherFrames,
    });
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    // The limit is known once the channel is ready, and it is that before anything is sent.
    if (this.terms === undefined) await this.ready();
    const limit = this.terms?.maxFrame ?? Number.POSITIVE_INFINITY;
    for (const { length } of frames) if (length > limit) throw tooLarge(length, limit);
    await this.#writer.write(frames);
  }

  override break(error: PalmError): void {
    this.#free(this.#outstanding);
    super.break(error);
    this.#writer.drop(error);
  }

  protected override took(frame: Frame): void {
    if (frame[0] === Type.taken) this.#free(frame[2]);
    else super.took(frame);
  }

  protected override async drain(timeout: number): Promise<void> {
    if (!this.isReady) return;
    await atMost(
      timeout,
      this.#writer.idle().then(() => this.#allTaken()),
    );
  }

  #send(frames: readonly Bytes[]): Promise<void> | undefined {
    this.context.post([Type.send, this.number, this.generation, frames]);
    for (const { length } of frames) this.#outstanding += length;
    if (this.#outstanding < (this.terms?.window ?? 0)) return undefined;
    this.#room ??= deferred();
    return this.#room.promise;
  }

  #free(bytes: number): void {
    this.#outstanding = Math.max(0, this.#outstanding - bytes);
    if (this.#outstanding < (this.terms?.window ?? 0)) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    if (this.#outstanding === 0) this.#taken?.resolve();
  }

  #allTaken(): Promise<void> {
    if (this.#outstanding === 0) return Promise.resolve();
    this.#taken ??= deferred();
    return this.#taken.promise;
  }
}
