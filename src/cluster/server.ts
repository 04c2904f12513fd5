import { atMost } from '../async/deadline.ts';
import { atLevel, consoleLogger, type Logger, type LoggingLevel } from '../logging.ts';
import { checkServerName } from '../protocol/calls.ts';
import { EnvelopeCodec } from '../protocol/envelope.ts';
import { PalmError, reasonText, show } from '../protocol/errors.ts';
import type { PalmMessage } from '../protocol/message.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type {
  Batches,
  Binding,
  BindingConnection,
  BindingTransport,
  CloseOptions,
  Delivery,
} from '../transport.ts';
import { CacheService } from './cache-service.ts';
import { Engine } from './engine.ts';
import type { HandleStream, PalmFunctions } from './functions.ts';
import { Outbox } from './outbox.ts';
import { MemoryStore, type Store } from './store.ts';

/** What a server is: pylm's `Server(…)` arguments in camel case, and frond's own below them. */
export interface ServerOptions {
  readonly transport: BindingTransport;
  /** Name of the server, which calls begin with. */
  readonly name: string;
  /** Where clients find the cache; bound. */
  readonly dbAddress: string;
  /** Where clients push calls; bound. */
  readonly pullAddress: string;
  /** Where answers are published; bound. */
  readonly pubAddress: string;
  /** Results go to the next server of a pipeline and not to the client. Default false. */
  readonly pipelined?: boolean;
  /** Least level that is logged. Default `info`. */
  readonly loggingLevel?: LoggingLevel;
  /** The functions offered. `echo`, which gives its payload back, is always there. */
  readonly functions?: PalmFunctions;
  /** Chooses topic and message for each result, in place of what `pipelined` says. */
  readonly handleStream?: HandleStream;
  /** Keeps the values of the cache. Default: a {@link MemoryStore}. */
  readonly store?: Store;
  /** Takes the log. Default: the console. */
  readonly logger?: Logger;
  /** Failed answers carry the stack of the error, for clients to see. Default false. */
  readonly includeStack?: boolean;
}

/** What a server did so far. */
export interface ServerCounters {
  readonly received: number;
  readonly answered: number;
  /** Of those answered, calls that failed. */
  readonly failed: number;
  /** Frames that were no envelope, or had nobody to answer to. */
  readonly dropped: number;
}

/** Milliseconds of work after which results go out, though more input waits. */
const LONGEST_HOLD = 5;

const DRAIN_TIMEOUT = 1_000;

/**
 * A server that runs functions, one call after another, and answers the client or feeds a pipeline. On the wire it is
 * pylm's `Server`, but nothing that a client sends can stop it: a call that fails is answered `0`, as pylm does, with
 * the reason beside it for frond clients.
 *
 * @example
 * await using server = await Server.start({
 *   transport: zeromq(),
 *   name: 'server',
 *   dbAddress: 'tcp://127.0.0.1:5555',
 *   pullAddress: 'tcp://127.0.0.1:5556',
 *   pubAddress: 'tcp://127.0.0.1:5557',
 *   functions: { reverse: (payload) => payload.slice().reverse() },
 * });
 */
export class Server implements AsyncDisposable {
  readonly name: string;
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
  /** The server's key-value store. */
  readonly cache: Store;
  readonly #connection: BindingConnection;
  readonly #pull: Binding & Batches<Bytes>;
  readonly #publish: (deliveries: readonly Delivery[]) => Promise<void>;
  readonly #engine: Engine;
  readonly #handleStream: HandleStream;
  readonly #logger: Logger;
  readonly #shutdown: AbortController;
  readonly #codec = new EnvelopeCodec();
  readonly #outbox = new Outbox();
  readonly #serving: Promise<void>;
  #heldSince = 0;
  #received = 0;
  #answered = 0;
  #dropped = 0;

  private constructor(options: ServerOptions, parts: ServerParts) {
    const { connection, pull, publish, db, store, logger, shutdown, engine } = parts;
    this.name = options.name;
    this.dbAddress = db.address;
    this.pullAddress = pull.address;
    this.pubAddress = publish.address;
    this.cache = store;
    this.#connection = connection;
    this.#pull = pull;
    this.#publish = (deliveries) => publish.publish(deliveries);
    this.#engine = engine;
    this.#handleStream = options.handleStream ?? defaultStream(options.name, options.pipelined ?? false);
    this.#logger = logger;
    this.#shutdown = shutdown;
    this.#serving = this.#serve();
  }

  /**
   * Binds the three addresses and serves until closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: ServerOptions): Promise<Server> {
    return new Server(options, await openParts(options));
  }

  get counters(): ServerCounters {
    return {
      received: this.#received,
      answered: this.#answered,
      failed: this.#engine.failed,
      dropped: this.#dropped,
    };
  }

  /** Resolves when the server is closed, with the error that forced it, if one did. */
  get closed(): Promise<PalmError | undefined> {
    return this.#connection.closed;
  }

  /** Takes no more calls, finishes the ones it has, and publishes what they gave, within `timeout` milliseconds (1000). */
  async close(options: CloseOptions = {}): Promise<void> {
    this.#shutdown.abort(new PalmError('CLOSED', `server ${show(this.name)} is closing`));
    const { timeout = DRAIN_TIMEOUT } = options;
    await this.#pull.close({ timeout });
    // A function that never ends must not keep the server from closing.
    await atMost(timeout, this.#serving);
    await this.#connection.close({ timeout });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(): Promise<void> {
    const batches = this.#pull[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await batches.next();
      if (done) return;
      this.#heldSince = performance.now();
      for (const frame of value) {
        const result = this.#run(frame);
        if (result instanceof Promise) {
          // What is finished must not wait for what takes its time.
          await this.#flush();
          await result;
        }
        if (performance.now() - this.#heldSince > LONGEST_HOLD) await this.#flush();
      }
      await this.#flush();
    }
  }

  #run(frame: Bytes): void | Promise<void> {
    this.#received++;
    let message: PalmMessage;
    try {
      message = this.#codec.decode(frame);
    } catch (error) {
      this.#drop('bad frame', { size: frame.length, reason: reasonText(error) });
      return undefined;
    }
    if (message.client === '') {
      this.#drop('a call names no client to answer to', { size: frame.length });
      return undefined;
    }
    const result = this.#engine.run(message);
    if (result instanceof Promise) return result.then((later) => this.#send(later, frame));
    this.#send(result, frame);
    return undefined;
  }

  /** @param frame - the call as it came: what is made of it may be beyond sending. */
  #send(result: PalmMessage, frame: Bytes): void {
    try {
      this.#outbox.add(this.#handleStream(result));
    } catch (error) {
      const failure = this.#engine.fail(this.#codec.decode(frame), error);
      this.#outbox.add({ topic: failure.client, message: failure });
    }
    this.#answered++;
  }

  async #flush(): Promise<void> {
    this.#heldSince = performance.now();
    const deliveries = this.#outbox.take();
    if (deliveries.length === 0) return;
    // Refused only once the server is closed, when a function took longer than closing waits.
    await this.#publish(deliveries).catch((error) =>
      this.#drop('results too late', { reason: reasonText(error) }),
    );
  }

  #drop(what: string, fields: Record<string, string | number>): void {
    this.#dropped++;
    // A flood of bad frames must not become a flood of lines.
    if (Number.isInteger(Math.log2(this.#dropped)))
      this.#logger.warning(what, { ...fields, dropped: this.#dropped });
  }
}

/** What a server holds, opened. */
interface ServerParts {
  readonly connection: BindingConnection;
  readonly db: Binding;
  readonly pull: Binding & Batches<Bytes>;
  readonly publish: Awaited<ReturnType<BindingConnection['bindPublish']>>;
  readonly store: Store;
  readonly logger: Logger;
  readonly shutdown: AbortController;
  readonly engine: Engine;
}

async function openParts(options: ServerOptions): Promise<ServerParts> {
  const {
    transport,
    name,
    dbAddress,
    pullAddress,
    pubAddress,
    functions = {},
    includeStack = false,
  } = options;
  checkServerName('name', name);
  for (const address of [dbAddress, pullAddress, pubAddress]) transport.checkAddress(address);
  const logger = atLevel(
    options.logger ?? consoleLogger(`frond server ${name}`),
    options.loggingLevel ?? 'info',
  );
  const store = options.store ?? new MemoryStore();
  const shutdown = new AbortController();
  const context = { cache: store, logger, signal: shutdown.signal };
  const engine = new Engine({ name, functions, context, includeStack });

  const connection = await transport.open();
  try {
    const pull = await connection.bindPull(pullAddress);
    const publish = await connection.bindPublish(pubAddress);
    const config = { name, pull_address: pull.address, pub_address: publish.address };
    const service = new CacheService(config, store, logger);
    const db = await connection.bindReply(dbAddress, (request) => service.answer(request));
    logger.info('serving', { db: db.address, pull: pull.address, pub: publish.address });
    return { connection, db, pull, publish, store, logger, shutdown, engine };
  } catch (error) {
    await connection.close({ timeout: 0 });
    throw error;
  }
}

/** Where results go: to the client, or under the server's own name to the next stage (pylm/servers.py, handle_stream). */
function defaultStream(name: string, pipelined: boolean): HandleStream {
  if (!pipelined) return (message) => ({ topic: message.client, message });
  return (message) => {
    message.stage++;
    return { topic: name, message };
  };
}
