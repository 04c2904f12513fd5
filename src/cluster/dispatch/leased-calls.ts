import type { PalmMessage } from '../../protocol/message.ts';
import { clientOf } from '../../protocol/topics.ts';

/** What is known of a message for a worker. Those of one call share it. */
export interface LeasedCall {
  /** Whose it is. */
  readonly client: string;
  /** The topic of its answers. */
  readonly topic: string;
  /** The function that it calls, and the stage of that. */
  readonly path: string;
  readonly stage: number;
  /** What its sender understands: a set of `Feature` bits. */
  readonly features: number;
  /** A `Status`: what failed at an earlier server comes here, too. */
  readonly status: number;
}

/** Finds the calls of messages. Messages that come one after another mostly share theirs. */
export class LeasedCalls {
  #last: LeasedCall = { client: '', topic: '', path: '', stage: 0, features: 0, status: 0 };

  /** The call of the last message. */
  get last(): LeasedCall {
    return this.#last;
  }

  of({ client: topic, function: path, stage, features, status }: PalmMessage): LeasedCall {
    const last = this.#last;
    const isTopic = topic === last.topic;
    const isSame =
      isTopic &&
      path === last.path &&
      stage === last.stage &&
      features === last.features &&
      status === last.status;
    if (!isSame) {
      const own = isTopic ? last.client : clientOf(topic);
      // The string that it was before, if it is the same: others compare it with that, and two strings with the same characters take longer.
      const client = own === last.client ? last.client : own;
      this.#last = { client, topic, path, stage, features, status };
    }
    return this.#last;
  }
}
