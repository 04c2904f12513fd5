import { harmless } from './async/harmless.ts';
import type { Logger } from './logging.ts';
import type { Bytes } from './protocol/bytes.ts';
import { messageOf } from './protocol/errors.ts';
import type { PalmMessage } from './protocol/message.ts';
import { encodeMetadata, type Metadata, readMetadata, withMetadata } from './protocol/metadata.ts';

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
  /** Adds to the metadata of a call that leaves; undefined for all else. It is not enumerable. */
  readonly addMetadata?: ((metadata: Metadata) => void) | undefined;
}

/** Called with every envelope that is sent or received, on the hot path. What it throws is logged. */
export type Tap = (event: TapEvent) => void;

/** Shows a tap what is sent and received. It harms no call, whatever the tap throws or does with its event. */
export interface GuardedTap {
  /** @returns the unknown fields of the message with the metadata that the tap has added; undefined when it has not. */
  sent(channel: 'push' | 'db', address: string, message: PalmMessage, size: number): Bytes | undefined;
  received(
    channel: 'sub' | 'db',
    address: string,
    message: PalmMessage | undefined,
    size: number,
    topic?: string,
  ): void;
}

/** Makes the events of a tap, and guards it. */
export function guardTap(tap: Tap, logger: Logger): GuardedTap {
  let times = 0;
  const show = ({ message, ...event }: TapEvent) => {
    let unknown: Bytes | undefined;
    const own = { ...event, message: message && { ...message, payload: new Uint8Array(message.payload) } };
    if (event.channel === 'push' && message !== undefined) {
      const value = (more: Metadata) => {
        const before = unknown ?? message.unknown;
        unknown = withMetadata(before, encodeMetadata({ ...readMetadata(before), ...more }));
      };
      Object.defineProperty(own, 'addMetadata', { value });
    }
    harmless(
      () => tap(own),
      (error) => {
        // It may throw at every message: the 1st, 2nd, 4th, 8th… time is logged.
        if (Number.isInteger(Math.log2(++times)))
          logger.warning('the tap threw', { reason: messageOf(error) });
      },
    );
    return unknown;
  };
  return {
    sent: (channel, address, message, size) =>
      show({ direction: 'out', channel, address, topic: undefined, message, size }),
    received: (channel, address, message, size, topic) => {
      show({ direction: 'in', channel, address, topic, message, size });
    },
  };
}
