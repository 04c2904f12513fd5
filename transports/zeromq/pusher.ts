import type { Push } from 'zeromq';
import { atMost } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { CloseOptions, Pusher } from '../../src/transport.ts';
import { type DialContext, Dialled, type OpenSocket } from './dialled.ts';
import { gatherFrames, SocketWriter } from './writer.ts';

/** Frames to one PULL. When the link breaks, what has not left is given up. */
export class ZeromqPusher extends Dialled<Push> implements Pusher {
  readonly #writer = new SocketWriter<Uint8Array>(this.socket, {
    ready: () => (this.isReady ? undefined : this.ready()),
    gather: gatherFrames,
  });

  constructor(open: OpenSocket<Push>, context: DialContext) {
    super(open, context);
    this.onBreak((error) => {
      this.#writer.drop(error);
      if (this.#writer.isSending) this.renew();
      this.#writer.replace(this.socket, error);
    });
  }

  send(frames: readonly Bytes[]): Promise<void> {
    for (const frame of frames) {
      const refusal = this.refusal(frame);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    return this.#writer.write(frames);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const { timeout = 0 } = options;
    const started = performance.now();
    if (timeout > 0 && this.isReady) await atMost(timeout, this.#writer.idle());
    await super.close({ timeout: timeout - (performance.now() - started) });
  }
}
