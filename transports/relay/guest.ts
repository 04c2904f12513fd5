import type { Identity } from './auth/identity.ts';

/** A client as far as it is judged by: who it is, and what it may do now. */
export interface Guest {
  /** Its id, which the relay gave it. */
  readonly id: string;
  readonly identity: Identity;
}

/** Characters of a topic: an answer bears it twice. Those of frond's clients have about 40. */
export const LONGEST_TOPIC = 1_024;

/** Whether a topic, or the id in an envelope, is one of the client's own. */
export function isOf(id: string, topic: string): boolean {
  return topic[id.length] === '/' && topic.startsWith(id);
}
