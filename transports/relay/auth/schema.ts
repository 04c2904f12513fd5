/** Schemas for the files of a relay, and errors that name the file and the key. */
import {
  type ArraySchema,
  array,
  type BaseIssue,
  type BooleanSchema,
  boolean,
  type CheckAction,
  type CustomIssue,
  type CustomSchema,
  check,
  custom,
  type ErrorMessage,
  type ExactOptionalSchema,
  exactOptional,
  type GenericSchema,
  type InferOutput,
  type ObjectEntries,
  type PicklistSchema,
  picklist,
  pipe,
  type RecordSchema,
  record,
  type SchemaWithPipe,
  type StrictObjectSchema,
  type StringSchema,
  safeParse,
  strictObject,
  string,
} from 'valibot';
import { inspectValue, invalidCall } from '../../../src/protocol/errors.ts';
import { encodeMetadata } from '../../../src/protocol/metadata.ts';
import { isRelayedName } from '../../relay-protocol/server-address.ts';
import { CACHE_SCOPES, isPriorityGrant } from './identity.ts';
import type { MetadataGrants } from './metadata-rules.ts';

/** Returns the candidate that a misspelt word probably means, or undefined. */
export type Suggest = (word: string, candidates: readonly string[]) => string | undefined;

/** Where a content comes from, for errors. */
export interface Source {
  /** Name of the file. */
  readonly file: string;
  /** Corrects unknown keys. Left out, the error lists all known keys. */
  readonly suggest?: Suggest;
}

type ObjectSchema = CustomSchema<Record<string, unknown>, ErrorMessage<CustomIssue> | undefined>;
type TextSchema = SchemaWithPipe<readonly [StringSchema<string>, CheckAction<string, string>]>;

const OBJECT: ObjectSchema = custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object',
);

/** An object that has these keys and no others. */
export function shape<const Entries extends ObjectEntries>(
  entries: Entries,
): SchemaWithPipe<readonly [ObjectSchema, StrictObjectSchema<Entries, string>]> {
  const known = Object.keys(entries).join(', ');
  return pipe(OBJECT, strictObject(entries, known));
}

/** An object whose keys match `name` and whose values match `value`. */
export function named<const Value extends GenericSchema>(
  name: TextSchema,
  value: Value,
): SchemaWithPipe<readonly [ObjectSchema, RecordSchema<TextSchema, Value, undefined>]> {
  return pipe(OBJECT, record(name, value));
}

/** A string that `fits`. `is` describes it after "must be". */
export function text(is: string, fits: (value: string) => boolean): TextSchema {
  return pipe(string(is), check(fits, is));
}

/** A list, which `is` describes after "must be". */
export function list<const Item extends GenericSchema>(item: Item, is: string): ArraySchema<Item, string> {
  return array(item, is);
}

export const TEXT: TextSchema = text('a string that is not empty', (value) => value !== '');
export const FLAG: BooleanSchema<string> = boolean('true or false');

/** Name of a server behind the relay. */
export const SERVER: TextSchema = text('a name without dots, colons, slashes or spaces', isRelayedName);

const SERVERS = text('the name of a server, with * for any part of it', (value) =>
  isRelayedName(value.replaceAll('*', 'x')),
);

/** Matches functions: `*` stands for any characters between dots, and alone for every function. */
export const FUNCTIONS: TextSchema = text(
  "'server.function', with * for any part of it, or * for all",
  (value) => value === '*' || /^[^\s.\p{Cc}]+\.[^\s.\p{Cc}]+$/u.test(value),
);

type MetadataSchema = CustomSchema<MetadataGrants, ErrorMessage<CustomIssue> | undefined>;

const METADATA: MetadataSchema = custom<MetadataGrants>(
  isMetadataGrants,
  "an object with set, a list of names such as ['lang'], and force, an object of strings, or one of both",
);

function isMetadataGrants(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { set, force, ...others } = value as MetadataGrants;
  if (Object.keys(others).length > 0) return false;
  if (
    set !== undefined &&
    !(Array.isArray(set) && set.every((name) => typeof name === 'string' && name !== ''))
  )
    return false;
  try {
    if (force !== undefined) encodeMetadata(force);
    return true;
  } catch {
    return false;
  }
}

type PrioritySchema = CustomSchema<number, ErrorMessage<CustomIssue> | undefined>;

/** The keys of {@link Grants}. */
export const GRANTS: {
  readonly servers: ArraySchema<TextSchema, string>;
  readonly functions: ExactOptionalSchema<ArraySchema<TextSchema, string>, undefined>;
  readonly cache: ExactOptionalSchema<PicklistSchema<typeof CACHE_SCOPES, string>, undefined>;
  readonly work: ExactOptionalSchema<BooleanSchema<string>, undefined>;
  readonly priority: ExactOptionalSchema<PrioritySchema, undefined>;
  readonly metadata: ExactOptionalSchema<MetadataSchema, undefined>;
} = {
  servers: list(SERVERS, 'a list of names of servers'),
  functions: exactOptional(list(FUNCTIONS, "a list such as ['demo.*']")),
  cache: exactOptional(picklist(CACHE_SCOPES, 'none, read, session or all')),
  work: exactOptional(FLAG),
  priority: exactOptional(custom<number>(isPriorityGrant, 'a whole number from 0 to 9')),
  metadata: exactOptional(METADATA),
};

/**
 * Checks a content.
 * @throws PalmError `INVALID_CALL` naming the file, and the first key that is unknown, missing or of the wrong kind.
 */
export function checked<const Schema extends GenericSchema>(
  schema: Schema,
  content: unknown,
  source: Source,
): InferOutput<Schema> {
  const result = safeParse(schema, content);
  if (result.success) return result.output;
  // A missing key may be there with a misspelt name, so unknown keys come first.
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0];
  throw faultIn(source, tell(issue, source.suggest));
}

/** The error for a file with an unacceptable content. */
export function faultIn({ file }: Source, what: string): Error {
  return invalidCall(`${JSON.stringify(file)}: ${what}`);
}

/**
 * Parses the JSON of a file.
 * @throws PalmError `INVALID_CALL` that names the line of the error, if that is known. It quotes nothing, because the file may
 * contain tokens.
 */
export function parseJson(json: string, { file }: Source): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const [, position] = /position (\d+)/.exec(String(error)) ?? [];
    const line = json.slice(0, Number(position)).split('\n').length;
    throw invalidCall(
      `${JSON.stringify(file)} is not JSON${position === undefined ? '' : `: there is an error in line ${line}`}`,
    );
  }
}

function tell(issue: BaseIssue<unknown>, suggest: Suggest | undefined): string {
  const { input, message } = issue;
  const path = pathOf(issue);
  const last = issue.path?.at(-1);
  if (isUnknownKey(issue)) {
    if (suggest === undefined) return `there is no key ${path}, but ${message}`;
    const near = suggest(String(last?.key), message.split(', '));
    return `there is no key ${path}${near === undefined ? `, but ${message}` : `; did you mean ${near}?`}`;
  }
  if (issue.type === 'strict_object') return `${path} is missing`;
  if (last?.origin === 'key')
    return `a key of ${pathOf(issue, 1)} must be ${message}, not ${inspectValue(input)}`;
  const isAmiss = issue.type === 'check' && typeof input === 'object';
  if (isAmiss) return `${path} must be ${message}`;
  // Errors are logged, and tokens must not be.
  if (last !== undefined && SECRET.includes(String(last.key))) return `${path} must be ${message}`;
  return `${path === '' ? 'it' : path} must be ${message}, not ${inspectValue(input)}`;
}

const SECRET = ['token', 'sha256'];

/** The message of such an issue lists the keys that the object may have. */
function isUnknownKey(issue: BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

/** The path of the faulty value, as JavaScript writes it, without the last `without` steps. */
function pathOf({ path }: BaseIssue<unknown>, without = 0): string {
  const steps = path ?? [];
  return steps
    .slice(0, steps.length - without)
    .map(({ key }, index) =>
      typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${shortened(String(key))}`,
    )
    .join('');
}

/** The most characters of a key that an error quotes. */
const LONGEST_KEY = 60;

function shortened(key: string): string {
  return key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key;
}
