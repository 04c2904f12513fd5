/** A worker's links to all Masters that share an address, as one. */
import { BatchQueue } from '../../async/batch-queue.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { RequestEnd } from '../../transport.ts';
import type { LeasedItem, LeasedLink } from './leased-link.ts';
import type { WorkLink } from './work-link.ts';

export interface MastersLinkSettings {
  /** Has `found` called with each Master, those that come later too. Returns the function that ends this. */
  readonly each: (found: (end: RequestEnd) => void) => () => void;
  /** Makes the link to one Master. `elsewhere` is how many messages of others the worker has. */
  readonly link: (end: RequestEnd, elsewhere: () => number) => LeasedLink;
}

/**
 * Asks each Master for work. A Master that is gone takes its link with it; a worker without any waits for the next. What it has of one counts
 * for the others, so that it takes no more in all than it would of one.
 */
export class MastersLink implements WorkLink<LeasedItem> {
  readonly #settings: MastersLinkSettings;
  readonly #links = new Set<LeasedLink>();
  readonly #owners = new WeakMap<LeasedItem, LeasedLink>();
  readonly #items = new BatchQueue<LeasedItem>(Number.POSITIVE_INFINITY);
  readonly #close: () => void;
  #failure: { readonly error: unknown } | undefined;
  #isStopped = false;

  constructor(settings: MastersLinkSettings) {
    this.#settings = settings;
    this.#close = settings.each((end) => this.#open(end));
  }

  get isThere(): boolean {
    return [...this.#links].some(({ isThere }) => isThere);
  }

  async next(): Promise<IteratorResult<readonly LeasedItem[], undefined>> {
    const result = await this.#items.next();
    if (result.done && this.#failure !== undefined) throw this.#failure.error;
    return result;
  }

  begin(work: LeasedItem): Bytes | undefined {
    return this.#owners.get(work)?.begin(work);
  }

  add(result: PalmMessage, work: LeasedItem): number {
    return this.#owners.get(work)?.add(result, work) ?? 0;
  }

  tell(progress: PalmMessage, work: LeasedItem): void {
    this.#owners.get(work)?.tell(progress, work);
  }

  done(work: LeasedItem): void {
    this.#owners.get(work)?.done(work);
  }

  async flush(): Promise<boolean> {
    await Promise.all(Array.from(this.#links, (link) => link.flush()));
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    for (const link of this.#links) link.stop();
    this.#items.end();
  }

  async leave(timeout: number): Promise<void> {
    await Promise.all(Array.from(this.#links, (link) => link.leave(timeout)));
    this.#close();
  }

  async forsake(): Promise<void> {
    await Promise.all(Array.from(this.#links, (link) => link.forsake()));
    this.#close();
  }

  #open(end: RequestEnd): void {
    if (this.#isStopped) return;
    const elsewhere = () => {
      let count = 0;
      for (const other of this.#links) if (other !== link) count += other.underWay;
      return count;
    };
    const link = this.#settings.link(end, elsewhere);
    this.#links.add(link);
    let isGone = false;
    end.gone.then(() => {
      isGone = true;
      this.#links.delete(link);
      link.stop();
    });
    this.#read(link).catch((error: unknown) => {
      // A Master that is gone refuses nothing. One that refuses is told of as one alone would be.
      if (isGone || this.#isStopped) return;
      this.#failure ??= { error };
      this.#items.end();
    });
  }

  async #read(link: LeasedLink): Promise<void> {
    for (;;) {
      const { done, value } = await link.next();
      if (done) return;
      for (const item of value) this.#owners.set(item, link);
      this.#items.push(value);
    }
  }
}
