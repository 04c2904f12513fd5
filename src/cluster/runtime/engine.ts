/** Runs the function that a message calls, and emits the message with each result. */

import { describeFunction, type FunctionDescription } from '../../functions/contract/description.ts';
import { checkInterceptors, type Interceptor } from '../../interceptor.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue, invalidCall } from '../../protocol/errors.ts';
import { currentStage, isName } from '../../protocol/function-path.ts';
import { Feature, NO_BYTES, type PalmMessage, Status } from '../../protocol/message.ts';
import { nearest } from '../../protocol/nearest.ts';
import { cancelledAnswer, type FailureSettings, failed } from './failures.ts';
import type { Emit, Step } from './flow.ts';
import { type FunctionScope, MessageContext, type PalmFunction } from './functions.ts';
import { interceptedFunction } from './interception.ts';
import { FunctionMeter, type Meter } from './meter.ts';
import { bytesOf, handled, isIterable, NoResult, WrongResult } from './results.ts';
import { Again, MOST_DEATHS, ThreadDied } from './threads/thread-died.ts';
import { asPalmFunction, isOffered, type OfferedFunction, type OfferedFunctions } from './typed-function.ts';

export interface EngineSettings extends FailureSettings, FunctionScope {
  /** Whether a call must name this server. A worker takes calls to any name, since they name its Master. */
  readonly isNamed: boolean;
  /** Whether a function may return nothing, which ends the message here. */
  readonly mayEnd: boolean;
  readonly functions: OfferedFunctions;
  /** What is known of those that run in threads, which are functions of bytes here. */
  readonly descriptions?: readonly FunctionDescription[] | undefined;
  /** Stand around the functions, the first one outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  readonly meter: Meter;
}

/** A function, and what it took so far. */
interface Offer {
  readonly run: PalmFunction;
  readonly meter: FunctionMeter;
}

/** Results that were passed on, and how many of them in earlier runs. */
interface Run {
  passed: number;
  readonly before: number;
}

/** Runs the functions of one server or worker. The caller gets an answer whatever they do. */
export class Engine {
  readonly #settings: EngineSettings;
  readonly #functions: Map<string, Offer>;
  readonly #interceptors: Interceptor[];
  #descriptions: readonly FunctionDescription[] | undefined;
  #recent: { readonly path: string; readonly stage: number; readonly offer: Offer | undefined };

  /** @throws PalmError `INVALID_CALL` when no call can name a function, or when it is not a function. */
  constructor(settings: EngineSettings) {
    this.#settings = settings;
    this.#recent = NOTHING_YET;
    this.#interceptors = checkInterceptors(settings.interceptors ?? []);
    this.#functions = new Map([['echo', { run: (payload) => payload, meter: new FunctionMeter() }]]);
    for (const [own, offered] of Object.entries(settings.functions)) {
      if (!isName(own) || !isOffered(offered)) {
        throw invalidCall(
          `functions must hold functions, or what fn(…) makes, under names without dots or spaces, not ${inspectValue(own)}: ${inspectValue(offered)}`,
        );
      }
      this.#functions.set(own, { run: asPalmFunction(offered), meter: new FunctionMeter() });
    }
  }

  /** What is known of the functions. The same list each time. */
  get descriptions(): readonly FunctionDescription[] {
    this.#descriptions ??= this.functionNames.map((name) => this.#describe(name));
    return this.#descriptions;
  }

  #describe(name: string): FunctionDescription {
    const { functions, descriptions = [] } = this.#settings;
    const own = Object.hasOwn(functions, name) ? (functions[name] as OfferedFunction) : undefined;
    return descriptions.find((one) => one.name === name) ?? describeFunction(name, own);
  }

  /** Names of the functions. */
  get functionNames(): string[] {
    return [...this.#functions.keys()];
  }

  /** What each function took so far. */
  get meters(): readonly (readonly [name: string, meter: FunctionMeter])[] {
    return Array.from(this.#functions, ([name, { meter }]) => [name, meter] as const);
  }

  /** Adds an interceptor within those before it. @throws PalmError `INVALID_CALL` when it is not a function. */
  use(interceptor: Interceptor): void {
    this.#interceptors.push(...checkInterceptors([interceptor]));
    this.#recent = NOTHING_YET;
  }

  /** Runs a message and emits its results. Returns a promise only when the function returns one. */
  readonly run: Step = (message, emit, again) => {
    // A frond client hears of the first failure. Calls of pylm's clients have no features: the next function runs on
    // the `0`, as in pylm.
    if (message.status !== Status.ok && message.features !== 0) return emit(message);
    const offer = this.#find(message);
    if (offer === undefined) return emit(this.#unknown(message));
    const cancelled = this.#settings.cancellations.find(message);
    if (cancelled !== undefined) return emit(cancelledAnswer(message, cancelled));
    const context = new MessageContext(this.#settings, message, emit);
    let result: unknown;
    let bytes: Bytes | undefined;
    try {
      result = offer.run(message.payload, context);
      bytes = bytesOf(result);
    } catch (error) {
      context.over();
      offer.meter.fail();
      this.#settings.meter.ran(offer.meter);
      return emit(this.#fail(message, error));
    }
    if (bytes === undefined) return this.#later(context, result, emit, offer.meter, again);
    context.over();
    this.#settings.meter.ran(offer.meter);
    message.payload = bytes;
    if (wantsEnd(message)) return this.#emitAll(context, [bytes], emit, { passed: 0, before: 0 });
    return emit(message);
  };

  async #later(
    context: MessageContext,
    promised: unknown,
    emit: Emit,
    meter: FunctionMeter,
    again: Again | undefined,
  ): Promise<unknown> {
    const { cancellations, meter: own } = this.#settings;
    const begun = own.now;
    cancellations.begin(context);
    try {
      return await this.#awaited(context, promised, emit, meter, again);
    } finally {
      meter.took(performance.now() - begun);
      context.over();
      cancellations.end(context);
    }
  }

  async #awaited(
    context: MessageContext,
    promised: unknown,
    emit: Emit,
    meter: FunctionMeter,
    again: Again | undefined,
  ): Promise<unknown> {
    const { message } = context;
    let result: unknown;
    const run: Run = { passed: 0, before: again?.passed ?? 0 };
    try {
      result = await promised;
      const bytes = bytesOf(result);
      if (bytes !== undefined) {
        if (context.cancelled !== undefined) return this.#dropped();
        context.over();
        message.payload = bytes;
        if (wantsEnd(message)) return this.#emitAll(context, [bytes], emit, run);
        return emit(message, true);
      }
      if (isIterable(result)) {
        if (!(await this.#emitAll(context, result, emit, run))) return undefined;
      } else if (result !== undefined) throw new WrongResult(result);
    } catch (error) {
      if (context.cancelled !== undefined) return this.#dropped();
      context.over();
      if (error instanceof ThreadDied) {
        const deaths = (again?.deaths ?? 0) + Number(error.isSuspect);
        if (deaths < MOST_DEATHS) return new Again(deaths, Math.max(run.passed, run.before));
      }
      meter.fail();
      return emit(this.#fail(message, error), true);
    }
    if (context.cancelled !== undefined) return this.#dropped();
    context.over();
    if (!this.#settings.mayEnd) {
      meter.fail();
      return emit(this.#fail(message, new NoResult(result)), true);
    }
    this.#settings.meter.tally.ended++;
    return undefined;
  }

  /** Counts a call whose results go nowhere. */
  #dropped(): undefined {
    this.#settings.meter.tally.cancelled++;
    return undefined;
  }

  /** Emits each result, and that there are no more to a caller that wants to know. Resolves with whether there was nothing to emit. */
  async #emitAll(
    context: MessageContext,
    results: Iterable<unknown> | AsyncIterable<unknown>,
    emit: Emit,
    run: Run,
  ): Promise<boolean> {
    const { message } = context;
    const isEmpty = await this.#each(context, results, emit, run);
    if (!wantsEnd(message) || context.cancelled !== undefined) return isEmpty;
    context.over();
    await emit({ ...message, payload: NO_BYTES, status: Status.ended }, true);
    return false;
  }

  /** Emits each result until the call is cancelled. Resolves with whether there was none. */
  async #each(
    context: MessageContext,
    results: Iterable<unknown> | AsyncIterable<unknown>,
    emit: Emit,
    run: Run,
  ): Promise<boolean> {
    const { message } = context;
    let isEmpty = true;
    for await (const result of handled(results)) {
      // Leaving the loop ends a generator.
      if (context.cancelled !== undefined) return true;
      isEmpty = false;
      const payload = bytesOf(result);
      if (payload === undefined) throw new WrongResult(result, results);
      if (++run.passed <= run.before) continue;
      if ((await emit({ ...message, payload })) === false) break;
    }
    return isEmpty || context.cancelled !== undefined;
  }

  #fail(message: PalmMessage, error: unknown, status?: number): PalmMessage {
    return failed(this.#settings, message, error, status);
  }

  /** The function that a message calls here. Most messages call the function of the message before. */
  #find(message: PalmMessage): Offer | undefined {
    const { function: path, stage } = message;
    if (path === this.#recent.path && stage === this.#recent.stage) return this.#recent.offer;
    const { name, isNamed } = this.#settings;
    const current = currentStage(path, stage);
    const isOurs = current !== undefined && (!isNamed || current.server === name);
    const offered = isOurs ? this.#functions.get(current.function) : undefined;
    const offer =
      offered && this.#interceptors.length > 0
        ? { run: interceptedFunction(offered.run, this.#interceptors), meter: offered.meter }
        : offered;
    this.#recent = { path, stage, offer };
    return offer;
  }

  #unknown(message: PalmMessage): PalmMessage {
    const { name, isNamed } = this.#settings;
    const { function: path, stage } = message;
    const current = currentStage(path, stage);
    if (current === undefined) {
      const text = `${inspectValue(path)} has no stage ${stage} of the form 'server.function'`;
      return this.#fail(message, text, Status.unknownFunction);
    }
    const where = path.includes(' ') ? ` (stage ${stage} of ${inspectValue(path)})` : '';
    const own = `${isNamed ? 'server' : 'worker'} ${inspectValue(name)}`;
    const near = nearest(current.function, this.functionNames);
    const text =
      isNamed && current.server !== name
        ? `this is ${own}, not ${inspectValue(current.server)}${where}`
        : `${own} has no function ${inspectValue(current.function)}${where}${near === undefined ? '' : `; did you mean ${inspectValue(near)}?`}`;
    return this.#fail(message, text, Status.unknownFunction);
  }
}

const NOTHING_YET = { path: '', stage: 0, offer: undefined } as const;

function wantsEnd({ features }: PalmMessage): boolean {
  return (features & Feature.ends) !== 0;
}
