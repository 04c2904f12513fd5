/** The workers of a Master that ask for their work, and which of them are taken for dead. */

import type { ByteBudget } from '../../async/byte-budget.ts';
import { startTimer } from '../../async/timers.ts';
import { DEAD_WORKERS, LEFT_WORKERS, WORKERS } from '../../flow-control.ts';
import { LeasedWorker } from './leased-worker.ts';

/** Looks for dead workers within a heartbeat. */
const LOOKS = 8;

export interface AskersSettings {
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
  /** Milliseconds that a worker may be silent. */
  readonly workerTimeout: number;
  /** Of the answers that are kept, should a break take them. */
  readonly kept: ByteBudget;
  /** Whether it holds nothing. */
  readonly isFree: (asker: LeasedWorker) => boolean;
  /** A worker came that was not known, or was taken for dead. */
  readonly onCame: (asker: LeasedWorker, isBack: boolean) => void;
  /** A worker is taken for dead. */
  readonly onDead: (asker: LeasedWorker, why: string) => void;
  /** One that holds something is silent, though its link is there. */
  readonly onSilent: (asker: LeasedWorker) => void;
  /** One that holds nothing is forgotten: it made room for another, or fell silent. */
  readonly onDropped: (asker: LeasedWorker, why: string) => void;
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
  readonly #settings: AskersSettings;
  readonly #alive = new Map<string, LeasedWorker>();
  /** What came of their requests is remembered, should they come back. */
  readonly #dead = new Map<string, LeasedWorker>();
  /** Ids of those that left, which do not come back: what comes in their name was under way when they did, or is another's. */
  readonly #left = new Set<string>();
  #stopLooking: (() => void) | undefined;
  #isClosed = false;

  constructor(settings: AskersSettings) {
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
    const asker = dead ?? new LeasedWorker(id, name, this.#settings.kept);
    this.#alive.set(id, asker);
    this.#settings.onCame(asker, dead !== undefined);
    if (this.#stopLooking === undefined && !this.#isClosed) this.#lookLater();
    if (this.#alive.size > WORKERS) this.#makeRoom(asker);
    return asker;
  }

  /** The link to the worker broke. */
  linkBroke(asker: LeasedWorker): void {
    if (this.#alive.get(asker.id) !== asker) return;
    asker.goneSince ??= performance.now();
    if (this.#isMissed(asker)) this.#bury(asker, 'worker is gone');
  }

  /** The worker left. */
  leave(asker: LeasedWorker): void {
    this.#alive.delete(asker.id);
    this.#left.add(asker.id);
    for (const oldest of this.#left) {
      if (this.#left.size <= LEFT_WORKERS) break;
      this.#left.delete(oldest);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stopLooking?.();
    for (const askers of [this.#alive, this.#dead]) {
      for (const asker of askers.values()) asker.stop();
      askers.clear();
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
    for (const asker of [...this.#alive.values()]) {
      asker.lastSeen += excused;
      if (asker.goneSince !== undefined) asker.goneSince += excused;
      if (this.#isMissed(asker)) this.#bury(asker, 'worker is gone');
      else if (now - asker.lastSeen > workerTimeout) this.#fellSilent(asker);
    }
  }

  #fellSilent(asker: LeasedWorker): void {
    const { isFree, onSilent } = this.#settings;
    if (isFree(asker)) this.#drop(asker, 'worker fell silent');
    else if (!asker.isLinked) this.#bury(asker, 'worker fell silent');
    else if (!asker.isSilent) {
      asker.isSilent = true;
      onSilent(asker);
    }
  }

  /** Whether its link broke, and it had the time to say over another that it lives; or to do so before. */
  #isMissed({ goneSince, lastSeen }: LeasedWorker): boolean {
    if (goneSince === undefined) return false;
    const { heartbeat } = this.#settings;
    const now = performance.now();
    return now - goneSince >= heartbeat / 2 || now - lastSeen >= 1.5 * heartbeat;
  }

  #bury(asker: LeasedWorker, why: string): void {
    const { onDead, onForgotten } = this.#settings;
    this.#alive.delete(asker.id);
    this.#dead.set(asker.id, asker);
    if (this.#dead.size > DEAD_WORKERS) {
      const [oldest] = this.#dead.values();
      if (oldest !== undefined) {
        this.#dead.delete(oldest.id);
        onForgotten(oldest.id);
        oldest.stop();
      }
    }
    onDead(asker, why);
    asker.forgetAnswer();
  }

  /** Whoever makes ids up must not fill the memory. One that holds nothing and comes again is as it was. */
  #makeRoom(newest: LeasedWorker): void {
    for (const asker of this.#alive.values()) {
      if (asker === newest || !this.#settings.isFree(asker)) continue;
      this.#drop(asker, 'worker forgotten for another');
      return;
    }
  }

  #drop(asker: LeasedWorker, why: string): void {
    this.#alive.delete(asker.id);
    this.#settings.onDropped(asker, why);
    asker.stop();
  }
}
