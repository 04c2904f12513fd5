/** What a worker decides in its result: payload and status. All else is as in the message that the worker got. */

import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { headEnd, payloadEnd } from '../../protocol/envelope-head.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { FAILED_PAYLOAD } from '../runtime/failures.ts';

/** Makes workers' results fit to be passed on. */
export class WorkerResults {
  readonly #codec = new EnvelopeCodec();

  /**
   * The result as it is passed on. An honest result differs from the message only in its payload, and is passed on as it came. Any
   * other is made anew from the message, with the payload and the status of the result.
   * @param message - the frame that the worker got.
   * @param result - the frame that the worker returned, which may hold anything.
   */
  of(message: Bytes, result: Bytes): Bytes {
    if (differsInPayloadAlone(message, result)) return result;
    const codec = this.#codec;
    const original = codec.decode(message);
    try {
      const { payload, status, error, errorName } = codec.decode(result);
      // The caller hears of the first failure: a worker cannot take it back.
      if (original.status !== Status.ok) return codec.encode({ ...original, payload });
      return codec.encode({ ...original, payload, status, error, errorName });
    } catch {
      const error = 'the worker returned a result that cannot be read';
      const payload = new Uint8Array([FAILED_PAYLOAD]);
      return codec.encode({ ...original, payload, status: Status.failed, error, errorName: '' });
    }
  }

  /** The message of progress in a frame that {@link of} made; undefined for a result. */
  progressIn(frame: Bytes): PalmMessage | undefined {
    const message = this.#codec.decode(frame);
    return message.status === Status.progress ? message : undefined;
  }

  /** Whether a result is that of a call that failed. */
  isFailure(frame: Bytes): boolean {
    try {
      return Status.isFailure(this.#codec.decode(frame).status);
    } catch {
      return false;
    }
  }
}

/**
 * Whether two envelopes differ only in their payload. It compares bytes and not fields: then every later reader, even one that reads
 * unusual bytes differently, reads in the result what it would have read in the message.
 */
export function differsInPayloadAlone(message: Uint8Array, result: Uint8Array): boolean {
  const start = headEnd(message);
  if (start === 0) return false;
  for (let i = 0; i < start; i++) if (message[i] !== result[i]) return false;
  const end = payloadEnd(message, start);
  const own = payloadEnd(result, start);
  if (end < 0 || own < 0) return false;
  const rest = message.length - end;
  if (result.length - own !== rest) return false;
  for (let i = 0; i < rest; i++) if (message[end + i] !== result[own + i]) return false;
  return true;
}
