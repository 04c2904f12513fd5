/** What every role runs on: its connection, store and log. */
import { ByteBudget } from '../../async/byte-budget.ts';
import { atMost } from '../../async/timers.ts';
import { checkLimit } from '../../checks.ts';
import { PROGRESS_HOPS } from '../../flow-control.ts';
import type { FunctionDescription } from '../../functions/contract/description.ts';
import type { Interceptor } from '../../interceptor.ts';
import { atLevel, consoleLogger, type Logger, sparing } from '../../logging.ts';
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';
import { type CancelNotice, cancelMessage, NOTICES } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { messageOf } from '../../protocol/errors.ts';
import { checkServerName } from '../../protocol/function-path.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import { writeEnd } from '../../protocol/pipeline-end.ts';
import { isProgressTopic } from '../../protocol/progress.ts';
import { asksForProof } from '../../protocol/topics.ts';
import type {
  Binding,
  BindingConnection,
  BindOptions,
  BoundPublish,
  BoundPull,
  Delivery,
  RequestOrigin,
} from '../../transport.ts';
import { CacheService, type WorkService } from './cache-service.ts';
import { Cancellations } from './cancellations.ts';
import { Engine } from './engine.ts';
import { type FailureSettings, failed, serverDied } from './failures.ts';
import { dropped, Flow, type Outlet, type Step } from './flow.ts';
import { type Cache, cacheOf, copying, type FunctionScope } from './functions.ts';
import { GoneClients } from './gone-clients.ts';
import { checkMaxWaiting, Intake, type IntakeSettings } from './intake.ts';
import { Meter } from './meter.ts';
import { NextServers } from './next-servers.ts';
import { followNotices } from './notices.ts';
import { OpenInputs } from './open-inputs.ts';
import { Publisher, type Stream } from './publisher.ts';
import type { Addressed, FunctionOptions, ServingOptions } from './serving-options.ts';
import { encodeStatus, type MutableCounters, type ServerStatus } from './status.ts';
import { checkedStore, MemoryStore, type Store } from './store.ts';
import { startThreads } from './threads/start-threads.ts';
import type { ThreadPool } from './threads/thread-pool.ts';
import type { OfferedFunctions } from './typed-function.ts';

/** Milliseconds in which the servers before this one must have heard where the pipeline ends. Others wait no longer for it. */
export const TELLING = 1_000;

/** Makes a role's parts: its flows, intakes, publisher and cache, all on one connection. */
export class RoleHost implements FailureSettings, FunctionScope {
  readonly options: Addressed<ServingOptions, never>;
  readonly name: string;
  readonly #role: string;
  readonly connection: BindingConnection;
  readonly store: Store;
  readonly cache: Cache;
  readonly logger: Logger;
  readonly functionLogger: Logger;
  readonly includeStack: boolean;
  readonly shutdown: AbortController = new AbortController();
  readonly cancellations: Cancellations = new Cancellations(this.shutdown.signal);
  readonly meter: Meter = new Meter();
  readonly tally: MutableCounters = this.meter.tally;
  /** Budget of messages that wait for a function or a worker. */
  readonly waiting: ByteBudget;
  /** Each tells how many messages wait somewhere. */
  readonly #queues: (() => number)[] = [];
  #published: BoundPublish | undefined;
  #publish: ((deliveries: readonly Delivery[]) => Promise<void>) | undefined;
  /** Whether roles behind take notices of cancelled calls, as far as is known. */
  #isHeard = false;
  #stream: Stream | undefined;
  readonly #goneClients = new GoneClients((notices) => this.cancel(...notices));
  /** Whether results go to the next server. */
  #passesOn = false;
  readonly #next = new NextServers(() => this.#tellEnd());
  #toldEnd: string | undefined;
  /** Told when the end changes. */
  readonly #endListeners: (() => Promise<void>)[] = [];
  #service: CacheService | undefined;
  #threads: ThreadPool | undefined;
  #engine: Engine | undefined;
  /** What is settled once it is answered; undefined where the transport settles nothing. */
  #inputs: OpenInputs | undefined;
  /** Addresses of other servers that became known or changed after the start, by their keys. */
  readonly #changedAddresses: Record<string, string> = {};

  /** @param role - what it is, such as `server`. */
  constructor(
    options: Addressed<ServingOptions, never>,
    role: string,
    connection: BindingConnection,
    logger: Logger,
  ) {
    this.#role = role;
    this.options = options;
    this.name = options.name;
    this.connection = connection;
    const store = options.store ?? connection.sharedStore?.(options.dbAddress);
    this.store = store === undefined ? new MemoryStore() : checkedStore(store);
    this.cache = cacheOf(copying(this.store));
    this.logger = sparing(logger);
    this.functionLogger = logger;
    this.includeStack = options.includeStack ?? false;
    this.waiting = new ByteBudget(checkMaxWaiting(options.maxWaiting));
  }

  /** Sends what was published before it breaks other links: clients take a broken link for the loss of their answers. */
  async close(left: () => number): Promise<void> {
    await this.#published?.close({ timeout: left() });
    await this.#threads?.close();
    await this.connection.close({ timeout: left() });
  }

  /** What all messages of this role share. */
  get scope(): FunctionScope & FailureSettings & { readonly meter: Meter; readonly tally: MutableCounters } {
    const { name, cache, logger, functionLogger, cancellations, includeStack, meter, tally } = this;
    return { name, cache, logger, functionLogger, cancellations, includeStack, meter, tally };
  }

  /** Messages that wait for a function or a worker. */
  get messagesWaiting(): number {
    return this.#queues.reduce((sum, count) => sum + count(), 0);
  }

  /** Has the messages that wait in `count` counted, too. */
  addQueue(count: () => number): void {
    this.#queues.push(count);
  }

  /**
   * The functions of a server, those of its module in threads that this starts, and how many messages they work on at the same time.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable, and for a module that cannot be used.
   */
  async running(
    options: FunctionOptions,
  ): Promise<{ readonly functions: FunctionOptions['functions']; readonly concurrency: number }> {
    const { name, functionLogger: logger, shutdown } = this;
    const threads = await startThreads(options, { name, logger, closing: shutdown.signal });
    this.#threads = threads;
    const concurrency = checkLimit('concurrency', options.concurrency ?? threads?.count ?? 1);
    const { functions } = options;
    return {
      functions: threads === undefined ? functions : { ...functions, ...threads.functions },
      concurrency,
    };
  }

  /** Ends the threads of a role that could not be started. */
  async closeThreads(): Promise<void> {
    await this.#threads?.close();
  }

  /** Runs the functions of a server. */
  engine(
    functions: OfferedFunctions | undefined,
    mayEnd: boolean,
    interceptors?: readonly Interceptor[],
  ): Engine {
    const descriptions = this.#threads?.descriptions;
    const own = { isNamed: true, mayEnd, functions: functions ?? {}, descriptions, interceptors };
    const engine = new Engine({ ...this.scope, ...own });
    this.#engine = engine;
    return engine;
  }

  /** How the addresses are bound that others of the same role and name may share. */
  get sharing(): BindOptions {
    return { shared: `${this.#role} ${this.name}` };
  }

  /** How the others are bound: where nothing is settled, two would each have all messages, or half of a cache. */
  get #sharingIfSettled(): BindOptions {
    return this.#inputs === undefined ? {} : this.sharing;
  }

  /**
   * What comes in at a bound end, to be settled once it is answered; undefined where the transport settles nothing. Call this before
   * {@link publisher}.
   */
  openInputs({ settler }: BoundPull, countsWhole = false): OpenInputs | undefined {
    return settler === undefined ? undefined : this.#open(countsWhole);
  }

  /**
   * The same for what previous servers publish, of whose addresses these are known. It is shared, with others of the same address, where all of
   * that can be.
   */
  openPublished(addresses: readonly string[], countsWhole = false): OpenInputs | undefined {
    const { connection, options } = this;
    const settles = (address: string) => connection.settles?.(address) === true;
    return [options.dbAddress, ...addresses].every(settles) ? this.#open(countsWhole) : undefined;
  }

  #open(countsWhole: boolean): OpenInputs {
    const stored = async () => this.#published?.stored?.();
    this.#inputs = new OpenInputs({ stored, countsWhole });
    return this.#inputs;
  }

  /** Answers what is not worked at any more, because those who had it died. */
  #answerGivenUp(inputs: OpenInputs, publisher: Publisher): void {
    const codec = new EnvelopeCodec();
    inputs.onGivenUp((frame, id, deaths) => {
      this.meter.came(frame.length);
      try {
        publisher.fail(failed(this, codec.decode(frame), serverDied(deaths)), id);
      } catch (error) {
        dropped(this.tally, this.logger, 'bad frame', { size: frame.length, reason: messageOf(error) });
      }
    });
  }

  /**
   * Reads sources as long as there is room.
   * @param prompt - the one whose messages are read whatever else waits.
   */
  intake(
    sources: readonly AsyncIterator<readonly Bytes[], undefined>[],
    bounds: Pick<IntakeSettings, 'other' | 'gate' | 'ahead'> = {},
    prompt?: AsyncIterator<readonly Bytes[], undefined>,
  ): Intake {
    const onFull = () => this.#isFull();
    const onCancelled = (count: number) => {
      this.tally.cancelled += count;
      this.tally.received += count;
    };
    const inputs = this.#inputs;
    const onReleased = inputs && ((frame: Bytes) => inputs.end(frame));
    // Elsewhere a client that comes back may call before its subscription arrives.
    const isUnwanted = inputs && ((frame: Bytes) => this.#goneClients.has(frame));
    const settings = { budget: this.waiting, onFull, onCancelled, onReleased, isUnwanted };
    const intake = new Intake({ ...settings, ...bounds });
    this.cancellations.add(intake);
    this.addQueue(() => intake.size);
    for (const source of sources) intake.read(source);
    if (prompt !== undefined) intake.read(prompt, true);
    return intake;
  }

  /** A flow that runs `step` for each message, where there is one, and sends the results to `outlet`. */
  flow(
    step: Step | undefined,
    outlet: Outlet<Bytes>,
    {
      concurrency = 1,
      handsOut = true,
      isIntake = true,
    }: { concurrency?: number; handsOut?: boolean; isIntake?: boolean } = {},
  ): Flow<Bytes> {
    const frameOf = (frame: Bytes) => frame;
    const { meter, logger } = this;
    const flow = new Flow({ step, outlet, frameOf, concurrency, handsOut, meter, logger, isIntake });
    this.addQueue(() => flow.held);
    this.cancellations.add({ cancel: (frames) => flow.cancel((frame) => frames.has(frame)) });
    return flow;
  }

  /** Binds `pubAddress` and returns its publisher. */
  async publisher(
    pubAddress: string,
    handleStream: Stream,
    isVerbatim = false,
  ): Promise<{ readonly address: string; readonly publisher: Publisher }> {
    const inputs = this.#inputs;
    const bound = await this.connection.bindPublish(pubAddress, this.#sharingIfSettled);
    this.#published = bound;
    this.#passesOn = handleStream.news !== undefined;
    this.#stream = handleStream;
    void this.#tellEnd();
    const publish = (deliveries: readonly Delivery[]) => bound.publish(deliveries);
    this.#publish = publish;
    this.#isHeard = bound.onSubscribers === undefined;
    const changed = (topic: string, isThere: boolean) => this.#subscribersChanged(topic, isThere);
    bound.onSubscribers?.(changed);
    // Of other results, those that called are not subscribed here.
    if (inputs !== undefined && handleStream.isToClient === true)
      bound.watchSubscribers?.(() => [...this.#goneClients.takeHeard(), ...inputs.subscriptions()], changed);
    const nextId = inputs && ((frame: Bytes) => inputs.nextId(frame));
    const publisher = new Publisher({ ...this.scope, publish, handleStream, isVerbatim, nextId });
    if (inputs !== undefined) {
      this.#answerGivenUp(inputs, publisher);
      // A caller tells one of those that share the address, and another one may have the call.
      followNotices(this.connection, bound.address, {
        onCancel: (notice) => this.cancellations.cancel(notice),
      });
    }
    return { address: bound.address, publisher };
  }

  /**
   * Cancels calls here, and tells the roles behind.
   * @returns the number of messages here that get no answer for that.
   */
  cancel(...notices: readonly CancelNotice[]): number {
    const count = this.cancellations.cancel(...notices);
    if (!this.#isHeard) return count;
    const codec = new EnvelopeCodec();
    const tell = (notice: CancelNotice) => ({
      topic: NOTICES,
      frames: [codec.encode(cancelMessage(notice))],
    });
    // Fails when the server is closed: then the roles behind hear of that.
    this.#publish?.(notices.map(tell)).catch(() => {});
    return count;
  }

  /**
   * Passes on how far a function of a server before this one is: to its caller, and where results go on, to the roles behind.
   * @param message - its `client` is the topic that the caller listens under, its `cache` the number of servers that passed it on.
   */
  passProgress(message: PalmMessage): void {
    const hops = Number(message.cache) + 1;
    const stream = this.#stream;
    if (!isProgressTopic(message.client) || !(hops <= PROGRESS_HOPS) || stream === undefined) return;
    const topics = stream.news === undefined ? [message.client] : [];
    if (stream.isToClient !== true) topics.push(NOTICES);
    const frames = [new EnvelopeCodec().encode({ ...message, cache: String(hops) })];
    // Fails when the server is closed.
    this.#publish?.(topics.map((topic) => ({ topic, frames }))).catch(() => {});
  }

  /** Where clients find the answers to what comes in here: `?` while that is not known. */
  get end(): string {
    const { name } = this;
    const address = this.#published?.address;
    if (address === undefined) return writeEnd(undefined);
    return writeEnd(this.#passesOn ? this.#next.end : { server: name, address });
  }

  /** Calls `listener` each time {@link end} changes. It tells a server before this one. */
  onEnd(listener: () => Promise<void>): void {
    this.#endListeners.push(listener);
  }

  async #tellEnd(): Promise<void> {
    const { end } = this;
    if (end === this.#toldEnd) return;
    this.#toldEnd = end;
    await atMost(TELLING, Promise.all(this.#endListeners.map((tell) => tell())));
  }

  /** Sets the address of another server that the cache tells under `key`. */
  addressChanged(key: string, address: string): void {
    this.#changedAddresses[key] = address;
    this.#service?.configure(key, address);
  }

  /** Binds the cache. Do this last: whoever finds the cache finds the other addresses. */
  async serveCache(
    addresses: Readonly<Record<string, string>>,
    describe: () => Omit<ServerStatus, 'name' | 'addresses' | 'uptime' | 'waiting' | 'next'>,
    dispatch?: { readonly work: WorkService; readonly offers: () => readonly FunctionDescription[] },
  ): Promise<Binding> {
    const { dbAddress } = this.options;
    const { name, store, logger, tally } = this;
    const status = () => {
      const { role, ...rest } = describe();
      const own = { ...addresses, ...this.#changedAddresses, db_address: db.address };
      const { timesFull, uptime } = this.meter;
      const waiting = { bytes: this.waiting.used, maxBytes: this.waiting.limit, timesFull };
      const { names } = this.#next;
      const next = names.length > 0 ? { next: names } : {};
      return encodeStatus({ role, name, addresses: own, uptime, waiting, ...rest, ...next });
    };
    const next = (request: PalmMessage, from: RequestOrigin) => this.#next.note(request, from);
    const end = () => encodeUtf8(this.end);
    const config = { name, ...addresses, ...this.#changedAddresses };
    const cancel = (notice: CancelNotice) => this.cancel(notice);
    const offered = dispatch?.offers ?? (() => this.#engine?.descriptions ?? []);
    const offers = encodedOnce(offered);
    const service = new CacheService({
      config,
      status,
      offers,
      store,
      logger,
      tally,
      work: dispatch?.work,
      cancel,
      next,
      end,
    });
    this.#service = service;
    const answer = (request: Bytes, from: RequestOrigin) => service.answer(request, from);
    const db = await this.connection.bindReply(dbAddress, answer, this.#sharingIfSettled);
    service.configure('db_address', db.address);
    logger.info('serving', { ...addresses, db_address: db.address });
    return db;
  }

  /** A subscription has come or ended: a client's, or that of a role behind for notices. */
  #subscribersChanged(topic: string, isThere: boolean): void {
    if (topic === NOTICES) {
      this.#isHeard = isThere;
      return;
    }
    // Clients of a pipeline are subscribed at its end.
    if (this.#passesOn || !asksForProof(topic)) return;
    if (isThere) this.cancellations.isThere(topic);
    this.#goneClients.changed(topic, isThere);
  }

  /** Counts and logs sparingly: a job that is held up stops and goes on many times. */
  #isFull(): void {
    this.meter.timesFull++;
    const { used, limit } = this.waiting;
    this.logger.info('no more is read until some of what waits is done', { waiting: used, limit });
  }
}

/** The list that `list` gives, as JSON. It is encoded again when `list` gives another one. */
function encodedOnce<T>(list: () => readonly T[]): () => Bytes {
  let known: readonly T[] | undefined;
  let bytes: Bytes;
  return () => {
    const own = list();
    if (own !== known) bytes = encodeUtf8(JSON.stringify(own));
    known = own;
    return bytes;
  };
}

/**
 * Opens a connection and has a role assembled on it. Closes the connection when that fails.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
 */
export async function openRoleHost<T>(
  options: Addressed<ServingOptions, never>,
  role: string,
  addresses: readonly string[],
  assemble: (host: RoleHost) => Promise<T>,
): Promise<T> {
  const { transport, name, dbAddress } = options;
  checkServerName('name', name);
  for (const address of [dbAddress, ...addresses]) transport.checkAddress(address);
  const logger = atLevel(
    options.logger ?? consoleLogger(`frond ${role} ${name}`),
    options.loggingLevel ?? 'info',
  );
  const connection = await transport.open();
  let host: RoleHost | undefined;
  try {
    host = new RoleHost(options, role, connection, logger);
    void logConnectionEvents(host, logger);
    return await assemble(host);
  } catch (error) {
    await host?.closeThreads();
    await connection.close({ timeout: 0 });
    throw error;
  }
}

/**
 * Logs refused peers and lost results. The transport reports refusals at the 1st, 2nd, 4th, 8th… time, so strangers cannot fill the
 * log. Lost results are logged sparingly.
 */
async function logConnectionEvents(
  { connection, logger, tally }: RoleHost,
  fullLogger: Logger,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'refused') {
      const { address, reason, count } = status;
      fullLogger.warning('peers were turned away', { address, reason, count });
    } else if (status.type === 'lost') {
      const { address, topic, count } = status;
      tally.dropped += count - 1;
      dropped(tally, logger, 'a subscriber reads too slowly and has lost results', { address, topic });
    }
  }
}

/** Default of `timeout` when closing, in milliseconds. */
export const DRAIN_TIMEOUT = 1_000;
