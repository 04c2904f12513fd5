import { FlowLimit } from '../../../src/async/flow-limit.ts';
import { atMost, startTimer } from '../../../src/async/timers.ts';
import { CALLS, PYLM_CALLS, UPSTREAM_UNREAD } from '../../../src/flow-control.ts';
import { FUNCTIONS_KEY, type FunctionDescription } from '../../../src/functions/contract/description.ts';
import { readDescriptions } from '../../../src/functions/contract/read-descriptions.ts';
import type { Logger } from '../../../src/logging.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { keyRequest, readReply, replyText } from '../../../src/protocol/cache-request.ts';
import { type CancelNotice, cancelMessage } from '../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { messageOf, PalmError } from '../../../src/protocol/errors.ts';
import { Feature } from '../../../src/protocol/message.ts';
import { isProgressTopic } from '../../../src/protocol/progress.ts';
import type {
  Connection,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  Subscription,
  Transport,
} from '../../../src/transport.ts';
import { NamePatterns } from '../name-patterns.ts';
import type { GarbageCollection } from './garbage-collection.ts';
import { SharedSendQueue } from './send-queue.ts';
import { SharedChannel, UpstreamChannel } from './upstream-channel.ts';
import { WorkPool } from './work-pool.ts';

/** A server that the relay gives its clients access to. */
export interface UpstreamTarget {
  /** Address of its cache, as the upstream transport writes it. The relay reads the other addresses there. */
  readonly dbAddress?: string | undefined;
  /** Where calls are sent. Left out, the server is asked. */
  readonly pushAddress?: string | undefined;
  /** Where answers are published. Left out, the server is asked. */
  readonly subAddress?: string | undefined;
  /** Where workers pull from. Left out, the server is asked. */
  readonly workerPushAddress?: string | undefined;
  /** Where workers push results to. Left out, the server is asked. */
  readonly workerPullAddress?: string | undefined;
  /**
   * The functions that this server has, as `server.function`; `*` stands for any part of one. A pylm server stops for good
   * when a function is called that it does not have, so the relay passes on only calls that are listed here. A frond server
   * needs no list; if it has one, other calls are refused.
   */
  readonly functions?: readonly string[] | undefined;
}

/** What the upstreams of a relay share. */
export interface UpstreamContext {
  readonly transport: Transport;
  readonly connection: Connection;
  /** For requests for work, which wait long and would take the places of other requests. */
  readonly workConnection: Connection;
  /** The prefix of all clients' topics. */
  readonly prefix: string;
  readonly logger: Logger;
  /** Called when what is known of a server has changed. */
  changed(): void;
  /** Called with what servers publish for clients of the relay. */
  deliver(upstream: Upstream, deliveries: readonly Delivery[]): void;
  readonly garbageCollection: GarbageCollection;
}

/** What a server says of itself. */
interface Profile {
  readonly palmName: string;
  readonly isFrond: boolean;
  /** Whether it takes notices of cancelled calls. */
  readonly takesCancels: boolean;
}

/** A topic that is read at a server, behind which position, and who gets what comes. */
interface Reading {
  readonly topic: string;
  readonly from?: number | undefined;
  readonly deliver: (deliveries: readonly Delivery[]) => void;
}

const PROOF_TIMEOUT = 2_000;

/** Milliseconds that a server gets to prove that it answers, and for which the outcome is remembered. */
const ANSWER_TIMEOUT = 1_000;

/** Milliseconds for which it counts what a server says of its functions: the workers of a Master come and go. */
const OFFERS_AGE = 2_000;

/** Milliseconds between two attempts to find a server that is not at the addresses it gave. */
const LOOK_AGAIN = 1_000;

/** Milliseconds that a call waits until the server has said what it is. */
const PROFILE_TIMEOUT = 5_000;

/** One server behind the relay: one socket for each of its addresses, however many clients there are. */
export class Upstream {
  readonly name: string;
  readonly functions: NamePatterns | undefined;
  readonly pool: WorkPool = new WorkPool(this);
  readonly #target: UpstreamTarget;
  readonly #context: UpstreamContext;
  readonly #codec = new EnvelopeCodec();
  #profile: Profile | undefined;
  #profiling: Promise<Profile> | undefined;
  #looking: Promise<void> | undefined;
  #offers: { readonly at: number; readonly list: readonly FunctionDescription[] } | undefined;
  #askingOffers: Promise<readonly FunctionDescription[]> | undefined;
  /** Where calls go. */
  readonly calls: UpstreamChannel<Pusher>;
  readonly callQueue: SharedSendQueue = new SharedSendQueue();
  /** Where workers push their results to. */
  readonly results: UpstreamChannel<Pusher>;
  readonly resultQueue: SharedSendQueue = new SharedSendQueue();
  /** What is published for clients of the relay: one subscription, proved once. */
  readonly answers: UpstreamChannel<Subscription>;
  /** What is published for clients of other relays, whose sessions this one has adopted. */
  readonly #adopted = new Set<UpstreamChannel<Subscription>>();
  readonly inFlight: FlowLimit = new FlowLimit(() => (this.#profile?.isFrond === true ? CALLS : PYLM_CALLS));
  /** Addresses that were dialled. */
  readonly #addresses = new Set<string>();
  /** When the server was last asked whether it answers, and the outcome. */
  #probe: { readonly at: number; readonly answers: Promise<boolean> } | undefined;
  /** The last deletion on a pylm server: they run one after another. */
  #deleting: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(name: string, target: UpstreamTarget, context: UpstreamContext) {
    this.name = name;
    this.#target = target;
    this.#context = context;
    this.functions = target.functions && new NamePatterns(target.functions);
    const find = (key: string) => this.#find(key);
    const push = (address: string) => this.#push(address);
    const { pushAddress, workerPullAddress } = target;
    this.calls = new UpstreamChannel({ key: 'pull_address', given: pushAddress, find, open: push });
    this.results = new UpstreamChannel({
      key: 'worker_pull_address',
      given: workerPullAddress,
      find,
      open: push,
    });
    const deliver = (deliveries: readonly Delivery[]) => context.deliver(this, deliveries);
    this.answers = this.#answersOf(() => ({ topic: context.prefix, deliver }));
  }

  /** The name that its calls begin with. */
  get palmName(): string {
    return this.#profile?.palmName ?? this.name;
  }

  /** Whether it is known to be a frond server, which does not stop at an unknown function. */
  get isFrond(): boolean {
    return this.#profile?.isFrond ?? false;
  }

  /** The error as clients may see it, with the server's name in place of its addresses. */
  errorForClients(error: unknown): PalmError {
    const { code, message, sent } = PalmError.from(error, 'PROTOCOL', `${this.name} cannot be used`);
    let text = message;
    for (const address of this.#addresses) text = text.replaceAll(address, this.name);
    return new PalmError(code, text, sent === undefined ? {} : { sent });
  }

  /** Resolves once the server has said what it is, or after {@link PROFILE_TIMEOUT}. */
  async known(): Promise<void> {
    if (this.#profile !== undefined) return;
    await atMost(
      PROFILE_TIMEOUT,
      this.#profiled().catch(() => {}),
    );
  }

  /** Whether the server answers requests. It is asked at most once in {@link ANSWER_TIMEOUT}. */
  isAnswering(): Promise<boolean> {
    const { dbAddress } = this.#target;
    // Without the address of its cache the relay cannot ask.
    if (dbAddress === undefined) return Promise.resolve(true);
    const now = performance.now();
    if (this.#probe === undefined || now - this.#probe.at >= ANSWER_TIMEOUT) {
      this.#probe = { at: now, answers: this.#answersNow() };
    }
    return this.#probe.answers;
  }

  async #answersNow(): Promise<boolean> {
    const parties = { server: '_', client: this.#context.prefix };
    const { reply, cancel } = this.request(this.#codec.encode(keyRequest('get', parties, 'name', 0)));
    const stop = startTimer(ANSWER_TIMEOUT, () => cancel(new Error('no answer')));
    try {
      await reply;
      return true;
    } catch {
      return false;
    } finally {
      stop();
    }
  }

  /** What the server says of its functions: nothing where it does not say it in time. It is asked again after {@link OFFERS_AGE}. */
  offers(): readonly FunctionDescription[] | Promise<readonly FunctionDescription[]> {
    if (this.#offers !== undefined && performance.now() - this.#offers.at < OFFERS_AGE)
      return this.#offers.list;
    this.#askingOffers ??= this.#askOffers().finally(() => {
      this.#askingOffers = undefined;
    });
    return this.#askingOffers;
  }

  async #askOffers(): Promise<readonly FunctionDescription[]> {
    let list: readonly FunctionDescription[] = [];
    const ask = async () => {
      await this.known();
      if (this.isFrond) list = readDescriptions(replyText(await this.#readKey(FUNCTIONS_KEY)));
    };
    await atMost(
      ANSWER_TIMEOUT,
      // An older frond says nothing, and what cannot be read is nothing.
      ask().catch(() => {}),
    );
    this.#offers = { at: performance.now(), list };
    return list;
  }

  /** A request to the server's cache. @throws PalmError `INVALID_CALL` when the relay knows no address of it. */
  request(frame: Bytes): PendingReply {
    return this.#context.connection.request(this.#dbAddress(), frame);
  }

  /**
   * Deletes a key. On a pylm server the key is looked up first, because deleting an absent key stops its cache service for
   * good (pylm/persistence/kv.py). An empty reply says that the key was absent.
   */
  async delete(key: string, frame: Bytes, send: (frame: Bytes) => Promise<Bytes>): Promise<Bytes> {
    await this.known();
    if (this.isFrond) return send(frame);
    const parties = { server: '_', client: this.#context.prefix };
    const before = this.#deleting;
    const own = before.then(async () => {
      const value = await send(this.#codec.encode(keyRequest('get', parties, key, 0)));
      return value.length === 0 ? value : send(frame);
    });
    this.#deleting = own.catch(() => {});
    return own;
  }

  /**
   * Tells the server which calls of a client nobody waits for any more, if it takes that: a pylm server is told nothing.
   * Resolves with the number of messages that get no answer for that, whose places are free again.
   */
  async cancel(notice: CancelNotice): Promise<number> {
    if (this.#profile?.takesCancels !== true || this.#isClosed) return 0;
    const { reply } = this.request(this.#codec.encode(cancelMessage(notice)));
    const count = Number(replyText(readReply(this.#codec, await reply, false)));
    if (!Number.isSafeInteger(count) || count < 0) return 0;
    this.inFlight.release(count);
    return count;
  }

  requestWork(frame: Bytes): PendingReply {
    return this.#context.workConnection.request(this.#dbAddress(), frame);
  }

  /** The address that workers pull from. */
  async workAddress(): Promise<string> {
    return this.#target.workerPushAddress ?? (await this.#find('worker_push_address'));
  }

  /**
   * A channel for what is published under a topic of another relay's client.
   * @param from - the position behind which it begins; undefined for what is published from now on.
   */
  adopt(
    topic: string,
    from: number | undefined,
    deliver: (deliveries: readonly Delivery[]) => void,
  ): UpstreamChannel<Subscription> {
    let position = from;
    const read = (deliveries: readonly Delivery[]) => {
      position = deliveries.at(-1)?.position ?? position;
      deliver(deliveries);
    };
    const channel = this.#answersOf(() => ({ topic, from: position, deliver: read }));
    this.#adopted.add(channel);
    return channel;
  }

  /** @param reading - what is read, each time that it is subscribed to. */
  #answersOf(reading: () => Reading): UpstreamChannel<Subscription> {
    return new UpstreamChannel({
      key: 'pub_address',
      given: this.#target.subAddress,
      find: (key) => this.#find(key),
      open: (address) => this.#subscribe(address, reading()),
    });
  }

  /** Ends a channel that {@link adopt} gave. */
  release(channel: UpstreamChannel<Subscription>): void {
    this.#adopted.delete(channel);
    void channel.close();
  }

  /** Pulls work for all clients that work for this server. */
  pull(address: string): Puller {
    return this.#context.connection.pull(this.#dialled(address));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.inFlight.close(new PalmError('CLOSED', 'the relay is closed', { sent: false }));
    const channels = [this.calls, this.results, this.answers, ...this.#adopted];
    await Promise.all([...channels.map((channel) => channel.close()), this.pool.close()]);
  }

  #dbAddress(): string {
    const { dbAddress } = this.#target;
    if (dbAddress !== undefined) return this.#dialled(dbAddress);
    throw new PalmError(
      'INVALID_CALL',
      `the relay has no dbAddress for the server ${this.name}: set it in servers`,
      { sent: false },
    );
  }

  #dialled(address: string): string {
    this.#addresses.add(address);
    return address;
  }

  #push(address: string): SharedChannel<Pusher> {
    return new SharedChannel(this.#context.connection.push(this.#dialled(address)), () => this.#lookAgain());
  }

  #subscribe(address: string, { topic, from, deliver }: Reading): SharedChannel<Subscription> {
    const { connection } = this.#context;
    const isStock = this.#profile?.isFrond === false;
    const subscription = connection.subscribe(this.#dialled(address), topic, {
      proofTimeout: isStock ? 0 : PROOF_TIMEOUT,
      maxUnread: UPSTREAM_UNREAD,
      from,
    });
    this.#read(subscription, deliver);
    return new SharedChannel(subscription, () => this.#lookAgain());
  }

  async #read(subscription: Subscription, deliver: Reading['deliver']): Promise<void> {
    for await (const deliveries of { [Symbol.asyncIterator]: () => subscription[Symbol.asyncIterator]() }) {
      let bytes = 0;
      const now = performance.now();
      for (const { topic, frames } of deliveries) {
        const isProgress = isProgressTopic(topic);
        for (const { length } of frames) {
          if (!isProgress) this.inFlight.answered(length, now);
          bytes += length;
        }
      }
      deliver(deliveries);
      this.#context.garbageCollection.took(bytes);
    }
  }

  /** Reads an address from the server's cache. @throws PalmError `WRONG_SERVER` when the server has none under this key. */
  async #find(key: string): Promise<string> {
    await this.known();
    const address = replyText(await this.#readKey(key));
    if (address === '') {
      throw new PalmError('WRONG_SERVER', `server ${this.name} has no ${key}`, { sent: false });
    }
    return this.#context.transport.resolveAddress?.(address, this.#dbAddress()) ?? address;
  }

  /** Reads a key, and waits as long as the server is unreachable. */
  async #readKey(key: string) {
    const parties = { server: '_', client: this.#context.prefix };
    const frame = this.#codec.encode(keyRequest('get', parties, key, Feature.replies));
    for (;;) {
      try {
        return readReply(this.#codec, await this.request(frame).reply, true);
      } catch (error) {
        // The connection broke meanwhile, and may come back.
        if (this.#isClosed || !(error instanceof PalmError) || error.code !== 'DISCONNECTED') throw error;
      }
    }
  }

  #profiled(): Promise<Profile> {
    this.#profiling ??= this.#ask().finally(() => {
      this.#profiling = undefined;
    });
    return this.#profiling;
  }

  async #ask(): Promise<Profile> {
    const reply = await this.#readKey('name');
    const { features } = reply;
    const profile = {
      palmName: replyText(reply) || this.name,
      isFrond: features !== undefined,
      takesCancels: ((features ?? 0) & Feature.cancels) !== 0,
    };
    this.#profile = profile;
    this.#context.changed();
    const { palmName, isFrond } = profile;
    this.#context.logger.info('server found', { server: this.name, name: palmName, frond: isFrond });
    return profile;
  }

  /** A connection broke. The server may come back with another name, or at other addresses. */
  #lookAgain(): void {
    if (this.#isClosed || this.#target.dbAddress === undefined) return;
    this.#profile = undefined;
    this.#offers = undefined;
    this.#context.changed();
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Repeats until every open channel is usable: addresses that a server gives may be out of date a moment later. */
  async #look(): Promise<void> {
    let channels: readonly UpstreamChannel<Pusher | Subscription>[];
    do {
      // Those that were released meanwhile are never ready again.
      channels = [this.calls, this.results, this.answers, ...this.#adopted];
      try {
        await (this.#profile ?? this.#profiled());
        await Promise.all(channels.map((channel) => channel.follow()));
      } catch (error) {
        const fields = { server: this.name, reason: messageOf(error) };
        if (!this.#isClosed) this.#context.logger.warning('server not found again', fields);
      }
      await atMost(LOOK_AGAIN, Promise.all(channels.map((channel) => channel.ready())));
    } while (!this.#isClosed && !channels.every((channel) => channel.isReady));
  }
}
