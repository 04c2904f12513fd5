import { harmless } from './async/harmless.ts';
import type { Logger } from './logging.ts';
import { messageOf } from './protocol/errors.ts';
import type { PalmMessage } from './protocol/message.ts';

/** One envelope that a client sends or receives, as a tap sees it. */
export interface TapEvent {
  /** `out`: the client sends it. `in`: the client receives it. */
  readonly direction: 'out' | 'in';
  /** `push`: a call. `sub`: an answer. `db`: a cache request or its reply. */
  readonly channel: 'push' | 'sub' | 'db';
  /** The address that it goes to or comes from. */
  readonly address: string;
  /** The topic of an answer; undefined for other channels. */
  readonly topic: string | undefined;
  /** A copy of the envelope, which may be kept. Undefined for a plain reply of the cache, which has no envelope. */
  readonly message: PalmMessage | undefined;
  /** Size of the frame in bytes. */
  readonly size: number;
}

/** Called with every envelope that is sent or received, on the hot path. What it throws is logged. */
export type Tap = (event: TapEvent) => void;

/** A tap that harms no call, whatever the given tap throws or does with its event. */
export function guardTap(tap: Tap, logger: Logger): Tap {
  let times = 0;
  const seen = ({ message, ...event }: TapEvent) =>
    tap({ ...event, message: message && { ...message, payload: new Uint8Array(message.payload) } });
  return (event) =>
    harmless(
      () => seen(event),
      (error) => {
        // It may throw at every message: the 1st, 2nd, 4th, 8th… time is logged.
        if (Number.isInteger(Math.log2(++times)))
          logger.warning('the tap threw', { reason: messageOf(error) });
      },
    );
}
