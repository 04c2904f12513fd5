/** The workers of a Master that ask for their work, and which of them count as dead. */

import type { ByteBudget } from '../../async/byte-budget.ts';
import { startTimer } from '../../async/timers.ts';
import { DEAD_WORKERS, LEFT_WORKERS, WORKERS } from '../../flow-control.ts';
import { LeasedWorker } from './leased-worker.ts';

/** Times in a heartbeat that dead workers are looked for. */
const LOOKS = 8;

export interface WorkerRegistrySettings {
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
  /** Milliseconds that a worker may be silent before it is logged. */
  readonly workerTimeout: number;
  /** Budget of answers that are kept to be sent again after a break. */
  readonly kept: ByteBudget;
  /** Whether the worker holds nothing. */
  readonly isFree: (worker: LeasedWorker) => boolean;
  /** Called when a new worker comes, or one that counted as dead comes back. */
  readonly onCame: (worker: LeasedWorker, isBack: boolean) => void;
  /** Called when a worker counts as dead from now on. */
  readonly onDead: (worker: LeasedWorker, why: string) => void;
  /** Called when a worker that holds messages is silent, though it has a link. */
  readonly onSilent: (worker: LeasedWorker) => void;
  /** Called when a worker that holds nothing is forgotten: it made room for another, or fell silent. */
  readonly onDropped: (worker: LeasedWorker, why: string) => void;
  /** Called when a worker that counts as dead is forgotten. */
  readonly onForgotten: (id: string) => void;
  /** Called at each look for dead workers, while there are workers. */
  readonly onLook: () => void;
}

/**
 * A worker counts as dead when its link breaks and there is no sign of life over another link. So a killed process shows at once, and a
 * frozen process or network shows when the transport's own heartbeats end the link. Silence is not a sign of death: a function that
 * blocks the event loop makes its worker silent for any time. Only when nobody can tell whether the link is there, a long silence
 * counts.
 */
export class WorkerRegistry {
  readonly #settings: WorkerRegistrySettings;
  readonly #alive = new Map<string, LeasedWorker>();
  /** Workers that count as dead. They are remembered in case they come back. */
  readonly #dead = new Map<string, LeasedWorker>();
  /** Ids of workers that left and do not come back: later requests in their name were under way then, or are a stranger's. */
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

  /** Number of workers that are alive. */
  get size(): number {
    return this.#alive.size;
  }

  /** Whether there is a worker that is not silent, so that it will ask for work again. */
  get hasAwake(): boolean {
    for (const { isSilent } of this.#alive.values()) if (!isSilent) return true;
    return false;
  }

  /** The worker of this id, when it is alive. */
  get(id: string): LeasedWorker | undefined {
    return this.#alive.get(id);
  }

  /** The worker of this id, when it is alive, or counts as dead and is remembered. */
  known(id: string): LeasedWorker | undefined {
    return this.#alive.get(id) ?? this.#dead.get(id);
  }

  /** Whether a worker of this id has left. */
  hasLeft(id: string): boolean {
    return this.#left.has(id);
  }

  [Symbol.iterator](): IterableIterator<LeasedWorker> {
    return this.#alive.values();
  }

  /** The worker of this id, made alive or new when it is not alive. */
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

  /** Notes that the link to the worker broke. */
  linkBroke(worker: LeasedWorker): void {
    if (this.#alive.get(worker.id) !== worker) return;
    worker.goneSince ??= performance.now();
    if (this.#isMissed(worker)) this.#bury(worker, 'worker is gone');
  }

  /** Notes that the worker left. */
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
      if (this.#alive.size > 0) this.#lookLater();
      else this.#stopLooking = undefined;
    });
  }

  /** @param late - milliseconds that this process, or the whole machine, did nothing: they do not count as silence. */
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

  /** Whether its link broke, and its process ended, or it has had the time to show over another link that it lives, or was silent before. */
  #isMissed({ goneSince, lastSeen, isDead }: LeasedWorker): boolean {
    if (goneSince === undefined) return false;
    if (isDead) return true;
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

  /** Forgets one worker, so that made-up ids cannot fill the memory. A worker that holds nothing can come again as it was. */
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
