import type { ByteBudget } from '../../async/byte-budget.ts';
import { type Deferred, deferred } from '../../async/deferred.ts';
import { Fifo } from '../../async/fifo.ts';
import { startTimer } from '../../async/timers.ts';
import { WORKER_REQUESTS_KNOWN } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { RequestOrigin } from '../../transport.ts';

/** A request that is not answered yet. */
interface HeldRequest {
  readonly reply: Deferred<Bytes>;
  readonly stop: () => void;
}

/** One that waits for work. */
interface HeldWorkRequest extends HeldRequest {
  readonly sequence: number;
  readonly want: number;
}

/** A worker that asks for its work, as its Master sees it. */
export class LeasedWorker {
  readonly id: string;
  readonly name: string;
  lastSeen = performance.now();
  /** When the link to it broke; undefined while it is there. A relay tells of the link between itself and the worker. */
  goneSince: number | undefined;
  /** Whether it has been silent for as long as a worker may be. */
  isSilent = false;
  /** Requests for work that came. */
  workRequests = 0;
  /** Requests whose results wait to be taken. */
  ungathered = 0;
  readonly #recentRequests = new Fifo<number>();
  /** The newest request for work that was answered, and the answer, which a break may have taken. */
  #answeredRequest = 0;
  #answer: Bytes | undefined;
  #workRequest: HeldWorkRequest | undefined;
  #signOfLife: HeldRequest | undefined;
  /** What it was heard of over. */
  #link: RequestOrigin['link'] | undefined;
  #isLinked = false;
  #stopWatch = () => {};
  readonly #moving = new Set<() => void>();
  readonly #kept: ByteBudget;

  /** @param kept - of the answers that are kept, should a break take them. */
  constructor(id: string, name: string, kept: ByteBudget) {
    this.id = id;
    this.name = name;
    this.#kept = kept;
  }

  /** Items that it takes; 0 when it does not wait for any. */
  get want(): number {
    return this.#workRequest?.want ?? 0;
  }

  /** Whether the link that it was heard of over is there and known: it tells when it ends. */
  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** Requests in its name that wait for its link to be gone. */
  get moving(): number {
    return this.#moving.size;
  }

  /** Whether a request that came from there is its own. A worker is its link: its name may be another's invention. */
  isAt(from: RequestOrigin | undefined): boolean {
    return !this.#isLinked || from === undefined || from.link === this.#link;
  }

  /** It was heard of. `onGone` is called when the link that it was heard of over breaks. */
  seen(from: RequestOrigin | undefined, onGone: () => void): void {
    this.lastSeen = performance.now();
    this.goneSince = undefined;
    this.isSilent = false;
    if (from === undefined || (this.#isLinked && from.link === this.#link)) return;
    this.#stopWatch();
    this.#link = from.link;
    this.#isLinked = true;
    this.#stopWatch = from.onGone(() => {
      this.#isLinked = false;
      onGone();
    });
  }

  /** Has `listener` called once when its link is gone, or it is. Gives the function that ends this. */
  onMove(listener: () => void): () => void {
    this.#moving.add(listener);
    return () => this.#moving.delete(listener);
  }

  /** What came in its name over other links may be its own. */
  moved(): void {
    for (const listener of [...this.#moving]) listener();
  }

  /** Takes note of a request. Gives whether it is not one that came before, sent again after a break. */
  isNew(sequence: number): boolean {
    for (let i = 0; i < this.#recentRequests.size; i++)
      if (this.#recentRequests.peek(i) === sequence) return false;
    this.#recentRequests.push(sequence);
    if (this.#recentRequests.size > WORKER_REQUESTS_KNOWN) this.#recentRequests.shift();
    return true;
  }

  /** The answer that a request for work got before; undefined for a new one, empty for one that is overtaken. */
  answerBefore(sequence: number): Bytes | 'overtaken' | undefined {
    if (sequence > this.#answeredRequest) return undefined;
    return (sequence === this.#answeredRequest ? this.#answer : undefined) ?? 'overtaken';
  }

  /** Has a request wait. Gives the answer to come; `expire` is called after `timeout` milliseconds without it. */
  holdWorkRequest(sequence: number, want: number, timeout: number, expire: () => void): Promise<Bytes> {
    const reply = deferred<Bytes>();
    this.#workRequest = { sequence, want, reply, stop: startTimer(timeout, expire) };
    return reply.promise;
  }

  /** Answers what waits for work. */
  answer(answer: Bytes): void {
    if (this.#workRequest === undefined) return;
    this.#answeredRequest = this.#workRequest.sequence;
    this.#keep(answer);
    this.#workRequest.stop();
    this.#workRequest.reply.resolve(answer);
    this.#workRequest = undefined;
  }

  /** Ends what waits for work without taking note of the answer. */
  endWorkRequest(answer: Bytes): void {
    this.#workRequest?.stop();
    this.#workRequest?.reply.resolve(answer);
    this.#workRequest = undefined;
  }

  /** Has a sign of life wait for `timeout` milliseconds, so that the next one comes then. Gives its answer to come. */
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

  /** What it got last is done, or is others': it is not given again. */
  forgetAnswer(): void {
    this.#keep(undefined);
  }

  #keep(answer: Bytes | undefined): void {
    this.#kept.take(answer?.length ?? 0);
    this.#kept.give(this.#answer?.length ?? 0);
    this.#answer = answer;
  }

  /** Answers all that waits. */
  end(answer: Bytes): void {
    this.endWorkRequest(answer);
    this.#signOfLife?.stop();
    this.#signOfLife?.reply.resolve(answer);
    this.#signOfLife = undefined;
    this.forgetAnswer();
  }

  /** It is not remembered any more. What waits is not answered. */
  stop(): void {
    this.forgetAnswer();
    this.#stopWatch();
    this.#isLinked = false;
    this.#workRequest?.stop();
    this.#workRequest = undefined;
    this.#signOfLife?.stop();
    this.#signOfLife = undefined;
    this.moved();
  }
}
