/** Definitions: a function, what it takes and gives, and the errors that it declares, in one plain object for both ends. */
import type { Given, Shape, Taken } from './shape.ts';

/** The errors that a function declares: the shape of their data, by their codes. Data travels as JSON. */
export type ErrorShapes = Readonly<Record<string, Shape>>;

/** What both ends know of a function. A client needs no more than this, and often only its type. */
export interface FunctionContract<
  In extends Shape = Shape,
  Out extends Shape = Shape,
  Errors extends ErrorShapes = ErrorShapes,
> {
  /** Shape of the payload that it takes. */
  readonly input: In;
  /** Shape of each result that it gives. */
  readonly output: Out;
  /** Shapes of the data of the errors that it may throw, by their codes. */
  readonly errors?: Errors | undefined;
  /** What it does, in a sentence, for people. */
  readonly description?: string | undefined;
}

/** A function that gives one result. {@link fn} makes it. */
export interface FunctionDefinition<
  In extends Shape = Shape,
  Out extends Shape = Shape,
  Errors extends ErrorShapes = ErrorShapes,
  Context = never,
> extends FunctionContract<In, Out, Errors> {
  /** `one` for a function that gives one result. */
  readonly kind: 'one';
  /** Takes a decoded and checked input, and gives what is checked and encoded. */
  run(input: Taken<In>, context: Context): Given<Out> | Promise<Given<Out>>;
}

/** Results of a function that gives several: an async generator's, or a generator's. */
export type Results<T> = AsyncIterable<T> | Generator<T, unknown, undefined>;

/** A function that gives several results, one after the other. {@link fn} makes it of an async generator. */
export interface StreamDefinition<
  In extends Shape = Shape,
  Out extends Shape = Shape,
  Errors extends ErrorShapes = ErrorShapes,
  Context = never,
> extends FunctionContract<In, Out, Errors> {
  /** `many` for a function that gives several results. */
  readonly kind: 'many';
  /** Takes a decoded and checked input, and gives results that are each checked and encoded. */
  run(input: Taken<In>, context: Context): Results<Given<Out>>;
}

/** Definitions by the names of their functions. */
export type Definitions = Readonly<Record<string, FunctionDefinition | StreamDefinition>>;
