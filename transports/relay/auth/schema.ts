/** What the files of a relay hold, and errors that name the file and the key. */
import {
  array,
  type BaseIssue,
  boolean,
  check,
  custom,
  exactOptional,
  type GenericSchema,
  type InferOutput,
  type ObjectEntries,
  picklist,
  pipe,
  record,
  safeParse,
  strictObject,
  string,
} from 'valibot';
import { inspectValue, invalidCall } from '../../../src/protocol/errors.ts';
import { isRelayedName } from '../../relay-protocol/server-address.ts';
import { CACHE_SCOPES } from './identity.ts';

/** Gives the candidate that a word was probably meant to be, if any is near. */
export type Suggest = (word: string, candidates: readonly string[]) => string | undefined;

/** Where a content is from, and what helps to say what is wrong with it. */
export interface Source {
  /** Name of the file, for messages. */
  readonly file: string;
  /** Left out, an unknown key is answered with all that there are. */
  readonly suggest?: Suggest;
}

const OBJECT = custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'an object',
);

/** An object that has these keys and no others. */
export function shape<const Entries extends ObjectEntries>(entries: Entries) {
  const known = Object.keys(entries).join(', ');
  return pipe(OBJECT, strictObject(entries, known));
}

/** An object of any names that `name` fits, each with a `value`. */
export function named<const Value extends GenericSchema>(name: typeof SERVER, value: Value) {
  return pipe(OBJECT, record(name, value));
}

/** A text of the form that `is` describes, after "must be". */
export function text(is: string, fits: (value: string) => boolean) {
  return pipe(string(is), check(fits, is));
}

/** A list, which `is` describes. */
export function list<const Item extends GenericSchema>(item: Item, is: string) {
  return array(item, is);
}

export const TEXT = text('a text', (value) => value !== '');
export const FLAG = boolean('true or false');

/** Name of a server, as clients of the relay know it. */
export const SERVER = text('a name without dots, colons, slashes or spaces', isRelayedName);

const SERVERS = text('the name of a server, with * for any part of it', (value) =>
  isRelayedName(value.replaceAll('*', 'x')),
);

/** One function, or many: `*` is any part between dots, and alone everything. */
export const FUNCTIONS = text(
  "'server.function', with * for any part of it, or * for all",
  (value) => value === '*' || /^[^\s.\p{Cc}]+\.[^\s.\p{Cc}]+$/u.test(value),
);

/** The keys of {@link Grants}. */
export const GRANTS = {
  servers: list(SERVERS, 'a list of names of servers'),
  functions: exactOptional(list(FUNCTIONS, "a list such as ['demo.*']")),
  cache: exactOptional(picklist(CACHE_SCOPES, 'none, read, session or all')),
  work: exactOptional(FLAG),
};

/**
 * A content, checked.
 * @throws PalmError `INVALID_CALL` naming the file, and the first key that is unknown, missing or of the wrong kind.
 */
export function checked<const Schema extends GenericSchema>(
  schema: Schema,
  content: unknown,
  source: Source,
): InferOutput<Schema> {
  const result = safeParse(schema, content);
  if (result.success) return result.output;
  // What is missing may be there under a name that is misspelt.
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0];
  throw faultIn(source, tell(issue, source.suggest));
}

/** The error for a file whose content is not acceptable. */
export function faultIn({ file }: Source, what: string): Error {
  return invalidCall(`${JSON.stringify(file)}: ${what}`);
}

/**
 * The JSON in a file's text.
 * @throws PalmError `INVALID_CALL` that says where it is wrong, as far as that is known, and quotes none of it: there may
 * be tokens in it.
 */
export function parseJson(json: string, { file }: Source): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const [, position] = /position (\d+)/.exec(String(error)) ?? [];
    const line = json.slice(0, Number(position)).split('\n').length;
    throw invalidCall(
      `${JSON.stringify(file)} is no JSON${position === undefined ? '' : ` in line ${line}`}`,
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
  // Errors are logged, and tokens are not.
  if (last !== undefined && SECRET.includes(String(last.key))) return `${path} must be ${message}`;
  return `${path === '' ? 'it' : path} must be ${message}, not ${inspectValue(input)}`;
}

const SECRET = ['token', 'sha256'];

/** An object's message is the keys that it may have. */
function isUnknownKey(issue: BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

/** The path to what is wrong, as JavaScript would write it, without the last `without` steps. */
function pathOf({ path }: BaseIssue<unknown>, without = 0): string {
  const steps = path ?? [];
  return steps
    .slice(0, steps.length - without)
    .map(({ key }, index) =>
      typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${shortened(String(key))}`,
    )
    .join('');
}

/** Characters of a key that an error quotes: a file may hold any. */
const LONGEST_KEY = 60;

function shortened(key: string): string {
  return key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key;
}
