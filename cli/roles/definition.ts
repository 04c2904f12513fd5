/** Turns what a module exports into definitions of roles, checked key by key. */
import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import { isOffered } from '../../src/cluster/runtime/typed-function.ts';
import { inspectValue, messageOf } from '../../src/protocol/errors.ts';
import { isName } from '../../src/protocol/function-path.ts';
import { nearest } from '../../src/protocol/nearest.ts';
import type { Transport } from '../../src/transport.ts';
import { CommandError } from '../errors.ts';
import { quoted } from '../terminal/text.ts';

/** Values that options give in place of the module, by the keys of the definition. */
export type Overrides = Readonly<Record<string, string | number>>;

/** What checking a definition needs. */
export interface Checks {
  /** The module's name, for errors. */
  readonly file: string;
  /** Checks the addresses. */
  readonly transport: Transport;
}

/** What a module exports, as a list. @throws CommandError `MODULE` for an empty list. */
export function listOf(exported: unknown, file: string): readonly unknown[] {
  if (!Array.isArray(exported)) return [exported];
  if (exported.length > 0) return exported;
  throw new CommandError('MODULE', `${quoted(file)} exports an empty list: there is nothing to run`);
}

/**
 * Checks a definition and applies the overrides.
 * @param which - which definition of the module it is, for errors, such as `, item 2`; empty for the only one.
 * @throws CommandError `MODULE` naming the key that is missing, unknown, or of the wrong kind.
 */
export function readDefinition(
  value: unknown,
  which: string,
  overrides: Overrides,
  checks: Checks,
): RoleDefinition {
  const where = `${quoted(checks.file)}${which}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const text = `${where} must export { role, name, dbAddress, … } or a list of such objects, not ${inspectValue(value)}`;
    throw new CommandError('MODULE', text);
  }
  const given: Readonly<Record<string, unknown>> = { ...value };
  const role = checkRole(given['role'], given, where);
  const definition: Readonly<Record<string, unknown>> = { ...given, ...overrides };
  const { name } = definition;
  checkKeys(role, definition, `${where}: ${titleOf(role, name)}`, checks.transport);
  return definition as unknown as RoleDefinition;
}

/** A role in errors: `server "greeter"`. */
export function titleOf(role: string, name: unknown): string {
  return typeof name === 'string' ? `${role} ${inspectValue(name)}` : role;
}

function checkRole(role: unknown, given: Readonly<Record<string, unknown>>, where: string): RoleName {
  if (isRoleName(role)) return role;
  const known = `${ROLE_NAMES.slice(0, -1).join(', ')} or ${ROLE_NAMES.at(-1)}`;
  if (role === undefined) {
    const values = Object.values(given);
    const isFunctions = values.length > 0 && values.every(isOffered);
    const hint = isFunctions ? 'frond worker runs a module that exports only functions' : undefined;
    throw new CommandError('MODULE', `${where} lacks role, which must be ${known}`, hint);
  }
  const near = typeof role === 'string' ? nearest(role, ROLE_NAMES) : undefined;
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw new CommandError('MODULE', `${where}: role must be ${known}, not ${inspectValue(role)}${meant}`);
}

function checkKeys(
  role: RoleName,
  definition: Readonly<Record<string, unknown>>,
  title: string,
  transport: Transport,
): void {
  const fail = (text: string) => new CommandError('MODULE', `${title}${text}`);
  const shape = shapeOf(role);
  for (const [key, value] of Object.entries(definition)) {
    if (key === 'role' || Object.hasOwn(shape, key) || value === undefined) continue;
    const near = nearest(key, Object.keys(shape));
    throw fail(`: a ${role} has no ${shortened(key)}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  for (const [key, kind] of Object.entries(shape)) {
    const value = definition[key];
    if (value === undefined && kind.isOptional) continue;
    if (value === undefined) throw fail(` lacks ${key}, which must be ${kind.is}`);
    if (!kind.fits(value)) throw fail(`: ${key} must be ${kind.is}, not ${inspectValue(value)}`);
    if (kind.isAddress) checkAddresses(transport, value, (reason) => fail(`: ${key}: ${reason}`));
  }
  checkFunctions(definition['functions'], fail);
}

function checkAddresses(transport: Transport, value: unknown, fail: (reason: string) => CommandError): void {
  for (const address of [value].flat()) {
    try {
      transport.checkAddress(String(address));
    } catch (error) {
      throw fail(messageOf(error));
    }
  }
}

function checkFunctions(functions: unknown, fail: (text: string) => CommandError): void {
  for (const [name, run] of Object.entries(functions ?? {})) {
    if (!isOffered(run))
      throw fail(
        `: functions.${shortened(name)} must be a function, or what fn(…) makes, not ${inspectValue(run)}`,
      );
    if (!isName(name)) {
      throw fail(`: functions: a name must not contain dots or spaces, as ${inspectValue(name)} does`);
    }
  }
}

/** Characters of a key that an error quotes. */
const LONGEST_KEY = 60;

function shortened(key: string): string {
  return key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key;
}

// A module of `frond worker`.

/** The definition of a worker. */
export type WorkerDefinition = DefinitionOf<'worker'>;

/**
 * The definition of a worker, from a module that exports one or only functions.
 * @throws CommandError `MODULE` when it exports neither.
 */
export function readWorker(exported: unknown, overrides: Overrides, checks: Checks): WorkerDefinition {
  const file = quoted(checks.file);
  const [value, ...others] = listOf(exported, checks.file);
  if (others.length > 0) {
    throw new CommandError(
      'MODULE',
      `${file} exports a list, but frond worker runs a single worker`,
      `frond serve ${file} runs all of them`,
    );
  }
  if (typeof value !== 'object' || value === null) {
    const text = `${file} must export an object of functions, or { role: 'worker', functions, … }, not ${inspectValue(value)}`;
    throw new CommandError('MODULE', text);
  }
  const given: Readonly<Record<string, unknown>> = { ...value };
  if (typeof given['role'] === 'string' && given['role'] !== 'worker') {
    const text = `${file} exports a role ${inspectValue(given['role'])}, but frond worker runs workers`;
    throw new CommandError('MODULE', text, `frond serve ${file}`);
  }
  const isDefinition =
    'role' in given ||
    given['module'] instanceof URL ||
    (typeof given['functions'] === 'object' && given['functions'] !== null);
  const definition = isDefinition ? { ...given, role: 'worker' } : { role: 'worker', functions: given };
  const read = readDefinition(definition, '', overrides, checks);
  const isOfUse = (one: WorkerDefinition) =>
    one.module !== undefined || Object.keys(one.functions ?? {}).length > 0;
  if (read.role === 'worker' && isOfUse(read)) return read;
  throw new CommandError(
    'MODULE',
    `${file} exports no functions`,
    'write: export default { upper: (payload) => … }',
  );
}

// The keys of each role's definition, and what their values must be.

/** The name of a role in a definition. */
export type RoleName = RoleDefinition['role'];
/** The definition of a given role. */
export type DefinitionOf<R extends RoleName> = Extract<RoleDefinition, { readonly role: R }>;

/** What a value must be. */
export interface Kind {
  /** What follows "must be" in errors. */
  readonly is: string;
  readonly fits: (value: unknown) => boolean;
  readonly isOptional: boolean;
  /** Whether it is an address, or a list of addresses, that the transport must accept. */
  readonly isAddress: boolean;
}

/** A kind for each key of a role's options; the compiler checks that no key is missing. */
type ShapeOf<R extends RoleName> = {
  readonly [K in Exclude<keyof DefinitionOf<R>, 'role'>]-?: Kind;
};

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isTexts = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isText);
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

function kind(is: string, fits: Kind['fits'], isAddress = false): Kind {
  return { is, fits, isAddress, isOptional: false };
}

function optional(required: Kind): Kind {
  return { ...required, isOptional: true };
}

const NAME = kind('a string without dots or spaces', (value) => typeof value === 'string' && isName(value));
const TOPIC = kind('the name of the previous server', isText);
const TOPICS = kind('a list of the names of the previous servers, one for each of subAddresses', isTexts);
const ADDRESS = kind("an address such as 'tcp://127.0.0.1:5555'", isText, true);
const FREE_ADDRESS = optional(ADDRESS);
const ADDRESSES = kind("a list of addresses such as 'tcp://127.0.0.1:5555'", isTexts, true);
const FLAG = optional(kind('true or false', (value) => typeof value === 'boolean'));
const FUNCTION = optional(kind('a function', (value) => typeof value === 'function'));
const OBJECT = optional(kind('an object', isObject));
const FUNCTIONS = optional(kind('an object of functions', isObject));
const INTERCEPTORS = optional(kind('a list of functions', Array.isArray));
const CONCURRENCY = optional(
  kind(
    'a whole number of at least 1, or Infinity',
    (value) => isCount(value) || value === Number.POSITIVE_INFINITY,
  ),
);
const TIME = optional(kind('milliseconds above 0', (value) => typeof value === 'number' && value > 0));
const LEVELS = ['debug', 'info', 'warning', 'error', 'silent'];
const LEVEL = optional(
  kind(`one of ${LEVELS.join(', ')}`, (value) => typeof value === 'string' && LEVELS.includes(value)),
);

const SERVING = {
  name: NAME,
  dbAddress: ADDRESS,
  loggingLevel: LEVEL,
  logger: OBJECT,
  store: OBJECT,
  includeStack: FLAG,
  maxWaiting: CONCURRENCY,
} as const;

const THREADS = {
  module: optional(
    kind(
      "a URL, as new URL('./functions.js', import.meta.url)",
      (value) => value instanceof URL || isText(value),
    ),
  ),
  threads: optional(
    kind("'auto' or a whole number of at least 1", (value) => value === 'auto' || isCount(value)),
  ),
  threadMemory: optional(kind('a number of bytes', isCount)),
  threadGrace: TIME,
} as const;

const RUNNING = {
  functions: FUNCTIONS,
  interceptors: INTERCEPTORS,
  handleStream: FUNCTION,
  concurrency: CONCURRENCY,
  ...THREADS,
} as const;

const DISTRIBUTING = {
  pubAddress: FREE_ADDRESS,
  workerPullAddress: FREE_ADDRESS,
  workerPushAddress: FREE_ADDRESS,
  pipelined: FLAG,
  scatter: FUNCTION,
  gather: FUNCTION,
  handleStream: FUNCTION,
  heartbeat: TIME,
  workerTimeout: TIME,
  maxDeliveries: CONCURRENCY,
} as const;

/** The kinds of all keys, by role. */
export const SHAPES: { readonly [R in RoleName]: ShapeOf<R> } = {
  server: { ...SERVING, pullAddress: FREE_ADDRESS, pubAddress: FREE_ADDRESS, ...RUNNING, pipelined: FLAG },
  pipeline: {
    ...SERVING,
    subAddress: optional(ADDRESS),
    previousDbAddress: optional(ADDRESS),
    previous: TOPIC,
    pubAddress: FREE_ADDRESS,
    ...RUNNING,
    toClient: FLAG,
  },
  sink: {
    ...SERVING,
    subAddresses: optional(ADDRESSES),
    previousDbAddresses: optional(ADDRESSES),
    previous: TOPICS,
    pubAddress: FREE_ADDRESS,
    ...RUNNING,
    toClient: FLAG,
  },
  master: { ...SERVING, pullAddress: FREE_ADDRESS, ...DISTRIBUTING },
  hub: {
    ...SERVING,
    subAddress: optional(ADDRESS),
    previousDbAddress: optional(ADDRESS),
    previous: TOPIC,
    ...DISTRIBUTING,
  },
  worker: {
    name: optional(NAME),
    dbAddress: ADDRESS,
    pushAddress: optional(ADDRESS),
    pullAddress: optional(ADDRESS),
    loggingLevel: LEVEL,
    functions: FUNCTIONS,
    interceptors: INTERCEPTORS,
    concurrency: CONCURRENCY,
    ...THREADS,
    logger: OBJECT,
    includeStack: FLAG,
    timeout: TIME,
  },
};

/** The names of all roles. */
export const ROLE_NAMES = Object.keys(SHAPES) as readonly RoleName[];

/** Whether a value is the name of a role. */
export function isRoleName(value: unknown): value is RoleName {
  return typeof value === 'string' && Object.hasOwn(SHAPES, value);
}

/** The kinds of a role's keys, by name. */
export function shapeOf(role: RoleName): Readonly<Record<string, Kind>> {
  return SHAPES[role];
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
