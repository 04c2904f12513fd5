/** A previous server in bare sockets, which can publish what no server of pylm's or frond's would. */
import { Pull, XPublisher } from 'zeromq';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';

export interface Relay {
  readonly pullAddress: string;
  readonly pubAddress: string;
  /** Resolves once so many subscriptions to its name have arrived. */
  subscribed(count: number): Promise<void>;
  /** Publishes frames as they are, the topic among them. */
  publish(...frames: (string | Uint8Array)[]): Promise<void>;
  close(): void;
}

/** Publishes under `name` what is pushed to it, its stage counted up. */
export async function startRelay(name: string): Promise<Relay> {
  const pull = new Pull({ linger: 0 });
  const pub = new XPublisher({ linger: 0, sendHighWaterMark: 0, verbosity: 'allSubs' });
  await pull.bind('tcp://127.0.0.1:*');
  await pub.bind('tcp://127.0.0.1:*');
  const codec = new EnvelopeCodec();
  // One thing at a time: a socket takes no second message while it is busy with one.
  let sending: Promise<unknown> = Promise.resolve();
  const publish = (...frames: (string | Uint8Array)[]) => {
    const sent = sending.then(() => pub.send(frames));
    sending = sent.catch(() => {});
    return sent;
  };
  const relaying = async () => {
    for await (const parts of pull) {
      for (const part of parts) {
        const message = codec.decode(new Uint8Array(part));
        message.stage++;
        await publish(name, codec.encode(message));
      }
    }
  };
  relaying().catch(() => {});
  return {
    pullAddress: pull.lastEndpoint ?? '',
    pubAddress: pub.lastEndpoint ?? '',
    subscribed: async (count) => {
      for (let seen = 0; seen < count; ) {
        const [wish] = await pub.receive();
        if (wish?.[0] === 1 && wish.subarray(1).toString() === name) seen++;
      }
    },
    publish,
    close: () => {
      pull.close();
      pub.close();
    },
  };
}
