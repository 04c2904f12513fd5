import { FlowLimit } from '../async/flow-limit.ts';
import { macrotasks } from '../async/macrotask.ts';
import { closed } from '../async/open-calls.ts';
import { startTimer } from '../async/timers.ts';
import { CALLS, PYLM_CALLS } from '../flow-control.ts';
import type { Logger } from '../logging.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { PalmError } from '../protocol/errors.ts';
import type { PalmMessage } from '../protocol/message.ts';
import { type ClientTopics, clientTopics } from '../protocol/topics.ts';
import type { Tap } from '../tap.ts';
import type { Connection, Delivery, Pusher, Subscription } from '../transport.ts';

/** Where a path begins and ends. */
export interface LinkAddresses {
  readonly pushAddress: string;
  readonly subAddress: string;
}

/** How calls reach a server. */
export interface Route {
  readonly addresses: LinkAddresses;
  /** Whether the answers come from the very server that calls go to, and that is frond's. */
  readonly isDirect: boolean;
}

/** Finds a server that was started again at other addresses. */
export interface Follower {
  /** A link of the path broke. */
  broke(): void;
  /** Resolves once the server has said where it is. */
  asked(): Promise<void>;
}

export interface LinkSettings extends Route {
  readonly connection: Connection;
  readonly tap: Tap | undefined;
  readonly logger: Logger;
}

/** Milliseconds that answers may still come when the link that calls are pushed on has broken. */
const GRACE = 250;

/**
 * Milliseconds that a frond server gets to confirm a subscription, which it does at once: another may have come to its
 * address since it was asked.
 */
const PROOF_TIMEOUT = 2_000;

/**
 * The way of every call: envelopes out through one PUSH, answers back through one subscription that is proved before
 * anything is sent. When either breaks, what is under way has lost its message or its answer, and fails.
 */
export class CallLink {
  readonly mailbox = new Mailbox();
  /** Runs a function after the events that wait now. */
  readonly later = macrotasks();
  readonly inFlight: FlowLimit;
  readonly #connection: Connection;
  #topics: ClientTopics;
  /** Undefined where a server stays at its addresses. It changes those below. */
  follower: Follower | undefined;
  addresses: LinkAddresses;
  isDirect: boolean;
  pusher: Pusher;
  subscription: Subscription;
  /** Why the server is not at its addresses any more. */
  refusal: PalmError | undefined;
  readonly #tap: Tap | undefined;
  readonly #logger: Logger;
  #badAnswers = 0;
  readonly #outgoing = new EnvelopeCodec();
  readonly #incoming = new EnvelopeCodec();
  /** Calls that were under way when the link they were pushed on broke, until they are given up. */
  #graced: readonly string[] = [];
  #stopGrace = () => {};
  #closed: PalmError | undefined;
  /** How often it has broken. */
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

  /** Whether a call may be sent this moment. */
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
        // Something else may be at an address that the server has left.
        if (!isReplaced()) await this.follower?.asked();
        if (!isReplaced()) throw error;
      }
    }
  }

  /** Takes a place for one message, when it may be sent this moment. */
  tryAdmit(): boolean {
    return this.isReady && this.inFlight.take() > 0;
  }

  /** Resolves with a place for one message, when it may be sent. */
  async admit(): Promise<void> {
    await this.ready();
    await this.inFlight.wait();
    if (this.isReady) return;
    this.inFlight.release(1);
    await this.admit();
  }

  /** The `client` field for a call: the server publishes the answers under it. */
  topic(callId: string): string {
    const { id } = this.#connection;
    if (this.#topics.id !== id) this.#topics = clientTopics(id);
    return this.#topics.of(callId);
  }

  /** The frame of a message about to be sent. */
  encode(message: PalmMessage): Bytes {
    const frame = this.#outgoing.encode(message);
    this.#tap?.({
      direction: 'out',
      channel: 'push',
      address: this.addresses.pushAddress,
      topic: undefined,
      message,
      size: frame.length,
    });
    return frame;
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
      : 'does the function exist? A stock pylm server stops at one that does not';
    const text =
      came === undefined
        ? `no connection to ${pushAddress} and ${subAddress} within ${timeout} ms, so ${name} was not sent${trouble || '; is the server up?'}`
        : `${came} from ${name} at ${pushAddress} within ${timeout} ms${trouble || `; ${hint}`}`;
    return new PalmError('TIMEOUT', text, { sent: came === undefined ? false : 'unknown' });
  }

  /** Resolves when the transport has taken charge of the frames. */
  send(frames: readonly Bytes[]): Promise<void> {
    return this.pusher.send(frames);
  }

  /** Resolves when what is sent next would not wait for the link. */
  room(): Promise<void> | undefined {
    return this.pusher.room?.();
  }

  /** Dials an address to push to. */
  push(address: string): Pusher {
    const pusher = this.#connection.push(address);
    pusher.onBreak((error) => {
      this.#breakLater(error);
      this.follower?.broke();
    });
    return pusher;
  }

  /** Dials an address that answers are published at. */
  subscribe(address: string): Subscription {
    const subscription = this.#connection.subscribe(address, this.#topics.prefix, {
      proofTimeout: this.isDirect ? PROOF_TIMEOUT : 0,
    });
    subscription.onBreak((error) => {
      this.break(error);
      this.follower?.broke();
    });
    this.#receive(subscription);
    return subscription;
  }

  /** Fails what is under way, and what waits and was not sent. */
  close(): void {
    this.#closed = closed(false);
    this.inFlight.close(this.#closed);
    this.#stopGrace();
    this.mailbox.fail(this.mailbox.ids(), closed(true));
  }

  /**
   * A server that closes as it should has answered what it took before it lets go. Answers and the end of the link that
   * calls are pushed on travel apart, and the end may come first.
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

  /** Fails what is under way. */
  break(error: PalmError, ids: readonly string[] = this.mailbox.ids(), number = ++this.breaks): void {
    const text = `${error.message}; calls under way lost their answers and may have run`;
    const lost = new PalmError(error.code, text, { cause: error, sent: 'unknown' });
    const calls = this.mailbox.fail(ids, lost, number);
    this.#logger.warning('connection broke', { code: error.code, reason: error.message, calls });
  }

  async #receive(subscription: Subscription): Promise<void> {
    for await (const deliveries of subscription) this.#deliverAll(deliveries);
  }

  /**
   * A promise that was waited for has grown old, and what it leads to stays until old objects are looked through. So nothing is
   * left in it: in a process of a thousand clients that is a fifth of their work.
   */
  #deliverAll(deliveries: Delivery[]): void {
    for (const delivery of deliveries) this.#deliver(delivery);
    deliveries.length = 0;
  }

  #deliver({ topic, frames }: Delivery): void {
    const id = this.#topics.call(topic);
    if (id === undefined) return;
    for (const frame of frames) {
      const call = this.mailbox.get(id);
      let message: PalmMessage;
      try {
        message = this.#incoming.decode(frame, call !== undefined);
      } catch (cause) {
        const error = PalmError.from(cause, 'PROTOCOL', 'an answer cannot be read');
        // A server can repeat it as fast as it likes: the 1st, 2nd, 4th, 8th… are told.
        const times = ++this.#badAnswers;
        if (Number.isInteger(Math.log2(times))) {
          this.#logger.warning('bad answer', { topic, size: frame.length, reason: error.message, times });
        }
        call?.fail(error);
        continue;
      }
      this.#tap?.({
        direction: 'in',
        channel: 'sub',
        address: this.addresses.subAddress,
        topic,
        message,
        size: frame.length,
      });
      this.inFlight.answered(frame.length);
      call?.answer(message);
    }
  }
}

/** A call that waits for answers. */
export interface OpenCall {
  answer(message: PalmMessage): void;
  /** It will get no more answers: to what was sent before break `number` of the path, if that is given. */
  fail(error: PalmError, number?: number): void;
}

/** The calls that were sent and are not done, by their id. */
export class Mailbox {
  readonly #calls = new Map<string, OpenCall>();
  #next = 1;
  #unclaimed = 0;

  /** Answers that came for no call that waits: late ones, and ones beyond those asked for. */
  get unclaimed(): number {
    return this.#unclaimed;
  }

  /** Registers a call, before it is sent: the answer may come at once. Gives its id, which it may have had before. */
  open(call: OpenCall, id = (this.#next++).toString(36)): string {
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

  /** Ids of the calls that wait. */
  ids(): string[] {
    return [...this.#calls.keys()];
  }

  /** Fails those of the calls that still wait, and gives how many they are. */
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
