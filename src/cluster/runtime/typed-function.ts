/** Makes of a definition the function of bytes that roles, threads and gateways run. */

import { AnsweredError } from '../../functions/contract/answered-error.ts';
import type {
  ErrorShapes,
  FunctionDefinition,
  StreamDefinition,
} from '../../functions/contract/definition.ts';
import {
  type Checked,
  check,
  codecOf,
  isSchema,
  isShape,
  issuesText,
  isThenable,
  type Shape,
} from '../../functions/contract/shape.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { type Issue, messageOf, readSafely } from '../../protocol/errors.ts';
import { encodeFailure } from '../../protocol/failure-details.ts';
import { Status } from '../../protocol/message.ts';
import type { PayloadCodec } from '../../protocol/payload.ts';
import type { FunctionContext, FunctionResult, PalmFunction, ResultBytes } from './functions.ts';

/** A function as its owner offers it: of bytes, or with types. */
export type OfferedFunction =
  | PalmFunction
  | FunctionDefinition<Shape, Shape, ErrorShapes>
  | StreamDefinition<Shape, Shape, ErrorShapes>;

/** The functions that a server or worker offers, by name: of bytes, or with types, as `functions` gives them. */
export type OfferedFunctions = Readonly<Record<string, OfferedFunction>>;

/** Whether a value is a function or a definition. */
export function isOffered(value: unknown): value is OfferedFunction {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const { input, output, run } = value as Partial<FunctionDefinition>;
  return typeof run === 'function' && isShape(input) && isShape(output);
}

/**
 * The function of bytes that does what a definition says: it decodes, checks, runs, checks and encodes. A function of bytes is given
 * back as it is. What it throws is as the caller is to hear it. It answers at once when the function and its schemas do.
 */
export function asPalmFunction(offered: OfferedFunction): PalmFunction {
  if (typeof offered === 'function') return offered;
  const typed = new TypedFunction(offered);
  return (payload, context) => typed.call(payload, context);
}

class TypedFunction {
  readonly #run: (input: unknown, context: FunctionContext) => unknown;
  readonly #input: Shape;
  readonly #output: Shape;
  readonly #inputCodec: PayloadCodec<unknown, unknown>;
  readonly #outputCodec: PayloadCodec<unknown, unknown>;
  readonly #errors: ErrorShapes;

  constructor({ input, output, errors = {}, run }: FunctionDefinition | StreamDefinition) {
    this.#run = run as (input: unknown, context: FunctionContext) => unknown;
    this.#input = input;
    this.#output = output;
    this.#inputCodec = codecOf(input);
    this.#outputCodec = codecOf(output);
    this.#errors = errors;
  }

  call(payload: Bytes, context: FunctionContext): ReturnType<PalmFunction> {
    const input = this.#read(payload);
    if (isThenable(input)) return this.#callLater(input, context);
    let result: unknown;
    try {
      result = this.#run(input, context);
    } catch (error) {
      return this.#fail(error);
    }
    if (isThenable(result)) return this.#resultLater(result);
    return isSeveral(result) ? this.#each(result) : this.#write(result);
  }

  async #callLater(input: PromiseLike<unknown>, context: FunctionContext): Promise<never> {
    const value = await input;
    let result: unknown;
    try {
      result = await this.#run(value, context);
    } catch (error) {
      return (await this.#fail(error)) as never;
    }
    // Roles iterate over what a function's promise gives.
    return (isSeveral(result) ? this.#each(result) : await this.#write(result)) as never;
  }

  async #resultLater(promised: PromiseLike<unknown>): Promise<never> {
    let result: unknown;
    try {
      result = await promised;
    } catch (error) {
      return (await this.#fail(error)) as never;
    }
    return (isSeveral(result) ? this.#each(result) : await this.#write(result)) as never;
  }

  async *#each(results: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<ResultBytes, undefined> {
    const iterator = readerOf(results);
    let isDone = false;
    try {
      for (;;) {
        let next: IteratorResult<unknown, unknown>;
        try {
          next = await iterator.next();
        } catch (error) {
          isDone = true;
          await this.#fail(error);
          return undefined;
        }
        if (next.done) {
          isDone = true;
          return undefined;
        }
        const bytes = await this.#write(next.value);
        if (bytes === undefined) throw wrongOutput('nothing', 'a result must be given with each yield');
        yield bytes;
      }
    } finally {
      if (!isDone) await iterator.return?.();
    }
  }

  /** The input in a payload, checked. */
  #read(payload: Bytes): unknown {
    let value: unknown;
    try {
      value = this.#inputCodec.decode(payload);
    } catch (cause) {
      throw wrongInput(
        [{ path: [], message: `it is not ${this.#inputCodec.name}: ${messageOf(cause)}` }],
        cause,
      );
    }
    if (!isSchema(this.#input)) return value;
    const checked = checkedBy(this.#input, value, 'input');
    return isThenable(checked) ? checked.then(readInput) : readInput(checked);
  }

  /** The bytes of a result, checked. Nothing stays nothing: in a Pipeline it ends the message. */
  #write(result: unknown): FunctionResult | Promise<FunctionResult> {
    if (result === undefined) return undefined;
    if (!isSchema(this.#output)) return this.#encode(result);
    const checked = checkedBy(this.#output, result, 'result');
    if (!isThenable(checked)) return this.#encode(readResult(checked));
    return Promise.resolve(checked).then((outcome) => this.#encode(readResult(outcome)));
  }

  #encode(value: unknown): Bytes {
    try {
      return this.#outputCodec.encode(value);
    } catch (cause) {
      throw wrongOutput(this.#outputCodec.name, messageOf(cause), cause);
    }
  }

  /** Throws what the caller is to hear of an error that the function threw: its data too, when the error is declared. */
  #fail(error: unknown): never | Promise<never> {
    let code: unknown;
    let data: unknown;
    // It may be anything, even null, or have getters that throw.
    readSafely(() => {
      ({ code, data } = error as { readonly code?: unknown; readonly data?: unknown });
    });
    if (typeof code !== 'string' || !Object.hasOwn(this.#errors, code)) throw error;
    const declared = code;
    const shape = this.#errors[declared] as Shape;
    const tell = (told: unknown): never => {
      throw new AnsweredError(
        declared,
        messageOf(error),
        { status: Status.failed, payload: encodeFailure({ data: told }) },
        error,
      );
    };
    if (!isSchema(shape)) return tell(data);
    const checked = checkedBy(shape, data, `data of error ${declared}`);
    const told = (outcome: Checked) => {
      if ('issues' in outcome)
        throw wrongOutput(`what error ${declared} declares`, issuesText(outcome.issues), error);
      return tell(outcome.value);
    };
    return isThenable(checked) ? Promise.resolve(checked).then(told) : told(checked);
  }
}

/** Whether a function gave several results: an async iterable, or a generator. A list is one result. */
function isSeveral(result: unknown): result is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof result !== 'object' || result === null) return false;
  return Symbol.asyncIterator in result || (Symbol.iterator in result && 'throw' in result);
}

function readerOf(
  results: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in results ? results[Symbol.asyncIterator]() : results[Symbol.iterator]();
}

/** Checks a value. What a schema throws is a fault of the schema, not of the value. */
function checkedBy(
  schema: Parameters<typeof check>[0],
  value: unknown,
  what: string,
): Checked | Promise<Checked> {
  const threw = (cause: unknown): never => {
    throw new TypeError(`the schema of the ${what} threw: ${messageOf(cause)}`, { cause });
  };
  try {
    const checked = check(schema, value);
    return isThenable(checked) ? Promise.resolve(checked).catch(threw) : checked;
  } catch (cause) {
    return threw(cause);
  }
}

function readInput(checked: Checked): unknown {
  if ('issues' in checked) throw wrongInput(checked.issues);
  return checked.value;
}

function readResult(checked: Checked): unknown {
  if ('issues' in checked) throw wrongOutput('what its schema allows', issuesText(checked.issues));
  return checked.value;
}

function wrongInput(issues: readonly Issue[], cause?: unknown): AnsweredError {
  const answer = { status: Status.invalid, payload: encodeFailure({ issues }) };
  return new AnsweredError('InvalidInput', issuesText(issues), answer, cause);
}

function wrongOutput(wanted: string, why: string, cause?: unknown): Error {
  const error = new TypeError(`the function returned what is not ${wanted}: ${why}`, { cause });
  error.name = 'InvalidOutput';
  return error;
}
