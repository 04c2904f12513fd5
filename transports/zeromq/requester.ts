import type { Dealer } from 'zeromq';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import type { Fifo } from '../../src/async/fifo.ts';
import { PendingReplies } from '../../src/async/pending.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { CloseOptions, PendingReply } from '../../src/transport.ts';
import { type DialContext, Dialled } from './dialled.ts';
import { plain, readSocket } from './reader.ts';
import { SocketWriter } from './writer.ts';

/**
 * Requests under way at once. A REP drops replies without a word when more than its high-water mark, 1000 unless set
 * otherwise, wait for a peer.
 */
const MOST_UNANSWERED = 512;

/** Requests under way from which on the next ones go in bursts. */
const BURST = 8;

interface Request {
  readonly id: number;
  readonly frame: Bytes;
}

/**
 * Requests to one REP over one DEALER. A REP gives back the parts in front of the empty one, so each reply names its
 * request, and one that was lost or given up holds up no other.
 */
export class ZeromqRequester extends Dialled<Dealer> {
  readonly #pending = new PendingReplies<Bytes>();
  readonly #sent = new Set<number>();
  /** Written anew for each request: a part this small is copied when it is sent. */
  readonly #idFrame = new Uint8Array(4);
  readonly #id = new DataView(this.#idFrame.buffer);
  #answered: Deferred<void> | undefined;
  readonly #writer: SocketWriter<Request>;

  constructor(socket: Dealer, context: DialContext) {
    super(socket, context);
    this.#writer = new SocketWriter(socket, {
      ready: () => this.#mayAsk(),
      gather: (requests) => this.#gather(requests),
      // Sent in bursts, requests wake ZeroMQ's own thread once and not each.
      inCompany: () => this.#sent.size >= BURST,
      onDrop: (error) => this.#pending.failAll(error),
    });
    this.onBreak((error) => this.#failSent(error));
    readSocket(socket, (parts) => this.#take(parts), this.progress);
  }

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    this.#writer.post({ id, frame });
    return { reply, cancel: (reason) => this.#fail(id, reason) };
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    const text = `the connection to ${this.context.address} was closed before the reply`;
    this.#pending.failAll(new PalmError('CLOSED', text, { sent: 'unknown' }));
  }

  #mayAsk(): Promise<void> | undefined {
    return this.isReady && this.#sent.size < MOST_UNANSWERED ? undefined : this.#turn();
  }

  async #turn(): Promise<void> {
    await this.ready();
    while (this.#sent.size >= MOST_UNANSWERED) {
      this.#answered = deferred();
      await this.#answered.promise;
      this.#answered = undefined;
      await this.ready();
    }
  }

  #gather(requests: Fifo<Request>) {
    let taken = 0;
    for (let request = requests.peek(); request !== undefined; request = requests.peek(taken)) {
      taken++;
      const { id, frame } = request;
      // What was given up while it waited is passed over.
      if (!this.#pending.has(id)) continue;
      this.#sent.add(id);
      this.#id.setUint32(0, id);
      return { parts: [this.#idFrame, NO_BYTES, frame], taken };
    }
    return { parts: [], taken };
  }

  #fail(id: number, reason: unknown): void {
    this.#pending.fail(id, reason);
    this.#forget(id);
  }

  #failSent(error: PalmError): void {
    for (const id of [...this.#sent]) this.#fail(id, error);
  }

  #forget(id: number): void {
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
