/** What a worker decides in its result: payload and status. All else is as in the message that the worker got. */

import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { differInPayloadAlone } from '../../protocol/envelope-alike.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { FAILED_PAYLOAD } from '../runtime/failures.ts';
import type { LeasedCall } from './leased-calls.ts';

/** A worker's result, and what is known of it without decoding it. */
export interface WorkerResult {
  readonly frame: Bytes;
  /** The call that it answers. */
  readonly call: LeasedCall;
  /** Its own `Status`. */
  readonly status: number;
}

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
    if (differInPayloadAlone(message, result)) return result;
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

  /** The message in a frame that {@link of} made. */
  read(frame: Bytes): PalmMessage {
    return this.#codec.decode(frame);
  }
}
