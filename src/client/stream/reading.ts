/** How far the reader of a job is in what is stored. */
import { type Deferred, deferred } from '../../async/deferred.ts';
import { Fifo } from '../../async/fifo.ts';
import { checkCount } from '../../checks.ts';
import { invalidCall } from '../../protocol/errors.ts';
import type { Delivery } from '../../transport.ts';

/** Where a reader was: how many results it had, and the last of them in what is stored. */
export interface Place {
  readonly count: number;
  /** The position of the delivery; undefined when the number of results is all that is known. */
  readonly position: number | undefined;
  /** Frames of that delivery that it had; 0 for all. */
  readonly frames: number;
}

const POSITION = /^(\d{1,15})@(\d{1,15})(?:\.(\d{1,9}))?$/;

/**
 * Reads where a reader was: a number of results, or the position of a job's progress.
 * @throws PalmError `INVALID_CALL` when it is neither.
 */
export function placeOf(after: unknown): Place {
  if (typeof after !== 'string')
    return { count: checkCount('after', after, 0), position: undefined, frames: 0 };
  const [, count, position, frames = 0] = POSITION.exec(after) ?? [];
  if (count === undefined)
    throw invalidCall(
      `after must be a number of results, or the position of a job's progress, not '${after}'`,
    );
  return { count: Number(count), position: Number(position), frames: Number(frames) };
}

interface Waiting {
  readonly position: number | undefined;
  readonly frames: number;
  readonly isFailure: boolean;
}

/** Follows a reader through the results that come, in their order. */
export class Reading {
  /** Results that have come, with those of the reader before. */
  came: number;
  readonly #waiting = new Fifo<Waiting>();
  /** Whether failures go to a listener, and the reading goes on. */
  readonly #passesFailures: boolean;
  readonly #window: number;
  #place: Place;
  #delivery: Delivery | undefined;
  #frames = 0;
  #room: Deferred<void> | undefined;

  constructor(place: Place, window: number, passesFailures: boolean) {
    this.#place = place;
    this.came = place.count;
    this.#window = window;
    this.#passesFailures = passesFailures;
  }

  /** The place of the last result that was read, as {@link placeOf} reads it; undefined before the first where nothing is stored. */
  get position(): string | undefined {
    const { count, position, frames } = this.#place;
    if (position === undefined) return undefined;
    return `${count}@${position}${frames > 0 ? `.${frames}` : ''}`;
  }

  /** A frame of a delivery has come. Each is told, those that are no results too. */
  frame(delivery: Delivery): void {
    if (delivery !== this.#delivery) this.#frames = 0;
    this.#delivery = delivery;
    this.#frames++;
  }

  /** That frame is a result. */
  add(isFailure: boolean): void {
    const { position, frames: { length = 0 } = [] } = this.#delivery ?? {};
    this.came++;
    this.#waiting.push({ position, frames: this.#frames === length ? 0 : this.#frames, isFailure });
    this.#passFailures();
  }

  /** The reader has got a result. */
  read(): void {
    this.#advance();
    this.#passFailures();
    if (this.#waiting.size > this.#window / 2) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** The reader has got an error: perhaps the failure whose turn it was. */
  failed(): void {
    if (this.#waiting.peek()?.isFailure) this.#advance();
  }

  /** Resolves when few enough results wait for the reader; undefined when they do. */
  room(): Promise<void> | undefined {
    if (this.#waiting.size < this.#window) return undefined;
    this.#room ??= deferred();
    return this.#room.promise;
  }

  /** Lets go of who waits for room. */
  end(): void {
    this.#room?.resolve();
  }

  #passFailures(): void {
    while (this.#passesFailures && this.#waiting.peek()?.isFailure) this.#advance();
  }

  #advance(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const { position, frames } = next;
    this.#place = { count: this.#place.count + 1, position, frames };
  }
}
