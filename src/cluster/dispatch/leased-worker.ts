import type { ByteBudget } from '../../async/byte-budget.ts';
import { type Deferred, deferred } from '../../async/deferred.ts';
import { Fifo } from '../../async/fifo.ts';
import { startTimer } from '../../async/timers.ts';
import { WORKER_NOTICES, WORKER_REQUESTS_KNOWN } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { RequestOrigin } from '../../transport.ts';

/** What a worker has said of its functions, and its Master remembers. */
export interface HeldOffers {
  /** Ends that: the worker is forgotten. */
  release(): void;
}

/** A worker's request that is held until there is an answer. */
interface HeldRequest {
  readonly reply: Deferred<Bytes>;
  readonly stop: () => void;
}

/** A held request for work. */
interface HeldWorkRequest extends HeldRequest {
  readonly sequence: number;
  readonly want: number;
}

/** A worker that asks for its work, as its Master knows it. */
export class LeasedWorker {
  readonly id: string;
  readonly name: string;
  /** When it was last heard of, on the clock of `performance.now()`. */
  lastSeen: number = performance.now();
  /** When its link broke; undefined while there is one. Behind a relay, the link between the relay and the worker. */
  goneSince: number | undefined;
  /** Whether its process had ended when its link did. */
  isDead = false;
  /** Whether it has been silent for longer than a worker may be. */
  isSilent = false;
  /** Whether it takes notices of cancelled calls. */
  takesCancels = false;
  /** What its functions take and give, as it says; undefined until it says so. */
  offers: HeldOffers | undefined;
  /** Notices for it that wait for its next request. */
  #notices: Bytes[] = [];
  /** Number of its requests for work. */
  workRequests = 0;
  /** Number of its requests whose results wait to be gathered. */
  ungathered = 0;
  readonly #recentRequests = new Fifo<number>();
  /** The newest request for work that was answered, and the answer, which may be lost in a break. */
  #answeredRequest = 0;
  #answer: Bytes | undefined;
  #workRequest: HeldWorkRequest | undefined;
  #signOfLife: HeldRequest | undefined;
  /** The link that it was last heard of over. */
  #link: RequestOrigin['link'] | undefined;
  #isLinked = false;
  #stopWatch = () => {};
  readonly #moving = new Set<() => void>();
  readonly #kept: ByteBudget;

  /** @param kept - budget of answers that are kept to be sent again after a break. */
  constructor(id: string, name: string, kept: ByteBudget) {
    this.id = id;
    this.name = name;
    this.#kept = kept;
  }

  /** Items that it waits for. */
  get want(): number {
    return this.#workRequest?.want ?? 0;
  }

  /** Whether its link is known and has not ended. */
  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** Requests in its name over other links, which wait for its own link to end. */
  get moving(): number {
    return this.#moving.size;
  }

  /** Whether a request over the link `from` is its own. Its link tells who a worker is: anybody can use its name. */
  isAt(from: RequestOrigin | undefined): boolean {
    return !this.#isLinked || from === undefined || from.link === this.#link;
  }

  /** Notes a sign of life over the link `from`. Calls `onGone` when that link breaks. */
  seen(from: RequestOrigin | undefined, onGone: () => void): void {
    this.lastSeen = performance.now();
    this.goneSince = undefined;
    this.isSilent = false;
    this.isDead = false;
    if (from === undefined || (this.#isLinked && from.link === this.#link)) return;
    this.#stopWatch();
    this.#link = from.link;
    this.#isLinked = true;
    this.#stopWatch = from.onGone(() => {
      this.#isLinked = false;
      this.isDead = from.isDead?.() === true;
      onGone();
    });
  }

  /** Calls `listener` when its link, or the worker, is gone. Returns the function that ends this. */
  onMove(listener: () => void): () => void {
    this.#moving.add(listener);
    return () => this.#moving.delete(listener);
  }

  /** Tells requests over other links that its own link is gone: they may be its own. */
  moved(): void {
    for (const listener of [...this.#moving]) listener();
  }

  /** Notes a request. Returns false for a request that came before and was sent again after a break. */
  isNew(sequence: number): boolean {
    for (let i = 0; i < this.#recentRequests.size; i++)
      if (this.#recentRequests.peek(i) === sequence) return false;
    this.#recentRequests.push(sequence);
    if (this.#recentRequests.size > WORKER_REQUESTS_KNOWN) this.#recentRequests.shift();
    return true;
  }

  /** The earlier answer to a request for work that comes again: undefined for a new request, `overtaken` after a newer one. */
  answerBefore(sequence: number): Bytes | 'overtaken' | undefined {
    if (sequence > this.#answeredRequest) return undefined;
    return (sequence === this.#answeredRequest ? this.#answer : undefined) ?? 'overtaken';
  }

  /** Holds a request for work. Resolves with its answer; calls `expire` after `timeout` milliseconds without one. */
  holdWorkRequest(sequence: number, want: number, timeout: number, expire: () => void): Promise<Bytes> {
    const reply = deferred<Bytes>();
    this.#workRequest = { sequence, want, reply, stop: startTimer(timeout, expire) };
    return reply.promise;
  }

  /** Answers the held request for work, and keeps the answer. */
  answer(answer: Bytes): void {
    if (this.#workRequest === undefined) return;
    this.#answeredRequest = this.#workRequest.sequence;
    this.#keep(answer);
    this.#workRequest.stop();
    this.#workRequest.reply.resolve(answer);
    this.#workRequest = undefined;
  }

  /** Answers the held request for work without keeping the answer. */
  endWorkRequest(answer: Bytes): void {
    this.#workRequest?.stop();
    this.#workRequest?.reply.resolve(answer);
    this.#workRequest = undefined;
  }

  /** Holds a sign of life for `timeout` milliseconds, so that the next one comes then. Resolves with its answer. */
  holdSignOfLife(answer: Bytes, timeout: number): Promise<Bytes> {
    this.#signOfLife?.stop();
    this.#signOfLife?.reply.resolve(answer);
    const reply = deferred<Bytes>();
    const stop = startTimer(timeout, () => {
      this.#signOfLife = undefined;
      reply.resolve(answer);
    });
    this.#signOfLife = { reply, stop };
    return reply.promise;
  }

  /** Adds a notice of cancelled calls. */
  notify(notice: Bytes): void {
    this.#notices.push(notice);
    // It asks at every heartbeat, so more of them mean that it does not read them.
    if (this.#notices.length > WORKER_NOTICES) this.#notices.shift();
  }

  /** Takes out the notices that wait. */
  takeNotices(): readonly Bytes[] {
    const notices = this.#notices;
    if (notices.length > 0) this.#notices = [];
    return notices;
  }

  /**
   * Answers a request that is held, the sign of life if there is one. Its answer is not kept.
   * @param answer - called when one is held.
   * @returns whether it was a request for work.
   */
  answerEarly(answer: () => Bytes): boolean {
    if (this.#signOfLife !== undefined) {
      this.#signOfLife.stop();
      this.#signOfLife.reply.resolve(answer());
      this.#signOfLife = undefined;
      return false;
    }
    if (this.#workRequest === undefined) return false;
    this.endWorkRequest(answer());
    return true;
  }

  /** Forgets the last answer: its work is done, or others have it. */
  forgetAnswer(): void {
    this.#keep(undefined);
  }

  #keep(answer: Bytes | undefined): void {
    this.#kept.take(answer?.length ?? 0);
    this.#kept.give(this.#answer?.length ?? 0);
    this.#answer = answer;
  }

  /** Answers all held requests. */
  end(answer: Bytes): void {
    this.endWorkRequest(answer);
    this.#signOfLife?.stop();
    this.#signOfLife?.reply.resolve(answer);
    this.#signOfLife = undefined;
    this.forgetAnswer();
  }

  /** Ends its timers and watches: the worker is forgotten. Held requests get no answer. */
  stop(): void {
    this.forgetAnswer();
    this.offers?.release();
    this.offers = undefined;
    this.#stopWatch();
    this.#isLinked = false;
    this.#workRequest?.stop();
    this.#workRequest = undefined;
    this.#signOfLife?.stop();
    this.#signOfLife = undefined;
    this.moved();
  }
}
