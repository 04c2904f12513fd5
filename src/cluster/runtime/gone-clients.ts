/** Which clients have gone: nobody can read the answers to their calls. */
import { macrotasks } from '../../async/macrotask.ts';
import { GONE_AT_ONCE } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { CancelNotice } from '../../protocol/cancel.ts';
import { CancelledFrames } from './cancellations.ts';
import { subscriptionOf } from './open-inputs.ts';
import { RecentNotices } from './recent-notices.ts';

/** Has the calls cancelled of clients whose subscription has ended. Many may go at once, so their calls are looked for together. */
export class GoneClients {
  readonly #notices = new RecentNotices();
  readonly #frames = new CancelledFrames(this.#notices);
  readonly #cancel: (notices: readonly CancelNotice[]) => void;
  readonly #later = macrotasks();
  /** Of whom something has come. */
  #heard = new Set<string>();
  /** What the topics of those begin with whose calls are not cancelled yet. */
  readonly #topics = new Set<string>();

  /** @param cancel - cancels the calls that notices name. */
  constructor(cancel: (notices: readonly CancelNotice[]) => void) {
    this.#cancel = cancel;
  }

  /** Whether a frame that has come holds a call of one of them: nobody waits for an answer. */
  has(frame: Bytes): boolean {
    if (this.#notices.isEmpty || !this.#frames.has(frame)) return false;
    const topic = subscriptionOf(frame);
    if (topic !== undefined) this.#heard.add(topic);
    return true;
  }

  /** The topics of those of whom {@link has} has found something since this was asked last. */
  takeHeard(): ReadonlySet<string> {
    const heard = this.#heard;
    this.#heard = new Set();
    return heard;
  }

  /** A client's subscription has come or ended. */
  changed(topic: string, isThere: boolean): void {
    if (isThere) {
      this.#topics.delete(topic);
      this.#notices.forget(topic);
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
      const notice: CancelNotice = {
        client: topic.slice(0, -1),
        calls: [],
        code: 'DISCONNECTED',
        reason: 'it is gone, or has lost its subscription',
      };
      this.#notices.recent.add(notice);
      notices.push(notice);
    }
    if (notices.length > 0) this.#cancel(notices);
  }
}
