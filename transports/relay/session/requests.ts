import { CLIENT_WORKERS } from '../../../src/flow-control.ts';
import { type Bytes, encodeUtf8 } from '../../../src/protocol/bytes.ts';
import { CANCEL, type CancelNotice } from '../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature, palmMessage } from '../../../src/protocol/message.ts';
import { encodeWorkRequest } from '../../../src/protocol/work-request.ts';
import type { PendingReply } from '../../../src/transport.ts';
import type { JudgedClient } from '../auth/identity.ts';
import type { RequestGuard, RequestVerdict } from '../auth/request-guard.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { AnswerBudget } from './answer-budget.ts';
import type { RetainedMessage } from './retained-message.ts';

/** What requests need of their client's session. */
export interface RequestContext extends JudgedClient {
  /** Gives places to requests, by the size of the replies that the client can take. */
  readonly replyBudget: AnswerBudget;
  /** Bytes that an envelope counts for within the window. */
  counted(frame: Bytes): number;
  /** Cancels calls of the client. Resolves with the number of messages that get no answer for that. */
  cancelCalls(upstream: Upstream, notice: CancelNotice): Promise<number>;
  replied(id: number, reply: Bytes): void;
  failed(id: number, error: PalmError): void;
}

/** A request under way. */
interface PendingRequest {
  readonly upstream: Upstream;
  readonly frame: Bytes;
  cancel(): void;
}

/** The requests under way of one client. */
export class SessionRequests {
  readonly #guard: RequestGuard;
  readonly #context: RequestContext;
  readonly #pending = new Map<number, PendingRequest>();
  /** The client's workers, if it has any. */
  #workers: WorkerWatch | undefined;
  /** Bytes of the requests under way. */
  outstanding = 0;

  constructor(guard: RequestGuard, context: RequestContext) {
    this.#guard = guard;
    this.#context = context;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Bytes remembered of the client's workers. */
  get workerBytes(): number {
    return this.#workers?.bytes ?? 0;
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** @param message - the message that the request came in. It is kept until the request has ended, also when the client gave it up. */
  async ask(id: number, upstream: Upstream, frame: Bytes, message: RetainedMessage): Promise<void> {
    const entry: PendingRequest = { upstream, frame, cancel: () => {} };
    this.#pending.set(id, entry);
    this.outstanding += this.#context.counted(frame);
    message.retain();
    try {
      const verdict = this.#guard.judge(this.#context, upstream.name, frame);
      const onPending = (pending: PendingReply) => {
        entry.cancel = () => pending.cancel(GIVEN_UP);
      };
      const isGivenUp = () => this.#pending.get(id) !== entry;
      const reply = await this.#exchange(upstream, verdict, onPending, isGivenUp);
      if (this.#forget(id, entry)) this.#context.replied(id, reply);
    } catch (error) {
      if (this.#forget(id, entry)) this.#context.failed(id, upstream.errorForClients(error));
    } finally {
      message.release();
    }
  }

  cancel(id: number): void {
    const entry = this.#pending.get(id);
    if (entry === undefined) return;
    this.#forget(id, entry);
    entry.cancel();
  }

  /** The client's grants have changed: requests that it may not make any more fail. */
  review(): void {
    const { identity } = this.#context;
    if (!identity.mayWork) this.#workers?.leave();
    for (const [id, { upstream, frame }] of [...this.#pending]) {
      try {
        if (!identity.mayUse(upstream.name)) {
          throw new PalmError('FORBIDDEN', `${identity.name} may not use ${upstream.name} any more`);
        }
        this.#guard.judge(this.#context, upstream.name, frame);
      } catch (error) {
        this.cancel(id);
        this.#context.failed(id, upstream.errorForClients(error));
      }
    }
  }

  /** The client has lost its connection. */
  away(): void {
    this.#workers?.away();
  }

  /** The client is gone. Work that its workers held goes to others at once. */
  close(): void {
    for (const id of [...this.#pending.keys()]) this.cancel(id);
    this.#workers?.leave();
  }

  #forget(id: number, entry: PendingRequest): boolean {
    if (this.#pending.get(id) !== entry) return false;
    this.#pending.delete(id);
    this.outstanding -= this.#context.counted(entry.frame);
    return true;
  }

  async #exchange(
    upstream: Upstream,
    verdict: RequestVerdict,
    onPending: (pending: PendingReply) => void,
    isGivenUp: () => boolean,
  ): Promise<Bytes> {
    const send = (frame: Bytes) => {
      const pending = upstream.request(frame);
      onPending(pending);
      return pending.reply;
    };
    if (verdict.kind === 'work') {
      this.#workers ??= new WorkerWatch();
      this.#workers.saw(upstream, verdict);
      const pending = upstream.requestWork(verdict.frame);
      onPending(pending);
      return pending.reply;
    }
    if (verdict.kind === 'cancel') {
      const count = await this.#context.cancelCalls(upstream, verdict.notice);
      const features = Feature.replies | Feature.cancels;
      return new EnvelopeCodec().encode(
        palmMessage({ function: CANCEL, payload: encodeUtf8(String(count)), features }),
      );
    }
    const { replyBudget } = this.#context;
    // Requests without a place wait in order, so that a get does not overtake the set before it.
    if (replyBudget.take(1) === 0) await replyBudget.wait(1);
    const { frame, deletes, rewrite } = verdict;
    let size: number | undefined;
    try {
      if (isGivenUp()) throw GIVEN_UP;
      const reply = await (deletes === undefined ? send(frame) : upstream.delete(deletes, frame, send));
      size = reply.length;
      return rewrite === undefined ? reply : rewrite(reply);
    } finally {
      if (size === undefined) replyBudget.release(1);
      else replyBudget.answered(1, size);
    }
  }
}

const GIVEN_UP = new PalmError('CLOSED', 'the client gave the request up');

/** A worker, as its requests describe it. */
interface SeenWorker {
  readonly worker: string;
  readonly name: string;
  readonly leaves: boolean;
}

const LONGEST = 1_024;
/** Bytes of one beside its strings. */
const ENTRY = 256;

/** A worker of one server. Several servers may have workers with the same id. */
interface WatchedWorker extends Pick<SeenWorker, 'worker' | 'name'> {
  readonly upstream: Upstream;
}

/** The workers of one client. When its connection breaks, their Masters are told at once. */
export class WorkerWatch {
  /** By the name of the server, which has no spaces, and the worker's id. */
  readonly #workers = new Map<string, WatchedWorker>();
  #bytes = 0;

  /** An estimate of their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws PalmError `FORBIDDEN` when the client has too many workers, or the worker's name is too long. */
  saw(upstream: Upstream, { worker, name, leaves }: SeenWorker): void {
    const key = `${upstream.name} ${worker}`;
    if (leaves) {
      this.#forget(key);
      return;
    }
    const isNew = !this.#workers.has(key);
    if ((isNew && this.#workers.size >= CLIENT_WORKERS) || worker.length + name.length > LONGEST) {
      throw new PalmError('FORBIDDEN', 'the client has too many workers, or one with too long a name');
    }
    this.#forget(key);
    const watched = { upstream, worker, name };
    this.#workers.set(key, watched);
    this.#bytes += sizeOf(watched);
  }

  #forget(key: string): void {
    const known = this.#workers.get(key);
    if (known === undefined) return;
    this.#workers.delete(key);
    this.#bytes -= sizeOf(known);
  }

  /** The client has lost its connection, and may come back. */
  away(): void {
    const codec = new EnvelopeCodec();
    for (const { upstream, worker, name } of this.#workers.values()) {
      const request = { worker, name, sequence: 1, want: 0, leaves: false, isAway: true, items: [] };
      // A Master that is gone need not be told.
      const tell = async () => upstream.requestWork(encodeWorkRequest(codec, request)).reply;
      tell().catch(() => {});
    }
  }

  /** The client is gone for good. */
  leave(): void {
    this.away();
    this.#workers.clear();
    this.#bytes = 0;
  }
}

function sizeOf({ worker, name, upstream }: WatchedWorker): number {
  return 2 * (2 * worker.length + name.length + upstream.name.length) + ENTRY;
}
