/** Follows what a server publishes for frond's roles behind it: notices of cancelled calls, and progress. */

import { PREVIOUS_UNREAD } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { CANCEL, type CancelNotice, NOTICES, readCancel } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import type { Connection, Subscription } from '../../transport.ts';

/** Takes what a server publishes so. */
export interface NoticeTaker {
  readonly onCancel: (notice: CancelNotice) => void;
  /** Takes the progress of a call that goes through that server. */
  readonly onProgress?: (message: PalmMessage) => void;
}

/** Subscribes to the notices of the server that publishes at `address`. A pylm server has none. */
export function followNotices(connection: Connection, address: string, taker: NoticeTaker): Subscription {
  const subscription = connection.subscribe(address, NOTICES, { maxUnread: PREVIOUS_UNREAD });
  void read(subscription, taker);
  return subscription;
}

async function read(subscription: Subscription, { onCancel, onProgress }: NoticeTaker): Promise<void> {
  const codec = new EnvelopeCodec();
  for await (const deliveries of subscription) {
    for (const { topic, frames } of deliveries) {
      for (const frame of topic === NOTICES ? frames : []) {
        const message = readMessage(codec, frame);
        if (message?.status === Status.progress) onProgress?.(message);
        const notice = message && cancelIn(message);
        if (notice !== undefined) onCancel(notice);
      }
    }
  }
}

function readMessage(codec: EnvelopeCodec, frame: Bytes): PalmMessage | undefined {
  try {
    return codec.decode(frame);
  } catch {
    return undefined;
  }
}

/** The notice in a frame; undefined for a frame that holds none. */
export function readNotice(codec: EnvelopeCodec, frame: Bytes): CancelNotice | undefined {
  const message = readMessage(codec, frame);
  return message && cancelIn(message);
}

function cancelIn(message: PalmMessage): CancelNotice | undefined {
  try {
    return message.function === CANCEL ? readCancel(message) : undefined;
  } catch {
    return undefined;
  }
}
