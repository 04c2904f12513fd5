/** The functions of a server as a client calls them: by their names, with their own types. */
import type { Client } from '../client/client.ts';
import { Loader } from '../client/loader.ts';
import type { Job } from '../client/stream/job-results.ts';
import type { MapOutcome, MapResults } from '../client/stream/map-results.ts';
import type { JobOptions, MapOptions } from '../client/stream/options.ts';
import { invalidCall } from '../protocol/errors.ts';
import type { Definitions, ErrorShapes, FunctionContract } from './contract/definition.ts';
import type { Given, Taken } from './contract/shape.ts';
import type { AnyClient, OneFunction, RemoteCalls, Source } from './remote-calls.ts';

/** Options of a call of a function with types. */
export interface RemoteCallOptions
  extends Omit<JobOptions, 'messages' | 'window' | 'idleTimeout' | 'untilEnd' | 'onRemoteError'> {
  /** Milliseconds the call may take; `Infinity` for no limit. Of several results, between two of them. Default: the client's `timeout`. */
  readonly timeout?: number | undefined;
}

/** A stage of a pipeline: something that takes `In` and gives `Out`. */
export interface PipelineStage<In, Out, Errors extends ErrorShapes = Record<never, never>> {
  /**
   * The functions, one for each server, and the client that calls them.
   * @ignore
   */
  readonly [STAGES]: Stages;
  /**
   * Does what `client.job` does: results come as they arrive.
   * @param inputs - any number of inputs.
   */
  job(inputs: Iterable<In> | AsyncIterable<In>, options?: JobOptions): Job<Out>;
  /** The errors that it declares, or that all functions of a pipeline declare: for types alone. */
  readonly errors?: Errors;
}

/** The errors of two stages. A code that both declare has data of either shape. */
export type PipelineErrors<A extends ErrorShapes, B extends ErrorShapes> = {
  readonly [Code in keyof A | keyof B]:
    | (Code extends keyof A ? A[Code] : never)
    | (Code extends keyof B ? B[Code] : never);
};

/** A function with types, or a pipeline of such, that gives one result for each input. */
export interface RemoteFunction<In, Out, Errors extends ErrorShapes = Record<never, never>>
  extends PipelineStage<In, Out, Errors> {
  /**
   * Calls it with one input.
   * @throws PalmError `INVALID_CALL` with `issues` when the input is not right, and all that `client.eval` throws.
   */
  (input: In, options?: RemoteCallOptions): Promise<Out>;
  /** Does what `client.map` does: one result for each input, in the order of the inputs. */
  map(inputs: Iterable<In> | AsyncIterable<In>, options?: MapOptions): MapResults<Out>;
  /** Does what `client.mapSettled` does: failures are results. */
  mapSettled(inputs: Iterable<In> | AsyncIterable<In>, options?: MapOptions): MapResults<MapOutcome<Out>>;
}

/** A function with types that gives several results. */
export interface RemoteStream<In, Out, Errors extends ErrorShapes = Record<never, never>>
  extends PipelineStage<In, Out, Errors> {
  /**
   * Calls it with one input, when it is iterated over, and gives its results until the function is over. pylm's servers do not say
   * when that is: there, leave the loop yourself.
   */
  (input: In, options?: RemoteCallOptions): AsyncIterable<Out>;
}

/** The functions of a server, by name. */
export type RemoteFunctions<F extends Definitions> = {
  // TypeScript gives a definition without errors the type of any errors, whose codes are `string`.
  readonly [K in keyof F]: F[K] extends { readonly kind: 'many' } & FunctionContract<
    infer In,
    infer Out,
    infer Errors
  >
    ? RemoteStream<Given<In>, Taken<Out>, string extends keyof Errors ? Record<never, never> : Errors>
    : F[K] extends FunctionContract<infer In, infer Out, infer Errors>
      ? RemoteFunction<Given<In>, Taken<Out>, string extends keyof Errors ? Record<never, never> : Errors>
      : never;
};

/** What the parts of a pipeline are known by. */
const STAGES: unique symbol = Symbol('stages');

/** The functions of a call, and the client that calls them. */
interface Stages {
  readonly client: AnyClient;
  readonly path: readonly string[];
  /** Says how the first takes values. */
  readonly first: OneFunction;
  /** Says what the last gives. */
  readonly last: OneFunction;
}

/**
 * The functions of a server, to be called by their names, with their types. With the types alone, the server says how values are written
 * down; where it says nothing, as stock pylm, that is JSON.
 * @param client - of the server, or of the first server of a pipeline that has this one.
 * @param server - name of the server that has the functions.
 * @param definitions - with these, input is checked before anything is sent.
 * @example
 * import type { images } from './images.ts';
 * const { resize } = remote<typeof images>(client, 'images');
 * const small = await resize({ url, width: 300 });
 */
export function remote<F extends Definitions>(
  client: Pick<Client, 'serverName' | 'with'>,
  server: string,
  definitions?: F,
): RemoteFunctions<F> {
  const source: Source = { client, server, definitions, described: undefined };
  const known: Record<string, unknown> = Object.create(null);
  return new Proxy(known, {
    get: (_, name) => {
      // What has `then` would be taken for a promise.
      if (typeof name !== 'string' || name === 'then') return undefined;
      const own = { source, name };
      known[name] ??= callable({ client, path: [`${server}.${name}`], first: own, last: own });
      return known[name];
    },
  }) as RemoteFunctions<F>;
}

/**
 * A pipeline of functions: each takes what the one before it gives. Its client is that of the first.
 * @example const titled = await pipeline(first.area, second.title)({ w: 1, h: 2 });
 */
export function pipeline<A, B, C, E extends ErrorShapes, F extends ErrorShapes>(
  first: RemoteFunction<A, B, E>,
  second: RemoteFunction<B, C, F>,
): RemoteFunction<A, C, PipelineErrors<E, F>>;
/** The same of three functions. */
export function pipeline<A, B, C, D, E extends ErrorShapes, F extends ErrorShapes, G extends ErrorShapes>(
  first: RemoteFunction<A, B, E>,
  second: RemoteFunction<B, C, F>,
  third: RemoteFunction<C, D, G>,
): RemoteFunction<A, D, PipelineErrors<PipelineErrors<E, F>, G>>;
/** The same where a function gives several results: the results of a job. */
export function pipeline<A, B, C, E extends ErrorShapes, F extends ErrorShapes>(
  first: PipelineStage<A, B, E>,
  second: PipelineStage<B, C, F>,
): PipelineStage<A, C, PipelineErrors<E, F>>;
/** The same of three functions. */
export function pipeline<A, B, C, D, E extends ErrorShapes, F extends ErrorShapes, G extends ErrorShapes>(
  first: PipelineStage<A, B, E>,
  second: PipelineStage<B, C, F>,
  third: PipelineStage<C, D, G>,
): PipelineStage<A, D, PipelineErrors<PipelineErrors<E, F>, G>>;
export function pipeline(...parts: PipelineStage<never, unknown>[]): unknown {
  const stages = parts.map((part) => part[STAGES]);
  const [first, last] = [stages[0], stages.at(-1)];
  if (first === undefined || last === undefined) throw invalidCall('a pipeline needs a function');
  const path = stages.flatMap((own) => own.path);
  return callable({ client: first.client, path, first: first.first, last: last.last });
}

/** What a function, or a pipeline of them, is to its callers. */
function callable(stages: Stages): unknown {
  const { client, path, first, last } = stages;
  const calls = new Loader<RemoteCalls>(async () =>
    (await import('./remote-calls.ts')).openCalls(client, path, first, last),
  );
  const results = (how: 'map' | 'mapSettled' | 'job') => (inputs: unknown, options: unknown) =>
    later(() =>
      calls.use(async (own) => own.checking[how](path, inputs as never, options as never) as Job<unknown>),
    );
  const each = (input: unknown, { timeout: idleTimeout, ...options }: RemoteCallOptions = {}) =>
    calls.use(async (own) => {
      await own.check(input);
      return own.client.job(path, [input], { ...options, untilEnd: true, idleTimeout });
    });
  const call = (input: unknown, options?: RemoteCallOptions) => {
    let isIterated = false;
    const answer = async () => {
      const own = calls.own ?? (await calls.use(async (loaded) => loaded));
      // A loop over the results asks for its iterator in the turn of the call.
      if (own.kind !== 'one') await undefined;
      if (own.kind === 'many' || isIterated) return undefined;
      const checking = own.check(input);
      if (checking !== undefined) await checking;
      return own.client.eval(path, input, { ...options, messages: 1 });
    };
    const promise = answer();
    return Object.assign(promise, {
      [Symbol.asyncIterator]: () => {
        isIterated = true;
        // The reader of the results hears of what went wrong.
        promise.catch(() => {});
        return later(() => each(input, options));
      },
    });
  };
  return Object.assign(call, {
    [STAGES]: stages,
    map: results('map'),
    mapSettled: results('mapSettled'),
    job: results('job'),
  });
}

/** Results that are there when they are first read. */
function later(
  open: () => Promise<Job<unknown>>,
): AsyncIterableIterator<unknown> & AsyncDisposable & { readonly progress: unknown } {
  let own: Promise<Job<unknown>> | undefined;
  let opened: Job<unknown> | undefined;
  const use = () => {
    own ??= open().then((results) => {
      opened = results;
      return results;
    });
    return own;
  };
  return {
    get progress() {
      return opened?.progress;
    },
    next: async () => (opened ?? (await use())).next(),
    return: async () => (await use()).return(),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return?.();
    },
  };
}
