/** Which clients have gone: nobody can read the answers to their calls. */
import { macrotasks } from '../../async/macrotask.ts';
import { GONE_AT_ONCE } from '../../flow-control.ts';
import type { CancelNotice } from '../../protocol/cancel.ts';

/** Has the calls cancelled of clients whose subscription has ended. Many may go at once, so their calls are looked for together. */
export class GoneClients {
  readonly #cancel: (notices: readonly CancelNotice[]) => void;
  readonly #later = macrotasks();
  /** What the topics of those begin with whose calls are not cancelled yet. */
  readonly #topics = new Set<string>();

  /** @param cancel - cancels the calls that notices name. */
  constructor(cancel: (notices: readonly CancelNotice[]) => void) {
    this.#cancel = cancel;
  }

  /** A client's subscription has come or ended. */
  changed(topic: string, isThere: boolean): void {
    if (isThere) {
      this.#topics.delete(topic);
      return;
    }
    this.#topics.add(topic);
    if (this.#topics.size === 1) this.#later(() => this.#look());
  }

  #look(): void {
    const notices: CancelNotice[] = [];
    for (const topic of this.#topics) {
      if (notices.length === GONE_AT_ONCE) {
        this.#later(() => this.#look());
        break;
      }
      this.#topics.delete(topic);
      notices.push({
        client: topic.slice(0, -1),
        calls: [],
        code: 'DISCONNECTED',
        reason: 'it is gone, or has lost its subscription',
      });
    }
    if (notices.length > 0) this.#cancel(notices);
  }
}
