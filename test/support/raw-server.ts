import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import type { PalmMessage } from '../../src/protocol/message.ts';
import type { BindingConnection, BindingTransport, Delivery } from '../../src/transport.ts';
import { bytes, textOf } from './bytes.ts';

/** A server made by hand, for answers that no real one gives: several, none, late, garbled. */
export interface RawServer extends AsyncDisposable {
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
  /** Calls that came. */
  readonly received: PalmMessage[];
  /** Cache requests that came, as `operation key`. */
  readonly requests: string[];
  publish(deliveries: readonly Delivery[]): Promise<void>;
  close(): Promise<void>;
}

/** What a raw server answers to a call: payloads, or whole deliveries. */
export type RawHandler = (message: PalmMessage) => readonly (Bytes | Delivery)[];

/** Starts one that answers cache requests plainly, as pylm does. @param at - addresses that it has to be at. */
export async function startRawServer(
  transport: BindingTransport,
  anyAddress: string,
  handle: RawHandler,
  config: Readonly<Record<string, string>> = {},
  at: Partial<Pick<RawServer, 'dbAddress' | 'pullAddress' | 'pubAddress'>> = {},
): Promise<RawServer> {
  const connection: BindingConnection = await transport.open();
  const codec = new EnvelopeCodec();
  const received: PalmMessage[] = [];
  const requests: string[] = [];
  const pull = await connection.bindPull(at.pullAddress ?? anyAddress);
  const publisher = await connection.bindPublish(at.pubAddress ?? anyAddress);
  const values = new Map<string, Bytes>(
    Object.entries({
      name: 'raw',
      pull_address: pull.address,
      pub_address: publisher.address,
      ...config,
    }).map(([key, value]) => [key, bytes(value)]),
  );
  const db = await connection.bindReply(at.dbAddress ?? anyAddress, (frame) => {
    const { function: path, cache, payload } = codec.decode(frame);
    const operation = path.split('.')[1] ?? '';
    const key = operation === 'set' ? cache : textOf(payload);
    requests.push(`${operation} ${key}`);
    if (operation === 'set') values.set(key, payload.slice());
    else if (operation === 'get') return values.get(key) ?? bytes('');
    else values.delete(key);
    return bytes(key);
  });
  const serving = (async () => {
    for await (const batch of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
      for (const frame of batch) {
        const message = codec.decode(frame);
        received.push(message);
        const answers = handle(message).map((answer) =>
          answer instanceof Uint8Array
            ? { topic: message.client, frames: [codec.encode({ ...message, payload: answer })] }
            : answer,
        );
        await publisher.publish(answers);
      }
    }
  })();
  // Publishing ends when the server is closed.
  serving.catch(() => {});
  const close = async () => {
    await connection.close();
    await serving.catch(() => {});
  };
  return {
    dbAddress: db.address,
    pullAddress: pull.address,
    pubAddress: publisher.address,
    received,
    requests,
    publish: (deliveries) => publisher.publish(deliveries),
    close,
    [Symbol.asyncDispose]: close,
  };
}
