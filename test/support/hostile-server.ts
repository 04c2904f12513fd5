/** A server that says of itself, and answers, whatever a terminal and a log must be kept from. */

import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from './bytes.ts';

const ANY = 'tcp://127.0.0.1:*';

/** Sets the title, clears the screen, by C1 too, turns text around, hides some, and begins lines of its own. */
export const HOSTILE =
  '\u001b]0;owned\u0007\u001b[2J\u009b31mred\u202eback\u2066\u200f\u2028\u2029\ufeff\u0085\u007f\b\r\nfrond: forged';

/** What of {@link HOSTILE} and its like must not come out. Ends of lines are looked at apart. */
export const ACTING = /(?![\n\t])[\p{Cc}\p{Cs}\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

export interface HostileServer extends AsyncDisposable {
  readonly dbAddress: string;
}

export interface Lies {
  /** Values of the cache. Those of the server's own keys count for more than what is right. */
  readonly values?: Readonly<Record<string, string | Uint8Array>>;
  /** What is given for keys that are not there. */
  readonly anyValue?: string;
  /** Whether it replies as frond's servers do. */
  readonly isFrond?: boolean;
  /** The key that it says it has stored. */
  readonly storedKey?: string;
  /** What a call is answered with. */
  readonly answer?: (message: PalmMessage) => Partial<PalmMessage>;
}

export async function startHostileServer({
  values = {},
  anyValue = '',
  isFrond = false,
  storedKey,
  answer = () => ({}),
}: Lies): Promise<HostileServer> {
  const connection = await zeromq().open();
  const codec = new EnvelopeCodec();
  const pull = await connection.bindPull(ANY);
  const publisher = await connection.bindPublish(ANY);
  const own: Readonly<Record<string, string | Uint8Array>> = {
    name: 'bad',
    pull_address: pull.address,
    pub_address: publisher.address,
    ...values,
  };
  const db = await connection.bindReply(ANY, (frame) => {
    const request = codec.decode(frame);
    const operation = request.function.split('.')[1];
    const value =
      operation === 'get' ? (own[textOf(request.payload)] ?? anyValue) : (storedKey ?? request.cache);
    const payload = (typeof value === 'string' ? bytes(value) : value) as Bytes;
    if (!isFrond) return payload;
    return codec.encode(palmMessage({ function: request.function, payload, features: Feature.replies }));
  });
  const serving = (async () => {
    for await (const batch of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
      for (const frame of batch) {
        const message = codec.decode(frame);
        const frames = [codec.encode({ ...message, ...answer(message) })];
        await publisher.publish([{ topic: message.client, frames }]);
      }
    }
  })();
  // Publishing ends when the server is closed.
  serving.catch(() => {});
  return {
    dbAddress: db.address,
    async [Symbol.asyncDispose]() {
      await connection.close();
      await serving.catch(() => {});
    },
  };
}
