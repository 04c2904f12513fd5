import type { CallLimits } from '../async/timers.ts';
import type { CacheClient } from '../cache-client.ts';
import { checkCount, checkTimeout } from '../checks.ts';
import type { Interceptor } from '../interceptor.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { invalidCall, messageOf, PalmError } from '../protocol/errors.ts';
import { Feature } from '../protocol/message.ts';
import type { Metadata } from '../protocol/metadata.ts';
import { bytes, isBytes, type PayloadCodec } from '../protocol/payload.ts';
import type { CloseOptions, ConnectionStatus } from '../transport.ts';
import { type CallSpec, checkCall, checkInput, evaluate, type FunctionPath, nameOf } from './call.ts';
import type { CallProgress } from './call-progress.ts';
import { type ConnectOptions, resolveOptions } from './connect-options.ts';
import { ClientCore } from './core.ts';
import { lazy } from './lazy.ts';
import type { Payloads } from './stream/input.ts';
import type { Job } from './stream/job-results.ts';
import type { MapOutcome, MapResults } from './stream/map-results.ts';
import type { JobOptions, MapOptions } from './stream/options.ts';

/** What may end a call before its answer comes. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason, and the function's own signal aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds the call may take; `Infinity` for no limit. Default: the client's `timeout`. */
  readonly timeout?: number | undefined;
}

/** Options of `eval`. */
export interface EvalOptions<N extends number = number> extends CallOptions {
  /** Answers to wait for: a pipeline may give several. With 0 it ends when the payload has left, as in pylm. Default 1. */
  readonly messages?: N | undefined;
  /** Goes along in the message's `cache` field, for the functions to read. */
  readonly cache?: string | undefined;
  /** Goes with the call through all of its stages, on top of the client's. */
  readonly metadata?: Metadata | undefined;
  /**
   * How urgent it is: a whole number from -9 to 9. Of this client's calls that wait at a frond server, those with more go first; between
   * clients it counts within bounds. A relay lets clients give more than 0 whose grants say so. Servers of stock pylm do not know it. Default 0.
   */
  readonly priority?: number | undefined;
  /**
   * Hears how far the functions are that say so (`context.progress`), 20 times a second at most. An error that it throws is logged, and it
   * hears no more.
   */
  readonly onProgress?: ((progress: CallProgress) => unknown) | undefined;
  /**
   * Lets the functions run to their end when nobody waits for the answer any more: after `signal`, after `timeout`, and when this client is
   * closed or gone. Default false: they are cancelled. With 0 `messages` they always run to their end.
   */
  readonly detached?: boolean | undefined;
}

/** A change of a client's connection, with the name of its server. */
export type ClientStatus = ConnectionStatus & { readonly server: string };

/** One answer; a list of them when `messages` is not 1. */
export type Answers<N extends number, Out> = number extends N ? Out | Out[] : N extends 1 ? Out : Out[];

/** The options that an envelope shows. */
type SpecOptions = Pick<EvalOptions, 'cache' | 'detached' | 'messages'>;

/** Loads what not every page needs: jobs, maps, the cache, taps, and following a server that moves. */
const loadLater = () => import('./later.ts');

/**
 * A connection to one PALM server and, through its pipelines, to a cluster. Any number of calls may run at the same
 * time; none sees another's results.
 *
 * @example
 * await using client = await Client.connect({ transport: zmtp(), serverName: 'server', dbAddress: 'tcp://127.0.0.1:5555' });
 * const answer = await client.eval('server.upper', new TextEncoder().encode('hello'));
 */
export class Client<In = Uint8Array, Out = Bytes> implements AsyncDisposable {
  readonly #core: ClientCore;
  readonly #codec: PayloadCodec<In, Out>;

  private constructor(core: ClientCore, codec: PayloadCodec<In, Out>) {
    this.#core = core;
    this.#codec = codec;
  }

  /**
   * Connects to a server: checks its name, learns its addresses, and subscribes. Resolves when no answer can be missed any
   * more.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable, `WRONG_SERVER`, `TIMEOUT` when the server
   * does not answer in time, `FORBIDDEN` for a wrong key; or the signal's reason.
   */
  static async connect(options: ConnectOptions): Promise<Client> {
    return new Client(await ClientCore.open(resolveOptions(options), loadLater), bytes());
  }

  /** Name of the server. */
  get serverName(): string {
    return this.#core.serverName;
  }

  /**
   * The id of this client, which begins the topic of every answer to it. A relay assigns it. After a lost session it
   * changes.
   */
  get id(): string {
    return this.#core.connection.id;
  }

  /** The prefix of every key, if there is one: what a relay gave, then the session. */
  get session(): string | undefined {
    return this.#core.session;
  }

  /** Resolves when the client is closed: with the error that closed it, or with undefined. */
  get closed(): Promise<PalmError | undefined> {
    return this.#core.connection.closed;
  }

  /** Number of answers that no call waited for: late ones, and more than `messages`. */
  get unclaimed(): number {
    return this.#core.link?.mailbox.unclaimed ?? 0;
  }

  /**
   * The same connection with payloads and values of another type.
   * @example const answer = await client.with(text()).eval('server.upper', 'hello');
   */
  with<I, O>(codec: PayloadCodec<I, O>): Client<I, O> {
    return new Client(this.#core, codec);
  }

  /**
   * Puts an interceptor around each eval, job and map of this connection, within those before it, from the next call on.
   * @throws PalmError `INVALID_CALL` when it is not a function.
   */
  use(interceptor: Interceptor): this {
    if (typeof interceptor !== 'function') throw invalidCall('an interceptor must be a function');
    this.#core.interceptors.push(interceptor);
    return this;
  }

  /**
   * Calls a function with one payload.
   * @param path - `server.function`, or a list of them for a pipeline.
   * @returns the answer; with `messages` above 1, as many answers, in the order they came; with 0, an empty list.
   * @throws PalmError `INVALID_CALL` before anything is sent; `REMOTE` when the function failed and the server says so;
   * `TIMEOUT`, `DISCONNECTED`, `CLOSED`; or the signal's reason. Of several answers, those that were good are in the error's
   * `results`: after each that failed, the others have a second to come.
   */
  async eval<const N extends number = 1>(
    path: FunctionPath,
    payload: In,
    options: EvalOptions<N> = {},
  ): Promise<Answers<N, Out>> {
    const core = this.#core;
    const end = core.calls.begin();
    try {
      const messages = checkCount('messages', options.messages ?? 1, 0);
      const link = core.callLink();
      const run = async (spec: CallSpec, input: unknown, signal: AbortSignal | undefined) => {
        const answers = await evaluate(link, {
          spec,
          payload: this.#encode(input as In, `the payload for ${nameOf(spec.function)}`),
          messages,
          errorSentinel: core.settings.errorSentinel,
          decode: (answer) => this.#decode(answer, `the answer of ${nameOf(spec.function)}`),
          ...this.#limits({ ...options, signal }),
        });
        return (messages === 1 ? answers[0] : answers) as Answers<N, Out>;
      };
      const spec = this.#spec(path, options);
      if ((options.onProgress ?? options.priority ?? options.metadata ?? core.interceptors[0]) === undefined)
        return await run(spec, payload, options.signal);
      // A copy: the caller may change its bytes while the code is loaded.
      const input = isBytes(payload) ? payload.slice() : payload;
      return (await (await loadLater()).elaborateEval(core, spec, input, options, run)) as Answers<N, Out>;
    } finally {
      end();
    }
  }

  /**
   * Calls a function with each payload of an iterable, and gives the results as they arrive. A pipeline may give fewer
   * or more results than there are inputs, so the job ends after `messages` results, or when it is left. It takes
   * input only while results are read and the server keeps up.
   * @throws PalmError `INVALID_CALL` before anything is sent. Reading throws what {@link eval} does; a payload that
   * cannot be sent ends the job with `INVALID_CALL` and its `index`, after the results of what was sent before.
   * @example for await (const result of client.job(['first.f', 'second.g'], payloads, { messages: 10 })) use(result);
   */
  job(path: FunctionPath, payloads: Payloads<In>, options: JobOptions = {}): Job<Out> {
    const call = this.#call(path, payloads, options);
    return lazy(
      async (started) => (await loadLater()).startJob(...call, started),
      (started) => ({ sent: 0, received: 0, started }),
    );
  }

  /**
   * Calls a function with each payload of an iterable, and gives one result for each, in the order of the inputs, whatever
   * order they are answered in. It ends by itself, and takes input only while results are read.
   * @throws PalmError `INVALID_CALL` before anything is sent. Reading throws for an input that fails, with its `index`,
   * after the results of those before it: what {@link eval} does, once no `retries` are left.
   * @example for await (const result of client.map('server.resize', images, { retries: 2, timeout: 10_000 })) use(result);
   */
  map(path: FunctionPath, payloads: Payloads<In>, options?: MapOptions): MapResults<Out> {
    return this.#map(path, payloads, options) as MapResults<Out>;
  }

  /**
   * Does what {@link map} does, and gives failures as results: `{ index, status: 'fulfilled', value }` or
   * `{ index, status: 'rejected', reason }`. Reading throws only for what concerns all of it: an input that throws,
   * `deadline`, `signal`, a client that is closed.
   */
  mapSettled(path: FunctionPath, payloads: Payloads<In>, options?: MapOptions): MapResults<MapOutcome<Out>> {
    return this.#map(path, payloads, options, true) as MapResults<MapOutcome<Out>>;
  }

  /**
   * The value of a key, or undefined when there is none. With a session, the session's own key comes first, then the key as it is given,
   * which may be one that {@link set} returned or that a stock pylm worker stored. A stock pylm server does not tell an empty
   * value from a missing key: there, both are undefined.
   */
  get(key: string, options: CallOptions = {}): Promise<Out | undefined> {
    return this.#accept(async (cache) => {
      const value = await cache.get(key, this.#limits(options));
      return value === undefined ? undefined : this.#decode(value, 'the value');
    });
  }

  /**
   * Stores a value, the value first as in pylm.
   * @returns the key as it is stored, which any client, function or worker finds it under: the one given, or a random one, for `''` too, as in
   * pylm; with the session in front.
   * @throws PalmError `INVALID_CALL` when the key is the server's configuration (`name`, `…_address`).
   */
  async set(value: In, key?: string, options: CallOptions = {}): Promise<string> {
    // A copy: the caller may change the value while the code is loaded.
    const own = new Uint8Array(this.#encode(value, 'the value'));
    return this.#accept((cache) => cache.set(own, key, this.#limits(options)));
  }

  /**
   * Deletes a key.
   * @returns whether it was there. On a stock pylm server, which a delete of a missing key brings down, the key is looked
   * up first: an empty value counts as missing and stays, and two clients must not delete the same key at once.
   */
  delete(key: string, options: CallOptions = {}): Promise<boolean> {
    return this.#accept((cache) => cache.delete(key, this.#limits(options)));
  }

  /** Gives the present state of each connection when it is first read, and then each change until the client is closed. */
  async *status(): AsyncIterableIterator<ClientStatus> {
    for await (const status of this.#core.connection.status()) yield { ...status, server: this.serverName };
  }

  /**
   * Closes the client. New calls fail with `CLOSED`, and jobs and maps take no more input. Accepted calls are sent and have
   * `timeout` milliseconds (default 1000) to be answered. Then the rest fail with `CLOSED`; `sent` is false for those that had
   * not left. A job without `messages` ends without an error if all that it took was answered and its input gave nothing more.
   * `close` may be called again, and a shorter `timeout` then counts.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#core.close(options);
  }

  /** Closes the client, as {@link close} does: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #map(
    path: FunctionPath,
    payloads: Payloads<In>,
    options: MapOptions = {},
    isSettled?: boolean,
  ): MapResults<Out | MapOutcome<Out>> {
    const call = this.#call(path, payloads, options);
    return lazy(
      async () => (await loadLater()).startMap(...call, isSettled),
      () => undefined,
    );
  }

  /** Checks a job or map. Returns what it is opened with when its code is loaded. */
  #call<O extends JobOptions | MapOptions>(path: FunctionPath, payloads: Payloads<In>, options: O) {
    this.#core.callLink();
    checkInput(payloads);
    // A copy: they are read when the job or map is first read.
    return [this.#core, this.#codec, this.#spec(path, options), payloads, { ...options }] as const;
  }

  /** Runs a call to the cache unless the client is closed. Closing waits for it. */
  async #accept<T>(call: (cache: CacheClient) => Promise<T>): Promise<T> {
    const end = this.#core.calls.begin();
    try {
      return await this.#core.cacheCalls.use(call);
    } finally {
      end();
    }
  }

  #spec(path: FunctionPath, { cache = '', detached, messages }: SpecOptions): CallSpec {
    const { defaults } = this.#core;
    return checkCall(path, this.serverName, cache, {
      ...defaults,
      features: defaults.features | (detached || messages === 0 ? Feature.detached : 0),
    });
  }

  #encode(value: In, what: string): Bytes {
    try {
      return this.#codec.encode(value);
    } catch (cause) {
      throw invalidCall(`${what} was not sent: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  #decode(payload: Bytes, what: string): Out {
    try {
      return this.#codec.decode(payload);
    } catch (cause) {
      throw new PalmError('PROTOCOL', `${what} is not ${this.#codec.name}: ${messageOf(cause)}`, {
        cause,
        sent: true,
      });
    }
  }

  #limits({ signal, timeout = this.#core.settings.timeout }: CallOptions): CallLimits {
    return { signal, signals: this.#core.signals, timeout: checkTimeout('timeout', timeout) };
  }
}
