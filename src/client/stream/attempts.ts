import { Heap } from '../../async/earliest.ts';
import { type Bytes, Slab } from '../../protocol/bytes.ts';
import type { MapLimits } from './options.ts';

/** An input of a map that has no result yet. */
export interface Attempt {
  readonly index: number;
  readonly payload: Bytes;
  /** How often it was tried. */
  count: number;
  /** When this attempt began; or when the next does, while it waits for that. */
  at: number;
  /** Breaks that the link had when it was sent; undefined until it is. */
  breaks: number | undefined;
  /** Whether it is among those that wait to be sent. */
  isQueued: boolean;
  /** Whether it has taken one of the link's places. */
  isPlaced: boolean;
}

type RetryLimits = Pick<MapLimits, 'timeout' | 'isPatient' | 'retries' | 'retryDelay'>;

/** Longest wait before an input is sent again, in those before the first. */
const LONGEST_DELAY = 50;

/**
 * What is under way: how often each input was tried, and what becomes of those that get no answer. It keeps no clock: who
 * calls it says what time it is, and asks again at {@link next}.
 */
export class Attempts {
  readonly #limits: RetryLimits;
  readonly #random: () => number;
  /** Those that wait for an answer, in the order they began: so the first is the one that is overdue first. */
  readonly #out = new Map<number, Attempt>();
  /** Those that will be tried again. */
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

  /** Inputs that are out. */
  get out(): number {
    return this.#out.size;
  }

  /** Inputs without a result, out or not. */
  get size(): number {
    return this.#out.size + this.#resting.size;
  }

  /** Attempts beyond the first of each input. */
  get retried(): number {
    return this.#retried;
  }

  /** When something is to be done next, with {@link overdue} or {@link rested}; Infinity while nothing is. */
  get next(): number {
    const rest = this.#rests.peek()?.at ?? Number.POSITIVE_INFINITY;
    const { timeout } = this.#limits;
    if (timeout === Number.POSITIVE_INFINITY) return rest;
    for (const attempt of this.#out.values()) return Math.min(rest, this.#endOf(attempt));
    return rest;
  }

  /** @param payload - copied: it is sent as it is now, however long it waits and however often. */
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

  /** Whether this is still waited for as it was at try `count`. */
  isOut(attempt: Attempt, count = attempt.count): boolean {
    return attempt.count === count && this.#out.get(attempt.index) === attempt;
  }

  /** An answer came. Gives the input that is settled by it; undefined when it has its result. */
  answered(index: number, now: number): Attempt | undefined {
    this.#lastAnswer = now;
    return this.settle(index);
  }

  /** It has its result. */
  settle(index: number): Attempt | undefined {
    const attempt = this.#out.get(index) ?? this.#resting.get(index);
    if (attempt === undefined) return undefined;
    if (!this.#out.delete(index)) this.#resting.delete(index);
    return attempt;
  }

  /** Those whose time is up. */
  overdue(now: number): Attempt[] {
    const found: Attempt[] = [];
    for (const attempt of this.#out.values()) {
      if (this.#endOf(attempt) > now) break;
      found.push(attempt);
    }
    return found;
  }

  /** Those that were sent before the link's break of that number. */
  lost(breaks: number): Attempt[] {
    return [...this.#out.values()].filter(
      (attempt) => attempt.breaks !== undefined && attempt.breaks < breaks,
    );
  }

  /** An attempt came to nothing. Gives whether there will be another; if not, that was its result. */
  giveUp(attempt: Attempt, now: number): boolean {
    this.#out.delete(attempt.index);
    const { retries, retryDelay } = this.#limits;
    if (attempt.count > retries) return false;
    const most = retryDelay * Math.min(LONGEST_DELAY, 2 ** (attempt.count - 1));
    attempt.at = Math.ceil(now + most * (0.5 + this.#random() / 2));
    this.#resting.set(attempt.index, attempt);
    this.#rests.push({ attempt, at: attempt.at });
    return true;
  }

  /** Those whose next attempt begins now. */
  rested(now: number): Attempt[] {
    const found: Attempt[] = [];
    for (let rest = this.#rests.peek(); rest !== undefined && rest.at <= now; rest = this.#rests.peek()) {
      this.#rests.shift();
      const { attempt } = rest;
      // An answer to an earlier attempt may have come meanwhile.
      if (this.#resting.get(attempt.index) !== attempt || attempt.at !== rest.at) continue;
      this.#resting.delete(attempt.index);
      this.#out.set(attempt.index, attempt);
      attempt.count++;
      attempt.at = now;
      attempt.breaks = undefined;
      this.#retried++;
      found.push(attempt);
    }
    return found;
  }

  /** Forgets all of them. Gives how many places they had. */
  clear(): number {
    let places = 0;
    for (const { isPlaced } of this.#out.values()) if (isPlaced) places++;
    this.#out.clear();
    this.#resting.clear();
    this.#rests.clear();
    return places;
  }

  #endOf({ at }: Attempt): number {
    const { timeout, isPatient } = this.#limits;
    return (isPatient ? Math.max(at, this.#lastAnswer) : at) + timeout;
  }
}
