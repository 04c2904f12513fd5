import { Heap } from '../../async/earliest.ts';
import { Numbered } from '../../async/numbered.ts';
import { type Bytes, Slab } from '../../protocol/bytes.ts';
import type { MapLimits } from './options.ts';

/** An input of a map that has no result yet. */
export interface Attempt {
  readonly index: number;
  readonly payload: Bytes;
  /** Number of attempts, this one included. */
  count: number;
  /** When this attempt began; while it rests, when the next one begins. */
  at: number;
  /** How often the link had broken when it was sent; undefined before that. */
  breaks: number | undefined;
  /** Whether it waits to be sent. */
  isQueued: boolean;
  /** Whether it has taken one of the link's places. */
  isPlaced: boolean;
}

type RetryLimits = Pick<MapLimits, 'timeout' | 'isPatient' | 'retries' | 'retryDelay'>;

/** The longest wait before an input is sent again, as a multiple of `retryDelay`. */
const LONGEST_DELAY = 50;

/**
 * The inputs of a map that have no result: how often each was tried, and when it is tried again. It has no clock: the caller
 * passes the time, and calls again at {@link next}.
 */
export class Attempts {
  readonly #limits: RetryLimits;
  readonly #random: () => number;
  /** First attempts that wait for an answer, in the order they began: the first one is overdue first. */
  readonly #out = new Numbered<Attempt>();
  /** Further attempts that wait for one, in that order, too. */
  readonly #again = new Map<number, Attempt>();
  /** Attempts that failed and will be made again. */
  readonly #resting = new Map<number, Attempt>();
  readonly #rests = new Heap<{ readonly attempt: Attempt; readonly at: number }>(({ at }) => at);
  #lastAnswer = Number.NEGATIVE_INFINITY;
  readonly #slab = new Slab();
  #retried = 0;

  /** @param random - a number from 0 to 1, as `Math.random` gives it. */
  constructor(limits: RetryLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Number of inputs that wait for an answer. */
  get out(): number {
    return this.#out.size + this.#again.size;
  }

  /** Number of inputs without a result. */
  get size(): number {
    return this.out + this.#resting.size;
  }

  /** Number of attempts after the first of each input. */
  get retried(): number {
    return this.#retried;
  }

  /** When to call {@link overdue} and {@link rested} next; Infinity when there is nothing to wait for. */
  get next(): number {
    const rest = this.#rests.peek()?.at ?? Number.POSITIVE_INFINITY;
    const { timeout } = this.#limits;
    if (timeout === Number.POSITIVE_INFINITY) return rest;
    const ends = [this.#out, this.#again.values()].flatMap(([first]) => (first ? this.#endOf(first) : []));
    return Math.min(rest, ...ends);
  }

  /** @param payload - copied, because the caller may change it before it is sent, or sent again. */
  begin(index: number, payload: Bytes, now: number): Attempt {
    const own = this.#slab.take(payload.length);
    own.set(payload);
    const attempt = {
      index,
      payload: own,
      count: 1,
      at: now,
      breaks: undefined,
      isQueued: false,
      isPlaced: false,
    };
    this.#out.set(index, attempt);
    return attempt;
  }

  /** Whether attempt number `count` of this input still waits for an answer. */
  isOut(attempt: Attempt, count: number = attempt.count): boolean {
    return attempt.count === count && (count === 1 ? this.#out : this.#again).get(attempt.index) === attempt;
  }

  /** An answer came. Returns its input, which now has a result; undefined when it had one before. */
  answered(index: number, now: number): Attempt | undefined {
    this.#lastAnswer = now;
    return this.settle(index);
  }

  /** The input has its result. */
  settle(index: number): Attempt | undefined {
    const attempt = this.#out.get(index) ?? this.#again.get(index) ?? this.#resting.get(index);
    if (attempt === undefined) return undefined;
    if (!this.#out.delete(index) && !this.#again.delete(index)) this.#resting.delete(index);
    return attempt;
  }

  /** Attempts whose time is up. */
  overdue(now: number): Attempt[] {
    const found: Attempt[] = [];
    for (const attempts of [this.#out, this.#again.values()]) {
      for (const attempt of attempts) {
        if (this.#endOf(attempt) > now) break;
        found.push(attempt);
      }
    }
    return found;
  }

  /** Attempts that were sent before break number `breaks` of the link. */
  lost(breaks: number): Attempt[] {
    return [...this.#out, ...this.#again.values()].filter(
      (attempt) => attempt.breaks !== undefined && attempt.breaks < breaks,
    );
  }

  /** An attempt failed. Returns whether there will be another; if not, the failure is the input's result. */
  giveUp(attempt: Attempt, now: number): boolean {
    if (!this.#out.delete(attempt.index)) this.#again.delete(attempt.index);
    const { retries, retryDelay } = this.#limits;
    if (attempt.count > retries) return false;
    const most = retryDelay * Math.min(LONGEST_DELAY, 2 ** (attempt.count - 1));
    attempt.at = Math.ceil(now + most * (0.5 + this.#random() / 2));
    this.#resting.set(attempt.index, attempt);
    this.#rests.push({ attempt, at: attempt.at });
    return true;
  }

  /** Inputs whose next attempt begins now. */
  rested(now: number): Attempt[] {
    const found: Attempt[] = [];
    for (let rest = this.#rests.peek(); rest !== undefined && rest.at <= now; rest = this.#rests.peek()) {
      this.#rests.shift();
      const { attempt } = rest;
      // An answer to an earlier attempt may have come meanwhile.
      if (this.#resting.get(attempt.index) !== attempt) continue;
      this.#resting.delete(attempt.index);
      this.#again.set(attempt.index, attempt);
      attempt.count++;
      attempt.at = now;
      attempt.breaks = undefined;
      this.#retried++;
      found.push(attempt);
    }
    return found;
  }

  /** Forgets all inputs. Returns the number of places that they had. */
  clear(): number {
    let places = 0;
    for (const { isPlaced } of [...this.#out, ...this.#again.values()]) if (isPlaced) places++;
    this.#out.clear();
    this.#again.clear();
    this.#resting.clear();
    this.#rests.clear();
    return places;
  }

  #endOf({ at }: Attempt): number {
    const { timeout, isPatient } = this.#limits;
    return (isPatient ? Math.max(at, this.#lastAnswer) : at) + timeout;
  }
}
