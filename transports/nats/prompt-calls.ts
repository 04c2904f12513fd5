import { NATS_PROMPT } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { clientIn, mayPass } from '../../src/protocol/envelope-head.ts';
import { clientOf } from '../../src/protocol/topics.ts';
import { keepNewest } from './keep-newest.ts';

/** Milliseconds after which a call without an answer does not count: it was cancelled, or takes long. */
const FORGOTTEN = 10_000;

/** Clients that are known. Most have no call under way, and are forgotten at once. */
const MOST_CLIENTS = 16_384;

/** Messages of one call that went past and have no answer. */
interface Prompt {
  left: number;
  /** When the last of them went, on the clock of `performance.now()`. */
  at: number;
}

/**
 * Which calls go past what waits at a server: those of clients that wait for few. Order is kept within a call: all of its messages go past or none,
 * unless they have numbers.
 */
export class PromptCalls {
  /** By client, and by the topic of the call. */
  readonly #clients = new Map<string, Map<string, Prompt>>();

  /** Whether a frame that is about to be sent goes past. */
  goesPast(frame: Bytes): boolean {
    if (!mayPass(frame)) return false;
    const topic = clientIn(frame);
    if (topic === undefined) return false;
    const client = clientOf(topic);
    const calls = this.#clients.get(client) ?? new Map<string, Prompt>();
    const now = performance.now();
    if (countOf(calls) >= NATS_PROMPT) {
      for (const [key, { at }] of calls) if (now - at >= FORGOTTEN) calls.delete(key);
      if (countOf(calls) >= NATS_PROMPT) return false;
    }
    this.#clients.set(client, calls);
    keepNewest(this.#clients, MOST_CLIENTS);
    const call = calls.get(topic);
    if (call === undefined) calls.set(topic, { left: 1, at: now });
    else {
      call.left++;
      call.at = now;
    }
    return true;
  }

  /** So many answers have come under the topic of a call. */
  answered(topic: string, count: number): void {
    const client = clientOf(topic);
    const calls = this.#clients.get(client);
    const call = calls?.get(topic);
    if (calls === undefined || call === undefined) return;
    call.left -= count;
    if (call.left > 0) return;
    calls.delete(topic);
    if (calls.size === 0) this.#clients.delete(client);
  }
}

function countOf(calls: ReadonlyMap<string, Prompt>): number {
  let count = 0;
  for (const { left } of calls.values()) count += left;
  return count;
}
