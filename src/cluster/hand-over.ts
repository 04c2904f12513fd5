/** Hands the messages of a Master or Hub over to its workers, each to the one that has its hands free. */
import { startTimer } from '../async/deadline.ts';
import { type Deferred, deferred } from '../async/deferred.ts';
import { Fifo } from '../async/fifo.ts';
import type { Logger } from '../logging.ts';
import { EnvelopeCodec, withCache } from '../protocol/envelope.ts';
import { countedIds } from '../protocol/ids.ts';
import type { PalmMessage } from '../protocol/message.ts';
import type { Bytes } from '../protocol/utf8.ts';
import {
  encodeWorkReply,
  LAST_LEASE,
  readWorkRequest,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../protocol/work.ts';
import type { BoundPush } from '../transport.ts';
import { Asker } from './asker.ts';
import type { Outlet } from './flow.ts';
import { PushShare } from './push-share.ts';

/** Messages that may wait for a worker before no more are taken in. */
const MOST_WAITING = 2_048;

/** Bytes of messages that are given at once, but for the last: a link may have a limit, and memory has. */
const MOST_BYTES = 1_048_576;

/** Milliseconds after which a request for work is answered though there is none: both sides see that the other lives. */
const LONGEST_WAIT = 1_000;

/** Workers that are remembered at once. */
const MOST_WORKERS = 4_096;

/** A message on its way to a worker. */
interface LeasedMessage {
  readonly lease: number;
  readonly frame: Bytes;
  /** Id of the worker that has it. */
  worker: string;
}

export interface HandOverSettings {
  readonly push: BoundPush;
  /** Takes results of workers. Resolves when more may come. */
  readonly onResults: (frames: readonly Bytes[]) => Promise<void>;
  readonly logger: Logger;
  /** Whether messages are what came in, unchanged: then they need not be encoded anew. */
  readonly isVerbatim: boolean;
  /** Milliseconds of silence after which a worker is taken for dead, and what it held is given to others. */
  readonly workerTimeout: number;
}

/** What a worker is doing, as `frond inspect` shows it. */
export interface WorkerState {
  readonly name: string;
  /** Messages that it has. */
  readonly holds: number;
  /** Milliseconds since it was heard of. */
  readonly silent: number;
}

/**
 * A frond worker asks for work and says how much it takes; what it holds is remembered until it says what became of it.
 * Workers that take what is pushed get what nobody asks for.
 */
export class HandOver implements Outlet<Bytes> {
  readonly #settings: HandOverSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #replies = new EnvelopeCodec();
  readonly #waiting = new Fifo<LeasedMessage>();
  /** Given back by a worker: first in turn. */
  readonly #returned = new Fifo<LeasedMessage>();
  readonly #held = new Map<number, LeasedMessage>();
  readonly #askers = new Map<string, Asker>();
  /** Those that wait for work, longest first. */
  readonly #idle = new Set<Asker>();
  readonly #pushed: PushShare<LeasedMessage>;
  /** Counts on from anywhere: a result for a Master that was here before must not be taken for one of this one's. */
  #lease = Math.floor(Math.random() * LAST_LEASE);
  readonly #nextId = countedIds();
  #room: Deferred<void> | undefined;
  #stopWatch: (() => void) | undefined;
  #drained: Deferred<void> | undefined;
  #isClosed = false;

  constructor(settings: HandOverSettings) {
    this.#settings = settings;
    this.#pushed = new PushShare<LeasedMessage>(settings.push, this);
    settings.push.onPeers(() => this.#peersChanged());
  }

  /** Messages that wait for a worker. */
  get waiting(): number {
    return this.#waiting.size + this.#returned.size;
  }

  /** Messages that wait for a worker or that one has. */
  get inFlight(): number {
    return this.waiting + this.#held.size + this.#pushed.out;
  }

  get workers(): WorkerState[] {
    const now = performance.now();
    return [...this.#askers.values()].map(({ name, held, lastSeen }) => ({
      name,
      holds: held.size,
      silent: Math.round(now - lastSeen),
    }));
  }

  /** @param frame - the message as it came in. */
  add(message: PalmMessage, frame: Bytes): void {
    this.#lease = this.#lease === LAST_LEASE ? 1 : this.#lease + 1;
    const { isVerbatim } = this.#settings;
    const own = isVerbatim ? this.#filled(message, frame) : this.#codec.encode(message);
    this.#waiting.push({ lease: this.#lease, frame: own, worker: '' });
  }

  done(): void {}

  async flush(): Promise<boolean> {
    this.#share();
    if (this.waiting >= MOST_WAITING && !this.#isClosed) {
      this.#room ??= deferred();
      await this.#room.promise;
    }
    return !this.#isClosed;
  }

  /** The message that waits longest. */
  next(): LeasedMessage | undefined {
    return this.#returned.shift() ?? this.#waiting.shift();
  }

  putBack(message: LeasedMessage): void {
    this.#returned.push(message);
  }

  /** Answers a worker's request: with work, when there is some. @throws PalmError `PROTOCOL` when it is none. */
  answer(message: PalmMessage): Bytes | Promise<Bytes> {
    const request = readWorkRequest(message);
    const asker = this.#askerOf(request);
    asker.lastSeen = performance.now();
    if (request.want > 0) asker.latest = request;
    const results = asker.isNew(request.sequence) ? this.#take(asker, request.items) : [];
    if (results.length === 0) return this.#reply(asker, request);
    return this.#settings.onResults(results).then(() => this.#reply(asker, request));
  }

  /** Results came from workers that are pushed to. */
  pushedCameBack(count: number): void {
    this.#pushed.cameBack(count);
    this.#share();
    this.#checkDrained();
  }

  /** Resolves when nothing waits for a worker and no worker has anything. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    this.#drained ??= deferred();
    return this.#drained.promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopWatch?.();
    this.#room?.resolve();
    for (const asker of this.#idle) asker.stopWaiting();
    this.#idle.clear();
    this.#askers.clear();
  }

  /** A Master fills an empty `cache` field (pylm/parts/core.py, Inbound). */
  #filled(message: PalmMessage, frame: Bytes): Bytes {
    return message.cache === '' ? withCache(frame, this.#nextId()) : frame;
  }

  #peersChanged(): void {
    if (this.#settings.push.peers === 0) this.#pushed.forget();
    this.#share();
    this.#checkDrained();
  }

  #askerOf({ worker: id, name }: WorkRequest): Asker {
    const known = this.#askers.get(id);
    if (known !== undefined) return known;
    const asker = new Asker(id, name);
    this.#askers.set(id, asker);
    this.#settings.logger.info('worker came', { worker: name });
    if (this.#stopWatch === undefined && !this.#isClosed) this.#watch();
    if (this.#askers.size > MOST_WORKERS) this.#forgetOne(asker);
    return asker;
  }

  /** What became of leases. Gives the results; those of a lease that is settled came too late. */
  #take(asker: Asker, items: readonly WorkItem[]): Bytes[] {
    const results: Bytes[] = [];
    for (const { lease, kind, frame } of items) {
      const message = this.#held.get(lease);
      if (message === undefined) continue;
      if (kind !== WorkKind.returned) {
        if (frame.length > 0) results.push(frame);
        if (kind === WorkKind.done) this.#release(message);
      } else if (message.worker === asker.id) {
        this.#release(message);
        this.#returned.push(message);
      }
    }
    this.#checkDrained();
    return results;
  }

  #release({ lease, worker }: LeasedMessage): void {
    this.#held.delete(lease);
    this.#askers.get(worker)?.held.delete(lease);
  }

  #reply(asker: Asker, request: WorkRequest): Bytes | Promise<Bytes> {
    const { sequence, want, leaves } = request;
    if (leaves) this.#forget(asker, 'worker left');
    if (leaves || want === 0) {
      this.#share();
      return this.#encode([]);
    }
    // While its results waited to be taken, its worker may have left, or have sent it again after a break: who asked
    // then is not there any more, and what it got would be held by nobody.
    if (this.#askers.get(asker.id)?.latest !== request) return this.#encode([]);
    // Not answered: it would ask again at once. The end of the connection tells it.
    if (this.#isClosed) return new Promise<Bytes>(() => {});
    const before = asker.answerBefore(sequence);
    if (before !== undefined) return before === 'overtaken' ? this.#encode([]) : before;
    // One that asks again because a break took its answer has given up the request before.
    asker.end(this.#encode([]));
    const reply = asker.ask(sequence, want, LONGEST_WAIT, () => this.#give(asker, []));
    this.#idle.add(asker);
    this.#share();
    return reply;
  }

  /** Gives what waits to those that asked for it, evenly, and has what nobody asked for pushed. */
  #share(): void {
    while (this.#idle.size > 0 && this.waiting > 0) {
      const fair = Math.ceil(this.waiting / this.#idle.size);
      for (const asker of this.#idle) {
        const count = Math.min(asker.want, fair);
        const messages: LeasedMessage[] = [];
        let bytes = 0;
        for (let message = this.next(); message !== undefined; message = this.next()) {
          messages.push(message);
          bytes += message.frame.length;
          if (messages.length === count || bytes >= MOST_BYTES) break;
        }
        this.#give(asker, messages);
        if (this.waiting === 0) break;
      }
    }
    if (this.waiting > 0) this.#pushed.run(() => this.#askers.size > 0).then(() => this.#openRoom());
    this.#openRoom();
  }

  #openRoom(): void {
    if (this.waiting > MOST_WAITING / 2) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #give(asker: Asker, messages: readonly LeasedMessage[]): void {
    this.#idle.delete(asker);
    const items: WorkItem[] = [];
    for (const message of messages) {
      const { lease, frame } = message;
      message.worker = asker.id;
      this.#held.set(lease, message);
      asker.held.add(lease);
      items.push({ lease, kind: WorkKind.open, frame });
    }
    asker.answer(this.#encode(items));
  }

  #encode(items: readonly WorkItem[]): Bytes {
    return encodeWorkReply(this.#replies, items);
  }

  #watch(): void {
    const before = this.#pushed.back;
    this.#stopWatch = startTimer(LONGEST_WAIT, () => {
      const now = performance.now();
      for (const asker of [...this.#askers.values()]) {
        if (now - asker.lastSeen > this.#settings.workerTimeout) this.#forget(asker, 'worker fell silent');
      }
      if (this.#pushed.back === before) this.#pushed.forget();
      this.#share();
      if (this.#askers.size > 0) this.#watch();
      else this.#stopWatch = undefined;
    });
  }

  /** Whoever makes ids up must not fill the memory. One that holds nothing and comes again is as it was. */
  #forgetOne(newest: Asker): void {
    for (const asker of this.#askers.values()) {
      if (asker === newest || asker.held.size > 0) continue;
      this.#forget(asker, 'worker forgotten for another');
      return;
    }
  }

  /** What the worker held is for others. */
  #forget(asker: Asker, why: string): void {
    asker.end(this.#encode([]));
    this.#idle.delete(asker);
    this.#askers.delete(asker.id);
    const { logger } = this.#settings;
    const fields = { worker: asker.name, held: asker.held.size };
    if (asker.held.size > 0) logger.warning(why, fields);
    else logger.info(why, fields);
    for (const lease of asker.held) {
      const message = this.#held.get(lease);
      this.#held.delete(lease);
      if (message !== undefined) this.#returned.push(message);
    }
    this.#share();
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.inFlight > 0) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }
}
