import { deferred } from '../../async/deferred.ts';
import { SignalHub } from '../../async/signals.ts';
import { atMost, startTimer, withinLimits } from '../../async/timers.ts';
import { CacheClient } from '../../cache-client.ts';
import { CacheLink } from '../../cache-link.ts';
import { checkLimit, checkTimeout } from '../../checks.ts';
import type { FunctionDescription } from '../../functions/contract/description.ts';
import type { Interceptor } from '../../interceptor.ts';
import { atLevel, consoleLogger, type Logger, type LoggingLevel, sparing } from '../../logging.ts';
import type { Metric } from '../../metrics.ts';
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';
import type { CancelNotice } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { inspectValue, invalidCall, messageOf, PalmError } from '../../protocol/errors.ts';
import { checkServerName } from '../../protocol/function-path.ts';
import { randomId } from '../../protocol/ids.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { LARGEST_OFFERS, LONGEST_WORKER_NAME } from '../../protocol/work-request.ts';
import type { CloseOptions, Connection, Transport } from '../../transport.ts';
import { Cancellations } from '../runtime/cancellations.ts';
import { Engine } from '../runtime/engine.ts';
import { type FailureSettings, failed } from '../runtime/failures.ts';
import { dropped, Flow } from '../runtime/flow.ts';
import { cacheOf, type KeyValues } from '../runtime/functions.ts';
import { Meter } from '../runtime/meter.ts';
import { DRAIN_TIMEOUT } from '../runtime/role-host.ts';
import { roleMetrics } from '../runtime/role-metrics.ts';
import type { Counters } from '../runtime/status.ts';
import type { ThreadOptions } from '../runtime/threads/options.ts';
import { startThreads } from '../runtime/threads/start-threads.ts';
import type { ThreadPool } from '../runtime/threads/thread-pool.ts';
import type { OfferedFunctions } from '../runtime/typed-function.ts';
import { findWork, type LinkSettings } from '../worker-link/find-work.ts';
import type { Work, WorkLink } from '../worker-link/work-link.ts';

/** Options of a worker: pylm's `Worker(…)` arguments in camel case, and frond's own. */
export interface WorkerOptions extends ThreadOptions {
  /** Carries the messages. A worker only dials. */
  readonly transport: Transport;
  /** Name of the worker for logs and `context.name`, at most 128 characters. Default: a random one. */
  readonly name?: string | undefined;
  /** `dbAddress` of the Master or Hub. */
  readonly dbAddress: string;
  /** The Master's `workerPushAddress`. Default: the Master is asked. When given, work is pushed, as with pylm's Master. */
  readonly pushAddress?: string | undefined;
  /** The Master's `workerPullAddress`. Default: the Master is asked. */
  readonly pullAddress?: string | undefined;
  /** Lowest level that is logged. Default `info`. */
  readonly loggingLevel?: LoggingLevel | undefined;
  /**
   * The functions that it offers to calls to any server: of bytes, or with types as `fn` defines them. It always has `echo`, which
   * returns its payload.
   */
  readonly functions?: OfferedFunctions | undefined;
  /** Stand around the functions, the first one outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Async functions that may run at the same time. Default 1, and with `threads` as many as there are. */
  readonly concurrency?: number | undefined;
  /** Logger that takes the lines. Default: the console. */
  readonly logger?: Logger | undefined;
  /** Whether failed answers carry the error's stack, which clients then see. Default false. */
  readonly includeStack?: boolean | undefined;
  /** Milliseconds that `start` and each cache call may take; `Infinity` for no limit. Default 30 000. */
  readonly timeout?: number | undefined;
}

/** Default of `timeout`, in milliseconds. */
const TIMEOUT = 30_000;

/** Milliseconds until a Master that cannot be used is tried again. */
const RETRY = 1_000;

/** Milliseconds for the good-bye of a worker that gives up messages. */
const LAST_WORD = 100;

/**
 * Runs functions on the work of a Master or Hub, frond's or pylm's. When the Master goes, the worker waits until it comes back,
 * even at other addresses.
 *
 * It asks a frond Master for as much work as it does in a few milliseconds, so nothing waits behind a slow function, and a
 * worker that closes loses nothing. A pylm Master pushes work to each worker in turn: what it pushed to a worker that closes
 * is lost, as with pylm's workers.
 *
 * @example
 * await using worker = await Worker.start({
 *   transport: zmtp(),
 *   dbAddress: 'tcp://127.0.0.1:5559',
 *   functions: { upper: (payload) => new TextEncoder().encode(new TextDecoder().decode(payload).toUpperCase()) },
 * });
 */
export class Worker implements AsyncDisposable {
  /** Name of the worker, for logs. */
  readonly name: string;
  readonly #connection: Connection;
  readonly #shutdown: AbortController;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #engine: Engine;
  readonly #failures: FailureSettings;
  readonly #settings: LinkSettings;
  readonly #threads: ThreadPool | undefined;
  readonly #found = deferred<void>();
  readonly #working: Promise<void>;
  #link: WorkLink | undefined;
  #running = () => 0;
  #deadline = Number.POSITIVE_INFINITY;
  #closing: Promise<void> | undefined;

  private constructor(name: string, parts: WorkerParts) {
    this.name = name;
    this.#connection = parts.settings.connection;
    this.#shutdown = parts.shutdown;
    this.#logger = parts.logger;
    this.#meter = parts.meter;
    this.#engine = parts.engine;
    this.#failures = { logger: parts.logger, includeStack: parts.includeStack };
    this.#settings = parts.settings;
    this.#threads = parts.threads;
    this.#found.promise.catch(() => {});
    // A closed connection, such as one that a relay refused for good, cannot find work any more.
    this.closed.then((error) => this.#shutdown.abort(error));
    this.#working = this.#work();
  }

  /**
   * Finds the Master and works until it is closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable, `WRONG_SERVER` when the server at `dbAddress`
   * is not a Master or Hub, `TIMEOUT` when there is no answer, `FORBIDDEN` when a relay does not let it work there.
   */
  static async start(options: WorkerOptions): Promise<Worker> {
    const name = options.name ?? randomId();
    const { dbAddress } = options;
    const timeout = checkTimeout('timeout', options.timeout ?? TIMEOUT);
    const opened: { close(options: CloseOptions): Promise<void> }[] = [];
    const opening = openParts(name, timeout, options, opened).catch(async (error) => {
      for (const one of opened) await one.close({ timeout: 0 });
      throw error;
    });
    const worker = new Worker(name, await opening);
    const expired = () => {
      const text = `no Master at ${dbAddress} within ${timeout} ms; is it up, and is this its db_address?`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    try {
      const limits = { signal: undefined, signals: new SignalHub(), timeout };
      await withinLimits(limits, expired, worker.#found.promise);
      return worker;
    } catch (error) {
      await worker.close({ timeout: 0 });
      throw error;
    }
  }

  /** Names of its functions, `echo` among them. */
  get functionNames(): readonly string[] {
    return this.#engine.functionNames;
  }

  /** What the worker has done so far, and is doing now. */
  get counters(): Counters {
    return this.#meter.counters(this.#running());
  }

  /**
   * What it has counted and is doing, as metrics with the labels `role` and `name`: messages, bytes, failures by code, and times by
   * function. `metricsText` writes them as Prometheus reads them.
   */
  metrics(): readonly Metric[] {
    return roleMetrics({
      role: 'worker',
      name: this.name,
      isReady: this.missing.length === 0,
      meter: this.#meter,
      inFlight: this.#running(),
      functions: this.#engine.meters,
    });
  }

  /** What keeps it from its work now, in a few words: that its Master is not there, or that it is closing. Empty when it is ready. */
  get missing(): readonly string[] {
    if (this.#shutdown.signal.aborted) return ['it is closing'];
    return this.#link?.isThere === true ? [] : [`its Master is not there (${this.#settings.dbAddress})`];
  }

  /**
   * Puts an interceptor around the functions, within those before it, for work that comes from now on. What it adds to the metadata ends at
   * the Master, which takes payload and status of a result alone.
   * @throws PalmError `INVALID_CALL` for something that is not a function.
   */
  use(interceptor: Interceptor): this {
    this.#engine.use(interceptor);
    return this;
  }

  /** Resolves when the worker is closed, with the error that closed it, if there was one. */
  get closed(): Promise<PalmError | undefined> {
    return this.#connection.closed;
  }

  /**
   * Takes no more work, returns to a frond Master what it has not begun, and finishes and sends the rest, within `timeout`
   * milliseconds (default 1000).
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  /** Closes the worker, as {@link close} does: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ timeout = DRAIN_TIMEOUT }: CloseOptions): Promise<void> {
    this.#deadline = performance.now() + timeout;
    this.#shutdown.abort(new PalmError('CLOSED', `worker ${inspectValue(this.name)} is closing`));
    const link = this.#link;
    link?.stop();
    if (link !== undefined) await atMost(this.#left(), this.#working);
    // When a function takes longer, the Master gives its message to another worker now, and not only when it misses this one.
    await this.#link?.leave(LAST_WORD);
    await this.#threads?.close();
    await this.#connection.close({ timeout: this.#left() });
  }

  #left(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  async #work(): Promise<void> {
    const { signal } = this.#shutdown;
    while (!signal.aborted) {
      let link: WorkLink | undefined;
      try {
        link = await findWork(this.#settings);
        this.#logger.info('working', { db: this.#settings.dbAddress });
        this.#found.resolve();
        await this.#serve(link);
      } catch (error) {
        this.#found.reject(error);
        if (signal.aborted) return;
        this.#logger.warning('no work', { db: this.#settings.dbAddress, reason: messageOf(error) });
        await pause(RETRY, signal);
        if (!signal.aborted) await link?.forsake();
      }
    }
  }

  async #serve<T extends Work>(link: WorkLink<T>): Promise<void> {
    const { signal } = this.#shutdown;
    const flow = new Flow<T>({
      step: this.#engine.run,
      outlet: countingOutlet(link, this.#failures, this.#meter),
      frameOf: (work) => link.begin(work),
      concurrency: this.#settings.concurrency,
      meter: this.#meter,
      logger: this.#logger,
      handsOut: true,
      isIntake: true,
    });
    this.#running = () => flow.running;
    this.#link = link;
    if (signal.aborted) link.stop();
    try {
      await flow.serve(link);
      await link.leave(Math.min(this.#left(), DRAIN_TIMEOUT));
    } finally {
      this.#link = undefined;
    }
  }
}

/** The opened parts of a worker. */
interface WorkerParts {
  readonly settings: LinkSettings;
  readonly shutdown: AbortController;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly engine: Engine;
  readonly includeStack: boolean;
  /** The threads of the worker's module, if it has one. */
  readonly threads: ThreadPool | undefined;
}

/** @param opened - takes what was opened, for the caller to close when this fails. */
async function openParts(
  name: string,
  timeout: number,
  options: WorkerOptions,
  opened: { close(options: CloseOptions): Promise<void> }[],
): Promise<WorkerParts> {
  const { transport, dbAddress, pushAddress, pullAddress, functions = {}, includeStack = false } = options;
  checkServerName('name', name);
  if (name.length > LONGEST_WORKER_NAME) {
    throw invalidCall(`name must have no more than ${LONGEST_WORKER_NAME} characters, not ${name.length}`);
  }
  for (const address of [dbAddress, pushAddress, pullAddress]) {
    if (address !== undefined) transport.checkAddress(address);
  }
  const functionLogger = atLevel(
    options.logger ?? consoleLogger(`frond worker ${name}`),
    options.loggingLevel ?? 'info',
  );
  const logger = sparing(functionLogger);
  const shutdown = new AbortController();
  const cancellations = new Cancellations(shutdown.signal);
  const meter = new Meter();
  const threads = await startThreads(options, { name, logger: functionLogger, closing: shutdown.signal });
  if (threads !== undefined) opened.push(threads);
  const concurrency = checkLimit('concurrency', options.concurrency ?? threads?.count ?? 1);
  const connection = await transport.open();
  opened.push(connection);
  const cacheLink = new CacheLink({
    connection,
    dbAddress,
    session: undefined,
    tap: undefined,
  });
  const engine = new Engine({
    name,
    isNamed: false,
    mayEnd: false,
    functions: { ...functions, ...threads?.functions },
    descriptions: threads?.descriptions,
    interceptors: options.interceptors,
    cache: cacheOf(keysOf(new CacheClient(cacheLink), timeout)),
    logger,
    functionLogger,
    includeStack,
    cancellations,
    meter,
  });
  const onLost = (count: number, error: unknown) => {
    for (let i = 0; i < count; i++)
      dropped(meter.tally, logger, 'results lost', { reason: messageOf(error) });
  };
  const settings = {
    transport,
    connection,
    dbAddress,
    cacheLink,
    name,
    concurrency,
    clock: meter,
    pushAddress,
    pullAddress,
    offers: offersOf(engine.descriptions),
    onOffersRefused: (error: unknown) =>
      logger.info('the Master does not tell callers what the functions take', { reason: messageOf(error) }),
    onCancel: (notice: CancelNotice) => cancellations.cancel(notice),
    onLost,
  };
  return { settings, shutdown, logger, meter, engine, includeStack, threads };
}

/** What the functions take and give. Without schemas where those are more than a Master takes. */
function offersOf(descriptions: readonly FunctionDescription[]): Bytes {
  const encoded = encodeUtf8(JSON.stringify(descriptions));
  if (encoded.length <= LARGEST_OFFERS) return encoded;
  return encodeUtf8(JSON.stringify(descriptions, (key, value) => (key === 'schema' ? undefined : value)));
}

/** The Master's store, by way of requests. */
function keysOf(cache: CacheClient, timeout: number): KeyValues {
  const limits = { signal: undefined, signals: new SignalHub(), timeout };
  return {
    get: (key) => cache.get(key, limits),
    set: async (key, value) => {
      await cache.set(value, key, limits);
    },
    delete: (key) => cache.delete(key, limits),
  };
}

function countingOutlet<T extends Work>(link: WorkLink<T>, settings: FailureSettings, meter: Meter) {
  const codec = new EnvelopeCodec();
  return {
    add: (result: PalmMessage, work: T) => {
      if (result.status === Status.progress) {
        link.tell(result, work);
        return;
      }
      let sent = result;
      try {
        meter.sent += link.add(result, work);
      } catch (error) {
        // The result cannot be sent, so the message that came in is answered as a failure.
        sent = failed(settings, codec.decode(work.frame), error);
        meter.sent += link.add(sent, work);
      }
      meter.answered(sent.status);
    },
    done: (work: T) => link.done(work),
    flush: () => link.flush(),
  };
}

async function pause(time: number, signal: AbortSignal): Promise<void> {
  const over = deferred<void>();
  const end = () => over.resolve();
  const stop = startTimer(time, end);
  signal.addEventListener('abort', end);
  await over.promise;
  stop();
  signal.removeEventListener('abort', end);
}
