import type { BudgetHolder, MemoryBudget } from './memory-budget.ts';
import { RetainedMessage } from './retained-message.ts';

/** Bytes that the objects around a channel cost. */
const CHANNEL_COST = 2_048;

export interface ClientMemorySettings {
  /** Whom the client is counted with: where it comes from, and who it is. */
  readonly group: string;
  readonly budget: MemoryBudget;
  /** Bytes that may be kept for the client. */
  readonly most: number;
  /** Bytes that are on their way to the client. */
  readonly outgoing: () => number;
  /** Bytes of what is remembered of it as a worker. */
  readonly working: () => number;
  /** Ends the client, for which too much is kept. */
  readonly end: (reason: string) => void;
}

/** The bytes that a relay keeps for one client, in both directions: as long as it is connected, away, or has left frames behind. */
export class ClientMemory implements BudgetHolder {
  readonly #settings: ClientMemorySettings;
  /** Of messages that came and are still needed, and of one that is still coming. */
  #incoming = 0;
  #arriving = 0;
  /** Of channels, and of what is held for them beside. */
  #channels = 0;
  #isClosed = false;

  constructor(settings: ClientMemorySettings) {
    this.#settings = settings;
  }

  get group(): string {
    return this.#settings.group;
  }

  overBudget(reason: string): void {
    if (!this.#isClosed) this.#settings.end(reason);
  }

  /** A message came that is kept until nothing of it is needed any more. {@link changed} is due when it has been looked into. */
  message(size: number, frames: number): RetainedMessage {
    const message = new RetainedMessage(size, frames, (bytes) => {
      this.#incoming -= bytes;
      this.changed();
    });
    this.#incoming += message.bytes;
    return message;
  }

  /** So many bytes have come of a message that is not whole. */
  arriving(bytes: number): void {
    this.#arriving = bytes;
    this.changed();
  }

  /** A channel was opened, for which so many bytes are held beside. */
  opened(bytes: number): void {
    this.holds(CHANNEL_COST + bytes);
  }

  closed(bytes: number): void {
    this.holds(-CHANNEL_COST - bytes);
  }

  /** So many bytes more are held for its channels, or less. {@link changed} is due when the frame or message has been worked on. */
  holds(bytes: number): void {
    this.#channels += bytes;
  }

  /** What is kept is another amount now. */
  changed(): void {
    const { budget, most, outgoing, working, end } = this.#settings;
    // Some of what the client sent may still be in the hands of a transport.
    if (this.#isClosed) {
      budget.set(this, this.#incoming);
      return;
    }
    const sent = outgoing();
    const came = this.#incoming + this.#arriving;
    const bytes = sent + came + working() + this.#channels;
    budget.set(this, bytes);
    if (bytes <= most || this.#isClosed) return;
    const what = sent > came ? 'which does not take them' : 'which sends more than is taken';
    end(`more than ${most} bytes are kept for this client, ${what}`);
  }

  /** The client is gone. */
  close(): void {
    this.#isClosed = true;
    this.changed();
  }
}
