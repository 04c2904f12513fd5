import { CANCELLED_FOR, CANCELLED_NAMES } from '../../flow-control.ts';
import { CancelledCalls } from '../../protocol/cancelled-calls.ts';
import type { PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';

/** What notices have named in the last minute or two, for calls that come later. The older half is forgotten as a whole. */
export class RecentNotices {
  #recent = new CancelledCalls();
  #older = new CancelledCalls();
  #turned = 0;

  get isEmpty(): boolean {
    return this.#recent.size + this.#older.size === 0;
  }

  /** What new notices are added to. */
  get recent(): CancelledCalls {
    this.#turn();
    return this.#recent;
  }

  /** Whether some message under a topic may be named. Most that is not is known without decoding it. */
  mayHave(topic: string): boolean {
    return !this.isEmpty && (this.#recent.mayHave(topic) || this.#older.mayHave(topic));
  }

  /** Why a message is cancelled; undefined when it is not. */
  find(message: PalmMessage): PalmError | undefined {
    if (this.isEmpty) return undefined;
    this.#turn();
    return this.#recent.find(message) ?? this.#older.find(message);
  }

  /** Forgets what begins so. */
  forget(prefix: string): void {
    this.#recent.forget(prefix);
    this.#older.forget(prefix);
  }

  #turn(): void {
    const now = performance.now();
    const age = now - this.#turned;
    if (age < CANCELLED_FOR && this.#recent.size < CANCELLED_NAMES) return;
    this.#older = age < 2 * CANCELLED_FOR ? this.#recent : new CancelledCalls();
    this.#recent = new CancelledCalls();
    this.#turned = now;
  }
}
