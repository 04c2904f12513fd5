/** What a server says about its functions, under a key of its cache, and how that is made of definitions. */
import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import type { FunctionContract } from './definition.ts';
import { codecOf, isSchema, type Shape } from './shape.ts';

/** The key of a server's cache that holds a list of {@link FunctionDescription} as JSON. Clients cannot write it. */
export const FUNCTIONS_KEY = 'frond_functions';

/** A schema of JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How one side of a function is written down. */
export interface ShapeDescription {
  /** Name of the codec: `JSON`, `text`, `Uint8Array`, `MessagePack`, `float64` and so on, or of one of the server's own. */
  readonly codec: string;
  /** What is right, where the schema's library says it. Of an input: what may be given; of an output: what comes. */
  readonly schema?: JsonSchema;
}

/** What a server says about a function. Of a function of bytes it knows the name alone. */
export interface FunctionDescription {
  /** Name of the function, without the server's. */
  readonly name: string;
  /**
   * Of a Master or Hub whose workers differ: the number of definitions. The description is then the newest one's, and all else is what they
   * have in common.
   */
  readonly versions?: number;
  /** What it does, for people. */
  readonly description?: string;
  /** `one` for one result, `many` for several. Left out for a function of bytes. */
  readonly kind?: 'one' | 'many';
  /** What it takes. Left out for a function of bytes. */
  readonly input?: ShapeDescription;
  /** What it gives. Left out for a function of bytes. */
  readonly output?: ShapeDescription;
  /** The errors that it declares, by their codes: how their data is written down. */
  readonly errors?: Readonly<Record<string, ShapeDescription>>;
}

/** What {@link describeFunction} looks at: a definition that `fn` made; or a function of bytes, or nothing, of which the name is known alone. */
export type Describable =
  | (FunctionContract & { readonly kind: 'one' | 'many' })
  | ((...args: never[]) => unknown)
  | undefined;

/**
 * What a server says about a function: all that its definition tells, or its name alone.
 * @param name - of the function, without the server's.
 */
export function describeFunction(name: string, offered: Describable): FunctionDescription {
  if (offered === undefined || typeof offered === 'function') return { name };
  const { kind, input, output, errors, description } = offered;
  return {
    name,
    ...(description !== undefined && { description }),
    kind,
    input: describeShape(input, 'input'),
    output: describeShape(output, 'output'),
    ...(errors !== undefined && {
      errors: Object.fromEntries(
        Object.entries(errors).map(([code, shape]) => [code, describeShape(shape, 'output')]),
      ),
    }),
  };
}

function describeShape(shape: Shape, side: 'input' | 'output'): ShapeDescription {
  const codec = codecOf(shape).name;
  const schema = schemaOf(shape, side);
  return schema === undefined ? { codec } : { codec, schema };
}

/** The JSON Schema of a shape, where its library gives one. It may throw for what JSON Schema cannot say. */
function schemaOf(shape: Shape, side: 'input' | 'output'): JsonSchema | undefined {
  if (!isSchema(shape)) return undefined;
  const { jsonSchema } = shape['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  try {
    const { $schema, ...schema } = jsonSchema?.[side]({ target: 'draft-2020-12' }) ?? {};
    return jsonSchema === undefined ? undefined : schema;
  } catch {
    return undefined;
  }
}
