/** What a Master knows of the messages for its workers, and of each time that one was handed over. */
import type { ByteBudget } from '../../async/byte-budget.ts';
import { Turns } from '../../async/turns.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { LAST_LEASE } from '../../protocol/work-request.ts';
import { costOf } from '../runtime/intake.ts';

/** A message for a worker, until it is answered. */
export interface LeasedMessage {
  readonly frame: Bytes;
  /** Results of it that were passed on. */
  passed: number;
  /** Times that it was handed over to a worker that was then taken for dead. */
  deaths: number;
  /** Under which a worker has it now. */
  lease: Lease | undefined;
  /** Those of workers that were taken for dead, and may be answered all the same. */
  earlier: Lease[];
}

/** One handing over of a message. */
export interface Lease {
  /** From 1 to {@link LAST_LEASE}. */
  readonly number: number;
  readonly message: LeasedMessage;
  /** Id of the worker. */
  readonly worker: string;
  /** Results that came under it. */
  given: number;
}

const NONE: ReadonlySet<Lease> = new Set();

/** What messages take, as long as they wait, and as long as a worker has them. */
export interface LeaseBudgets {
  readonly waiting: ByteBudget;
  readonly out: ByteBudget;
}

/**
 * Each message waits, is held by one worker, or is settled. What a worker held that is taken for dead waits again, and
 * its lease stays open: whoever is done first settles the message. The n-th result of a message is passed on once,
 * whichever run of it gives it first.
 *
 * A message that has one life left is handed over alone. So what is given up in the end is what its worker died of,
 * and not what lay beside that.
 */
export class Leases {
  readonly #maxDeliveries: number;
  readonly #fresh = new Turns<LeasedMessage>();
  /** Was handed over before: first in turn. */
  readonly #returned = new Set<LeasedMessage>();
  readonly #alone = new Set<LeasedMessage>();
  readonly #open = new Map<number, Lease>();
  readonly #held = new Map<string, Set<Lease>>();
  /** Ids of workers that hold a message that is to be alone. */
  readonly #aloneWith = new Set<string>();
  /** Counts on from anywhere: a result for a Master that was here before must not be taken for one of this one's. */
  #number = Math.floor(Math.random() * LAST_LEASE);
  #out = 0;
  #waitingBytes = 0;
  readonly #budgets: LeaseBudgets;

  /** @param maxDeliveries - workers that may die with a message. */
  constructor(maxDeliveries: number, budgets: LeaseBudgets) {
    this.#maxDeliveries = maxDeliveries;
    this.#budgets = budgets;
  }

  /** Bytes of the messages that wait, as budgets count them. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Messages that wait for a worker, in company or alone. */
  get waiting(): number {
    return this.inCompany + this.#alone.size;
  }

  /** Those that may be handed over together. */
  get inCompany(): number {
    return this.#fresh.size + this.#returned.size;
  }

  /** Those that are handed over alone. */
  get alone(): number {
    return this.#alone.size;
  }

  /** Messages that a worker has. */
  get out(): number {
    return this.#out;
  }

  /** @param client - whose message it is: clients take turns. */
  add(frame: Bytes, client: string): void {
    const message = { frame, passed: 0, deaths: 0, lease: undefined, earlier: [] };
    if (this.#maxDeliveries === 1) this.#alone.add(message);
    else this.#fresh.push(client, message);
    this.#waits(message, 1);
  }

  /** Takes the next message that needs not be alone. */
  next(): LeasedMessage | undefined {
    return this.#taken(takeFrom(this.#returned) ?? this.#fresh.shift());
  }

  /** Takes the next message that is handed over alone. */
  nextAlone(): LeasedMessage | undefined {
    return this.#taken(takeFrom(this.#alone));
  }

  /** Takes back a message that was taken and not handed over. */
  putBack(message: LeasedMessage): void {
    this.#waits(message, 1);
    if (message.deaths === this.#maxDeliveries - 1) this.#alone.add(message);
    else this.#returned.add(message);
  }

  /** Messages that the worker has. */
  holds(worker: string): number {
    return this.#held.get(worker)?.size ?? 0;
  }

  /** Whether the worker has a message that is to be alone there. */
  holdsAlone(worker: string): boolean {
    return this.#aloneWith.has(worker);
  }

  /** Hands a message that was taken over. */
  give(message: LeasedMessage, worker: string): Lease {
    do this.#number = this.#number === LAST_LEASE ? 1 : this.#number + 1;
    while (this.#open.has(this.#number));
    const lease = { number: this.#number, message, worker, given: 0 };
    message.lease = lease;
    this.#open.set(lease.number, lease);
    const held = this.#held.get(worker);
    if (held === undefined) this.#held.set(worker, new Set([lease]));
    else held.add(lease);
    if (message.deaths === this.#maxDeliveries - 1) this.#aloneWith.add(worker);
    this.#out++;
    this.#budgets.out.take(costOf(message.frame));
    return lease;
  }

  /** The worker's lease; undefined for what is settled, and for another's. */
  find(number: number, worker: string): Lease | undefined {
    const lease = this.#open.get(number);
    return lease?.worker === worker ? lease : undefined;
  }

  /** Takes note of a result. Gives whether it is a new one, and not one that another run of the message gave. */
  isNews(lease: Lease): boolean {
    lease.given++;
    if (lease.given <= lease.message.passed) return false;
    lease.message.passed = lease.given;
    return true;
  }

  /** The message is answered: what else comes of it is passed over. */
  settle(message: LeasedMessage): void {
    if (message.lease !== undefined) this.#end(message.lease);
    else if (this.#returned.delete(message) || this.#alone.delete(message)) this.#waits(message, -1);
    this.forgetRuns(message);
  }

  /** What earlier workers may still make of it is passed over. */
  forgetRuns(message: LeasedMessage): void {
    for (const { number } of message.earlier) this.#open.delete(number);
    message.earlier = [];
  }

  /** The worker has not begun it, or will not end it. */
  giveBack(lease: Lease): void {
    const { message } = lease;
    if (message.lease === lease) {
      this.#end(lease);
      this.putBack(message);
    } else {
      this.#open.delete(lease.number);
      message.earlier = message.earlier.filter((own) => own !== lease);
    }
  }

  /** The worker left. What it held waits again. */
  left(worker: string): void {
    for (const lease of this.#held.get(worker) ?? NONE) this.giveBack(lease);
  }

  /** The worker is taken for dead. Gives the messages that were with the last worker that they may be with: settled. */
  died(worker: string): LeasedMessage[] {
    const givenUp: LeasedMessage[] = [];
    for (const lease of this.#held.get(worker) ?? NONE) {
      const { message } = lease;
      this.#end(lease);
      this.#open.set(lease.number, lease);
      message.earlier.push(lease);
      message.deaths++;
      if (message.deaths < this.#maxDeliveries) {
        this.putBack(message);
      } else {
        this.forgetRuns(message);
        givenUp.push(message);
      }
    }
    return givenUp;
  }

  /** A worker that was taken for dead is not known any more, should it come back. */
  forgetWorker(worker: string): void {
    for (const lease of this.#open.values()) {
      if (lease.worker === worker && lease.message.lease !== lease) this.giveBack(lease);
    }
  }

  #taken(message: LeasedMessage | undefined): LeasedMessage | undefined {
    if (message !== undefined) this.#waits(message, -1);
    return message;
  }

  /** @param sign - 1 from now on, -1 no more. */
  #waits({ frame }: LeasedMessage, sign: 1 | -1): void {
    const cost = costOf(frame);
    this.#waitingBytes += sign * cost;
    if (sign > 0) this.#budgets.waiting.take(cost);
    else this.#budgets.waiting.give(cost);
  }

  #end(lease: Lease): void {
    const { number, worker, message } = lease;
    message.lease = undefined;
    this.#open.delete(number);
    this.#out--;
    this.#budgets.out.give(costOf(message.frame));
    const held = this.#held.get(worker);
    held?.delete(lease);
    if (held?.size === 0) this.#held.delete(worker);
    if (message.deaths === this.#maxDeliveries - 1) this.#aloneWith.delete(worker);
  }
}

function takeFrom<T>(items: Set<T>): T | undefined {
  for (const item of items) {
    items.delete(item);
    return item;
  }
  return undefined;
}
