import { EnvelopeCodec } from '../protocol/envelope.ts';
import { reasonText } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type { Delivery } from '../transport.ts';
import { MessageContext, type Surroundings } from './context.ts';
import type { Tally } from './counters.ts';
import { type FailureSettings, failed } from './failure.ts';
import { dropped, type Outlet } from './flow.ts';
import type { HandleStream, StreamTarget } from './functions.ts';
import { Outbox } from './outbox.ts';

export interface PublisherSettings extends FailureSettings, Surroundings {
  readonly publish: (deliveries: readonly Delivery[]) => Promise<void>;
  readonly handleStream: HandleStream;
  /** Whether results are what came in, unchanged: then they need not be encoded anew. */
  readonly isVerbatim: boolean;
  readonly tally: Tally;
}

/** Publishes results: to the client, or to the next server. */
export class Publisher implements Outlet<Bytes> {
  readonly #settings: PublisherSettings;
  readonly #codec = new EnvelopeCodec();
  readonly #outbox = new Outbox();

  constructor(settings: PublisherSettings) {
    this.#settings = settings;
  }

  /** @param frame - the message as it came: what is made of it may be beyond sending. */
  add(result: PalmMessage, frame: Bytes): void {
    const { isVerbatim, tally } = this.#settings;
    tally.answered++;
    if (result.status !== Status.ok) tally.failed++;
    try {
      this.#outbox.add(this.#target(result), isVerbatim ? frame : undefined);
    } catch (error) {
      if (result.status === Status.ok) tally.failed++;
      const failure = failed(this.#settings, this.#codec.decode(frame), error);
      this.#outbox.add({ topic: failure.client, message: failure });
    }
  }

  /** Publishes the answer to a message that failed on its way. */
  fail(failure: PalmMessage): void {
    const { tally } = this.#settings;
    tally.answered++;
    tally.failed++;
    try {
      this.#outbox.add(this.#target({ ...failure }));
    } catch {
      this.#outbox.add({ topic: failure.client, message: failure });
    }
    this.flush();
  }

  done(): void {}

  async flush(): Promise<boolean> {
    const deliveries = this.#outbox.take();
    if (deliveries.length === 0) return true;
    try {
      await this.#settings.publish(deliveries);
      return true;
    } catch (error) {
      // Refused only once the server is closed, when a function took longer than closing waits.
      const { tally, logger } = this.#settings;
      dropped(tally, logger, 'results too late', { reason: reasonText(error) });
      return false;
    }
  }

  #target(result: PalmMessage): StreamTarget {
    return this.#settings.handleStream(result, new MessageContext(this.#settings, result));
  }
}

/** Where results go: to the client, or under the server's own name to the next stage (pylm/servers.py, handle_stream). */
export function defaultStream(name: string, pipelined: boolean): HandleStream {
  if (!pipelined) return (message) => ({ topic: message.client, message });
  return (message) => {
    message.stage++;
    return { topic: name, message };
  };
}
