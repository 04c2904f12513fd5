/** How a bound end learns that an end which dialled it is gone. */
import { harmless } from '../../src/async/harmless.ts';
import { startTimer } from '../../src/async/timers.ts';
import type { ClusterNames } from './names.ts';
import { isGone } from './presence.ts';
import type { Session } from './session.ts';

/** Milliseconds between two looks at the same link: where there are many, as many times the second number. Never more than a heartbeat. */
const LOOK = 100;
const LOOK_EACH = 2;

/** Milliseconds before a link that seems gone is asked for once more. Its end was there when it dialled. */
const ASK_AGAIN = 30;

/** Watches the dialled ends that somebody wants to hear of. */
export class LinkWatch {
  readonly #names: ClusterNames;
  readonly #heartbeat: number;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #asked = new Set<string>();
  #session: Session | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(names: ClusterNames, heartbeat: number) {
    this.#names = names;
    this.#heartbeat = heartbeat;
  }

  /** Watches the links of a session. */
  begin(session: Session): void {
    this.#session = session;
  }

  /** All links are gone with their session. */
  end(): void {
    this.#session = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const link of [...this.#listeners.keys()]) this.gone(link);
  }

  /** Calls `listener` once the link is gone, or soon when it is gone already. Returns the function that ends this. */
  onGone(link: string, session: Session, listener: () => void): () => void {
    if (session !== this.#session) {
      queueMicrotask(() => harmless(listener));
      return () => {};
    }
    // Each call has an entry of its own, whatever function it gives.
    const entry = () => harmless(listener);
    const known = this.#listeners.get(link);
    this.#listeners.set(link, (known ?? new Set()).add(entry));
    if (known === undefined) void this.#ask(session, link);
    this.#stopTimer ??= startTimer(this.#pause, () => this.#look());
    return () => {
      const own = this.#listeners.get(link);
      if (own?.delete(entry) && own.size === 0) this.#listeners.delete(link);
    };
  }

  /** The link is known to be gone. */
  gone(link: string): void {
    const listeners = this.#listeners.get(link);
    this.#listeners.delete(link);
    for (const listener of listeners ?? []) listener();
  }

  get #pause(): number {
    return Math.min(this.#heartbeat, Math.max(LOOK, LOOK_EACH * this.#listeners.size));
  }

  #look(): void {
    this.#stopTimer = undefined;
    const { size } = this.#listeners;
    if (this.#session === undefined || size === 0) return;
    for (const link of this.#listeners.keys()) void this.#ask(this.#session, link);
    this.#stopTimer = startTimer(this.#pause, () => this.#look());
  }

  /** One that computes answers late: it is not asked twice meanwhile. */
  async #ask(session: Session, link: string): Promise<void> {
    if (this.#asked.has(link)) return;
    this.#asked.add(link);
    const isOver = await isGone(session, this.#names.link(link), session.ended, ASK_AGAIN);
    this.#asked.delete(link);
    if (isOver && session === this.#session) this.gone(link);
  }
}
