/** Adds single deliveries to what publishers publish, for those who read it later. */
import { atMost } from '../../src/async/timers.ts';
import { inspectValue, invalidCall, isClosed } from '../../src/protocol/errors.ts';
import type { CloseOptions, Delivery } from '../../src/transport.ts';
import { pack } from './frames.ts';
import type { NatsHost } from './host.ts';
import { StreamSender } from './sender.ts';
import { ensureOut } from './streams.ts';

export class NatsStore {
  readonly #host: NatsHost;
  readonly #sender: StreamSender;
  #begun: Promise<void> | undefined;

  constructor(host: NatsHost) {
    const { link, frames, names } = host;
    this.#host = host;
    this.#sender = new StreamSender({
      link,
      frames,
      age: link.settings.resultAge,
      isOpen: () => true,
      missing: (session) => ensureOut(session, names, link.settings),
    });
  }

  /** Resolves when NATS has it. */
  async add(address: string, { topic, frames }: Delivery): Promise<void> {
    const subject = this.#host.names.server(address).topicSubject(topic);
    if (subject === undefined)
      throw invalidCall(`a topic is too long for a subject of NATS: ${inspectValue(topic)}`);
    // The next one tries again.
    this.#begun ??= this.#begin().catch((error) => {
      this.#begun = undefined;
      throw error;
    });
    await this.#begun;
    await this.#sender.add([{ subject, packed: pack(frames) }]);
  }

  async close({ timeout = 0 }: CloseOptions = {}): Promise<void> {
    await atMost(timeout, this.#sender.idle());
    this.#sender.end((sent) => isClosed('the connection', sent));
    this.#host.release(this);
  }

  async #begin(): Promise<void> {
    const { link, names } = this.#host;
    await ensureOut(await link.connected(), names, link.settings);
    link.use(this.#sender);
  }
}
