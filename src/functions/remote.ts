/** The functions of a server as a client calls them: by their names, with their own types. */
import type { Client } from '../client/client.ts';
import type { Job } from '../client/stream/job.ts';
import type { MapOutcome, MapResults } from '../client/stream/map-results.ts';
import type { JobOptions, MapOptions } from '../client/stream/options.ts';
import { inspectValue, invalidCall, PalmError } from '../protocol/errors.ts';
import { bytes, json, type PayloadCodec, text } from '../protocol/payload.ts';
import { arrayCodecNamed } from '../protocol/typed-arrays.ts';
import type { Definitions, ErrorShapes, FunctionContract } from './contract/definition.ts';
import { FUNCTIONS_KEY, type FunctionDescription } from './contract/description.ts';
import {
  type Checked,
  check,
  codecOf,
  type Given,
  isSchema,
  issuesText,
  isThenable,
  type Shape,
  type Taken,
} from './contract/shape.ts';

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

/** What `remote` uses of a client, whatever its codec. */
type AnyClient = Pick<Client, 'serverName' | 'with'>;

/** The functions of a call, and the client that calls them. */
interface Stages {
  readonly client: AnyClient;
  readonly path: readonly string[];
  /** Finds out how the first takes values. Not before it is called. */
  readonly first: () => Ends | Promise<Ends>;
  /** The same of what the last gives. */
  readonly last: () => Ends | Promise<Ends>;
}

/** How a function takes and gives values. */
interface Ends {
  /** Undefined when nobody says it. */
  readonly kind: 'one' | 'many' | undefined;
  readonly input: Shape;
  readonly output: Shape;
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
      const ends = () => endsOf(source, name);
      known[name] ??= callable({ client, path: [`${server}.${name}`], first: ends, last: ends });
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

/** Whose functions they are, and what is known of them. */
interface Source {
  readonly client: AnyClient;
  readonly server: string;
  readonly definitions: Definitions | undefined;
  /** What the server says, once it was asked. */
  described: Promise<readonly FunctionDescription[]> | undefined;
}

function endsOf(source: Source, name: string): Ends | Promise<Ends> {
  const { definitions } = source;
  if (definitions === undefined) return endsSaid(source, name);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (definition === undefined) throw invalidCall(`the definitions have no function ${inspectValue(name)}`);
  return definition;
}

async function endsSaid(source: Source, name: string): Promise<Ends> {
  const { client, server } = source;
  // A client can ask its own server alone.
  if (server === client.serverName) {
    source.described ??= client
      .with(json<unknown, readonly FunctionDescription[]>())
      .get(FUNCTIONS_KEY)
      .then((list) => list ?? []);
  }
  let list: readonly FunctionDescription[] = [];
  try {
    list = (await source.described) ?? [];
  } catch (error) {
    // The next call asks again.
    source.described = undefined;
    if (!(error instanceof PalmError && error.code === 'FORBIDDEN')) throw error;
  }
  const said = list.find((own) => own.name === name);
  const input = codecNamed(`${server}.${name}`, said?.input?.codec);
  return { kind: said?.kind, input, output: codecNamed(`${server}.${name}`, said?.output?.codec) };
}

function codecNamed(path: string, name = 'JSON'): Shape {
  const usual: Shape[] = [json(), text(), bytes()];
  const codec = usual.find((own) => 'name' in own && own.name === name) ?? arrayCodecNamed(name);
  if (codec !== undefined) return codec;
  // MessagePack is one of those: its code is larger than all the rest of a client, so a page says by definitions that it wants it.
  throw invalidCall(`${path} has the codec ${inspectValue(name)}: give remote(…) its definitions`);
}

/** What a function, or a pipeline of them, is to its callers. */
function callable(stages: Stages): unknown {
  const { path } = stages;
  let opened: Promise<Opened> | Opened | undefined;
  /** Once, unless it fails: the next call tries again. */
  const open = () => {
    opened ??= openCalls(stages).then(
      (own) => {
        opened = own;
        return own;
      },
      (error) => {
        opened = undefined;
        throw error;
      },
    );
    return opened;
  };
  const results = (how: 'map' | 'mapSettled' | 'job') => (inputs: unknown, options: unknown) =>
    later(async () => (await open()).checking[how](path, inputs as never, options as never) as Job<unknown>);
  const each = async (input: unknown, { timeout: idleTimeout, ...options }: RemoteCallOptions = {}) => {
    const own = await open();
    await own.check(input);
    return own.client.job(path, [input], { ...options, untilEnd: true, idleTimeout });
  };
  const call = (input: unknown, options?: RemoteCallOptions) => {
    let isIterated = false;
    const answer = async () => {
      const own = opened instanceof Promise || opened === undefined ? await open() : opened;
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

/** A client of the function's codecs, and what is checked before an input is sent. */
interface Opened {
  readonly kind: Ends['kind'];
  /** Sends what was checked. */
  readonly client: Client<unknown, unknown>;
  /** Checks what it sends. */
  readonly checking: Client<unknown, unknown>;
  /** @throws PalmError `INVALID_CALL` with the issues; rejects with it when the schema takes its time. */
  check(value: unknown): Promise<void> | undefined;
}

async function openCalls({ client, path, first, last }: Stages): Promise<Opened> {
  const [{ kind, input }, { output }] = [await first(), await last()];
  const [writer, reader] = [codecOf(input), codecOf(output)];
  const refuse = (checked: Checked) => {
    if (!('issues' in checked)) return;
    const { issues } = checked;
    const text = `the input of ${path[0]} is not right: ${issuesText(issues)}`;
    throw new PalmError('INVALID_CALL', text, { sent: false, issues });
  };
  const checkNow = (value: unknown): Promise<void> | undefined => {
    if (!isSchema(input)) return undefined;
    const checked = check(input, value);
    if (isThenable(checked)) return Promise.resolve(checked).then(refuse);
    refuse(checked);
    return undefined;
  };
  const codec: PayloadCodec<unknown, unknown> = {
    name: reader.name,
    encode: (value) => writer.encode(value),
    decode: (payload) => reader.decode(payload),
  };
  const encode = (value: unknown) => {
    // What a schema cannot say at once is left to the server.
    checkNow(value)?.catch(() => {});
    return writer.encode(value);
  };
  return { kind, client: client.with(codec), checking: client.with({ ...codec, encode }), check: checkNow };
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
    return: async () => (opened ?? (await use())).return(),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return?.();
    },
  };
}
