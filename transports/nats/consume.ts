import { NATS_ASKED } from '../../src/flow-control.ts';
import type { Consumer, ConsumerMessages } from './packages.ts';

/** Milliseconds for which messages are asked at once. */
const ASK_TIME = 30_000;

/** Bounds of the milliseconds after which NATS says that there is nothing: nats.js takes no fewer, and NATS no more than half of the time asked. */
const SOONEST = 500;
const LATEST = ASK_TIME / 3;

const quiet = (heartbeat: number) => Math.min(Math.max(heartbeat, SOONEST), LATEST);

/** What nats.js tells when a question reached nobody, and when NATS has not said for two heartbeats that there is nothing. */
const SILENT = ['no_responders', 'heartbeats_missed'];

/**
 * Asks a consumer for messages, and again as they come. The messages end when nobody answers for the consumer: another server of NATS may not
 * have heard of it yet, and one that had it may be gone. Whoever reads begins anew; nats.js would wait for 30 s.
 * @param heartbeat - milliseconds after which NATS says that there is nothing.
 */
export async function consume(consumer: Consumer, heartbeat: number): Promise<ConsumerMessages> {
  const messages = await consumer.consume({
    max_messages: NATS_ASKED,
    expires: ASK_TIME,
    idle_heartbeat: quiet(heartbeat),
  });
  void endWhenSilent(messages);
  return messages;
}

/** Asks a consumer for so many messages. They end when they have come, or after a while; it throws when nobody answers for the consumer. */
export function fetchMessages(
  consumer: Consumer,
  count: number,
  heartbeat: number,
): Promise<ConsumerMessages> {
  return consumer.fetch({ max_messages: count, expires: ASK_TIME, idle_heartbeat: quiet(heartbeat) });
}

async function endWhenSilent(messages: ConsumerMessages): Promise<void> {
  for await (const { type } of messages.status()) if (SILENT.includes(type)) void messages.close();
}
