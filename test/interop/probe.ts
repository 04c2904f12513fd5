/** Messages that show that a path carries messages, as servers/cluster.py sends them. */
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { textOf } from '../support/bytes.ts';
import type { Entry } from './mixed.ts';
import { transportHere } from './transport.ts';

/** Milliseconds until the next message goes out: what the one before began is over by then, on a path that is there. */
const PAUSE = 20;

/**
 * Resolves once every answer has come. Pushes until then: a pylm server that subscribes or pulls does not say when it
 * has begun to.
 */
export async function prove(entry: Entry, path: string, answers: readonly string[]): Promise<void> {
  const connection = await transportHere().open();
  try {
    const client = `${randomId()}/`;
    const missing = new Set(answers);
    const push = connection.push(entry.pushAddress);
    const results = connection.subscribe(entry.subAddress, client);
    const reading = (async () => {
      const codec = new EnvelopeCodec();
      for await (const deliveries of results) {
        for (const frame of deliveries.flatMap(({ frames }) => frames))
          missing.delete(textOf(codec.decode(frame).payload));
        if (missing.size === 0) return;
      }
    })();
    const frame = new EnvelopeCodec().encode(palmMessage({ client, pipeline: client, function: path }));
    await push.ready();
    let isOver = missing.size === 0;
    reading.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await push.send([frame]);
      await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, PAUSE))]);
    }
  } finally {
    await connection.close({ timeout: 0 });
  }
}
