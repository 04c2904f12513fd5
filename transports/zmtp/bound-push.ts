import { atMost } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BoundPush, CloseOptions } from '../../src/transport.ts';
import { Bound, noMessages } from './bound.ts';
import type { Link, LinkEnd } from './link.ts';
import { SendQueue } from './send-queue.ts';

const DONE = Promise.resolve();

/** Shares frames among the peers that pull: in turn, skipping those without room. */
export class ZmtpPush extends Bound implements BoundPush {
  readonly socketType = 'PUSH';
  override readonly takesControlOnly = true;
  readonly #queue = new SendQueue<Bytes>();
  readonly #listeners: (() => void)[] = [];
  #turns: Link[] = [];
  #next = 0;

  get peers(): number {
    return this.links.size;
  }

  onPeers(listener: () => void): void {
    this.#listeners.push(listener);
  }

  send(frames: readonly Bytes[]): Promise<void> {
    if (this.isClosed) return Promise.reject(this.closedError());
    if (this.#queue.size > 0) return this.#queue.add(frames);
    for (let sent = 0; sent < frames.length; sent++) {
      const link = this.#free();
      if (link === undefined) return this.#queue.add(frames.slice(sent), sent > 0);
      link.send(frames[sent] as Bytes, false);
    }
    return DONE;
  }

  override up(link: Link): void {
    super.up(link);
    this.#peersChanged();
    this.writable();
  }

  override down(link: Link, end: LinkEnd): void {
    super.down(link, end);
    if (end.wasUp) this.#peersChanged();
  }

  frame(): void {
    noMessages();
  }

  override writable(): void {
    for (let frame = this.#queue.peek(); frame !== undefined; frame = this.#queue.peek()) {
      const link = this.#free();
      if (link === undefined) break;
      this.#queue.shift();
      link.send(frame, false);
    }
    this.#queue.settle();
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    const { timeout = 0 } = options;
    const started = performance.now();
    if (timeout > 0 && this.links.size > 0) await atMost(timeout, this.#queue.idle());
    const closing = super.close({ timeout: Math.max(0, timeout - (performance.now() - started)) });
    this.#queue.drop(() => this.closedError());
    await closing;
  }

  /** The next peer in turn that has room. */
  #free(): Link | undefined {
    for (let i = 0; i < this.#turns.length; i++) {
      this.#next = (this.#next + 1) % this.#turns.length;
      const link = this.#turns[this.#next];
      if (link?.hasRoom === true) return link;
    }
    return undefined;
  }

  #peersChanged(): void {
    this.#turns = [...this.links];
    for (const listener of this.#listeners) listener();
  }
}
