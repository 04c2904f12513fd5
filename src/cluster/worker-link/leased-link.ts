/** Work that is asked for, from a frond Master or Hub (docs/protocol/palm.md, "Handing out work"). */

import { type Deferred, deferred } from '../../async/deferred.ts';
import { Numbered } from '../../async/numbered.ts';
import { atMost, startTimer } from '../../async/timers.ts';
import {
  UNBEGUN_TIME,
  UNCONFIRMED_BYTES,
  WORK_AHEAD,
  WORK_AHEAD_MESSAGES,
  WORK_AT_ONCE,
  WORK_BYTES,
} from '../../flow-control.ts';
import { type Bytes, Slab } from '../../protocol/bytes.ts';
import { EnvelopeCodec, withPayload } from '../../protocol/envelope.ts';
import { PalmError } from '../../protocol/errors.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { newWorkerId } from '../../protocol/topics.ts';
import {
  encodeWorkRequest,
  MOST_ITEMS,
  offersMessage,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../protocol/work-request.ts';
import type { Work, WorkLink } from './work-link.ts';

/** A leased message, and what the worker did with it. */
export interface LeasedItem extends Work {
  /** Its own, in the order in which items came: whoever gives work may give a lease twice. */
  readonly number: number;
  state: 'waiting' | 'begun' | 'returned' | 'done';
  /** When the worker began it, on the clock of `performance.now()`. */
  begun: number;
}

export interface LeasedLinkSettings {
  /** Sends a request to the Master and resolves with the reply. Rejects with `DISCONNECTED` when the link breaks before. */
  readonly ask: (frame: Bytes) => Promise<Bytes>;
  /** Id of the connection, which the worker's id begins with. */
  readonly id: string;
  /** Name of the worker. */
  readonly name: string;
  /**
   * The clock of `performance.now()`, as it was read last: before an item begins, and before it is done. Three readings for a message were
   * 7 % of a worker's time.
   */
  readonly clock: { readonly now: number };
  /** Messages that the worker works on at the same time. */
  readonly concurrency: number;
  /** Whether the Master takes progress among the results. Default false. */
  readonly takesProgress?: boolean;
  /** How many messages of other Masters the worker has. Default: none. */
  readonly elsewhere?: () => number;
  /** Takes a notice of cancelled calls. */
  readonly onNotice?: (frame: Bytes) => void;
  /** What the worker's functions take and give, as it tells the Master. */
  readonly offers?: Bytes;
  /** Called when the Master does not take that: it is an older one, or it is too much. */
  readonly onOffersRefused?: (error: unknown) => void;
}

/** Asks for work, and reports results in the same requests or others. */
export class LeasedLink implements WorkLink<LeasedItem> {
  readonly #settings: LeasedLinkSettings;
  readonly #id: string;
  readonly #codec = new EnvelopeCodec();
  readonly #results = new EnvelopeCodec();
  readonly #slab = new Slab();
  readonly #prefetch: Prefetch;
  /** Items that came and were not taken by `next`. */
  #arrived: LeasedItem[] = [];
  /** Items that were not begun, by their numbers. */
  readonly #unbegun = new Numbered<LeasedItem>();
  /** Number of items that have come. */
  #came = 0;
  /** Number of items that were begun and are not done. */
  #begun = 0;
  /** Results and returned items that wait to be reported. */
  #items: (WorkItem & { kind: number })[] = [];
  #sequence = 0;
  /** Whether a request for work is under way. */
  #isAsking = false;
  /** Whether a sign of life is under way. */
  #isShowingLife = false;
  /** The report that is under way. */
  #reporting: Promise<void> | undefined;
  /** Bytes of results that the Master has not confirmed. */
  #unconfirmed = 0;
  #reader: Deferred<IteratorResult<readonly LeasedItem[], undefined>> | undefined;
  #stopHoldTimer: (() => void) | undefined;
  #isStopped = false;
  #failure: { readonly error: unknown } | undefined;
  /** Whether the link broke, and the Master has not answered since. */
  #isBroken = false;
  /** The same, but for an answer that says nothing of work. */
  #isThere = true;
  /** Whether the Master is being told what the functions take and give. */
  #isTelling = false;

  constructor(settings: LeasedLinkSettings) {
    this.#settings = settings;
    this.#id = newWorkerId(settings.id);
    this.#prefetch = new Prefetch(settings.concurrency);
    void this.#tellOffers();
  }

  /** Messages that it has and that are not done. */
  get underWay(): number {
    return this.#begun + this.#unbegun.size;
  }

  get isThere(): boolean {
    return this.#isThere && this.#failure === undefined;
  }

  /** Resolves with the next items. Rejects when the Master refuses the worker's requests. */
  async next(): Promise<IteratorResult<readonly LeasedItem[], undefined>> {
    if (this.#arrived.length > 0) return { done: false, value: this.#handOut() };
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#isStopped) return { done: true, value: undefined };
    this.#pump();
    this.#reader = deferred();
    return this.#reader.promise;
  }

  begin(work: LeasedItem): Bytes | undefined {
    if (work.state === 'returned') return undefined;
    work.state = 'begun';
    work.begun = this.#settings.clock.now;
    this.#unbegun.delete(work.number);
    this.#begun++;
    // While this item runs the worker may take more, and nobody else would ask for it.
    if (this.#begun < this.#settings.concurrency && this.#unbegun.size === 0)
      queueMicrotask(() => this.#pump());
    return work.frame;
  }

  add(result: PalmMessage, { lease, frame: message }: LeasedItem): number {
    const frame = this.#encode(result, message);
    this.#unconfirmed += frame.length;
    this.#items.push({ lease, kind: WorkKind.open, frame });
    return frame.length;
  }

  /**
   * Encodes a result. Where it is no failure, its frame is a copy of its message's frame with another payload. To encode all fields would take
   * twice as long, and the Master reads them from its own message.
   */
  #encode(result: PalmMessage, message: Bytes): Bytes {
    const like = result.status === Status.ok ? withPayload(message, result.payload, this.#slab) : undefined;
    return like ?? this.#results.encode(result);
  }

  tell(progress: PalmMessage, work: LeasedItem): void {
    if (this.#settings.takesProgress === true && work.state === 'begun') this.add(progress, work);
  }

  done(work: LeasedItem): void {
    if (work.state !== 'begun') return;
    work.state = 'done';
    this.#begun--;
    this.#prefetch.took(this.#settings.clock.now - work.begun);
    const last = this.#items.at(-1);
    if (last?.lease === work.lease) last.kind = WorkKind.done;
    else this.#items.push({ lease: work.lease, kind: WorkKind.done, frame: NO_FRAME });
  }

  async flush(): Promise<boolean> {
    this.#pump();
    while (
      this.#unconfirmed > UNCONFIRMED_BYTES &&
      this.#reporting !== undefined &&
      this.#failure === undefined
    ) {
      await this.#reporting;
      this.#pump();
    }
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#giveBack();
    this.#arrived = [];
    this.#reader?.resolve({ done: true, value: undefined });
  }

  async leave(timeout: number): Promise<void> {
    // A Master that is gone cannot be told.
    if (this.#failure !== undefined || this.#isBroken) return;
    await atMost(
      timeout,
      this.#reportLast().catch(() => {}),
    );
  }

  async #reportLast(): Promise<void> {
    while (this.#failure === undefined && (this.#reporting !== undefined || !this.#fitOneRequest)) {
      this.#reporting ??= this.#exchange(0, false).then(() => {
        this.#reporting = undefined;
      });
      await this.#reporting;
    }
    await this.#exchange(0, true);
  }

  get #fitOneRequest(): boolean {
    return this.#fittingCount() === this.#items.length;
  }

  /** Takes out the items of the next request. */
  #takeItems(): (WorkItem & { kind: number })[] {
    return this.#items.splice(0, this.#fittingCount());
  }

  /** Number of items that fit one request. */
  #fittingCount(): number {
    let bytes = 0;
    let count = 0;
    for (const { frame } of this.#items) {
      bytes += frame.length;
      if (bytes > WORK_BYTES || count === MOST_ITEMS) return Math.max(1, count);
      count++;
    }
    return count;
  }

  /**
   * Reports results, asks for work, or shows that the worker lives, whichever is due. At most three requests are under way: one
   * for work, one with results, and one sign of life. The Master holds the sign of life for a heartbeat, so this side needs no
   * timer, which a page in the background would not have.
   *
   * Items travel in one request at a time. After a break a request is sent again as soon as its sender has heard of that, and
   * by then the Master may have a newer one: it would pass over results that come behind the end of their lease. The Master may
   * also hold a request for work. So such a request has items only when nothing is under way: then no more of them come before its answer.
   */
  #pump(): void {
    if (this.#failure !== undefined) return;
    const want =
      this.#isStopped || this.#isAsking
        ? 0
        : this.#prefetch.want(this.underWay + (this.#settings.elsewhere?.() ?? 0));
    if (want > 0) {
      this.#isAsking = true;
      const takesItems = this.underWay === 0 && this.#reporting === undefined && this.#fitOneRequest;
      this.#exchange(want, false, takesItems ? this.#takeItems() : []).then(
        (items) => {
          this.#isAsking = false;
          this.#received(items);
        },
        (error) => this.#fail(error),
      );
    }
    if (this.#items.length > 0 && this.#reporting === undefined) {
      this.#reporting = this.#exchange(0, false).then(
        () => {
          this.#reporting = undefined;
          this.#pump();
        },
        (error) => this.#fail(error),
      );
    }
    if (this.#begun > 0 && !this.#isAsking && !this.#isShowingLife) this.#showLife();
  }

  #showLife(): void {
    this.#isShowingLife = true;
    this.#exchange(0, false, []).then(
      () => {
        this.#isShowingLife = false;
        this.#pump();
      },
      (error) => this.#fail(error),
    );
  }

  async forsake(): Promise<void> {
    const { ask, name } = this.#settings;
    const sequence = ++this.#sequence;
    const request = { worker: this.#id, name, sequence, want: 0, leaves: true, isAway: false, items: [] };
    try {
      await ask(encodeWorkRequest(this.#codec, request));
    } catch {
      // A Master that cannot be told has lost the link, or is not a Master.
    }
  }

  async #exchange(want: number, leaves: boolean, items = this.#takeItems()): Promise<WorkItem[]> {
    const { ask, name, onNotice } = this.#settings;
    const sequence = ++this.#sequence;
    const request = {
      worker: this.#id,
      name,
      sequence,
      want,
      leaves,
      isAway: false,
      takesCancels: onNotice !== undefined,
      items,
    };
    const frame = encodeWorkRequest(this.#codec, request);
    for (;;) {
      try {
        const reply = readWorkReply(this.#codec, await ask(frame));
        this.#isBroken = false;
        this.#isThere = true;
        for (const item of items) this.#unconfirmed -= item.frame.length;
        if (!reply.some(isNotice)) return reply;
        for (const item of reply) if (isNotice(item)) onNotice?.(item.frame);
        return reply.filter((item) => !isNotice(item));
      } catch (error) {
        // It is sent again under the same number once the link is back: the Master knows whether it came before.
        if (!(error instanceof PalmError && error.code === 'DISCONNECTED')) throw error;
        if (!this.#isBroken) void this.#tellOffers();
        this.#isBroken = true;
        this.#isThere = false;
      }
    }
  }

  /** Over each new link: the Master that is there may not be the one that was told. */
  async #tellOffers(): Promise<void> {
    const { ask, name, offers, onOffersRefused } = this.#settings;
    if (offers === undefined || this.#isTelling) return;
    this.#isTelling = true;
    const frame = this.#codec.encode(offersMessage({ worker: this.#id, name, offers }));
    for (;;) {
      try {
        const reply = await ask(frame);
        // The Master may hold a request for work for a heartbeat. This one it answers at once.
        this.#isThere = true;
        readWorkReply(this.#codec, reply);
      } catch (error) {
        const isBroken = error instanceof PalmError && error.code === 'DISCONNECTED';
        if (isBroken && !this.#isStopped) continue;
        if (!this.#isStopped) onOffersRefused?.(error);
      }
      this.#isTelling = false;
      return;
    }
  }

  #received(items: readonly WorkItem[]): void {
    // Items that come after `stop` are not begun: the Master takes them back when the worker leaves.
    if (this.#isStopped) return;
    for (const { lease, frame } of items) {
      const work: LeasedItem = { number: this.#came++, lease, frame, state: 'waiting', begun: 0 };
      this.#arrived.push(work);
      this.#unbegun.set(work.number, work);
    }
    if (this.#reader === undefined || this.#arrived.length === 0) {
      // The worker may be at a slow message, and take these only when that is done.
      this.#watchUnbegun();
      this.#pump();
      return;
    }
    const reader = this.#reader;
    this.#reader = undefined;
    reader.resolve({ done: false, value: this.#handOut() });
  }

  #handOut(): readonly LeasedItem[] {
    const items = this.#arrived;
    this.#arrived = [];
    this.#watchUnbegun();
    return items;
  }

  /** Returns unbegun items when none is begun for a while: they wait behind a slow message. */
  #watchUnbegun(): void {
    if (this.#stopHoldTimer !== undefined || this.#unbegun.size === 0) return;
    const [first] = this.#unbegun;
    this.#stopHoldTimer = startTimer(UNBEGUN_TIME, () => {
      this.#stopHoldTimer = undefined;
      if (first?.state === 'waiting') {
        this.#prefetch.isSlow(UNBEGUN_TIME);
        this.#giveBack();
        this.#pump();
      } else this.#watchUnbegun();
    });
  }

  #giveBack(): void {
    this.#stopHoldTimer?.();
    this.#stopHoldTimer = undefined;
    for (const work of this.#unbegun) {
      work.state = 'returned';
      this.#items.push({ lease: work.lease, kind: WorkKind.returned, frame: NO_FRAME });
    }
    this.#unbegun.clear();
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#reporting = undefined;
    this.#stopHoldTimer?.();
    this.#reader?.reject(error);
    this.#reader = undefined;
  }
}

function isNotice({ kind }: WorkItem): boolean {
  return kind === WorkKind.notice;
}

const NO_FRAME: Bytes = new Uint8Array(0);

/** Weight of the newest message in the average time. */
const NEWEST = 1 / 8;

/**
 * How much work a worker asks for: as much as it can begin at once, and ahead no more than it does in a few milliseconds.
 * So quick functions get large batches, and nothing waits behind a slow function.
 */
export class Prefetch {
  readonly #concurrency: number;
  /** Milliseconds that a message takes on average. Unknown at first: nothing is taken ahead. */
  #usual = Number.POSITIVE_INFINITY;

  constructor(concurrency: number) {
    this.#concurrency = Math.min(concurrency, WORK_AT_ONCE);
  }

  /** Notes that a message took `time` milliseconds. */
  took(time: number): void {
    this.#usual = Number.isFinite(this.#usual) ? this.#usual + (time - this.#usual) * NEWEST : time;
  }

  /** Notes that a message is not done after `time` milliseconds. */
  isSlow(time: number): void {
    this.#usual = Math.max(time, Number.isFinite(this.#usual) ? this.#usual : 0);
  }

  /** Number of messages to ask for when `held` are not done. */
  want(held: number): number {
    const ahead = Math.min(
      WORK_AHEAD_MESSAGES,
      Math.floor((WORK_AHEAD / Math.max(this.#usual, 1e-3)) * this.#concurrency),
    );
    // Not for each message that is done: one request brings several.
    if (held >= this.#concurrency && held > ahead / 2) return 0;
    return this.#concurrency + ahead - held;
  }
}
