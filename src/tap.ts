import { harmless } from './async/harmless.ts';
import type { Logger } from './logging.ts';
import { messageOf } from './protocol/errors.ts';
import type { PalmMessage } from './protocol/message.ts';

/** One envelope on its way, as a tap sees it. */
export interface TapEvent {
  /** `out`: leaves this client. `in`: arrives. */
  readonly direction: 'out' | 'in';
  /** `push`: a call. `sub`: an answer. `db`: a request to the cache or its reply. */
  readonly channel: 'push' | 'sub' | 'db';
  /** Where it goes or comes from. */
  readonly address: string;
  /** The topic of an answer. */
  readonly topic: string | undefined;
  /** A copy of the envelope, to be kept. Undefined for a plain reply of the cache, which is bare bytes. */
  readonly message: PalmMessage | undefined;
  /** Bytes of the frame. */
  readonly size: number;
}

/** Sees every envelope that leaves or arrives. What it throws is logged. It is called on the hot path. */
export type Tap = (event: TapEvent) => void;

/** A tap that harms no call, whatever the given one throws, and whatever it does with what it sees. */
export function guardTap(tap: Tap, logger: Logger): Tap {
  let times = 0;
  const seen = ({ message, ...event }: TapEvent) =>
    tap({ ...event, message: message && { ...message, payload: new Uint8Array(message.payload) } });
  return (event) =>
    harmless(
      () => seen(event),
      (error) => {
        // It sees every message: the 1st, 2nd, 4th, 8th… are logged.
        if (Number.isInteger(Math.log2(++times)))
          logger.warning('the tap threw', { reason: messageOf(error) });
      },
    );
}
