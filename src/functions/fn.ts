/** `fn` and `functions`: how functions with types are written down, once for server and client. */
import type { FunctionContext } from '../cluster/runtime/functions.ts';
import { inspectValue, invalidCall } from '../protocol/errors.ts';
import { isName } from '../protocol/function-path.ts';
import type {
  Definitions,
  ErrorShapes,
  FunctionContract,
  FunctionDefinition,
  Results,
  StreamDefinition,
} from './contract/definition.ts';
import { type Given, isSchema, isShape, type Shape, type Taken } from './contract/shape.ts';

/**
 * Defines a function that gives several results: an async generator, or a generator. The call is an async iterable.
 * @param contract - shapes of its input and of each result: codecs, or schemas of zod, valibot, arktype and others.
 * @throws PalmError `INVALID_CALL` when a shape is neither a codec nor a schema.
 */
export function fn<
  In extends Shape,
  Out extends Shape,
  const Errors extends ErrorShapes = Record<never, never>,
>(
  contract: FunctionContract<In, Out, Errors>,
  run: (input: Taken<In>, context: FunctionContext) => Results<Given<Out>>,
): StreamDefinition<In, Out, Errors, FunctionContext>;
/**
 * Defines a function that gives one result, at once or later. The call is a promise.
 * @param contract - shapes of its input and of its result: codecs, or schemas of zod, valibot, arktype and others.
 * @throws PalmError `INVALID_CALL` when a shape is neither a codec nor a schema.
 * @example
 * const area = fn(
 *   { input: v.object({ w: v.number(), h: v.number() }), output: json<{ area: number }>() },
 *   ({ w, h }) => ({ area: w * h }),
 * );
 */
export function fn<
  In extends Shape,
  Out extends Shape,
  const Errors extends ErrorShapes = Record<never, never>,
>(
  contract: FunctionContract<In, Out, Errors>,
  run: (input: Taken<In>, context: FunctionContext) => Given<Out> | Promise<Given<Out>>,
): FunctionDefinition<In, Out, Errors, FunctionContext>;
export function fn(
  contract: FunctionContract,
  run: (input: never, context: FunctionContext) => unknown,
): unknown {
  if (typeof run !== 'function') throw invalidCall(`fn needs a function, not ${inspectValue(run)}`);
  const { input, output, errors, description } = contract;
  for (const [what, shape] of Object.entries({ input, output, ...errors })) checkShape(what, shape);
  for (const [code, shape] of Object.entries(errors ?? {})) {
    if (!isSchema(shape) && shape.name !== 'JSON') {
      throw invalidCall(
        `the data of an error travels as JSON: give error ${inspectValue(code)} a schema or json()`,
      );
    }
  }
  const kind = GENERATORS.includes(Object.prototype.toString.call(run)) ? 'many' : 'one';
  return { kind, input, output, errors, description, run };
}

/** Compilers that lower generators make ordinary functions of them: their results show what they are. */
const GENERATORS: readonly string[] = ['[object AsyncGeneratorFunction]', '[object GeneratorFunction]'];

function checkShape(what: string, shape: unknown): void {
  if (isShape(shape)) return;
  throw invalidCall(
    `${what} must be a codec such as json() or text(), or a schema with Standard Schema, not ${inspectValue(shape)}`,
  );
}

/**
 * Checks definitions, and gives them back: what a server offers, and whose type a client calls by.
 * @throws PalmError `INVALID_CALL` for a name that no call can have, and for what {@link fn} did not make.
 * @example
 * export const images = functions({ area: fn({ input: json<Size>(), output: json<number>() }, ({ w, h }) => w * h) });
 */
export function functions<const F extends Definitions>(definitions: F): F {
  for (const [name, definition] of Object.entries(definitions)) {
    // A promise has it, so an object that has it is taken for one.
    if (!isName(name) || name === 'then') {
      throw invalidCall(
        `${inspectValue(name)} cannot be a function's name: no dots or spaces, and not 'then'`,
      );
    }
    if (typeof definition?.run !== 'function' || !isShape(definition.input) || !isShape(definition.output)) {
      throw invalidCall(
        `function ${inspectValue(name)} must be made by fn(…), not ${inspectValue(definition)}`,
      );
    }
  }
  return definitions;
}
