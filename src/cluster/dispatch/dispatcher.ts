/** Gives the messages of a Master or Hub to its workers, and takes their results. */

import { type Deferred, deferred } from '../../async/deferred.ts';
import { SCATTER_QUEUE, WORKER_RESULTS } from '../../flow-control.ts';
import type { FunctionDescription } from '../../functions/contract/description.ts';
import { readDescriptions } from '../../functions/contract/read-descriptions.ts';
import type { Logger } from '../../logging.ts';
import { type Bytes, decodeUtf8, Slab } from '../../protocol/bytes.ts';
import { type CancelNotice, cancelMessage } from '../../protocol/cancel.ts';
import { EnvelopeCodec, withCache } from '../../protocol/envelope.ts';
import { inspectValue, PalmError } from '../../protocol/errors.ts';
import { countedIdBytes } from '../../protocol/ids.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { readPriority } from '../../protocol/priority.ts';
import {
  encodeWorkReply,
  OFFERS,
  readOffers,
  readWorkRequest,
  type WorkerOffer,
  type WorkItem,
  WorkKind,
  type WorkRequest,
} from '../../protocol/work-request.ts';
import type { BoundPush, RequestOrigin } from '../../transport.ts';
import type { CallHolder, CancelledFrames } from '../runtime/cancellations.ts';
import type { Outlet } from '../runtime/flow.ts';
import type { Gate } from '../runtime/intake.ts';
import type { FunctionMeter, FunctionMeters } from '../runtime/meter.ts';
import type { OpenInput, OpenInputs } from '../runtime/open-inputs.ts';
import type { WorkerLosses, WorkerState } from '../runtime/status.ts';
import { LeasedCalls } from './leased-calls.ts';
import type { LeasedWorker } from './leased-worker.ts';
import { type Lease, type LeaseBudgets, Leases } from './leases.ts';
import { LinkMoves } from './link-moves.ts';
import { PushedOffers } from './pushed-offers.ts';
import { type PushedResults, WorkAssigner } from './work-assigner.ts';
import { WorkerOffers } from './worker-offers.ts';
import { WorkerRegistry } from './worker-registry.ts';
import { type WorkerResult, WorkerResults } from './worker-results.ts';

export interface DispatcherSettings {
  /** Pushes work to workers that do not ask for it, as pylm's do not. */
  readonly push: BoundPush;
  /** Takes workers' results. Resolves when more may come. */
  readonly onResults: (results: readonly WorkerResult[]) => Promise<void>;
  /** Takes how far a worker is with a message: the message, with status and payload of progress. */
  readonly onProgress: (progress: PalmMessage) => void;
  /** Takes a message that is given up because `deaths` workers died with it; `id` is a name for its answer, where it has one. */
  readonly onGivenUp: (message: PalmMessage, deaths: number, id?: string) => void;
  /** Whether a message is not wanted any more. It is answered then. */
  readonly refuses?: (message: PalmMessage, frame: Bytes) => boolean;
  /** What has to be settled of the messages that come in. */
  readonly inputs?: OpenInputs | undefined;
  /** Called with the number of messages that were settled because their callers cancelled them. */
  readonly onCancelled?: (count: number) => void;
  /** Takes the times of the messages that workers ask for, by function. */
  readonly meters?: FunctionMeters;
  /** Called when a client that {@link Dispatcher.gate} held up may pass again. */
  readonly onRoom?: () => void;
  readonly logger: Logger;
  readonly budgets: LeaseBudgets;
  /** Whether messages are what came in, unchanged: they need not be encoded again. */
  readonly isVerbatim: boolean;
  /** Milliseconds between two signs of life of a worker. */
  readonly heartbeat: number;
  /** Milliseconds that a worker may be silent before it is logged. A worker whose link cannot be watched then counts as dead. */
  readonly workerTimeout: number;
  /** Workers that may die with one message before it is given up. */
  readonly maxDeliveries: number;
}

/**
 * A frond worker asks for work and says how much it takes. Each message that it gets is a lease, which it ends with a result or
 * returns. Workers that are pushed to get the messages that nobody asks for.
 */
export class Dispatcher implements Outlet<Bytes>, CallHolder {
  readonly #settings: DispatcherSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #replies = new EnvelopeCodec();
  readonly #leases: Leases;
  readonly #registry: WorkerRegistry;
  readonly #moves: LinkMoves;
  readonly #assigner: WorkAssigner;
  readonly #offers = new WorkerOffers();
  readonly #pushedOffers: PushedOffers;
  readonly #losses = { workers: 0, redelivered: 0, givenUp: 0 };
  readonly #nextId = countedIdBytes();
  readonly #slab = new Slab();
  readonly #results = new WorkerResults();
  #room: Deferred<void> | undefined;
  #drained: Deferred<void> | undefined;
  readonly #calls = new LeasedCalls();
  #isClosed = false;

  constructor(settings: DispatcherSettings) {
    this.#settings = settings;
    this.#pushedOffers = new PushedOffers(this.#offers, () => settings.push.peers);
    const { inputs } = settings;
    const onOver = inputs && ((input: OpenInput) => inputs.close(input));
    const leases = new Leases(settings.maxDeliveries, settings.budgets, settings.onRoom, onOver);
    this.#leases = leases;
    this.#registry = new WorkerRegistry({
      // A sign of life that is held for all of `workerTimeout` would come too late.
      heartbeat: Math.min(settings.heartbeat, settings.workerTimeout / 3),
      workerTimeout: settings.workerTimeout,
      kept: settings.budgets.out,
      isFree: ({ id }) => leases.holds(id) === 0,
      onCame: (worker, isBack) => {
        this.#offers.came(worker);
        settings.logger.info(isBack ? 'worker came back' : 'worker came', { worker: worker.name });
      },
      onDead: (worker, why) => this.#lost(worker, why),
      onSilent: ({ id, name }) =>
        settings.logger.warning('worker is silent, and its link is there', {
          worker: name,
          held: leases.holds(id),
        }),
      onDropped: (worker, why) => {
        this.#end(worker, why);
        leases.forgetWorker(worker.id);
      },
      onForgotten: (id) => leases.forgetWorker(id),
      onLook: () => this.#assigner.look(),
    });
    this.#moves = new LinkMoves({
      budget: settings.budgets.out,
      logger: settings.logger,
      heartbeat: this.#registry.heartbeat,
      workerTimeout: settings.workerTimeout,
    });
    this.#assigner = new WorkAssigner({
      leases,
      push: settings.push,
      out: settings.budgets.out,
      hasLeasedWorkers: () => this.#registry.hasAwake,
      encode: (items) => this.#encode(items),
      onProgress: settings.onProgress,
      onAssigned: () => this.#openRoom(),
    });
    settings.push.onPeers(() => this.#peersChanged());
  }

  /** Messages that wait for a worker. */
  get waiting(): number {
    return this.#leases.waiting;
  }

  /** Holds up clients of which much waits here. */
  get gate(): Gate {
    return this.#leases.shares;
  }

  /** Messages that wait for a worker, and those that workers hold. */
  get inFlight(): number {
    return this.waiting + this.#leases.out + this.#assigner.pushedOut;
  }

  /** The workers that ask for work. */
  get workers(): WorkerState[] {
    const now = performance.now();
    return [...this.#registry].map(({ id, name, lastSeen }) => ({
      name,
      holds: this.#leases.holds(id),
      silent: Math.round(now - lastSeen),
    }));
  }

  /** What the functions of the workers take and give, as far as the workers agree. The same list until that changes. */
  get offers(): readonly FunctionDescription[] {
    return this.#offers.descriptions;
  }

  /** What workers that died have cost. */
  get losses(): WorkerLosses {
    return { ...this.#losses };
  }

  /**
   * Adds a message for a worker.
   * @param frame - the message as it came in.
   */
  add(message: PalmMessage, frame: Bytes): void {
    if (this.#settings.refuses?.(message, frame)) return;
    let own = frame;
    if (!this.#settings.isVerbatim) own = this.#codec.encode(message);
    // A Master fills an empty `cache` field (pylm/parts/core.py, Inbound).
    else if (message.cache === '') own = withCache(frame, this.#nextId(), this.#slab);
    const priority = message.unknown.length === 0 ? 0 : readPriority(message.unknown);
    const input = this.#settings.inputs?.part(frame);
    this.#leases.add(own, this.#calls.of(message), priority, input);
  }

  done(): void {}

  /** Waits only behind a scatter that gives very much: {@link gate} holds up what was not scattered yet. */
  async flush(): Promise<boolean> {
    this.#assigner.assign();
    while (this.#isOverfull() && !this.#isClosed) {
      this.#room ??= deferred();
      await this.#room.promise;
    }
    return !this.#isClosed;
  }

  /**
   * Answers a worker's request, with work once there is some.
   * @param from - the link that the request came over, when it is known.
   * @throws PalmError `PROTOCOL` when the message is not a request for work, `TOO_LARGE` when the worker has too many under way.
   */
  answer(message: PalmMessage, from?: RequestOrigin): Bytes | Promise<Bytes> {
    if (message.function === OFFERS) return this.#offered(readOffers(message), from);
    return this.#answer(readWorkRequest(message), from);
  }

  /** Notes what a worker says of its functions. It is the first that is heard of most workers. */
  #offered(said: WorkerOffer, from: RequestOrigin | undefined): Bytes | Promise<Bytes> {
    const { worker: id, name, offers, isPushed = false } = said;
    if (isPushed) {
      if (from === undefined)
        throw new PalmError('PROTOCOL', 'a worker that is pushed to is known by its link');
      this.#pushedOffers.note(id, readDescriptions(decodeUtf8(offers)), from);
      return this.#encode([]);
    }
    const known = this.#registry.known(id);
    if (known?.isAt(from) === false) {
      const held = {
        isAway: false,
        leaves: false,
        items: [{ lease: 0, kind: WorkKind.done, frame: offers }],
      };
      return this.#moves.take(known, held, from, () => this.#ifOpen(() => this.#offered(said, from)));
    }
    this.#refuseLeft(id, name);
    const descriptions = readDescriptions(decodeUtf8(offers));
    const worker = this.#registry.come(id, name);
    worker.seen(from, () => this.#linkBroke(worker));
    this.#offers.note(worker, descriptions);
    return this.#encode([]);
  }

  #ifOpen(answer: () => Bytes | Promise<Bytes>): Bytes | Promise<Bytes> {
    return this.#isClosed ? neverAnswered() : answer();
  }

  #refuseLeft(id: string, name: string): void {
    if (!this.#registry.hasLeft(id)) return;
    throw new PalmError(
      'PROTOCOL',
      `worker ${inspectValue(name)} has left; a worker that comes back needs a new id`,
    );
  }

  #answer(request: WorkRequest, from: RequestOrigin | undefined): Bytes | Promise<Bytes> {
    const { worker: id, name, isAway, leaves, items } = request;
    const known = this.#registry.known(id);
    if (known?.isAt(from) === false) {
      return this.#moves.take(known, request, from, () => this.#ifOpen(() => this.#answer(request, from)));
    }
    // An unknown worker has nothing to leave. `isAway` is a relay's word that its link to a worker broke.
    if (isAway && from !== undefined) this.#pushedOffers.forget(id, from);
    const isNobody = known === undefined && leaves && items.length === 0;
    if (isAway && known !== undefined) this.#linkBroke(known);
    if (isAway || isNobody) return this.#encode([]);
    this.#refuseLeft(id, name);
    const worker = this.#registry.come(id, name);
    worker.seen(from, () => this.#linkBroke(worker));
    worker.takesCancels = request.takesCancels === true;
    if (request.items.length > 0 && worker.ungathered >= WORKER_RESULTS) {
      throw new PalmError(
        'TOO_LARGE',
        `results of ${WORKER_RESULTS} requests of this worker wait to be gathered`,
      );
    }
    if (request.want > 0) worker.workRequests++;
    const { workRequests } = worker;
    const results = worker.isNew(request.sequence) ? this.#take(worker, request.items) : [];
    if (results.length === 0) return this.#reply(worker, request, workRequests);
    worker.ungathered++;
    return this.#settings.onResults(results).then(() => {
      worker.ungathered--;
      return this.#reply(worker, request, workRequests);
    });
  }

  /** Takes what workers give back that are pushed to. Returns the results of pushed messages, and how many frames are of none. */
  pushedCameBack(frames: readonly Bytes[]): PushedResults {
    const results = this.#assigner.pushedCameBack(frames);
    this.#checkDrained();
    return results;
  }

  /** Settles cancelled messages, and tells the workers that hold some of them. Returns their number. */
  cancel(frames: CancelledFrames, notices: readonly CancelNotice[]): number {
    const { count, workers } = this.#leases.cancel(frames);
    if (count === 0) return 0;
    this.#settings.onCancelled?.(count);
    for (const id of workers) {
      const worker = this.#registry.get(id);
      if (this.#leases.holds(id) === 0) worker?.forgetAnswer();
      if (worker?.takesCancels) this.#notify(worker, notices);
    }
    this.#openRoom();
    this.#checkDrained();
    return count;
  }

  #notify(worker: LeasedWorker, notices: readonly CancelNotice[]): void {
    for (const notice of notices) worker.notify(this.#codec.encode(cancelMessage(notice)));
    const answer = () => this.#encode(worker.takeNotices().map(noticeItem));
    if (worker.answerEarly(answer)) this.#assigner.waitsNoMore(worker);
  }

  /** Resolves when no message waits for a worker and no worker holds one. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve();
    this.#drained ??= deferred();
    return this.#drained.promise;
  }

  /** Gives no more work, and lets go whoever waits. */
  close(): void {
    this.#isClosed = true;
    this.#leases.shares.close();
    this.#room?.resolve();
    this.#assigner.close();
    this.#registry.close();
  }

  #peersChanged(): void {
    this.#assigner.peersChanged();
    this.#pushedOffers.look();
    this.#checkDrained();
  }

  /** Ends leases. Returns their results, without those of settled messages, which came too late. */
  #take(worker: LeasedWorker, items: readonly WorkItem[]): WorkerResult[] {
    const results: WorkerResult[] = [];
    const now = performance.now();
    for (const { lease: number, kind, frame: given } of items) {
      const lease = this.#leases.find(number, worker.id);
      if (lease === undefined) continue;
      if (kind === WorkKind.returned) {
        this.#leases.giveBack(lease);
        continue;
      }
      if (given.length > 0) {
        const { call, input } = lease.message;
        const frame = this.#results.of(lease.message.frame, given);
        // A result that is passed on as it came has the status of its message.
        const changed = frame === given ? undefined : this.#results.read(frame);
        const { status } = changed ?? call;
        if (changed !== undefined && Status.isFailure(status)) this.#meterOf(lease)?.fail();
        // Of a worker that counted as dead nobody needs to hear how far it is.
        if (changed !== undefined && status === Status.progress) {
          if (lease.message.lease === lease) this.#settings.onProgress(changed);
        }
        // When a later run fails and an earlier one did not, the failure is passed on, too.
        else if (this.#leases.isNews(lease) || Status.isFailure(status)) {
          if (input !== undefined) this.#settings.inputs?.result(input, frame);
          results.push({ frame, call, status });
        }
      }
      if (kind === WorkKind.done) {
        this.#meterOf(lease)?.took(now - lease.since);
        this.#leases.settle(lease.message);
      }
    }
    if (items.length > 0 && this.#leases.holds(worker.id) === 0) worker.forgetAnswer();
    this.#checkDrained();
    return results;
  }

  /** Looked for when the message is done: the worker that has said what it offers may have come after the message. */
  #meterOf({ message: { call } }: Lease): FunctionMeter | undefined {
    return this.#settings.meters?.of(call.path, call.stage);
  }

  #reply(worker: LeasedWorker, request: WorkRequest, workRequests: number): Bytes | Promise<Bytes> {
    const { sequence, want, leaves, items } = request;
    if (leaves) this.#left(worker);
    if (leaves || (want === 0 && items.length > 0)) {
      this.#assigner.assign();
      return this.#encode([]);
    }
    // While its results waited to be gathered, the worker may have left, or have sent the request again after a break.
    // Then nobody waits for this reply, and nobody would hold its work.
    const isThere = this.#registry.get(worker.id) === worker;
    if (!isThere || (want > 0 && worker.workRequests !== workRequests)) return this.#encode([]);
    if (this.#isClosed) return neverAnswered();
    const notices = worker.takeNotices();
    if (notices.length > 0) return this.#encode(notices.map(noticeItem));
    const { heartbeat } = this.#registry;
    if (want === 0) return worker.holdSignOfLife(this.#encode([]), heartbeat);
    const before = worker.answerBefore(sequence);
    if (before !== undefined) return before === 'overtaken' ? this.#encode([]) : before;
    // A worker that asks again has given up its request before: a break took the answer.
    worker.endWorkRequest(this.#encode([]));
    const reply = worker.holdWorkRequest(sequence, want, heartbeat, () => this.#assigner.giveNothing(worker));
    this.#assigner.wait(worker);
    this.#assigner.assign();
    return reply;
  }

  #openRoom(): void {
    if (this.#room === undefined || this.#isOverfull()) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  /** Whether the client of the last message has far more here than it may, or all together do. */
  #isOverfull(): boolean {
    const { waiting } = this.#settings.budgets;
    const { shares } = this.#leases;
    return shares.messagesOf(this.#calls.last.client) >= SCATTER_QUEUE || shares.bytes >= waiting.limit;
  }

  #encode(items: readonly WorkItem[]): Bytes {
    return encodeWorkReply(this.#replies, items);
  }

  /** A broken link gets no work. If its worker lives, it asks again, or has done so over another link. */
  #linkBroke(worker: LeasedWorker): void {
    this.#assigner.waitsNoMore(worker);
    worker.endWorkRequest(this.#encode([]));
    const isGone = !worker.isLinked;
    if (isGone) worker.moved();
    if (!isGone || !worker.isLinked) this.#registry.linkBroke(worker);
  }

  /** The worker left: its open leases go to others. */
  #left(worker: LeasedWorker): void {
    this.#registry.leave(worker);
    this.#end(worker, 'worker left');
    this.#leases.left(worker.id);
    worker.stop();
  }

  /** The worker counts as dead: its messages go to others, or are given up. */
  #lost(worker: LeasedWorker, why: string): void {
    const held = this.#leases.holds(worker.id);
    this.#end(worker, why);
    const givenUp = this.#leases.died(worker.id);
    this.#losses.workers++;
    this.#losses.redelivered += held - givenUp.length;
    this.#losses.givenUp += givenUp.length;
    for (const message of givenUp) {
      const { frame, deaths, input } = message;
      const id = input && this.#settings.inputs?.nameOf(input);
      this.#settings.onGivenUp(this.#codec.decode(frame), deaths, id);
      this.#leases.over(message);
    }
    this.#assigner.assign();
    this.#checkDrained();
  }

  #end(worker: LeasedWorker, why: string): void {
    worker.end(this.#encode([]));
    this.#offers.went(worker);
    this.#assigner.waitsNoMore(worker);
    const held = this.#leases.holds(worker.id);
    const { logger } = this.#settings;
    if (held > 0) logger.warning(why, { worker: worker.name, held });
    else logger.info(why, { worker: worker.name, held });
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.inFlight > 0) return;
    this.#drained.resolve();
    this.#drained = undefined;
  }
}

function noticeItem(frame: Bytes): WorkItem {
  return { lease: 0, kind: WorkKind.notice, frame };
}

/** The answer of a closed dispatcher. A worker that gets no work asks again at once, so it hears from the end of the link instead. */
function neverAnswered(): Promise<Bytes> {
  return new Promise(() => {});
}
