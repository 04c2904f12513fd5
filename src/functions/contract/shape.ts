/** Shapes: what says how the input and output of a function are written down, and which values are right. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Issue } from '../../protocol/errors.ts';
import { json, type PayloadCodec } from '../../protocol/payload.ts';

/** A codec, or a schema of any library that keeps Standard Schema, such as zod, valibot and arktype. A schema's values travel as JSON. */
export type Shape = PayloadCodec<unknown, unknown> | StandardSchemaV1<unknown, unknown>;

/** What a sender may give for a shape: of a schema, what it takes. */
export type Given<S extends Shape> =
  S extends StandardSchemaV1<infer In, unknown> ? In : S extends PayloadCodec<infer In, unknown> ? In : never;

/** What a receiver gets for a shape: of a schema, what it makes of what it took, with defaults filled in. */
export type Taken<S extends Shape> =
  S extends StandardSchemaV1<unknown, infer Out>
    ? Out
    : S extends PayloadCodec<unknown, infer Out>
      ? Out
      : never;

/** What a check found: the value that the schema made, or what is wrong. */
export type Checked = { readonly value: unknown } | { readonly issues: readonly Issue[] };

/** Whether a shape is a schema. arktype's are functions. */
export function isSchema(shape: Shape): shape is StandardSchemaV1<unknown, unknown> {
  return '~standard' in shape;
}

/** Whether a value can be a shape at all. */
export function isShape(value: unknown): value is Shape {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  if ('~standard' in value) {
    return (
      typeof (value as { '~standard'?: Partial<StandardSchemaV1.Props> })['~standard']?.validate ===
      'function'
    );
  }
  const { name, encode, decode } = value as Partial<PayloadCodec<unknown>>;
  return typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function';
}

/** The codec that writes a shape's values. */
export function codecOf(shape: Shape): PayloadCodec<unknown, unknown> {
  return isSchema(shape) ? json() : shape;
}

/** Whether a value has to be awaited. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/**
 * Checks a value by a schema. Gives a promise only when the schema does, as for asynchronous refinements.
 * @throws what the schema throws, and a TypeError for what is not a result of a schema.
 */
export function check(
  schema: StandardSchemaV1<unknown, unknown>,
  value: unknown,
): Checked | PromiseLike<Checked> {
  const result = schema['~standard'].validate(value);
  return isThenable(result) ? result.then(checkedOf) : checkedOf(result);
}

/** Issues of one value that are told. A schema may find one for each item of a list. */
const MOST_ISSUES = 32;

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  const { issues } = result;
  if (!issues) return { value: result.value };
  return { issues: issues.slice(0, MOST_ISSUES).map(issueOf) };
}

function issueOf({ message, path = [] }: StandardSchemaV1.Issue): Issue {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  return { path: keys.map((key) => (typeof key === 'number' ? key : String(key))), message: String(message) };
}

/** Issues as one line: where each is, and what is wrong there. */
export function issuesText(issues: readonly Issue[]): string {
  return issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
}
