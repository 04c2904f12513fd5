import type { Dealer } from 'zeromq';
import { type Deferred, deferred, PendingReplies } from '../../src/async/deferred.ts';
import type { Fifo } from '../../src/async/fifo.ts';
import { REQUEST_BURST, REQUEST_BYTES, REQUESTS } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CloseOptions, PendingReply } from '../../src/transport.ts';
import { type DialContext, Dialled, type OpenSocket } from './dialled.ts';
import { plain, readSocket } from './reader.ts';
import { SocketWriter } from './writer.ts';

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
export class ZeromqRequester extends Dialled<Dealer> {
  readonly #pending = new PendingReplies<Bytes>();
  /**
   * Sizes of the requests that were sent and not answered. Cancelled ones stay: ZeroMQ holds them until the server takes them or the link breaks,
   * and the server still answers them.
   */
  readonly #sent = new Map<number, number>();
  #sentBytes = 0;
  /** How many cancelled requests still wait. */
  #givenUp = 0;
  /** Reused for each request: ZeroMQ copies a part this small when it sends it. */
  readonly #idFrame = new Uint8Array(4);
  readonly #id = new DataView(this.#idFrame.buffer);
  #answered: Deferred<void> | undefined;
  readonly #writer: SocketWriter<QueuedRequest>;

  constructor(open: OpenSocket<Dealer>, context: DialContext) {
    super(open, context);
    this.#writer = new SocketWriter(this.socket, {
      ready: () => this.#mayAsk(),
      gather: (requests) => this.#gather(requests),
      // A burst of requests wakes ZeroMQ's thread once, not once for each.
      inCompany: () => this.#sent.size >= REQUEST_BURST,
      onDrop: (error) => this.#pending.failAll(error),
    });
    this.onBreak((error) => {
      this.#failSent(error);
      if (!this.#writer.isSending) return;
      // The send fails with this error though no other socket can be opened yet.
      this.#writer.replace(this.socket, error);
      this.renew(error);
    });
    this.#read(this.socket);
  }

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    const request: QueuedRequest = { id, frame };
    const refusal = this.refusal(frame);
    if (refusal === undefined) this.#writer.post(request);
    else this.#pending.fail(id, refusal);
    return { reply, cancel: (reason) => this.#giveUp(request, reason) };
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    const text = `the connection to ${this.context.address} was closed before the reply`;
    this.#failSent(new PalmError('CLOSED', text, { sent: 'unknown' }));
    this.#pending.failAll(new PalmError('CLOSED', text, { sent: false }));
  }

  protected override renewed(socket: Dealer, error: PalmError): void {
    this.#writer.replace(socket, error);
    this.#read(socket);
  }

  #read(socket: Dealer): void {
    readSocket(socket, (parts) => this.#take(parts), this.progress);
  }

  #mayAsk(): Promise<void> | undefined {
    return this.isReady && !this.#isFull ? undefined : this.#turn();
  }

  get #isFull(): boolean {
    return this.#sent.size >= REQUESTS || this.#sentBytes >= REQUEST_BYTES;
  }

  async #turn(): Promise<void> {
    await this.ready();
    while (this.#isFull) {
      this.#answered = deferred();
      await this.#answered.promise;
      this.#answered = undefined;
      await this.ready();
    }
  }

  #gather(requests: Fifo<QueuedRequest>) {
    let taken = 0;
    for (let request = requests.peek(); request !== undefined; request = requests.peek(taken)) {
      taken++;
      const { id, frame } = request;
      // Cancelled requests are skipped.
      if (frame === undefined) {
        this.#givenUp--;
        continue;
      }
      if (!this.#pending.has(id)) continue;
      this.#sent.set(id, frame.length);
      this.#sentBytes += frame.length;
      this.#id.setUint32(0, id);
      return { parts: [this.#idFrame, NO_BYTES, frame], taken };
    }
    return { parts: [], taken };
  }

  #giveUp(request: QueuedRequest, reason: unknown): void {
    if (!this.#pending.has(request.id)) return;
    this.#pending.fail(request.id, reason);
    if (this.#sent.has(request.id)) return;
    request.frame = undefined;
    this.#givenUp++;
    if (this.#givenUp < PRUNE_FROM || this.#givenUp * 2 < this.#writer.waiting) return;
    this.#writer.prune(({ frame }) => frame !== undefined);
    this.#givenUp = 0;
  }

  #failSent(error: PalmError): void {
    for (const id of [...this.#sent.keys()]) {
      this.#pending.fail(id, error);
      this.#forget(id);
    }
  }

  #forget(id: number): void {
    this.#sentBytes -= this.#sent.get(id) ?? 0;
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
