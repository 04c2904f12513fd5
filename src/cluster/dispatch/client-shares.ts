import { WORKER_QUEUE } from '../../flow-control.ts';

/** What waits of one client. */
interface Waiting {
  messages: number;
  bytes: number;
}

export interface ClientSharesSettings {
  /** Bytes that may wait. */
  readonly bytes: number;
  /** Called when a client that was held up may go on. */
  readonly onRoom: () => void;
}

/**
 * Shares a Master's queue among its clients. When the queue is full, a client with more than its part waits until it has half of that, and
 * clients with less go on: a new client's call does not wait until the queue of others is done.
 */
export class ClientShares {
  readonly #settings: ClientSharesSettings;
  readonly #waiting = new Map<string, Waiting>();
  readonly #heldUp = new Set<string>();
  /** The client of the last message, and what waits of it: the next message mostly has the same one. */
  #lastClient: string | undefined;
  #last: Waiting | undefined;
  #messages = 0;
  #isClosed = false;
  #bytes = 0;

  constructor(settings: ClientSharesSettings) {
    this.#settings = settings;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether some clients have to wait. */
  get isFull(): boolean {
    return !this.#isClosed && (this.#messages >= WORKER_QUEUE || this.#bytes >= this.#settings.bytes);
  }

  /** Messages of a client that wait. */
  messagesOf(client: string): number {
    return this.#waiting.get(client)?.messages ?? 0;
  }

  /** A message of a client begins to wait. */
  came(client: string, bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    let own = this.#of(client);
    if (own === undefined) {
      own = { messages: 0, bytes: 0 };
      this.#waiting.set(client, own);
      this.#lastClient = client;
      this.#last = own;
    }
    own.messages++;
    own.bytes += bytes;
  }

  /** A message of a client waits no more. */
  went(client: string, bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    const own = this.#of(client);
    if (own === undefined) return;
    own.messages--;
    own.bytes -= bytes;
    if (own.messages === 0) {
      this.#waiting.delete(client);
      this.#lastClient = undefined;
    }
    if (this.#heldUp.size === 0 || this.#has(own, 1 / 2) || !this.#heldUp.has(client)) return;
    this.#heldUp.delete(client);
    this.#settings.onRoom();
  }

  /** Whether a client's messages have to stay where they are. */
  holdsUp(client: string): boolean {
    if (this.#heldUp.size > 0 && this.#heldUp.has(client)) return true;
    if (!this.isFull) return false;
    const own = this.#of(client);
    if (own === undefined || !this.#has(own, 1)) return false;
    this.#heldUp.add(client);
    return true;
  }

  /** Holds nobody up any more. */
  close(): void {
    this.#isClosed = true;
    this.#heldUp.clear();
    this.#settings.onRoom();
  }

  #of(client: string): Waiting | undefined {
    if (client === this.#lastClient) {
      // Of two strings with the same characters the one that is asked for is compared faster next time.
      this.#lastClient = client;
      return this.#last;
    }
    const own = this.#waiting.get(client);
    if (own !== undefined) {
      this.#lastClient = client;
      this.#last = own;
    }
    return own;
  }

  /** Whether a client has `part` of its share. */
  #has({ messages, bytes }: Waiting, part: number): boolean {
    const share = part / Math.max(1, this.#waiting.size);
    return (
      messages >= Math.max(1, share * WORKER_QUEUE) || (messages > 1 && bytes >= share * this.#settings.bytes)
    );
  }
}
