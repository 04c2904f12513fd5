/** What a failed call says beside its text: the issues of an input that was refused, or the data of a declared error. */
import { type Bytes, decodeUtf8, encodeUtf8 } from '../../protocol/bytes.ts';
import type { Issue } from './shape.ts';

/** How an answer to a failed call says more: its status and its payload, in place of `1` and `0`. */
export interface FailureAnswer {
  /** A {@link Status}. */
  readonly status: number;
  /** JSON, as {@link encodeFailure} writes it. Callers without features, such as pylm's, get `0` in its place. */
  readonly payload: Bytes;
}

/** What the payload of a failed answer holds. */
export interface FailureDetails {
  /** The data of a declared error. */
  readonly data?: unknown;
  /** What is wrong with the input. */
  readonly issues?: readonly Issue[];
}

/** The payload of a failed answer. */
export function encodeFailure(details: FailureDetails): Bytes {
  return encodeUtf8(JSON.stringify(details));
}

/** What a failed answer's payload holds; nothing when it is pylm's `0`, or what another server made of it. */
export function decodeFailure(payload: Bytes): FailureDetails {
  try {
    const { data, issues } = JSON.parse(decodeUtf8(payload)) as FailureDetails;
    return { data, ...(Array.isArray(issues) && { issues }) };
  } catch {
    return {};
  }
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
