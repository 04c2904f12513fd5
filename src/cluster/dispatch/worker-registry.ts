/** The workers of a Master that ask for their work, and which of them are taken for dead. */

import type { ByteBudget } from '../../async/byte-budget.ts';
import { startTimer } from '../../async/timers.ts';
import { DEAD_WORKERS, LEFT_WORKERS, WORKERS } from '../../flow-control.ts';
import { LeasedWorker } from './leased-worker.ts';

/** Looks for dead workers within a heartbeat. */
const LOOKS = 8;

export interface WorkerRegistrySettings {
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
  /** Milliseconds that a worker may be silent. */
  readonly workerTimeout: number;
  /** Of the answers that are kept, should a break take them. */
  readonly kept: ByteBudget;
  /** Whether it holds nothing. */
  readonly isFree: (worker: LeasedWorker) => boolean;
  /** A worker came that was not known, or was taken for dead. */
  readonly onCame: (worker: LeasedWorker, isBack: boolean) => void;
  /** A worker is taken for dead. */
  readonly onDead: (worker: LeasedWorker, why: string) => void;
  /** One that holds something is silent, though its link is there. */
  readonly onSilent: (worker: LeasedWorker) => void;
  /** One that holds nothing is forgotten: it made room for another, or fell silent. */
  readonly onDropped: (worker: LeasedWorker, why: string) => void;
  /** One that was taken for dead is not remembered any more. */
  readonly onForgotten: (id: string) => void;
  /** Called at each look, while there are workers. */
  readonly onLook: () => void;
}

/**
 * A link that broke, with no sign of life over another one, tells of a death: that is how a killed process shows, at once, and
 * a frozen one, or a frozen network, when the transport's own heartbeats end the link. Silence tells of none, however long it
 * is: whoever runs a function that never lets events have their turn is silent and well. Only where nobody can tell whether the
 * link is there, a long silence has to do.
 */
export class WorkerRegistry {
  readonly #settings: WorkerRegistrySettings;
  readonly #alive = new Map<string, LeasedWorker>();
  /** What came of their requests is remembered, should they come back. */
  readonly #dead = new Map<string, LeasedWorker>();
  /** Ids of those that left, which do not come back: what comes in their name was under way when they did, or is another's. */
  readonly #left = new Set<string>();
  #stopLooking: (() => void) | undefined;
  #isClosed = false;

  constructor(settings: WorkerRegistrySettings) {
    this.#settings = settings;
  }

  /** Milliseconds between two signs of life. */
  get heartbeat(): number {
    return this.#settings.heartbeat;
  }

  get size(): number {
    return this.#alive.size;
  }

  /** Whether there is one that can be expected to ask for work again. */
  get hasAwake(): boolean {
    for (const { isSilent } of this.#alive.values()) if (!isSilent) return true;
    return false;
  }

  get(id: string): LeasedWorker | undefined {
    return this.#alive.get(id);
  }

  /** One that is here, or was taken for dead and is remembered. */
  known(id: string): LeasedWorker | undefined {
    return this.#alive.get(id) ?? this.#dead.get(id);
  }

  hasLeft(id: string): boolean {
    return this.#left.has(id);
  }

  [Symbol.iterator](): IterableIterator<LeasedWorker> {
    return this.#alive.values();
  }

  /** The worker of this id, which may be new. */
  come(id: string, name: string): LeasedWorker {
    const known = this.#alive.get(id);
    if (known !== undefined) return known;
    const dead = this.#dead.get(id);
    this.#dead.delete(id);
    const worker = dead ?? new LeasedWorker(id, name, this.#settings.kept);
    this.#alive.set(id, worker);
    this.#settings.onCame(worker, dead !== undefined);
    if (this.#stopLooking === undefined && !this.#isClosed) this.#lookLater();
    if (this.#alive.size > WORKERS) this.#makeRoom(worker);
    return worker;
  }

  /** The link to the worker broke. */
  linkBroke(worker: LeasedWorker): void {
    if (this.#alive.get(worker.id) !== worker) return;
    worker.goneSince ??= performance.now();
    if (this.#isMissed(worker)) this.#bury(worker, 'worker is gone');
  }

  /** The worker left. */
  leave(worker: LeasedWorker): void {
    this.#alive.delete(worker.id);
    this.#left.add(worker.id);
    for (const oldest of this.#left) {
      if (this.#left.size <= LEFT_WORKERS) break;
      this.#left.delete(oldest);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stopLooking?.();
    for (const workers of [this.#alive, this.#dead]) {
      for (const worker of workers.values()) worker.stop();
      workers.clear();
    }
  }

  #lookLater(): void {
    const { heartbeat, onLook } = this.#settings;
    const due = performance.now() + heartbeat / LOOKS;
    this.#stopLooking = startTimer(heartbeat / LOOKS, () => {
      this.#look(performance.now() - due);
      onLook();
      if (this.#isClosed) return;
      if (this.#alive.size > 0) this.#lookLater();
      else this.#stopLooking = undefined;
    });
  }

  /** @param late - milliseconds that this process, or the whole machine, did nothing: nobody else was silent for those. */
  #look(late: number): void {
    const { heartbeat, workerTimeout } = this.#settings;
    const excused = late > heartbeat / LOOKS ? late : 0;
    const now = performance.now();
    for (const worker of [...this.#alive.values()]) {
      worker.lastSeen += excused;
      if (worker.goneSince !== undefined) worker.goneSince += excused;
      if (this.#isMissed(worker)) this.#bury(worker, 'worker is gone');
      else if (now - worker.lastSeen > workerTimeout) this.#fellSilent(worker);
    }
  }

  #fellSilent(worker: LeasedWorker): void {
    const { isFree, onSilent } = this.#settings;
    if (isFree(worker)) this.#drop(worker, 'worker fell silent');
    else if (!worker.isLinked) this.#bury(worker, 'worker fell silent');
    else if (!worker.isSilent) {
      worker.isSilent = true;
      onSilent(worker);
    }
  }

  /** Whether its link broke, and it had the time to say over another that it lives; or to do so before. */
  #isMissed({ goneSince, lastSeen }: LeasedWorker): boolean {
    if (goneSince === undefined) return false;
    const { heartbeat } = this.#settings;
    const now = performance.now();
    return now - goneSince >= heartbeat / 2 || now - lastSeen >= 1.5 * heartbeat;
  }

  #bury(worker: LeasedWorker, why: string): void {
    const { onDead, onForgotten } = this.#settings;
    this.#alive.delete(worker.id);
    this.#dead.set(worker.id, worker);
    if (this.#dead.size > DEAD_WORKERS) {
      const [oldest] = this.#dead.values();
      if (oldest !== undefined) {
        this.#dead.delete(oldest.id);
        onForgotten(oldest.id);
        oldest.stop();
      }
    }
    onDead(worker, why);
    worker.forgetAnswer();
  }

  /** Whoever makes ids up must not fill the memory. One that holds nothing and comes again is as it was. */
  #makeRoom(newest: LeasedWorker): void {
    for (const worker of this.#alive.values()) {
      if (worker === newest || !this.#settings.isFree(worker)) continue;
      this.#drop(worker, 'worker forgotten for another');
      return;
    }
  }

  #drop(worker: LeasedWorker, why: string): void {
    this.#alive.delete(worker.id);
    this.#settings.onDropped(worker, why);
    worker.stop();
  }
}
