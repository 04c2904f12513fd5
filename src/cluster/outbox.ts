import { EnvelopeCodec } from '../protocol/envelope.ts';
import { Feature } from '../protocol/message.ts';
import type { Bytes } from '../protocol/bytes.ts';
import type { Delivery } from '../transport.ts';
import type { StreamTarget } from './runtime/functions.ts';

/** Envelopes and bytes of one delivery at most. */
const LARGEST_DELIVERY = 128;
const LARGEST_DELIVERY_BYTES = 65_536;

interface OpenDelivery {
  readonly topic: string;
  readonly frames: Bytes[];
  bytes: number;
}

/**
 * Results on their way out, gathered by topic. Several go in one delivery only to clients that said that they take
 * it: pylm's client refuses more than one, and its servers read the first alone.
 */
export class Outbox {
  readonly #codec = new EnvelopeCodec();
  readonly #open = new Map<string, OpenDelivery>();
  #deliveries: Delivery[] = [];

  /** @param encoded - the message as it is on the wire, when that is there already. */
  add({ topic, message }: StreamTarget, encoded?: Bytes): void {
    const frame = encoded ?? this.#codec.encode(message);
    const { client, features } = message;
    const takesBatches = topic === client && (features & Feature.batches) !== 0;
    const open = takesBatches ? this.#open.get(topic) : undefined;
    if (
      open !== undefined &&
      open.frames.length < LARGEST_DELIVERY &&
      open.bytes + frame.length <= LARGEST_DELIVERY_BYTES
    ) {
      open.frames.push(frame);
      open.bytes += frame.length;
      return;
    }
    // A client of frond's calls when its subscription is proved.
    const mayWait = !takesBatches;
    const delivery = { topic, frames: [frame], bytes: frame.length, mayWait };
    this.#deliveries.push(delivery);
    if (takesBatches) this.#open.set(topic, delivery);
  }

  /** What was gathered, in order; the outbox is empty afterwards. */
  take(): readonly Delivery[] {
    const deliveries = this.#deliveries;
    this.#deliveries = [];
    this.#open.clear();
    return deliveries;
  }
}
