import { PalmError, type PalmErrorCode } from 'frond';
import type { ComponentChildren } from 'preact';
import { clipped } from './clipped.ts';
import { inFieldNames } from './field-names.ts';

/** What to try, by the error's code. The error's own text says what happened, and where. */
const ADVICE: Readonly<Record<PalmErrorCode, string>> = {
  TIMEOUT:
    'Check in Topology that the server is up and has the function. A slow function needs a longer time-out.',
  DISCONNECTED:
    'The client connects again by itself. It does not repeat calls that were under way, since they may have run. Call again.',
  CLOSED: 'The client was closed. Connect again.',
  WRONG_SERVER: 'Check the name of the server. Behind a relay, it is the name that the relay has for it.',
  INVALID_CALL: 'Nothing was sent. Correct what the text names, and call again.',
  REMOTE: 'The call arrived and the function failed. Check its payload, and which functions the server has.',
  PROTOCOL: 'The bytes that arrived are not PALM, or not in this format. Choose Hex to see them.',
  FORBIDDEN: 'Check the token and what the relay grants it: servers, functions and cache.',
  TOO_LARGE: 'Send less at a time, or raise the limit of the relay.',
  LOST: 'The relay no longer has the session, so results may be missing. Run it again from the last result that you trust.',
  CANCELLED: 'The server is told that nobody waits for the call. Call again.',
};

/** What to try when the connection failed and not a call. */
const ADVICE_ON_CONNECTION: Readonly<Partial<Record<PalmErrorCode, string>>> = {
  FORBIDDEN:
    'frond demo makes a new token each time it starts: open the link that it printed last. Other relays read their tokens from a token file.',
  TIMEOUT: 'Check that the relay and the server behind it are up, and that the URL is right.',
  INVALID_CALL: 'Nothing was sent. Correct the field that the text names, and connect again.',
};

/** Characters of an error's data that are shown. */
const MOST_DATA = 2_000;

interface TroubleProps {
  readonly error: unknown;
  /** How the connection failed; undefined for a call. */
  readonly place?: 'retried' | 'refused';
  readonly children?: ComponentChildren;
}

/** What went wrong, and what to try. */
export function Trouble({ error, place, children }: TroubleProps) {
  const isPalm = error instanceof PalmError;
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div class="trouble" role="alert">
      <p class="trouble-head">
        <span class="badge badge-bad">{isPalm ? error.code : 'not sent'}</span>
        {place === 'retried' && <span class="badge badge-busy">trying again</span>}
        {isPalm && error.remoteName !== undefined && <span class="mono">{error.remoteName}</span>}
      </p>
      <p class="trouble-text">{inFieldNames(text)}</p>
      {isPalm && error.data !== undefined && (
        <output class="trouble-text mono" aria-label="Data of the error">
          {clipped(JSON.stringify(error.data), MOST_DATA)}
        </output>
      )}
      <p class="hint">{adviceFor(error, place !== undefined)}</p>
      {children}
    </div>
  );
}

function adviceFor(error: unknown, isConnection: boolean): string {
  if (!(error instanceof PalmError)) return 'Correct the field that the text names, and try again.';
  const { code } = error;
  if (code === 'INVALID_CALL' && error.sent === true)
    return 'The server refused the input. Correct the fields that the text names, and call again.';
  return (isConnection ? ADVICE_ON_CONNECTION[code] : undefined) ?? ADVICE[code];
}
