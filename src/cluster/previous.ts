/** What comes from previous servers. */
import { invalidCall, show } from '../protocol/errors.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type { Delivery, Subscription } from '../transport.ts';
import { dropped } from './flow.ts';
import type { Ground } from './ground.ts';

/** Milliseconds that a previous server gets to confirm the subscription: one of frond's does at once, pylm's never. */
const PROOF_TIMEOUT = 250;

/** Messages that may wait in the transport: those that wait here are bounded in bytes, and those there are not. */
const MAX_UNREAD = 128;

/** The stream that one previous server publishes under one topic: its name, unless its `handleStream` says otherwise. */
export class Previous {
  readonly address: string;
  readonly subscription: Subscription;
  readonly #topic: string;

  constructor(ground: Ground, address: string, topic: string) {
    const { connection, tally, logger } = ground;
    this.address = address;
    this.#topic = topic;
    this.subscription = connection.subscribe(address, topic, {
      proofTimeout: PROOF_TIMEOUT,
      maxUnread: MAX_UNREAD,
    });
    this.subscription.onBreak((error) => {
      const fields = { address, reason: error.message };
      if (error.code === 'LOST') dropped(tally, logger, 'results of a previous server lost', fields);
      else logger.warning('the link to a previous server broke', fields);
    });
  }

  /** Envelopes as they come. SUB takes every topic that begins like ours; those that are others' are passed over. */
  frames(): AsyncIterator<readonly Bytes[], undefined> {
    const deliveries = this.subscription[Symbol.asyncIterator]();
    return {
      next: async () => {
        for (;;) {
          const { done, value } = await deliveries.next();
          if (done) return { done, value: undefined };
          const frames = this.#ours(value);
          if (frames.length > 0) return { done: false, value: frames };
        }
      },
    };
  }

  #ours(deliveries: readonly Delivery[]): Bytes[] {
    const ours: Bytes[] = [];
    for (const { topic, frames } of deliveries) {
      // One by one: a call takes only so many arguments, and a delivery may have any number of frames.
      if (topic === this.#topic) for (const frame of frames) ours.push(frame);
    }
    return ours;
  }
}

/** @throws PalmError `INVALID_CALL` for a topic that would take everybody's results. */
export function checkPrevious(previous: unknown): void {
  if (typeof previous !== 'string' || previous === '') {
    throw invalidCall(
      `previous must be the name of the previous server, or a topic of its handleStream, not ${show(previous)}`,
    );
  }
}
