import { PendingReplies } from '../../src/async/deferred.ts';
import { Fifo, retain } from '../../src/async/fifo.ts';
import { REQUEST_BYTES, REQUESTS } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CloseOptions, PendingReply } from '../../src/transport.ts';
import { Dialled } from './dialled.ts';
import { gatherMessage } from './gather.ts';
import type { Link } from './link.ts';

/** How many cancelled requests may wait before the queue is searched for them. */
const PRUNE_FROM = 64;

interface QueuedRequest {
  readonly id: number;
  /** Undefined once the request is cancelled. */
  frame: Bytes | undefined;
}

/**
 * Sends requests to one REP over one DEALER. A REP returns the parts in front of the empty one, so each reply names its request, and a lost or
 * cancelled request does not delay others.
 */
export class ZmtpRequester extends Dialled {
  readonly socketType = 'DEALER';
  readonly #pending = new PendingReplies<Bytes>();
  readonly #waiting = new Fifo<QueuedRequest>();
  /** Sizes of the requests that were sent and not answered. Cancelled ones stay, because the server still answers them. */
  readonly #sent = new Map<number, number>();
  #sentBytes = 0;
  #givenUp = 0;
  readonly #idFrame = new Uint8Array(4);

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    const request: QueuedRequest = { id, frame };
    const refusal = this.refusedWith ?? this.refusal(frame.length);
    if (refusal !== undefined) {
      this.#pending.fail(id, refusal);
    } else {
      this.#waiting.push(request);
      if (this.link !== undefined) this.writable(this.link);
    }
    return { reply, cancel: (reason) => this.#giveUp(request, reason) };
  }

  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    const parts = gatherMessage(link, this, flags, bytes, start, end, isOwn);
    if (parts === undefined) return;
    const [own, empty, reply] = parts;
    if (parts.length !== 3 || own?.length !== 4 || empty?.length !== 0 || reply === undefined) return;
    const id = new DataView(own.buffer, own.byteOffset).getUint32(0);
    this.#forget(id);
    this.#pending.settle(id, reply);
  }

  override pieceEnds(link: Link): void {
    this.writable(link);
  }

  override writable(link: Link): void {
    const waiting = this.#waiting;
    while (waiting.size > 0 && link.hasRoom && !this.#isFull) {
      const { id, frame } = waiting.shift() ?? {};
      if (frame === undefined || id === undefined) {
        this.#givenUp--;
        continue;
      }
      this.#sent.set(id, frame.length);
      this.#sentBytes += frame.length;
      new DataView(this.#idFrame.buffer).setUint32(0, id);
      link.send(this.#idFrame, true);
      link.send(NO_BYTES, true);
      link.send(frame, false);
    }
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    const closing = super.close(options);
    const text = `the connection to ${this.address} was closed before the reply`;
    for (const id of this.#sent.keys())
      this.#pending.fail(id, new PalmError('CLOSED', text, { sent: 'unknown' }));
    this.#pending.failAll(new PalmError('CLOSED', text, { sent: false }));
    this.#forgetWaiting();
    await closing;
  }

  override setRefused(error: PalmError): void {
    super.setRefused(error);
    this.#pending.failAll(error);
    this.#forgetWaiting();
  }

  protected override connected(link: Link): void {
    super.connected(link);
    this.writable(link);
  }

  protected override disconnected(error: PalmError): void {
    for (const id of this.#sent.keys()) this.#pending.fail(id, error);
    this.#sent.clear();
    this.#sentBytes = 0;
    super.disconnected(error);
  }

  get #isFull(): boolean {
    return this.#sent.size >= REQUESTS || this.#sentBytes >= REQUEST_BYTES;
  }

  #forgetWaiting(): void {
    this.#waiting.clear();
    this.#givenUp = 0;
  }

  #giveUp(request: QueuedRequest, reason: unknown): void {
    if (!this.#pending.has(request.id)) return;
    this.#pending.fail(request.id, reason);
    if (this.#sent.has(request.id)) return;
    request.frame = undefined;
    this.#givenUp++;
    if (this.#givenUp < PRUNE_FROM || this.#givenUp * 2 < this.#waiting.size) return;
    retain(this.#waiting, ({ frame }) => frame !== undefined);
    this.#givenUp = 0;
  }

  #forget(id: number): void {
    this.#sentBytes -= this.#sent.get(id) ?? 0;
    this.#sent.delete(id);
  }
}

const NO_BYTES = new Uint8Array(0);
