import type { BudgetHolder, MemoryBudget } from './memory-budget.ts';
import { RetainedMessage } from './retained-message.ts';

/** Bytes of the objects around a channel. */
const CHANNEL_COST = 2_048;

export interface ClientMemorySettings {
  /** The group that the client is counted with: its network and its identity's name. */
  readonly group: string;
  readonly budget: MemoryBudget;
  /** The most bytes that may be kept for the client. */
  readonly most: number;
  /** Bytes under way to the client. */
  readonly outgoing: () => number;
  /** Bytes remembered of it as a worker. */
  readonly working: () => number;
  /** Ends the client's session, because too much is kept for it. */
  readonly end: (reason: string) => void;
}

/** Counts the bytes that a relay keeps for one client, in both directions, also while it is away or has left frames behind. */
export class ClientMemory implements BudgetHolder {
  readonly #settings: ClientMemorySettings;
  /** Bytes of messages that are still in use, and of an incomplete one. */
  #incoming = 0;
  #arriving = 0;
  /** Bytes of channels, and of what they hold. */
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

  /** Counts a message until its last user has released it. Call {@link changed} once it was handled. */
  message(size: number, frames: number): RetainedMessage {
    const message = new RetainedMessage(size, frames, (bytes) => {
      this.#incoming -= bytes;
      this.changed();
    });
    this.#incoming += message.bytes;
    return message;
  }

  /** So many bytes have arrived of an incomplete message. */
  arriving(bytes: number): void {
    this.#arriving = bytes;
    this.changed();
  }

  /** A channel was opened, which holds so many bytes. */
  opened(bytes: number): void {
    this.holds(CHANNEL_COST + bytes);
  }

  closed(bytes: number): void {
    this.holds(-CHANNEL_COST - bytes);
  }

  /** Channels hold so many more bytes; fewer, if negative. Call {@link changed} once the frame or message was handled. */
  holds(bytes: number): void {
    this.#channels += bytes;
  }

  /** The amount has changed. Ends the client's session when it is over the limit. */
  changed(): void {
    const { budget, most, outgoing, working, end } = this.#settings;
    // Frames of the client may still be in a transport.
    if (this.#isClosed) {
      budget.set(this, this.#incoming);
      return;
    }
    const sent = outgoing();
    const came = this.#incoming + this.#arriving;
    const bytes = sent + came + working() + this.#channels;
    budget.set(this, bytes);
    if (bytes <= most || this.#isClosed) return;
    const what = sent > came ? 'which does not read them' : 'which sends more than its servers take';
    end(`more than ${most} bytes are kept for this client, ${what}`);
  }

  /** The client is gone. */
  close(): void {
    this.#isClosed = true;
    this.changed();
  }
}
