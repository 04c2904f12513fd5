/** Follows what a server publishes for frond's roles behind it. */

import { PREVIOUS_UNREAD } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { CANCEL, type CancelNotice, NOTICES, readCancel } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import type { Connection, Subscription } from '../../transport.ts';

/** Subscribes to the notices of the server that publishes at `address`. A pylm server has none. */
export function followNotices(
  connection: Connection,
  address: string,
  onCancel: (notice: CancelNotice) => void,
): Subscription {
  const subscription = connection.subscribe(address, NOTICES, { maxUnread: PREVIOUS_UNREAD });
  void read(subscription, onCancel);
  return subscription;
}

async function read(subscription: Subscription, onCancel: (notice: CancelNotice) => void): Promise<void> {
  const codec = new EnvelopeCodec();
  for await (const deliveries of subscription) {
    for (const { topic, frames } of deliveries) {
      for (const frame of topic === NOTICES ? frames : []) {
        const notice = readNotice(codec, frame);
        if (notice !== undefined) onCancel(notice);
      }
    }
  }
}

/** The notice in a frame; undefined for a frame that holds none. */
export function readNotice(codec: EnvelopeCodec, frame: Bytes): CancelNotice | undefined {
  try {
    const message = codec.decode(frame);
    return message.function === CANCEL ? readCancel(message) : undefined;
  } catch {
    return undefined;
  }
}
