/** What workers that are pushed to say of their functions. */
import { WORKERS } from '../../flow-control.ts';
import type { FunctionDescription } from '../../functions/contract/description.ts';
import { PalmError } from '../../protocol/errors.ts';
import type { RequestOrigin } from '../../transport.ts';
import type { Offering, WorkerOffers } from './worker-offers.ts';

/** The workers that spoke over one link, by their ids: those of all clients of a relay share its link. */
type Speakers = Map<string, Offering>;

/**
 * Remembers what each says as long as the link is there over which it spoke. Work is pushed to whoever pulls, and nothing tells which of those a
 * link belongs to. So only as many links count as there are pullers, the first to speak before others: a peer that pulls nothing is not
 * heard beside workers that do.
 */
export class PushedOffers {
  readonly #offers: WorkerOffers;
  readonly #pullers: () => number;
  /** In the order in which they first spoke. */
  readonly #links = new Map<string | object, Speakers>();
  #count = 0;

  /**
   * @param offers - tells what they say together with what others say.
   * @param pullers - the number of peers that work can be pushed to.
   */
  constructor(offers: WorkerOffers, pullers: () => number) {
    this.#offers = offers;
    this.#pullers = pullers;
  }

  /**
   * Notes what a worker offers, in place of what it said before over this link. A worker that offers nothing is forgotten.
   * @throws PalmError `TOO_LARGE` when there are too many workers, or all together say too much: then it has said nothing.
   */
  note(id: string, descriptions: readonly FunctionDescription[], from: RequestOrigin): void {
    const { link } = from;
    if (descriptions.length === 0) {
      this.forget(id, from);
      return;
    }
    let speakers = this.#links.get(link);
    if (speakers?.has(id) !== true && this.#count >= WORKERS) {
      const text = `a Master remembers what ${WORKERS} workers say that are pushed to, and no more`;
      throw new PalmError('TOO_LARGE', text);
    }
    if (speakers === undefined) {
      speakers = new Map();
      this.#links.set(link, speakers);
      from.onGone(() => this.#ended(link));
    }
    let worker = speakers.get(id);
    if (worker === undefined) {
      worker = { offers: undefined };
      speakers.set(id, worker);
      this.#count++;
    }
    try {
      this.#offers.note(worker, descriptions);
    } catch (error) {
      this.forget(id, from);
      throw error;
    }
    this.look();
  }

  /** A worker has left, or a relay says that its link to the worker broke. */
  forget(id: string, { link }: RequestOrigin): void {
    const speakers = this.#links.get(link);
    const worker = speakers?.get(id);
    if (speakers === undefined || worker === undefined) return;
    worker.offers?.release();
    speakers.delete(id);
    this.#count--;
    if (speakers.size === 0) this.#links.delete(link);
    this.look();
  }

  /** The number of pullers has changed. */
  look(): void {
    let left = this.#pullers();
    for (const speakers of this.#links.values()) {
      const counts = left-- > 0;
      for (const worker of speakers.values()) {
        if (counts) this.#offers.came(worker);
        else this.#offers.went(worker);
      }
    }
  }

  #ended(link: string | object): void {
    const speakers = this.#links.get(link);
    if (speakers === undefined) return;
    this.#links.delete(link);
    this.#count -= speakers.size;
    for (const { offers } of speakers.values()) offers?.release();
    this.look();
  }
}
