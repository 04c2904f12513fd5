import { type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from 'frond';

/** A link to a relay that is away. */
export interface Away {
  /** Why it broke, or could not be made. */
  readonly reason: string;
  /** Attempts since then. */
  readonly attempt: number;
  /** Milliseconds before the next attempt. */
  readonly delay: number;
}

/** Whether an address is that of a relay: those of the servers behind one are names. */
export function isRelay(address: string): boolean {
  return /^wss?:/.test(address);
}

/** Whether the links of the page's clients to their relay are up. */
export class LinkWatch {
  readonly #away = new Map<object, Away>();
  readonly #worst = signal<Away | undefined>(undefined);

  /** The link that has been tried most often of those that are away. */
  get away(): ReadonlySignal<Away | undefined> {
    return this.#worst;
  }

  /** Follows a client until it is closed. */
  async follow(client: Client): Promise<void> {
    for await (const status of client.status()) {
      if (status.type === 'closed' || !isRelay(status.address)) continue;
      const before = this.#away.get(client);
      if (status.type === 'connected') this.#away.delete(client);
      else if (status.type === 'disconnected')
        this.#away.set(client, { attempt: 0, delay: 0, ...before, reason: status.reason });
      else if (status.type === 'reconnecting')
        this.#away.set(client, {
          reason: before?.reason ?? 'no connection',
          attempt: status.attempt,
          delay: status.delay,
        });
      this.#publish();
    }
    this.#away.delete(client);
    this.#publish();
  }

  #publish(): void {
    const all = [...this.#away.values()];
    this.#worst.value = all.sort((a, b) => b.attempt - a.attempt)[0];
  }
}
