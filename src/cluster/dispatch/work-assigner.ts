import type { ByteBudget } from '../../async/byte-budget.ts';
import { WORK_BYTES } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { type WorkItem, WorkKind } from '../../protocol/work-request.ts';
import type { BoundPush } from '../../transport.ts';
import type { LeasedWorker } from './leased-worker.ts';
import type { LeasedMessage, Leases } from './leases.ts';
import { PushedCalls, PushWorkers } from './push-workers.ts';

export interface WorkAssignerSettings {
  readonly leases: Leases;
  readonly push: BoundPush;
  /** Of what workers have that ask: when it is full they get no more. */
  readonly out: ByteBudget;
  /** Whether there are workers that ask. */
  readonly hasLeasedWorkers: () => boolean;
  readonly encode: (items: readonly WorkItem[]) => Bytes;
  /** Called when messages were taken from those that wait. */
  readonly onAssigned: () => void;
}

/** Gives what waits to those that asked for it, evenly, and has what nobody asked for pushed. */
export class WorkAssigner {
  readonly #settings: WorkAssignerSettings;
  /** Those that wait for work, longest first. */
  readonly #idle = new Set<LeasedWorker>();
  readonly #pushed: PushWorkers<LeasedMessage>;
  readonly #pushedCalls = new PushedCalls();

  constructor(settings: WorkAssignerSettings) {
    this.#settings = settings;
    this.#pushed = new PushWorkers<LeasedMessage>(settings.push, this.#pushSource());
  }

  /** Messages pushed that did not come back, as far as that can be told. */
  get pushedOut(): number {
    return this.#pushed.out;
  }

  /** The worker waits for work. */
  wait(worker: LeasedWorker): void {
    this.#idle.add(worker);
  }

  waitsNoMore(worker: LeasedWorker): void {
    this.#idle.delete(worker);
  }

  /** Results of workers that are pushed to. Gives those that are of something that was pushed. */
  pushedCameBack(frames: readonly Bytes[]): Bytes[] {
    const results: Bytes[] = [];
    for (const frame of frames) {
      const result = this.#pushedCalls.resultOf(frame);
      if (result !== undefined) results.push(result);
    }
    this.#pushed.cameBack(results.length);
    this.assign();
    return results;
  }

  /** Workers that are pushed to came or went. */
  peersChanged(): void {
    this.#pushed.peersChanged();
    this.assign();
  }

  /** Called now and then while there are workers that ask. */
  look(): void {
    this.#pushed.forgetOverdue();
    this.assign();
  }

  assign(): void {
    const { leases, onAssigned, out, push } = this.#settings;
    const kept = leases.alone > 0 ? this.#assignAlone() : 0;
    let passed = 0;
    for (const worker of this.#idle) {
      const left = leases.inCompany;
      if (left === 0 || out.isFull) break;
      // Those are to have nothing in their hands when a message comes that is to be alone.
      if (leases.holdsAlone(worker.id) || passed < kept) {
        passed++;
        continue;
      }
      const pushed = Math.min(this.#pushed.room, push.peers);
      const fair = Math.ceil(left / (this.#idle.size + pushed));
      this.#give(worker, this.#batchOf(Math.min(worker.want, fair)));
    }
    if (leases.waiting > 0) this.#pushed.run().then(onAssigned);
    onAssigned();
  }

  /** A request for work has waited for long enough. */
  giveNothing(worker: LeasedWorker): void {
    this.#give(worker, []);
  }

  close(): void {
    this.#idle.clear();
  }

  /** Gives what is to be alone to those with empty hands. Gives how many more of those are needed. */
  #assignAlone(): number {
    const { leases } = this.#settings;
    for (const worker of this.#idle) {
      if (leases.holds(worker.id) > 0) continue;
      if (this.#settings.out.isFull) break;
      const message = leases.nextAlone();
      if (message === undefined) return 0;
      this.#give(worker, [message]);
    }
    return leases.alone;
  }

  /** So many of those that wait, or as many as fit one reply. */
  #batchOf(count: number): LeasedMessage[] {
    const messages: LeasedMessage[] = [];
    let bytes = 0;
    while (messages.length < count && bytes < WORK_BYTES) {
      const message = this.#settings.leases.next();
      if (message === undefined) break;
      messages.push(message);
      bytes += message.frame.length;
    }
    return messages;
  }

  #give(worker: LeasedWorker, messages: readonly LeasedMessage[]): void {
    const { leases, encode } = this.#settings;
    this.#idle.delete(worker);
    const items = messages.map((message) => {
      const { number } = leases.give(message, worker.id);
      return { lease: number, kind: WorkKind.open, frame: message.frame };
    });
    worker.answer(encode(items));
  }

  /** What is pushed has no lease: results of it cannot be told from those of a worker that had it before. */
  #pushSource() {
    const { leases, hasLeasedWorkers } = this.#settings;
    const calls = this.#pushedCalls;
    return {
      hasLeasedWorkers: hasLeasedWorkers,
      get waiting() {
        return hasLeasedWorkers() ? leases.inCompany : leases.waiting;
      },
      next() {
        const message = leases.next() ?? (hasLeasedWorkers() ? undefined : leases.nextAlone());
        if (message === undefined) return undefined;
        leases.forgetRuns(message);
        calls.note(message.frame);
        return message;
      },
      putBack: (message: LeasedMessage) => leases.putBack(message),
    };
  }
}
