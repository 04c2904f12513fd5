import {
  atMost,
  type Bytes,
  type Deferred,
  deferred,
  type PalmError,
} from '../../../transports/shared/index.ts';
import { costOf, type Link, pack } from './link.ts';

/** Frames on their way out, to whichever of the links has credit. */
export class Outlet {
  readonly #credit = new Map<Link, number>();
  readonly #waiting: { readonly frames: readonly Bytes[]; readonly sent: Deferred<void> }[] = [];
  #isFlushing = false;
  #idle: Deferred<void> | undefined;

  add(link: Link): void {
    this.#credit.set(link, 0);
  }

  delete(link: Link): void {
    this.#credit.delete(link);
  }

  grant(link: Link, amount: number): void {
    const credit = this.#credit.get(link);
    if (credit === undefined) return;
    this.#credit.set(link, credit + amount);
    this.#flush();
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    if (frames.length === 0) return;
    const sent = deferred<void>();
    this.#waiting.push({ frames, sent });
    if (!this.#isFlushing) {
      // What is sent in the same turn leaves together.
      this.#isFlushing = true;
      queueMicrotask(() => {
        this.#isFlushing = false;
        this.#flush();
      });
    }
    await sent.promise;
  }

  /** Rejects what waits. */
  fail(error: PalmError): void {
    for (const { sent } of this.#waiting.splice(0)) sent.reject(error);
    this.#tellIdle();
  }

  /** Resolves once nothing waits, or after `timeout` milliseconds. */
  async drained(timeout: number): Promise<void> {
    if (this.#waiting.length === 0 || timeout <= 0) return;
    this.#idle ??= deferred();
    await atMost(timeout, this.#idle.promise);
  }

  #tellIdle(): void {
    if (this.#waiting.length > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #flush(): void {
    while (this.#waiting.length > 0) {
      // The link with the most credit is the least busy.
      let best: Link | undefined;
      let most = 0;
      for (const [link, credit] of this.#credit) if (credit > most) [best, most] = [link, credit];
      if (best === undefined) return;
      const batch: Bytes[] = [];
      const done: Deferred<void>[] = [];
      const share = this.#credit.size > 1 ? 64 : 4_096;
      while (most > 0 && batch.length < share) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        batch.push(...next.frames);
        most -= costOf(next.frames);
        done.push(next.sent);
      }
      this.#credit.set(best, most);
      best.post({ type: 'frames', packed: pack(batch) });
      for (const sent of done) sent.resolve();
    }
    this.#tellIdle();
  }
}
