import type { OpenCalls } from '../../async/open-calls.ts';
import type { SignalHub } from '../../async/signals.ts';
import type { CallLink } from '../call-link.ts';

/** What a job or map uses of its client. */
export interface StreamClient {
  readonly calls: OpenCalls;
  readonly signals: SignalHub;
  readonly settings: { readonly timeout: number; readonly errorSentinel?: boolean | undefined };
  /** @throws PalmError `INVALID_CALL` when the server takes no calls. */
  callPath(): CallLink;
}
