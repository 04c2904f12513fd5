import { deferred } from '../../async/deferred.ts';
import { Fifo } from '../../async/fifo.ts';
import { BATCH } from '../../flow-control.ts';
import { afterEvents } from '../after-events.ts';
import type { CallLink } from '../call-link.ts';
import type { Attempt } from './attempts.ts';

/** What a sender needs of its map. */
export interface MapSenderSettings {
  readonly link: CallLink;
  /** Whether an attempt is still to be made. */
  readonly isWanted: (attempt: Attempt) => boolean;
  /** Sends a batch. Resolves when the link has accepted it, or what did not leave is dealt with. Never rejects. */
  readonly send: (batch: readonly Attempt[]) => Promise<void>;
}

/** Sends the attempts of a map in order, when the link is ready and has places for them. */
export class MapSender {
  readonly #settings: MapSenderSettings;
  readonly #waiting = new Fifo<Attempt>();
  #batch: Attempt[] = [];
  #sending: Promise<void> = Promise.resolve();
  #isBusy = false;
  #isStopped = false;
  #flushesSoon = false;
  readonly #failure = deferred<never>();
  /** Rejects when the link will accept nothing any more. */
  readonly failure: Promise<never> = this.#failure.promise;

  constructor(settings: MapSenderSettings) {
    this.#settings = settings;
  }

  add(attempt: Attempt): void {
    const { link } = this.#settings;
    // An attempt that still waits from an earlier try is sent once.
    if (attempt.isQueued) return;
    attempt.isQueued = true;
    // While it is busy, others may wait. Otherwise none does, and the batch has room.
    if (this.#isBusy || !link.tryAdmit()) {
      this.#waiting.push(attempt);
      this.#work();
      return;
    }
    this.#place(attempt);
    if (this.#batch.length >= BATCH) this.#work();
    else this.#flushSoon();
  }

  /** Resolves when what was added has left, or waits for the link only. */
  async handedOn(): Promise<void> {
    this.#work();
    await this.#sending;
  }

  /** Gives back the place of an attempt that was not answered. */
  giveBack(attempt: Attempt): void {
    if (!attempt.isPlaced) return;
    attempt.isPlaced = false;
    this.#settings.link.inFlight.release(1);
  }

  /** Sends no more. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
    for (const attempt of this.#batch) this.giveBack(attempt);
    this.#batch = [];
  }

  #place(attempt: Attempt): void {
    attempt.isPlaced = true;
    this.#batch.push(attempt);
  }

  /** Sends together what is added before other events get their turn. */
  #flushSoon(): void {
    if (this.#flushesSoon) return;
    this.#flushesSoon = true;
    afterEvents(this.#settings.link, () => {
      this.#flushesSoon = false;
      this.#work();
    });
  }

  #work(): void {
    if (this.#isBusy || this.#isStopped) return;
    this.#isBusy = true;
    this.#run().catch(this.#failure.reject);
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const attempt = this.#batch.length < BATCH ? this.#waiting.shift() : undefined;
        if (attempt !== undefined) {
          const admission = this.#admit(attempt);
          if (admission !== undefined) await admission;
        } else if (this.#batch.length > 0) await this.#flush();
        else return;
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #admit(attempt: Attempt): Promise<void> | undefined {
    const { link, isWanted } = this.#settings;
    if (!isWanted(attempt)) attempt.isQueued = false;
    else if (link.tryAdmit()) this.#place(attempt);
    else return this.#admitLater(attempt);
    return undefined;
  }

  async #admitLater(attempt: Attempt): Promise<void> {
    const { link } = this.#settings;
    await this.#flush();
    await link.admit();
    if (this.#isStopped) link.inFlight.release(1);
    else this.#place(attempt);
  }

  /** Sends the batch. Resolves when the one before it has left, so that a batch is made while another is under way. */
  async #flush(): Promise<void> {
    const { link, isWanted, send } = this.#settings;
    // The link has not lost what is only gathered, so this waits while it is broken.
    while (!link.isReady) await link.ready();
    const batch = this.#batch.filter((attempt) => {
      attempt.isQueued = false;
      if (isWanted(attempt)) return true;
      this.giveBack(attempt);
      return false;
    });
    this.#batch = [];
    if (batch.length === 0) return;
    const before = this.#sending;
    this.#sending = send(batch);
    await before;
  }
}
