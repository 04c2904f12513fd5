/**
 * What is wrong with a value by a JSON Schema, for those who refuse a call before its server does: the command, and a relay.
 *
 * The server checks each input by the schema itself, so this need not know all of JSON Schema. It refuses only what every reader of the schema
 * refuses, and passes what it does not understand: `pattern` and `format` (a stranger's regular expression may take for ever), `not`, `if`,
 * `uniqueItems` (quadratic), and references to other documents.
 */
import type { Issue } from '../../protocol/errors.ts';
import type { JsonSchema } from './description.ts';

/** Issues of one value that are told. */
const MOST_ISSUES = 32;

/** Schemas within one another, references among them. What lies deeper passes. */
const DEEPEST = 256;

/** Values that are looked at by a schema. A union within a union takes exponentially many. */
const STEPS = 100_000;

/**
 * What is wrong with a value of JSON. Empty when nothing is found: then the value may be wrong all the same.
 * @param steps - looks at a part of the value by a part of the schema, at most. A value that takes more passes.
 */
export function schemaIssues(schema: JsonSchema, value: unknown, steps: number = STEPS): readonly Issue[] {
  const search = new Search(schema, steps);
  search.look(schema, value, [], 0);
  return search.isOver ? [] : search.issues;
}

type Path = readonly (string | number)[];

class Search {
  issues: Issue[] = [];
  readonly #root: JsonSchema;
  #steps: number;

  constructor(root: JsonSchema, steps: number) {
    this.#root = root;
    this.#steps = steps;
  }

  /** Whether it was given up. */
  get isOver(): boolean {
    return this.#steps < 0;
  }

  look(schema: unknown, value: unknown, path: Path, depth: number): void {
    if (--this.#steps < 0 || depth > DEEPEST || this.issues.length >= MOST_ISSUES) return;
    if (schema === false) this.#note(path, 'nothing is allowed here');
    if (!isObject(schema)) return;
    const { $ref, type, allOf } = schema;
    if (typeof $ref === 'string') this.look(this.#find($ref), value, path, depth + 1);
    const types = typesOf(type);
    if (types !== undefined && !types.some((one) => isOfType(value, one))) {
      this.#note(path, `it must be ${types.join(' or ')}, not ${typeOf(value)}`);
      return;
    }
    this.#lookAtChoice(schema, value, path);
    if (typeof value === 'number') this.#lookAtNumber(schema, value, path);
    else if (typeof value === 'string') this.#lookAtString(schema, value, path);
    else if (Array.isArray(value)) this.#lookAtList(schema, value, path, depth);
    else if (isObject(value)) this.#lookAtObject(schema, value, path, depth);
    if (Array.isArray(allOf)) for (const one of allOf) this.look(one, value, path, depth + 1);
    for (const either of [schema['anyOf'], schema['oneOf']])
      if (Array.isArray(either)) this.#lookAtUnion(either, value, path, depth);
  }

  /** The part of the schema that a reference within it names; undefined for other documents. */
  #find(reference: string): unknown {
    let own: unknown = this.#root;
    for (const part of reference.split('/').slice(1)) {
      const key = decodePart(part);
      // References are relative to the nearest $id.
      if (!isObject(own) && !Array.isArray(own)) return undefined;
      own = Object.hasOwn(own, key) ? (own as Record<string, unknown>)[key] : undefined;
      if (isObject(own) && '$id' in own) return undefined;
    }
    return reference === '#' || reference.startsWith('#/') ? own : undefined;
  }

  #lookAtChoice(schema: JsonSchema, value: unknown, path: Path): void {
    const choices = 'const' in schema ? [schema['const']] : schema['enum'];
    // Lists and objects are left to the server: they are equal by what they hold.
    if (!Array.isArray(choices) || choices.length === 0 || isNested(value) || choices.some(isNested)) return;
    this.#steps -= choices.length;
    if (choices.includes(value)) return;
    const shown = choices.slice(0, 8).map((one) => JSON.stringify(one).slice(0, 60));
    const more = choices.length > shown.length ? ' …' : '';
    this.#note(path, `it must be ${shown.join(' or ')}${more}`);
  }

  #lookAtNumber(schema: JsonSchema, value: number, path: Path): void {
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
    if (isNumber(minimum) && value < minimum) this.#note(path, `it must be at least ${minimum}`);
    if (isNumber(maximum) && value > maximum) this.#note(path, `it must be at most ${maximum}`);
    if (isNumber(exclusiveMinimum) && value <= exclusiveMinimum)
      this.#note(path, `it must be more than ${exclusiveMinimum}`);
    if (isNumber(exclusiveMaximum) && value >= exclusiveMaximum)
      this.#note(path, `it must be less than ${exclusiveMaximum}`);
  }

  /** JSON Schema counts characters, and libraries count UTF-16 units: refused is what is too short or too long for both. */
  #lookAtString({ minLength, maxLength }: JsonSchema, value: string, path: Path): void {
    if (isNumber(minLength) && value.length < minLength)
      this.#note(path, `it must have at least ${minLength} characters`);
    if (isNumber(maxLength) && value.length > maxLength && charactersOf(value) > maxLength)
      this.#note(path, `it must have at most ${maxLength} characters`);
  }

  #lookAtList(schema: JsonSchema, value: readonly unknown[], path: Path, depth: number): void {
    const { minItems, maxItems, prefixItems, items } = schema;
    if (isNumber(minItems) && value.length < minItems)
      this.#note(path, `it must have at least ${minItems} items`);
    if (isNumber(maxItems) && value.length > maxItems)
      this.#note(path, `it must have at most ${maxItems} items`);
    const first: readonly unknown[] = Array.isArray(prefixItems) ? prefixItems : [];
    // A list of schemas is of an older draft.
    const rest = Array.isArray(items) ? undefined : items;
    for (const [index, one] of value.entries()) {
      if (this.isOver || this.issues.length >= MOST_ISSUES) return;
      const own = index < first.length ? first[index] : rest;
      if (own === undefined) return;
      this.look(own, one, [...path, index], depth + 1);
    }
  }

  #lookAtObject(schema: JsonSchema, value: JsonSchema, path: Path, depth: number): void {
    const { required, properties, patternProperties, additionalProperties, minProperties, maxProperties } =
      schema;
    const names = Object.keys(value);
    if (isNumber(minProperties) && names.length < minProperties)
      this.#note(path, `it must have at least ${minProperties} fields`);
    if (isNumber(maxProperties) && names.length > maxProperties)
      this.#note(path, `it must have at most ${maxProperties} fields`);
    if (Array.isArray(required)) {
      this.#steps -= required.length;
      for (const name of required)
        if (typeof name === 'string' && !Object.hasOwn(value, name))
          this.#note([...path, name], 'it is missing');
    }
    const known = isObject(properties) ? properties : {};
    const others = patternProperties === undefined ? additionalProperties : undefined;
    for (const name of names) {
      if (this.isOver || this.issues.length >= MOST_ISSUES) return;
      if (Object.hasOwn(known, name)) this.look(known[name], value[name], [...path, name], depth + 1);
      else if (others === false) this.#note([...path, name], 'there is no such field');
      else if (others !== undefined) this.look(others, value[name], [...path, name], depth + 1);
    }
  }

  /** Whether more than one of `oneOf` fits is left to the server: what is passed here may not fit there. */
  #lookAtUnion(either: readonly unknown[], value: unknown, path: Path, depth: number): void {
    const { issues } = this;
    let closest: readonly Issue[] | undefined;
    for (const one of either) {
      this.issues = [];
      this.look(one, value, path, depth + 1);
      const found = this.issues;
      this.issues = issues;
      if (found.length === 0 || this.isOver) return;
      // What is wrong deeper within the value is wrong with the alternative that was meant.
      if (closest === undefined || deepest(found) > deepest(closest)) closest = found;
    }
    if (closest === undefined) return;
    if (either.length === 1 || deepest(closest) > path.length)
      for (const one of closest) this.#note(one.path, one.message);
    else this.#note(path, `it fits none of the ${either.length} alternatives`);
  }

  #note(path: Path, message: string): void {
    if (this.issues.length < MOST_ISSUES) this.issues.push({ path, message });
  }
}

function deepest(issues: readonly Issue[]): number {
  return Math.max(...issues.map(({ path }) => path.length));
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return part;
  }
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

const TYPES: readonly unknown[] = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object'];

/** The types that a schema names; undefined when it names none, or one that there is not. */
function typesOf(type: unknown): readonly string[] | undefined {
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.length > 0 && types.every((one) => TYPES.includes(one))
    ? (types as readonly string[])
    : undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isOfType(value: unknown, type: string): boolean {
  return type === 'integer' ? Number.isInteger(value) : typeOf(value) === type;
}

function charactersOf(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
