import { PalmError, type PalmErrorCode } from 'frond';

/** What to try, by what went wrong. The error's own text says what happened, and to whom. */
const ADVICE: Readonly<Record<PalmErrorCode, string>> = {
  TIMEOUT:
    'See in Topology whether the server is up and has the function. A longer time-out helps with what is slow.',
  DISCONNECTED:
    'The client dials again by itself; calls that were under way are not repeated, since they may have run. Call again.',
  CLOSED: 'The client was closed. Connect again.',
  WRONG_SERVER: 'Check the name of the server: behind a relay, it is the name that the relay has for it.',
  INVALID_CALL: 'Nothing was sent. Mend what the text names, and call again.',
  REMOTE:
    'The call arrived, and the function failed. Look at what it was given, and at the functions that the server has.',
  PROTOCOL: 'What came is no PALM, or not in this format. Try hex to see it as it is.',
  FORBIDDEN: 'Look at the token, and at what the relay grants it: servers, functions and cache.',
  TOO_LARGE: 'Send less at a time, or raise the limit of the relay.',
  LOST: 'The relay has forgotten the session: results may be missing. Run it again from where you know that they are not.',
};

/** What went wrong, and what may be done about it. */
export function Trouble({ error }: { readonly error: unknown }) {
  const isPalm = error instanceof PalmError;
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div class="trouble" role="alert">
      <p class="trouble-head">
        <span class="badge badge-bad">{isPalm ? error.code : 'not sent'}</span>
        {isPalm && error.remoteName !== undefined && <span class="mono">{error.remoteName}</span>}
      </p>
      <p class="trouble-text">{text}</p>
      <p class="hint">
        {isPalm ? ADVICE[error.code] : 'Mend the field that the text speaks of, and try again.'}
      </p>
    </div>
  );
}
