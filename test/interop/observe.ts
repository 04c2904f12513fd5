/** What servers publish for given envelopes, in a form in which pylm's and frond's can be compared. */
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import type { Connection } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';
import { transportHere } from './transport.ts';

export interface Watch {
  /** Where it is published. */
  readonly address: string;
  /** The beginning of its topic. */
  readonly topic: string;
}

export interface Observed {
  readonly topic: string;
  readonly function: string;
  readonly stage: number;
  /** As text, with `filled` for what `cache` was filled with. */
  readonly payload: string;
  /** Hex of the envelope, without what only frond says of failures, and `filled` for a `cache` that was given none. */
  readonly envelope: string;
  /** The `cache` that it had. */
  readonly cache: string;
}

/** The `client` of all that is observed begins with this, which can be subscribed to. */
export const CLIENT = 'observer/';
const PROBE = `${CLIENT}probe`;
const FILLED = 'filled';
const LIMIT = 15_000;

const codec = new EnvelopeCodec();

/** An envelope as pylm's client sends it, with a field beside that nobody knows. */
export function envelope(path: string, fields: Partial<PalmMessage> = {}): PalmMessage {
  const unknown = new Uint8Array([0xa2, 0x1f, 2, 0x68, 0x69]);
  const own = { client: `${CLIENT}1`, pipeline: 'p', payload: bytes('x'), cache: 'mine', unknown };
  return palmMessage({ ...own, function: path, ...fields });
}

/**
 * Pushes the messages and gives what each watch saw of them, in a fixed order.
 * @param times - how often each message is published.
 */
export async function observe(
  pushAddress: string,
  watches: readonly Watch[],
  messages: readonly PalmMessage[],
  times = 1,
): Promise<Observed[][]> {
  const connection = await transportHere().open();
  try {
    const views = watches.map((watch) => new View(connection, watch));
    const push = connection.push(pushAddress);
    const [first] = messages;
    const probe = codec.encode(palmMessage({ ...first, client: PROBE }));
    const proving = async () => {
      while (!views.every((view) => view.isProved)) {
        await push.send([probe]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await within(LIMIT, proving(), 'a probe on its way');
    await push.send(messages.map((message) => codec.encode(message)));
    const all = Promise.all(views.map((view) => view.take(messages.length * times)));
    return await within(LIMIT, all, 'what was sent');
  } finally {
    await connection.close({ timeout: 0 });
  }
}

/** One subscription and what came by it. */
class View {
  isProved = false;
  readonly #seen: Observed[] = [];
  #arrived = () => {};

  constructor(connection: Connection, { address, topic }: Watch) {
    this.#read(connection, address, topic);
  }

  async take(count: number): Promise<Observed[]> {
    while (this.#seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const order = ({ topic, envelope: own }: Observed) => topic + own;
    return this.#seen.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  async #read(connection: Connection, address: string, prefix: string): Promise<void> {
    for await (const deliveries of connection.subscribe(address, prefix)) {
      for (const { topic, frames } of deliveries) {
        for (const frame of frames) this.#see(topic, codec.decode(frame));
      }
      this.#arrived();
    }
  }

  #see(topic: string, message: PalmMessage): void {
    if (message.client === PROBE) {
      this.isProved = true;
      return;
    }
    const { cache, function: path, stage } = message;
    const isFilled = cache !== '' && cache !== 'mine';
    const whole = textOf(message.payload);
    const payload = isFilled ? whole.replace(cache, FILLED) : whole;
    const named = { cache: isFilled ? FILLED : cache, payload: bytes(payload) };
    const plain = { ...message, ...named, status: 0, error: '', errorName: '' };
    const hex = Buffer.from(codec.encode(plain)).toString('hex');
    this.#seen.push({ topic, function: path, stage, payload, envelope: hex, cache });
  }
}
