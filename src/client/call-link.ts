import { FlowLimit } from '../async/flow-limit.ts';
import type { Macrotasks } from '../async/macrotask.ts';
import { closed } from '../async/open-calls.ts';
import { startTimer } from '../async/timers.ts';
import { CALLS, PYLM_CALLS } from '../flow-control.ts';
import type { Logger } from '../logging.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { messageOf, PalmError } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import { type ClientTopics, clientTopics } from '../protocol/topics.ts';
import type { GuardedTap } from '../tap.ts';
import type { Connection, Delivery, Pusher, Subscription } from '../transport.ts';

/** The two addresses of a link to a server. */
export interface LinkAddresses {
  /** Where calls are pushed to. */
  readonly pushAddress: string;
  /** Where answers are published. */
  readonly subAddress: string;
}

/** How calls reach a server. */
export interface Route {
  readonly addresses: LinkAddresses;
  /** Whether the server that calls go to is frond's, and answers them itself. */
  readonly isDirect: boolean;
}

/** Finds a server again that was restarted at other addresses. */
export interface Follower {
  /** The link broke. */
  broke(): void;
  /** Asks the server where it is. Resolves when it has answered. */
  asked(): Promise<void>;
}

export interface LinkSettings extends Route {
  readonly connection: Connection;
  readonly tap: GuardedTap | undefined;
  readonly logger: Logger;
}

/** Milliseconds in which answers may still come after the pusher has broken. */
const GRACE = 250;

/**
 * Milliseconds in which a frond server confirms a subscription. It does so at once; but since it was asked, another server may
 * have come to its address.
 */
const PROOF_TIMEOUT = 2_000;

/**
 * A client's link to its server. Calls leave through one pusher; answers come back through one subscription, which the server
 * has confirmed before anything is sent. When either breaks, the calls under way fail: their message or answer may be lost.
 */
export class CallLink {
  readonly mailbox: Mailbox = new Mailbox();
  readonly inFlight: FlowLimit;
  readonly #connection: Connection;
  #topics: ClientTopics;
  /** Undefined where a server stays at its addresses. It changes the five fields below. */
  follower: Follower | undefined;
  addresses: LinkAddresses;
  isDirect: boolean;
  pusher: Pusher;
  subscription: Subscription;
  /** Tells the server that nobody waits for a call, or for one message of it (`call:ordinal`), unless the call is detached. */
  cancel: (call: string, spec: { readonly features: number }, reason: unknown) => unknown = () => {};
  /** Gathers what is cancelled. Without a value until its code is loaded. */
  declare canceller?: { cancel(call: string, reason: unknown): Promise<void> };
  /** For jobs, maps and the canceller, which share it. Without a value until one of them first needs it. */
  declare macrotasks?: Macrotasks;
  /** Why calls are refused, while another server is at the addresses. */
  refusal: PalmError | undefined;
  readonly #tap: GuardedTap | undefined;
  readonly #logger: Logger;
  #badAnswers = 0;
  readonly #outgoing = new EnvelopeCodec();
  readonly #incoming = new EnvelopeCodec();
  /** Calls that were under way when the pusher broke. They fail after the grace period. */
  #graced: readonly string[] = [];
  #stopGrace = () => {};
  #closed: PalmError | undefined;
  /** How often the link has broken. */
  breaks = 0;

  constructor({ connection, addresses, isDirect, tap, logger }: LinkSettings) {
    this.addresses = addresses;
    this.isDirect = isDirect;
    this.#connection = connection;
    this.#topics = clientTopics(connection.id);
    this.#tap = tap;
    this.#logger = logger;
    this.subscription = this.subscribe(addresses.subAddress);
    this.inFlight = new FlowLimit(() => (this.isDirect && this.subscription.isProved ? CALLS : PYLM_CALLS));
    this.pusher = this.push(addresses.pushAddress);
  }

  /** Whether a call can be sent now. */
  get isReady(): boolean {
    return this.#closed === undefined && this.pusher.isReady && this.subscription.isReady;
  }

  async ready(): Promise<void> {
    while (!this.isReady) {
      const error = this.#closed ?? this.refusal;
      if (error !== undefined) throw error;
      const { pusher, subscription } = this;
      const isReplaced = () => pusher !== this.pusher || subscription !== this.subscription;
      try {
        await Promise.all([subscription.ready(), pusher.ready()]);
      } catch (error) {
        // The server may have moved, and another one may be at its old address.
        if (!isReplaced()) await this.follower?.asked();
        if (!isReplaced()) throw error;
      }
    }
  }

  /** Takes a place for one message if it can be sent now. */
  tryAdmit(): boolean {
    return this.isReady && this.inFlight.take() > 0;
  }

  /** Takes a place for one message once the link is ready. By the time that the caller hears of it, the link may be broken again. */
  async admit(): Promise<void> {
    await this.ready();
    await this.inFlight.wait();
  }

  /** The `client` field of a call, which is the topic that the server publishes the answers under. */
  topic(callId: string): string {
    const { id } = this.#connection;
    if (this.#topics.id !== id) this.#topics = clientTopics(id);
    return this.#topics.of(callId);
  }

  /** Encodes a message that is about to be sent, and shows it to the tap. */
  encode(message: PalmMessage): Bytes {
    const frame = this.#outgoing.encode(message);
    const unknown = this.#tap?.sent('push', this.addresses.pushAddress, message, frame.length);
    return unknown ? this.#outgoing.encode({ ...message, unknown }) : frame;
  }

  /**
   * The error for a call that was not answered in time.
   * @param name - the function, as errors show it.
   * @param came - what came instead of the answer; undefined when nothing was sent.
   */
  timeout(name: string, timeout: number, came: string | undefined): PalmError {
    const { trouble } = this.#connection;
    const { pushAddress, subAddress } = this.addresses;
    const hint = this.isDirect
      ? 'it may need longer'
      : 'does the function exist? pylm stops at one that does not';
    const text =
      came === undefined
        ? `no connection to ${pushAddress} and ${subAddress} within ${timeout} ms, so ${name} was not sent${trouble || '; is the server up?'}`
        : `${came} from ${name} at ${pushAddress} within ${timeout} ms${trouble || `; ${hint}`}`;
    return new PalmError('TIMEOUT', text, { sent: came === undefined ? false : 'unknown' });
  }

  /** Resolves when the transport has accepted the frames. */
  send(frames: readonly Bytes[]): Promise<void> {
    return this.pusher.send(frames);
  }

  /** Resolves when the next frames would not wait in the transport. */
  room(): Promise<void> | undefined {
    return this.pusher.room?.();
  }

  /** Connects to an address that calls are pushed to. */
  push(address: string): Pusher {
    const pusher = this.#connection.push(address);
    pusher.onBreak((error) => {
      this.#breakLater(error);
      this.follower?.broke();
    });
    return pusher;
  }

  /** Connects to an address that answers are published at. */
  subscribe(address: string): Subscription {
    const subscription = this.#connection.subscribe(address, this.#topics.prefix, {
      proofTimeout: this.isDirect ? PROOF_TIMEOUT : 0,
      awaited: () => this.inFlight.taken,
      once: true,
    });
    subscription.onBreak((error) => {
      this.break(error);
      this.follower?.broke();
    });
    this.#receive(subscription);
    return subscription;
  }

  /** Fails the calls that are under way, and those that wait to be sent. */
  close(): void {
    this.#closed = closed(false);
    this.inFlight.close(this.#closed);
    this.#stopGrace();
    this.mailbox.fail(this.mailbox.ids(), closed(true));
  }

  /**
   * Fails the calls under way after a grace period. A server that closes in order answers the calls that it took before it
   * closes, but answers and the pusher's end travel on two connections, and the end may come first.
   */
  #breakLater(error: PalmError): void {
    const calls = this.mailbox.ids();
    this.#stopGrace();
    if (this.#graced.length > 0) this.break(error, this.#graced, this.breaks);
    const number = ++this.breaks;
    this.#graced = calls;
    this.#stopGrace = startTimer(GRACE, () => {
      this.#graced = [];
      this.break(error, calls, number);
    });
  }

  /** Fails calls that are under way; by default, all of them. */
  break(error: PalmError, ids: readonly string[] = this.mailbox.ids(), number: number = ++this.breaks): void {
    const text = `${error.message}; calls under way lost their answers and may have run`;
    const lost = new PalmError(error.code, text, { cause: error, sent: 'unknown' });
    const calls = this.mailbox.fail(ids, lost, number);
    this.#logger.warning('connection broke', { code: error.code, reason: error.message, calls });
  }

  async #receive(subscription: Subscription): Promise<void> {
    for await (const deliveries of subscription) this.#deliverAll(deliveries);
  }

  /**
   * Empties the list. The promise that it came in has grown old while it was awaited, so the collector frees what it holds late:
   * in a process of a thousand clients that costs a fifth of their time.
   */
  #deliverAll(deliveries: Delivery[]): void {
    const now = performance.now();
    for (const delivery of deliveries) this.#deliver(delivery, now);
    deliveries.length = 0;
  }

  #deliver(delivery: Delivery, now: number): void {
    const { topic, frames } = delivery;
    const id = this.#topics.call(topic);
    if (id === undefined) return;
    for (const frame of frames) {
      const call = this.mailbox.get(id);
      let message: PalmMessage;
      try {
        message = this.#incoming.decode(frame, call !== undefined);
      } catch (cause) {
        const reason = messageOf(cause);
        // A server can send many of them quickly: only the 1st, 2nd, 4th, 8th… are logged.
        const times = ++this.#badAnswers;
        if ((times & (times - 1)) === 0) {
          this.#logger.warning('bad answer', { topic, size: frame.length, reason, times });
        }
        call?.fail(new PalmError('PROTOCOL', reason, { cause, sent: true }));
        continue;
      }
      this.#tap?.received('sub', this.addresses.subAddress, message, frame.length, topic);
      if (message.status !== Status.progress) this.inFlight.answered(frame.length, now);
      call?.answer(message, delivery, now);
    }
  }
}

/** A call that waits for answers. */
export interface OpenCall {
  /**
   * @param delivery - that the answer was in.
   * @param now - what the clock of `performance.now()` said when it came, where that was read.
   */
  answer(message: PalmMessage, delivery: Delivery, now?: number): void;
  /** No more answers will come; where `number` is given, none to what was sent before that break of the link. */
  fail(error: PalmError, number?: number): void;
}

/** The calls that were sent and are not done, by their ids. */
export class Mailbox {
  readonly #calls = new Map<string, OpenCall>();
  #next = 1;
  #unclaimed = 0;

  /** Number of answers that no call waited for: late ones, and more than were asked for. */
  get unclaimed(): number {
    return this.#unclaimed;
  }

  /** Registers a call before it is sent, because the answer may come at once. Returns its id: a new one unless given. */
  open(call: OpenCall, id: string = (this.#next++).toString(36)): string {
    this.#calls.set(id, call);
    return id;
  }

  close(id: string): void {
    this.#calls.delete(id);
  }

  get(id: string): OpenCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) this.#unclaimed++;
    return call;
  }

  /** The ids of the calls that wait. */
  ids(): string[] {
    return [...this.#calls.keys()];
  }

  /** Fails those of the calls that still wait. Returns their number. */
  fail(ids: readonly string[], error: PalmError, number?: number): number {
    let failed = 0;
    for (const id of ids) {
      const call = this.#calls.get(id);
      if (this.#calls.delete(id)) failed++;
      call?.fail(error, number);
    }
    return failed;
  }
}
