/** Reads what a server or worker says about its functions. That is a stranger's text. */
import { inspectValue, PalmError } from '../../protocol/errors.ts';
import { isName } from '../../protocol/function-path.ts';
import type { FunctionDescription, JsonSchema, ShapeDescription } from './description.ts';

/** Functions in a list, and errors of a function, at most. */
const MOST_FUNCTIONS = 1_024;
const MOST_ERRORS = 64;

/** UTF-16 units of a name, a codec's name or an error's code, and of a description, at most. */
const LONGEST_NAME = 256;
const LONGEST_DESCRIPTION = 4_096;

/** Lists and objects of a schema that lie within one another, at most: readers may go into each other's for each of them. */
const DEEPEST = 64;

/**
 * The descriptions in a list of JSON. Keys that frond does not know are left out.
 * @throws PalmError `PROTOCOL` when it is not such a list, or anything in it is beyond its bound.
 */
export function readDescriptions(text: string): readonly FunctionDescription[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new PalmError('PROTOCOL', 'what is said of functions is not JSON', { cause });
  }
  if (!Array.isArray(list) || list.length > MOST_FUNCTIONS)
    throw malformed(`it is not a list of at most ${MOST_FUNCTIONS}`);
  return list.map(readDescription);
}

function readDescription(value: unknown): FunctionDescription {
  const { name, description, kind, input, output, errors, versions } = fieldsOf(value, 'a function');
  if (!isText(name, LONGEST_NAME) || !isName(name))
    throw malformed(`${inspectValue(name)} is not a function's name`);
  const what = `of function ${inspectValue(name)}`;
  if (description !== undefined && !isText(description, LONGEST_DESCRIPTION))
    throw malformed(`the description ${what} is not a string, or is too long`);
  if (kind !== undefined && kind !== 'one' && kind !== 'many')
    throw malformed(`the kind ${what} is ${inspectValue(kind)}`);
  if (versions !== undefined && !Number.isSafeInteger(versions))
    throw malformed(`the versions ${what} are ${inspectValue(versions)}`);
  return {
    name,
    ...(versions !== undefined && { versions: versions as number }),
    ...(description !== undefined && { description }),
    ...(kind !== undefined && { kind }),
    ...(input !== undefined && { input: readShape(input, `the input ${what}`) }),
    ...(output !== undefined && { output: readShape(output, `the output ${what}`) }),
    ...(errors !== undefined && { errors: readErrors(errors, `the errors ${what}`) }),
  };
}

function readErrors(value: unknown, what: string): Readonly<Record<string, ShapeDescription>> {
  const errors = Object.entries(fieldsOf(value, what));
  if (errors.length > MOST_ERRORS || errors.some(([code]) => code.length > LONGEST_NAME))
    throw malformed(`${what} are too many, or their codes too long`);
  return Object.fromEntries(errors.map(([code, shape]) => [code, readShape(shape, what)]));
}

function readShape(value: unknown, what: string): ShapeDescription {
  const { codec, schema } = fieldsOf(value, what);
  if (!isText(codec, LONGEST_NAME)) throw malformed(`the codec of ${what} is not a name`);
  if (schema === undefined) return { codec };
  const own: JsonSchema = fieldsOf(schema, `the schema of ${what}`);
  if (isDeeper(own, DEEPEST)) throw malformed(`the schema of ${what} is deeper than ${DEEPEST}`);
  return { codec, schema: own };
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(`${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length <= longest;
}

/** Whether a value of JSON has more than `depth` lists and objects within one another. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((one) => isDeeper(one, depth - 1));
}

function malformed(why: string): PalmError {
  return new PalmError('PROTOCOL', `what is said of functions cannot be read: ${why}`);
}
