/** What counts of a worker's result: its payload and its status. All else is the message's that was handed over. */

import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { headEnd, payloadEnd } from '../../protocol/envelope-head.ts';
import { Status } from '../../protocol/message.ts';
import { FAILED_PAYLOAD } from '../runtime/failures.ts';

export class WorkerResults {
  readonly #codec = new EnvelopeCodec();

  /**
   * The result as it is passed on. An honest one differs from the message in its payload alone, and is passed on as it
   * came; any other is made anew from the message, with the payload and the status of the result.
   * @param message - the frame that was handed over.
   * @param result - what the worker gave for it; anything.
   */
  of(message: Bytes, result: Bytes): Bytes {
    if (differsInPayloadAlone(message, result)) return result;
    const codec = this.#codec;
    const original = codec.decode(message);
    try {
      const { payload, status, error, errorName } = codec.decode(result);
      // What failed first is what the caller is told: a worker cannot take it back.
      if (original.status !== Status.ok) return codec.encode({ ...original, payload });
      return codec.encode({ ...original, payload, status, error, errorName });
    } catch {
      const error = 'the worker gave a result that cannot be read';
      const payload = new Uint8Array([FAILED_PAYLOAD]);
      return codec.encode({ ...original, payload, status: Status.failed, error, errorName: '' });
    }
  }

  /** Whether a result says that its call failed. */
  isFailure(frame: Bytes): boolean {
    try {
      return this.#codec.decode(frame).status !== Status.ok;
    } catch {
      return false;
    }
  }
}

/**
 * Bytes are compared and not fields: whoever reads the result next, also with another reading of unusual bytes than
 * ours, then reads what it would have read in the message.
 */
export function differsInPayloadAlone(message: Uint8Array, result: Uint8Array): boolean {
  const start = headEnd(message);
  if (start === 0 || start > result.length) return false;
  for (let i = 0; i < start; i++) if (message[i] !== result[i]) return false;
  const end = payloadEnd(message, start);
  const own = payloadEnd(result, start);
  if (end < 0 || own < 0) return false;
  const rest = message.length - end;
  if (result.length - own !== rest) return false;
  for (let i = 0; i < rest; i++) if (message[end + i] !== result[own + i]) return false;
  return true;
}
