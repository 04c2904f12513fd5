import type { Interceptor } from '../../interceptor.ts';
import type { Metric } from '../../metrics.ts';
import { inspectValue, invalidCall, PalmError } from '../../protocol/errors.ts';
import type { CloseOptions } from '../../transport.ts';
import type { Engine } from './engine.ts';
import type { Cache } from './functions.ts';
import { DRAIN_TIMEOUT, type RoleHost } from './role-host.ts';
import { type RoleReadings, roleMetrics } from './role-metrics.ts';
import type { Counters } from './status.ts';

/** The opened parts of a role. */
export interface RoleParts {
  readonly host: RoleHost;
  readonly dbAddress: string;
  /** What it is, for its metrics: `server`, `pipeline`, `sink`, `master` or `hub`. */
  readonly role: string;
  /** Messages that are being worked on. */
  readonly inFlight: () => number;
  /** Other servers that it needs and that are not there, each in a few words. Left out for a role that needs none. */
  readonly missing?: (() => readonly string[]) | undefined;
  /** What only a Master or Hub measures. */
  readonly measured?: (() => Pick<RoleReadings, 'functions' | 'workers'>) | undefined;
  /** Runs the functions; undefined for a Master or Hub. */
  readonly engine?: Engine | undefined;
  /** Stops reading, and finishes and sends what is there. `left` returns the milliseconds that remain. */
  readonly drain: (left: () => number) => Promise<void>;
}

/** What all servers share. */
export abstract class Role implements AsyncDisposable {
  /** Name of the server, which calls to it begin with. */
  readonly name: string;
  /** Address of the cache, by which clients and workers find the server. */
  readonly dbAddress: string;
  /** The server's key-value store, which clients, functions and workers share. */
  readonly cache: Cache;
  readonly #parts: RoleParts;
  #closing: Promise<void> | undefined;

  protected constructor(parts: RoleParts) {
    this.name = parts.host.name;
    this.dbAddress = parts.dbAddress;
    this.cache = parts.host.cache;
    this.#parts = parts;
  }

  /** Names of its functions, `echo` among them. Empty for a Master or Hub, whose workers have the functions. */
  get functionNames(): readonly string[] {
    return this.#parts.engine?.functionNames ?? [];
  }

  /** What the server has done so far, and is doing now. */
  get counters(): Counters {
    const { host, inFlight } = this.#parts;
    return host.meter.counters(inFlight());
  }

  /**
   * What it has counted and is doing, as metrics with the labels `role` and `name`: messages, bytes, failures by code, what waits and is
   * in flight, times by function and, for a Master or Hub, its workers. `metricsText` writes them as Prometheus reads them. Callers
   * choose no label's value.
   */
  metrics(): readonly Metric[] {
    const { host, role, engine, inFlight, measured } = this.#parts;
    const { meter, waiting } = host;
    return roleMetrics({
      role,
      name: this.name,
      isReady: this.missing.length === 0,
      meter,
      inFlight: inFlight(),
      functions: engine?.meters ?? [],
      waiting: { messages: host.messagesWaiting, bytes: waiting.used, limit: waiting.limit },
      ...measured?.(),
    });
  }

  /** What keeps it from its work now, each in a few words: `'the previous server "first" is not there'`. Empty when it is ready. */
  get missing(): readonly string[] {
    const { host, missing } = this.#parts;
    return host.shutdown.signal.aborted ? ['it is closing'] : (missing?.() ?? []);
  }

  /**
   * Puts an interceptor around the functions, within those before it, for calls that come from now on. To see every call, give the option
   * `interceptors`.
   * @throws PalmError `INVALID_CALL` for something that is not a function, and from a Master or Hub, which have `scatter` and `gather`.
   */
  use(interceptor: Interceptor): this {
    const { engine } = this.#parts;
    if (engine === undefined)
      throw invalidCall('a Master or Hub has no functions: use its workers, or scatter and gather');
    engine.use(interceptor);
    return this;
  }

  /** Resolves when the server is closed, with the error that closed it, if there was one. */
  get closed(): Promise<PalmError | undefined> {
    return this.#parts.host.connection.closed;
  }

  /**
   * Stops reading, finishes what is there and sends its results, within `timeout` milliseconds (default 1000). Messages that
   * take longer are given up, and their results are dropped.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ timeout = DRAIN_TIMEOUT }: CloseOptions): Promise<void> {
    const { host, drain } = this.#parts;
    const deadline = performance.now() + timeout;
    const left = () => Math.max(0, deadline - performance.now());
    host.shutdown.abort(new PalmError('CLOSED', `${inspectValue(this.name)} is closing`));
    await drain(left);
    await host.close(left);
  }
}
