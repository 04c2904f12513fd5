/** The messages for a Master's workers, and a lease for each time that a worker gets one. */
import type { ByteBudget } from '../../async/byte-budget.ts';
import { Numbered } from '../../async/numbered.ts';
import { Turns } from '../../async/turns.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { LAST_LEASE } from '../../protocol/work-request.ts';
import type { CancelledFrames } from '../runtime/cancellations.ts';
import { costOf } from '../runtime/intake.ts';
import type { OpenInput } from '../runtime/open-inputs.ts';
import { ClientShares } from './client-shares.ts';
import type { LeasedCall } from './leased-calls.ts';

/** A message for a worker, until it is settled. */
export interface LeasedMessage {
  readonly frame: Bytes;
  readonly call: LeasedCall;
  /** Number of its results that were passed on. */
  passed: number;
  /** Number of workers that died with it. */
  deaths: number;
  /** The lease of the worker that holds it now. */
  lease: Lease | undefined;
  /** What has to be settled when it is over; undefined where nothing has. */
  input: OpenInput | undefined;
  /** Leases of workers that count as dead. They may still answer. */
  earlier: readonly Lease[];
}

/** One worker's hold of a message. */
export interface Lease {
  /** From 1 to {@link LAST_LEASE}. */
  readonly number: number;
  readonly message: LeasedMessage;
  /** Id of the worker. */
  readonly worker: string;
  /** When it was given, on the clock of `performance.now()`. */
  readonly since: number;
  /** Number of results that came under it. */
  given: number;
}

const NO_LEASES: readonly Lease[] = [];

/** The budgets of messages that wait, and of messages that workers hold. */
export interface LeaseBudgets {
  readonly waiting: ByteBudget;
  readonly out: ByteBudget;
}

/**
 * Each message waits, is held by one worker, or is settled. When a worker counts as dead, its messages wait again, and its
 * leases stay open: the first worker that is done settles the message. The n-th result of a message is passed on once, from
 * the run that has it first.
 *
 * A message with one worker left goes to it alone. So the message that is given up in the end is the one that its worker died
 * of, and not one beside it.
 */
export class Leases {
  readonly #maxDeliveries: number;
  readonly #fresh = new Turns<LeasedMessage>();
  /** Messages that a worker held before: they come first. */
  readonly #returned = new Set<LeasedMessage>();
  /** Messages that must go to a worker alone. */
  readonly #alone = new Set<LeasedMessage>();
  readonly #open = new Numbered<Lease>();
  readonly #held = new Map<string, Numbered<Lease>>();
  /** Ids of workers that hold a message alone. */
  readonly #aloneWith = new Set<string>();
  /** Begins at random: a result for an earlier Master at this address must not fit a lease of this one. */
  #number = Math.floor(Math.random() * LAST_LEASE);
  #out = 0;
  readonly #budgets: LeaseBudgets;
  readonly #onOver: ((input: OpenInput) => void) | undefined;
  /** What each client has of the messages that wait. */
  readonly shares: ClientShares;

  /**
   * @param maxDeliveries - workers that may die with one message.
   * @param onRoom - called when a client that was held up may add more.
   * @param onOver - called when nothing more is to be done for a message.
   */
  constructor(
    maxDeliveries: number,
    budgets: LeaseBudgets,
    onRoom: () => void = () => {},
    onOver?: (input: OpenInput) => void,
  ) {
    this.#onOver = onOver;
    this.#maxDeliveries = maxDeliveries;
    this.#budgets = budgets;
    // The other half is for messages that wait to be scattered.
    this.shares = new ClientShares({ bytes: budgets.waiting.limit / 2, onRoom });
  }

  /** Bytes of waiting messages, as budgets count them. */
  get waitingBytes(): number {
    return this.shares.bytes;
  }

  /** Messages that wait for a worker. */
  get waiting(): number {
    return this.inCompany + this.#alone.size;
  }

  /** Waiting messages that may go to a worker together. */
  get inCompany(): number {
    return this.#fresh.size + this.#returned.size;
  }

  /** Waiting messages that must go to a worker alone. */
  get alone(): number {
    return this.#alone.size;
  }

  /** Messages that workers hold. */
  get out(): number {
    return this.#out;
  }

  /**
   * Adds a message.
   * @param call - what is known of it. Clients take turns.
   * @param priority - see {@link Turns}.
   * @param input - what has to be settled when it is over.
   */
  add(frame: Bytes, call: LeasedCall, priority = 0, input?: OpenInput): void {
    const message = { frame, call, passed: 0, deaths: 0, lease: undefined, input, earlier: NO_LEASES };
    if (this.#maxDeliveries === 1) this.#alone.add(message);
    else this.#fresh.push(call.client, message, priority);
    this.#waits(message, 1);
  }

  /** Takes the next message that may go with others. */
  next(): LeasedMessage | undefined {
    return this.#taken(takeFrom(this.#returned) ?? this.#fresh.shift());
  }

  /** Takes the next message that must go alone. */
  nextAlone(): LeasedMessage | undefined {
    return this.#taken(takeFrom(this.#alone));
  }

  /** Puts back a message that was taken and not given to a worker. */
  putBack(message: LeasedMessage): void {
    this.#waits(message, 1);
    if (message.deaths === this.#maxDeliveries - 1) this.#alone.add(message);
    else this.#returned.add(message);
  }

  /** Messages that the worker holds. */
  holds(worker: string): number {
    return this.#held.get(worker)?.size ?? 0;
  }

  /** Whether the worker holds a message that must be alone. */
  holdsAlone(worker: string): boolean {
    return this.#aloneWith.has(worker);
  }

  /**
   * Leases a message that was taken to a worker.
   * @param since - what the clock of `performance.now()` says.
   */
  give(message: LeasedMessage, worker: string, since: number = performance.now()): Lease {
    do this.#number = this.#number === LAST_LEASE ? 1 : this.#number + 1;
    while (this.#open.get(this.#number) !== undefined);
    const lease = { number: this.#number, message, worker, since, given: 0 };
    message.lease = lease;
    this.#open.set(lease.number, lease);
    let held = this.#held.get(worker);
    if (held === undefined) {
      held = new Numbered();
      this.#held.set(worker, held);
    }
    held.set(lease.number, lease);
    if (message.deaths === this.#maxDeliveries - 1) this.#aloneWith.add(worker);
    this.#out++;
    this.#budgets.out.take(costOf(message.frame));
    return lease;
  }

  /** The worker's lease of this number; undefined when it is settled, or another worker's. */
  find(number: number, worker: string): Lease | undefined {
    const lease = this.#open.get(number);
    return lease?.worker === worker ? lease : undefined;
  }

  /** Notes a result. Returns whether it is new, and not one that another run of the message had before. */
  isNews(lease: Lease): boolean {
    lease.given++;
    if (lease.given <= lease.message.passed) return false;
    lease.message.passed = lease.given;
    return true;
  }

  /** Settles the message: later results of it are ignored. */
  settle(message: LeasedMessage): void {
    if (message.lease !== undefined) this.#end(message.lease);
    else if (this.#returned.delete(message) || this.#alone.delete(message)) this.#waits(message, -1);
    this.forgetRuns(message);
    this.over(message);
  }

  /** Nothing more is to be done for the message: it is settled, given up, or pushed. */
  over(message: LeasedMessage): void {
    const { input } = message;
    if (input === undefined) return;
    message.input = undefined;
    this.#onOver?.(input);
  }

  /** Ignores what workers that count as dead may still answer. */
  forgetRuns(message: LeasedMessage): void {
    if (message.earlier.length === 0) return;
    for (const { number } of message.earlier) this.#open.delete(number);
    message.earlier = NO_LEASES;
  }

  /**
   * Settles messages that are cancelled.
   * @returns their number, and the workers that hold some of them.
   */
  cancel(frames: CancelledFrames): { readonly count: number; readonly workers: ReadonlySet<string> } {
    const isCancelled = ({ frame }: LeasedMessage) => frames.has(frame);
    const waited = this.#fresh.remove((owner) => frames.mayBeOf(owner), isCancelled);
    for (const message of waited) {
      this.#waits(message, -1);
      this.over(message);
    }
    const others = [...this.#returned, ...this.#alone].filter(isCancelled);
    for (const message of others) this.settle(message);
    const workers = new Set<string>();
    let held = 0;
    for (const lease of this.#open) {
      const { message, worker } = lease;
      if (message.lease !== lease || !isCancelled(message)) continue;
      this.settle(message);
      workers.add(worker);
      held++;
    }
    return { count: waited.length + others.length + held, workers };
  }

  /** The worker returns the message: it waits again. */
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

  /** The worker left: its messages wait again. */
  left(worker: string): void {
    for (const lease of this.#held.get(worker) ?? NO_LEASES) this.giveBack(lease);
  }

  /** The worker counts as dead: its messages wait again. Returns those that had their last worker, settled. */
  died(worker: string): LeasedMessage[] {
    const givenUp: LeasedMessage[] = [];
    for (const lease of this.#held.get(worker) ?? NO_LEASES) {
      const { message } = lease;
      this.#end(lease);
      this.#open.set(lease.number, lease);
      message.earlier = [...message.earlier, lease];
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

  /** Forgets a worker that counted as dead: if it comes back, its leases are closed. */
  forgetWorker(worker: string): void {
    for (const lease of this.#open) {
      if (lease.worker === worker && lease.message.lease !== lease) this.giveBack(lease);
    }
  }

  #taken(message: LeasedMessage | undefined): LeasedMessage | undefined {
    if (message !== undefined) this.#waits(message, -1);
    return message;
  }

  /** Counts a message that begins (1) or ends (-1) to wait. */
  #waits({ frame, call: { client } }: LeasedMessage, sign: 1 | -1): void {
    const cost = costOf(frame);
    const { waiting } = this.#budgets;
    if (sign > 0) {
      waiting.take(cost);
      this.shares.came(client, cost);
    } else {
      waiting.give(cost);
      this.shares.went(client, cost);
    }
  }

  #end(lease: Lease): void {
    const { number, worker, message } = lease;
    message.lease = undefined;
    this.#open.delete(number);
    this.#out--;
    this.#budgets.out.give(costOf(message.frame));
    const held = this.#held.get(worker);
    held?.delete(number);
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
