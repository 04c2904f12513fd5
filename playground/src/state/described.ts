/** What servers say of their functions with types (`frond_functions`), read with care: anything may stand there. */
import type { FunctionDescription } from 'frond/functions';
import type { Format } from './formats.ts';

/** A schema of JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** A server, and what it says of its functions. */
interface Describing {
  readonly name: string;
  readonly described?: readonly FunctionDescription[];
}

/** A function whose input can be filled in field by field. */
export interface DescribedFunction {
  readonly path: string;
  readonly description: string | undefined;
  readonly schema: Schema;
  /** What its answer is written in. */
  readonly answers: Format;
}

/** What the page can show of a codec, by the codec's name. */
const FORMATS: Readonly<Record<string, Format>> = {
  JSON: 'json',
  text: 'text',
  MessagePack: 'msgpack',
};

/** The descriptions in a server's list; none where it is not one. */
export function readDescriptions(text: string): readonly FunctionDescription[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) return [];
  return list.filter((one): one is FunctionDescription => isRecord(one) && typeof one['name'] === 'string');
}

/** The function of a path of one stage, where its server gives a JSON Schema of its input. */
export function describedFunction(
  servers: readonly Describing[],
  path: string,
): DescribedFunction | undefined {
  const server = servers.find(({ name }) => path.startsWith(`${name}.`));
  const found = server?.described?.find(({ name }) => path === `${server.name}.${name}`);
  const { input, output, description } = found ?? {};
  if (!isRecord(input) || input['codec'] !== 'JSON' || !isRecord(input['schema'])) return undefined;
  return {
    path,
    description: typeof description === 'string' ? description : undefined,
    schema: input['schema'],
    answers: (isRecord(output) && FORMATS[String(output['codec'])]) || 'hex',
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What the form of a function shows: the object that the payload holds, or else what a form begins with.
 * @returns whether the payload holds it, too.
 */
export function formInput(
  described: DescribedFunction | undefined,
  { format, payload }: { readonly format: string; readonly payload: string },
): { readonly isGiven: boolean; readonly value: unknown } {
  if (described === undefined) return { isGiven: false, value: undefined };
  const { schema } = described;
  const given = format === 'json' ? parsed(payload) : undefined;
  return given !== undefined && isMeantFor(schema, given)
    ? { isGiven: true, value: given }
    : { isGiven: false, value: startOf(schema) };
}

/** An object that a payload holds; undefined for all else, with which a form cannot begin. */
function parsed(payload: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** False for the input of the function that was chosen before: it has other fields, which the form would send without showing them. */
function isMeantFor(schema: Schema, value: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(value);
  const known = propertiesOf(schema).map(([name]) => name);
  return names.length === 0 || known.length === 0 || names.some((name) => known.includes(name));
}

/** What a form begins with: required fields alone, at their defaults. */
export function startOf(schema: Schema): unknown {
  if ('default' in schema) return schema['default'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if ('const' in schema) return schema['const'];
  switch (schema['type']) {
    case 'object': {
      const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
      const fields = propertiesOf(schema).filter(([name, one]) => required.has(name) || 'default' in one);
      return Object.fromEntries(fields.map(([name, one]) => [name, startOf(one)]));
    }
    case 'array':
      return [];
    case 'boolean':
      return false;
    case 'string':
      return '';
    default:
      return null;
  }
}

/** The fields of an object's schema that can be drawn. */
export function propertiesOf(schema: Schema): readonly (readonly [name: string, schema: Schema])[] {
  const { properties } = schema;
  if (!isRecord(properties)) return [];
  return Object.entries(properties).map(([name, one]) => [name, isRecord(one) ? one : {}]);
}
