import type { ByteBudget } from '../../async/byte-budget.ts';
import { type Deferred, deferred } from '../../async/deferred.ts';
import { Fifo } from '../../async/fifo.ts';
import { startTimer } from '../../async/timers.ts';
import { WORKER_REQUESTS_KNOWN } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { RequestOrigin } from '../../transport.ts';

/** A request that is not answered yet. */
interface Waiting {
  readonly reply: Deferred<Bytes>;
  readonly stop: () => void;
}

/** One that waits for work. */
interface Asking extends Waiting {
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
  asks = 0;
  /** Requests whose results wait to be taken. */
  untaken = 0;
  readonly #seen = new Fifo<number>();
  /** The newest request for work that was answered, and the answer, which a break may have taken. */
  #answered = 0;
  #answer: Bytes | undefined;
  #asking: Asking | undefined;
  #sign: Waiting | undefined;
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
    return this.#asking?.want ?? 0;
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
  heard(from: RequestOrigin | undefined, onGone: () => void): void {
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
    for (let i = 0; i < this.#seen.size; i++) if (this.#seen.peek(i) === sequence) return false;
    this.#seen.push(sequence);
    if (this.#seen.size > WORKER_REQUESTS_KNOWN) this.#seen.shift();
    return true;
  }

  /** The answer that a request for work got before; undefined for a new one, empty for one that is overtaken. */
  answerBefore(sequence: number): Bytes | 'overtaken' | undefined {
    if (sequence > this.#answered) return undefined;
    return (sequence === this.#answered ? this.#answer : undefined) ?? 'overtaken';
  }

  /** Has a request wait. Gives the answer to come; `expire` is called after `timeout` milliseconds without it. */
  ask(sequence: number, want: number, timeout: number, expire: () => void): Promise<Bytes> {
    const reply = deferred<Bytes>();
    this.#asking = { sequence, want, reply, stop: startTimer(timeout, expire) };
    return reply.promise;
  }

  /** Answers what waits for work. */
  answer(answer: Bytes): void {
    if (this.#asking === undefined) return;
    this.#answered = this.#asking.sequence;
    this.#keep(answer);
    this.#asking.stop();
    this.#asking.reply.resolve(answer);
    this.#asking = undefined;
  }

  /** Ends what waits for work without taking note of the answer. */
  endAsking(answer: Bytes): void {
    this.#asking?.stop();
    this.#asking?.reply.resolve(answer);
    this.#asking = undefined;
  }

  /** Has a sign of life wait for `timeout` milliseconds, so that the next one comes then. Gives its answer to come. */
  keepSign(answer: Bytes, timeout: number): Promise<Bytes> {
    this.#sign?.stop();
    this.#sign?.reply.resolve(answer);
    const reply = deferred<Bytes>();
    const stop = startTimer(timeout, () => {
      this.#sign = undefined;
      reply.resolve(answer);
    });
    this.#sign = { reply, stop };
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
    this.endAsking(answer);
    this.#sign?.stop();
    this.#sign?.reply.resolve(answer);
    this.#sign = undefined;
    this.forgetAnswer();
  }

  /** It is not remembered any more. What waits is not answered. */
  stop(): void {
    this.forgetAnswer();
    this.#stopWatch();
    this.#isLinked = false;
    this.#asking?.stop();
    this.#asking = undefined;
    this.#sign?.stop();
    this.#sign = undefined;
    this.moved();
  }
}
