/** Hands the messages of a Master or Hub over to its workers, each to the one that has its hands free. */

import { type Deferred, deferred } from '../../async/deferred.ts';
import { WORKER_QUEUE, WORKER_RESULTS } from '../../flow-control.ts';
import type { Logger } from '../../logging.ts';
import { type Bytes, Slab } from '../../protocol/bytes.ts';
import { EnvelopeCodec, withCache } from '../../protocol/envelope.ts';
import { inspectValue, PalmError } from '../../protocol/errors.ts';
import { countedIds } from '../../protocol/ids.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import { clientOf } from '../../protocol/topics.ts';
import {
  encodeWorkReply,
  readWorkRequest,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../../protocol/work-request.ts';
import type { BoundPush, RequestOrigin } from '../../transport.ts';
import type { Outlet } from '../runtime/flow.ts';
import type { WorkerLosses, WorkerState } from '../runtime/status.ts';
import type { LeasedWorker } from './leased-worker.ts';
import { type LeaseBudgets, Leases } from './leases.ts';
import { LinkMoves } from './link-moves.ts';
import { WorkSharing } from './work-assigner.ts';
import { WorkerRegistry } from './worker-registry.ts';
import { WorkerResults } from './worker-results.ts';

export interface HandOverSettings {
  readonly push: BoundPush;
  /** Takes results of workers. Resolves when more may come. */
  readonly onResults: (frames: readonly Bytes[]) => Promise<void>;
  /** Takes a message that is given up, since so many workers died with it. */
  readonly onGivenUp: (message: PalmMessage, deaths: number) => void;
  readonly logger: Logger;
  readonly budgets: LeaseBudgets;
  /** Whether messages are what came in, unchanged: then they need not be encoded anew. */
  readonly isVerbatim: boolean;
  /** Milliseconds between two signs of life of a worker. */
  readonly heartbeat: number;
  /** Milliseconds that a worker may be silent before that is said; where nobody can tell of its link, it is taken for dead then. */
  readonly workerTimeout: number;
  /** Workers that may die with a message before it is given up. */
  readonly maxDeliveries: number;
}

/**
 * A frond worker asks for work and says how much it takes; what it holds is remembered until it says what became of it.
 * Workers that take what is pushed get what nobody asks for.
 */
export class Dispatcher implements Outlet<Bytes> {
  readonly #settings: HandOverSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #replies = new EnvelopeCodec();
  readonly #leases: Leases;
  readonly #askers: WorkerRegistry;
  readonly #moves: LinkMoves;
  readonly #sharing: WorkSharing;
  readonly #losses = { workers: 0, redelivered: 0, givenUp: 0 };
  readonly #nextId = countedIds();
  readonly #slab = new Slab();
  readonly #results = new WorkerResults();
  #room: Deferred<void> | undefined;
  #drained: Deferred<void> | undefined;
  /** Of the message that was added last, and whose it was. */
  #topic = '';
  #client = '';
  #isClosed = false;

  constructor(settings: HandOverSettings) {
    this.#settings = settings;
    const leases = new Leases(settings.maxDeliveries, settings.budgets);
    this.#leases = leases;
    this.#askers = new WorkerRegistry({
      // A sign of life that is kept as long as a worker may be silent would come too late.
      heartbeat: Math.min(settings.heartbeat, settings.workerTimeout / 3),
      workerTimeout: settings.workerTimeout,
      kept: settings.budgets.out,
      isFree: ({ id }) => leases.holds(id) === 0,
      onCame: ({ name }, isBack) =>
        settings.logger.info(isBack ? 'worker came back' : 'worker came', { worker: name }),
      onDead: (asker, why) => this.#lost(asker, why),
      onSilent: ({ id, name }) =>
        settings.logger.warning('worker is silent, and its link is there', {
          worker: name,
          held: leases.holds(id),
        }),
      onDropped: (asker, why) => {
        this.#end(asker, why);
        leases.forgetWorker(asker.id);
      },
      onForgotten: (id) => leases.forgetWorker(id),
      onLook: () => this.#sharing.look(),
    });
    this.#moves = new LinkMoves({
      budget: settings.budgets.out,
      logger: settings.logger,
      heartbeat: this.#askers.heartbeat,
      workerTimeout: settings.workerTimeout,
      answer: (request, from) => (this.#isClosed ? neverAnswered() : this.#answer(request, from)),
    });
    this.#sharing = new WorkSharing({
      leases,
      push: settings.push,
      out: settings.budgets.out,
      hasAskers: () => this.#askers.hasAwake,
      encode: (items) => this.#encode(items),
      onShared: () => this.#openRoom(),
    });
    settings.push.onPeers(() => this.#peersChanged());
  }

  /** Messages that wait for a worker. */
  get waiting(): number {
    return this.#leases.waiting;
  }

  /** Messages that wait for a worker or that one has. */
  get inFlight(): number {
    return this.waiting + this.#leases.out + this.#sharing.pushedOut;
  }

  get workers(): WorkerState[] {
    const now = performance.now();
    return [...this.#askers].map(({ id, name, lastSeen }) => ({
      name,
      holds: this.#leases.holds(id),
      silent: Math.round(now - lastSeen),
    }));
  }

  get losses(): WorkerLosses {
    return { ...this.#losses };
  }

  /** @param frame - the message as it came in. */
  add(message: PalmMessage, frame: Bytes): void {
    let own = frame;
    if (!this.#settings.isVerbatim) own = this.#codec.encode(message);
    // A Master fills an empty `cache` field (pylm/parts/core.py, Inbound).
    else if (message.cache === '') own = withCache(frame, this.#nextId(), this.#slab);
    if (message.client !== this.#topic) {
      this.#topic = message.client;
      this.#client = clientOf(message.client);
    }
    this.#leases.add(own, this.#client);
  }

  done(): void {}

  async flush(): Promise<boolean> {
    this.#sharing.share();
    if (this.#isFull(1) && !this.#isClosed) {
      this.#room ??= deferred();
      await this.#room.promise;
    }
    return !this.#isClosed;
  }

  /**
   * Answers a worker's request: with work, when there is some.
   * @param from - where it came from, if that is known.
   * @throws PalmError `PROTOCOL` when it is none.
   */
  answer(message: PalmMessage, from?: RequestOrigin): Bytes | Promise<Bytes> {
    return this.#answer(readWorkRequest(message), from);
  }

  #answer(request: WorkRequest, from: RequestOrigin | undefined): Bytes | Promise<Bytes> {
    const { worker, name, isAway, leaves, items } = request;
    const known = this.#askers.known(worker);
    if (known?.isAt(from) === false) return this.#moves.take(known, request, from);
    // Whoever is not here has nothing to leave. Of the link to a worker of its own a relay says that it broke.
    const isNobody = known === undefined && leaves && items.length === 0;
    if (isAway && known !== undefined) this.#linkBroke(known);
    if (isAway || isNobody) return this.#encode([]);
    if (this.#askers.hasLeft(worker)) {
      throw new PalmError(
        'PROTOCOL',
        `worker ${inspectValue(name)} has left; one that comes back needs another id`,
      );
    }
    const asker = this.#askers.come(worker, name);
    asker.heard(from, () => this.#linkBroke(asker));
    if (request.items.length > 0 && asker.untaken >= WORKER_RESULTS) {
      throw new PalmError(
        'TOO_LARGE',
        `results of ${WORKER_RESULTS} requests of this worker wait to be taken`,
      );
    }
    if (request.want > 0) asker.asks++;
    const { asks } = asker;
    const results = asker.isNew(request.sequence) ? this.#take(asker, request.items) : [];
    if (results.length === 0) return this.#reply(asker, request, asks);
    asker.untaken++;
    return this.#settings.onResults(results).then(() => {
      asker.untaken--;
      return this.#reply(asker, request, asks);
    });
  }

  /** Results of workers that are pushed to. Gives those that are of something that was pushed. */
  pushedCameBack(frames: readonly Bytes[]): Bytes[] {
    const results = this.#sharing.pushedCameBack(frames);
    this.#checkDrained();
    return results;
  }

  /** Resolves when nothing waits for a worker and no worker has anything. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    this.#drained ??= deferred();
    return this.#drained.promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#room?.resolve();
    this.#sharing.close();
    this.#askers.close();
  }

  #peersChanged(): void {
    this.#sharing.peersChanged();
    this.#checkDrained();
  }

  /** What became of leases. Gives the results; those of a message that is settled came too late. */
  #take(asker: LeasedWorker, items: readonly WorkItem[]): Bytes[] {
    const results: Bytes[] = [];
    for (const { lease: number, kind, frame: given } of items) {
      const lease = this.#leases.find(number, asker.id);
      if (lease === undefined) continue;
      if (kind === WorkKind.returned) {
        this.#leases.giveBack(lease);
        continue;
      }
      if (given.length > 0) {
        const frame = this.#results.of(lease.message.frame, given);
        // A run that failed where one before it had not: that is news, too.
        if (this.#leases.isNews(lease) || this.#results.isFailure(frame)) results.push(frame);
      }
      if (kind === WorkKind.done) this.#leases.settle(lease.message);
    }
    if (items.length > 0 && this.#leases.holds(asker.id) === 0) asker.forgetAnswer();
    this.#checkDrained();
    return results;
  }

  #reply(asker: LeasedWorker, request: WorkRequest, asks: number): Bytes | Promise<Bytes> {
    const { sequence, want, leaves, items } = request;
    if (leaves) this.#left(asker);
    if (leaves || (want === 0 && items.length > 0)) {
      this.#sharing.share();
      return this.#encode([]);
    }
    // While its results waited to be taken, its worker may have left, or have sent it again after a break: who asked
    // then is not there any more, and what it got would be held by nobody.
    const isThere = this.#askers.get(asker.id) === asker;
    if (!isThere || (want > 0 && asker.asks !== asks)) return this.#encode([]);
    if (this.#isClosed) return neverAnswered();
    const { heartbeat } = this.#askers;
    if (want === 0) return asker.keepSign(this.#encode([]), heartbeat);
    const before = asker.answerBefore(sequence);
    if (before !== undefined) return before === 'overtaken' ? this.#encode([]) : before;
    // One that asks again because a break took its answer has given up the request before.
    asker.endAsking(this.#encode([]));
    const reply = asker.ask(sequence, want, heartbeat, () => this.#sharing.giveNothing(asker));
    this.#sharing.wait(asker);
    this.#sharing.share();
    return reply;
  }

  #openRoom(): void {
    if (this.#isFull(1 / 2)) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Half of the budget is for what waits to be scattered. */
  #isFull(share: number): boolean {
    const { limit } = this.#settings.budgets.waiting;
    return this.waiting >= share * WORKER_QUEUE || this.#leases.waitingBytes >= (share * limit) / 2;
  }

  #encode(items: readonly WorkItem[]): Bytes {
    return encodeWorkReply(this.#replies, items);
  }

  /** Nothing is given to a link that is not there. Should the worker be, it asks again, or has done so over another. */
  #linkBroke(asker: LeasedWorker): void {
    this.#sharing.waitsNoMore(asker);
    asker.endAsking(this.#encode([]));
    const isGone = !asker.isLinked;
    if (isGone) asker.moved();
    if (!isGone || !asker.isLinked) this.#askers.linkBroke(asker);
  }

  /** What the worker has not ended is for others. */
  #left(asker: LeasedWorker): void {
    this.#askers.leave(asker);
    this.#end(asker, 'worker left');
    this.#leases.left(asker.id);
    asker.stop();
  }

  #lost(asker: LeasedWorker, why: string): void {
    const held = this.#leases.holds(asker.id);
    this.#end(asker, why);
    const givenUp = this.#leases.died(asker.id);
    this.#losses.workers++;
    this.#losses.redelivered += held - givenUp.length;
    this.#losses.givenUp += givenUp.length;
    for (const { frame, deaths } of givenUp) this.#settings.onGivenUp(this.#codec.decode(frame), deaths);
    this.#sharing.share();
    this.#checkDrained();
  }

  #end(asker: LeasedWorker, why: string): void {
    asker.end(this.#encode([]));
    this.#sharing.waitsNoMore(asker);
    const held = this.#leases.holds(asker.id);
    const { logger } = this.#settings;
    if (held > 0) logger.warning(why, { worker: asker.name, held });
    else logger.info(why, { worker: asker.name, held });
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.inFlight > 0) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }
}

/** A worker whose request is answered with nothing asks again at once; the end of the connection tells it. */
function neverAnswered(): Promise<Bytes> {
  return new Promise(() => {});
}
