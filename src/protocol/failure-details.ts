/** What the payload of a failed answer says, as JSON (docs/protocol/palm.md, "Status"). */
import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import type { Issue } from './errors.ts';

/** What the payload of a failed answer holds. */
export interface FailureDetails {
  /** The data of a declared error. */
  readonly data?: unknown;
  /** What is wrong with the input. */
  readonly issues?: readonly Issue[] | undefined;
}

/** The payload of a failed answer. */
export function encodeFailure(details: FailureDetails): Bytes {
  return encodeUtf8(JSON.stringify(details));
}

/** What a failed answer's payload holds; nothing when it is pylm's `0`, or what another server made of it. */
export function decodeFailure(payload: Bytes): FailureDetails {
  try {
    const { data, issues } = JSON.parse(decodeUtf8(payload)) as FailureDetails;
    return { data, issues };
  } catch {
    return {};
  }
}
