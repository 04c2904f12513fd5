import { PeerQueue } from '../../src/async/peer-queue.ts';
import { PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BoundPull, CloseOptions } from '../../src/transport.ts';
import { type BindContext, Bound } from './bound.ts';
import { MORE } from './frame-reader.ts';
import type { Link } from './link.ts';
import { Violation } from './violation.ts';

/** Messages that one multipart message may hold. frond sends 128 at most (docs/protocol/palm.md). `maxMessageParts` may set fewer. */
const BATCH_PARTS = 1_024;

/** Takes frames from all peers that push. */
export class ZmtpPull extends Bound implements BoundPull {
  readonly socketType = 'PULL';
  readonly #queue: PeerQueue<Bytes>;
  readonly #mostParts: number;
  #batch: Bytes[] = [];
  /** How many peers are held up. */
  #held = 0;

  constructor(context: BindContext) {
    super(context);
    this.#mostParts = Math.min(BATCH_PARTS, context.settings.maxMessageParts);
    this.#queue = new PeerQueue<Bytes>(context.settings.receiveHighWaterMark ?? PULLED, {
      sizeOf: ({ length }) => length,
      bytes: PULLED_BYTES,
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  stop(): void {
    this.#queue.end();
    for (const link of this.links) link.pause();
  }

  override up(link: Link): void {
    super.up(link);
    if (this.#queue.isEnded) link.pause();
  }

  /** Each part is a message: peers send a batch as one multipart message. */
  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    if ((flags & MORE) === 0) link.passedParts = 0;
    else if (++link.passedParts >= this.#mostParts) {
      throw new Violation(`it sent a batch of more than ${this.#mostParts} messages`, 'TOO_LARGE');
    }
    this.#batch.push(isOwn ? (bytes as Bytes) : this.own.copy(bytes, start, end));
  }

  override pieceEnds(link: Link): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#queue.push(link, batch);
    if (!this.#queue.isFullFor(link)) return;
    if (this.#held === 0) this.reportSlow(this.#queue.size);
    this.#held++;
    link.pause();
    this.#queue.room(link).then(() => {
      this.#held--;
      if (!this.#queue.isEnded) link.resume();
    });
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }
}
