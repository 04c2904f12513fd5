import { NATS_ASKED } from '../../src/flow-control.ts';
import type { Consumer, ConsumerMessages } from './packages.ts';

/** Milliseconds for which messages are asked at once. */
const ASK_TIME = 30_000;

/**
 * Asks a consumer for messages, and again as they come. The messages end when what was asked reached nobody, as over another server of NATS
 * that has not heard of the consumer yet: whoever reads begins anew.
 * @param heartbeat - milliseconds after which NATS says that there is nothing. Without two of them it is asked again.
 */
export async function consume(consumer: Consumer, heartbeat: number): Promise<ConsumerMessages> {
  const messages = await consumer.consume({
    max_messages: NATS_ASKED,
    expires: ASK_TIME,
    idle_heartbeat: Math.max(heartbeat, 500),
  });
  void endWithoutConsumer(messages);
  return messages;
}

async function endWithoutConsumer(messages: ConsumerMessages): Promise<void> {
  for await (const { type } of messages.status()) if (type === 'no_responders') void messages.close();
}
