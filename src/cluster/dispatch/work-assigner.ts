import type { ByteBudget } from '../../async/byte-budget.ts';
import { WORK_BYTES } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import { type WorkItem, WorkKind } from '../../protocol/work-request.ts';
import type { BoundPush } from '../../transport.ts';
import type { LeasedWorker } from './leased-worker.ts';
import type { LeasedMessage, Leases } from './leases.ts';
import { isProgressFrame, PushedCalls, PushWorkers } from './push-workers.ts';

export interface WorkAssignerSettings {
  readonly leases: Leases;
  readonly push: BoundPush;
  /** Budget of what leased workers hold: they get no more when it is full. */
  readonly out: ByteBudget;
  /** Whether there are workers that ask for work. */
  readonly hasLeasedWorkers: () => boolean;
  /** The reply with these items. */
  readonly encode: (items: readonly WorkItem[]) => Bytes;
  /** Takes how far a worker that is pushed to is with a message: the message, with status and payload of progress. */
  readonly onProgress: (progress: PalmMessage) => void;
  /** Called after messages were assigned: fewer may wait now. */
  readonly onAssigned: () => void;
}

/** What workers that are pushed to gave back. */
export interface PushedResults {
  /** The results of pushed messages. */
  readonly results: Bytes[];
  /** Frames that belong to no message that was pushed. */
  readonly refused: number;
}

/** Assigns waiting messages evenly to workers that asked for work, and pushes the messages that nobody asked for. */
export class WorkAssigner {
  readonly #settings: WorkAssignerSettings;
  /** Workers that wait for work, the longest first. */
  readonly #idle = new Set<LeasedWorker>();
  readonly #pushed: PushWorkers<LeasedMessage>;
  readonly #pushedCalls = new PushedCalls();
  readonly #codec = new EnvelopeCodec();

  constructor(settings: WorkAssignerSettings) {
    this.#settings = settings;
    this.#pushed = new PushWorkers<LeasedMessage>(settings.push, this.#pushSource());
  }

  /** Pushed messages without a result, by estimate. */
  get pushedOut(): number {
    return this.#pushed.out;
  }

  /** Notes that the worker waits for work. */
  wait(worker: LeasedWorker): void {
    this.#idle.add(worker);
  }

  /** Notes that the worker no longer waits for work. */
  waitsNoMore(worker: LeasedWorker): void {
    this.#idle.delete(worker);
  }

  /** Takes what workers give back that are pushed to. Progress does not count as a result, and ends nothing. */
  pushedCameBack(frames: readonly Bytes[]): PushedResults {
    const results: Bytes[] = [];
    let refused = 0;
    for (const frame of frames) {
      const result = this.#pushedCalls.resultOf(frame);
      if (result === undefined) refused++;
      else if (!isProgressFrame(result)) results.push(result);
      else if (!this.#tell(result)) refused++;
    }
    this.#pushed.cameBack(results.length);
    this.assign();
    return { results, refused };
  }

  /** @returns false for a frame that cannot be read beyond its head. */
  #tell(progress: Bytes): boolean {
    let message: PalmMessage;
    try {
      message = this.#codec.decode(progress);
    } catch {
      return false;
    }
    this.#settings.onProgress(message);
    return true;
  }

  /** Notes that workers that are pushed to came or went. */
  peersChanged(): void {
    this.#pushed.peersChanged();
    this.assign();
  }

  /** Forgets overdue pushed messages. Called several times in a heartbeat while there are workers that ask for work. */
  look(): void {
    this.#pushed.forgetOverdue();
    this.assign();
  }

  /** Assigns what waits. */
  assign(): void {
    const { leases, onAssigned, out, push } = this.#settings;
    const kept = leases.alone > 0 ? this.#assignAlone() : 0;
    let passed = 0;
    for (const worker of this.#idle) {
      const left = leases.inCompany;
      if (left === 0 || out.isFull) break;
      // They must hold nothing when a message comes that must be alone.
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

  /** Answers a request for work that has waited for long enough. */
  giveNothing(worker: LeasedWorker): void {
    this.#give(worker, []);
  }

  close(): void {
    this.#idle.clear();
  }

  /** Assigns messages that must be alone to workers that hold none. Returns how many such workers are still needed. */
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

  /** Takes up to `count` waiting messages, or as many as fit one reply. */
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
    const now = performance.now();
    const items = messages.map((message) => {
      const { number } = leases.give(message, worker.id, now);
      return { lease: number, kind: WorkKind.open, frame: message.frame };
    });
    worker.answer(encode(items));
  }

  /** Messages for pushing. They have no lease, so results of earlier runs cannot be told apart and are ignored. */
  #pushSource() {
    const { leases, hasLeasedWorkers } = this.#settings;
    const calls = this.#pushedCalls;
    return {
      hasLeasedWorkers,
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
      // What is pushed is the transport's, and its results name no message.
      pushed: (messages: readonly LeasedMessage[]) => {
        for (const message of messages) leases.over(message);
      },
    };
  }
}
