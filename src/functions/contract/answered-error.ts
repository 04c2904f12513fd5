/** An error that says how its call is answered. */
import type { Bytes } from '../../protocol/bytes.ts';

/** How an answer to a failed call says more: its status and its payload, in place of `1` and `0`. */
export interface FailureAnswer {
  /** A {@link Status}. */
  readonly status: number;
  /** JSON. Callers without features, such as pylm's, get `0` in its place. */
  readonly payload: Bytes;
}

/** Where an error has its answer. The same in all copies of the package. */
const ANSWER: unique symbol = Symbol.for('frond.answer');

/** An error whose call is answered as it says. `name` and `message` are told as those of any error. */
export class AnsweredError extends Error {
  /** @param name - told as the name of the error: the code of a declared error. */
  constructor(name: string, message: string, answer: FailureAnswer, cause?: unknown) {
    super(message, { cause });
    this.name = name;
    Object.defineProperty(this, ANSWER, { value: answer });
  }
}

/** How an error wants its call to be answered; undefined for most errors. */
export function answerOf(error: unknown): FailureAnswer | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  return (error as { readonly [ANSWER]?: FailureAnswer })[ANSWER];
}
