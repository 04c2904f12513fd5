/** Notices that nobody waits for a call any more (docs/protocol/palm.md, "Cancelling calls"). */

import { decodeUtf8, encodeUtf8 } from './bytes.ts';
import { messageOf, PalmError } from './errors.ts';
import { EMPTY_MESSAGE, Feature, type PalmMessage } from './message.ts';
import { clipped, remoteReason } from './printable.ts';
import { LONGEST_TOPIC } from './topics.ts';

/** The `function` of a notice. */
export const CANCEL = '_.cancel';

/** The topic that a server publishes notices under, for frond's roles behind it. pylm's subscribe to names of servers. */
export const NOTICES = '_.notices/';

/** Calls of one notice, at most: each is looked for among all that a server has. */
export const MOST_CANCELLED = 1_024;

/** UTF-16 units of the reason. */
const LONGEST_REASON = 256;

/** Says which calls of one client nobody waits for any more, and why. */
export interface CancelNotice {
  /** Id of the client, or its beginning before a slash: then of all clients whose ids begin so. */
  readonly client: string;
  /**
   * The calls, each as what follows the client's id in its topic; with a colon and an ordinal behind it, one message of the call. Empty
   * for all calls of the client that are not detached.
   */
  readonly calls: readonly string[];
  /** Why, as the code of the error that the functions' signals abort with. */
  readonly code: CancelCode;
  /** Why, in words. */
  readonly reason: string;
}

/**
 * Why a call is cancelled.
 *
 * - `CANCELLED`: its caller aborted or left it.
 * - `TIMEOUT`: its caller's time was up.
 * - `DISCONNECTED`: its caller has closed the client, or is gone.
 */
export type CancelCode = 'CANCELLED' | 'TIMEOUT' | 'DISCONNECTED';

/** The code and the words for why a caller gave a call up. */
export function cancelReason(reason: unknown): Pick<CancelNotice, 'code' | 'reason'> {
  const code = reason instanceof PalmError ? reason.code : undefined;
  const isKnown = code === 'TIMEOUT' || code === 'DISCONNECTED';
  return { code: isKnown ? code : 'CANCELLED', reason: clipped(messageOf(reason), LONGEST_REASON) };
}

/** The message that carries a notice. */
export function cancelMessage({ client, calls, code, reason }: CancelNotice): PalmMessage {
  return {
    ...EMPTY_MESSAGE,
    client,
    function: CANCEL,
    payload: encodeUtf8(calls.join(' ')),
    features: Feature.replies | Feature.cancels,
    error: reason,
    errorName: code,
  };
}

/**
 * The notice in a message.
 * @throws PalmError `PROTOCOL` when it names no client, `TOO_LARGE` when it names too many calls.
 */
export function readCancel({ client, payload, error, errorName }: PalmMessage): CancelNotice {
  if (client === '' || client.length > LONGEST_TOPIC)
    throw new PalmError('PROTOCOL', 'a cancel must name the client whose calls it cancels');
  const text = decodeUtf8(payload);
  const calls = text === '' ? [] : text.split(' ', MOST_CANCELLED + 1);
  if (calls.length > MOST_CANCELLED || calls.some(({ length }) => length > LONGEST_TOPIC))
    throw new PalmError(
      'TOO_LARGE',
      `a cancel names at most ${MOST_CANCELLED} calls, each in ${LONGEST_TOPIC} characters`,
    );
  const code = errorName === 'TIMEOUT' || errorName === 'DISCONNECTED' ? errorName : 'CANCELLED';
  return { client, calls, code, reason: remoteReason(clipped(error, LONGEST_REASON)) };
}

/** What the signals of the cancelled functions abort with. */
export function cancelError({ code, reason }: CancelNotice): PalmError {
  return new PalmError(
    code,
    reason === '' ? 'the caller gave the call up' : `the caller gave the call up: ${reason}`,
  );
}
