/** The answer to a call that failed. */
import { answerOf } from '../../functions/contract/answered-error.ts';
import type { Logger } from '../../logging.ts';
import { messageOf, type PalmError, readSafely } from '../../protocol/errors.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';

/** pylm's answer when a function raises or is not found: the one byte `0`. */
export const FAILED_PAYLOAD = 0x30;

/** The answer to a message that came after its caller had cancelled it. */
export function cancelledAnswer(message: PalmMessage, { message: error, code }: PalmError): PalmMessage {
  const payload = new Uint8Array([FAILED_PAYLOAD]);
  return { ...message, payload, status: Status.cancelled, error, errorName: code };
}

/** The error of a message with which servers died, each alone. */
export function serverDied(deaths: number): Error {
  const servers = deaths === 1 ? '1 server' : `${deaths} servers`;
  const error = new Error(`${servers} died with this message; no other server gets it (maxDeliveries)`);
  error.name = 'ServerDied';
  return error;
}

export interface FailureSettings {
  readonly logger: Logger;
  /** Whether a failed answer carries the stack of the error. */
  readonly includeStack: boolean;
}

/** The answer to a call that failed, made of its message. When the call had failed before, the caller hears of the first failure. */
export function failed(
  { logger, includeStack }: FailureSettings,
  message: PalmMessage,
  error: unknown,
  status: number = Status.failed,
): PalmMessage {
  const reason = messageOf(error);
  logger.error('call failed', { function: message.function, stage: message.stage, reason });
  const payload = new Uint8Array([FAILED_PAYLOAD]);
  if (message.status !== Status.ok) return { ...message, payload };
  const stack = includeStack ? readSafely(() => (error as Error).stack ?? reason) : undefined;
  const errorName = readSafely(() => (error instanceof Error ? error.name : '')) ?? '';
  const failure = { ...message, payload, status, error: stack ?? reason, errorName };
  // A caller without features is pylm's, and takes `0` for a failure.
  return message.features === 0 ? failure : { ...failure, ...answerOf(error) };
}
