/** What each role's definition holds, so that what is wrong with one can be named. */
import type { RoleDefinition } from '../../cluster/roles/start-role.ts';
import { isName } from '../../protocol/function-path.ts';

export type RoleName = RoleDefinition['role'];
export type DefinitionOf<R extends RoleName> = Extract<RoleDefinition, { readonly role: R }>;

/** What a value must be. */
export interface Kind {
  /** In words, after "must be". */
  readonly is: string;
  readonly fits: (value: unknown) => boolean;
  readonly isOptional: boolean;
  /** Whether it is an address, or a list of them, that the transport must be able to read. */
  readonly isAddress: boolean;
}

/** The kinds of all keys that a role's options have; the compiler sees that none is forgotten. */
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

const NAME = kind('a text without dots or spaces', (value) => typeof value === 'string' && isName(value));
const TOPIC = kind('the name of the previous server', isText);
const TOPICS = kind('a list of the names of the previous servers, one for each of subAddresses', isTexts);
const ADDRESS = kind("an address such as 'tcp://127.0.0.1:5555'", isText, true);
const ADDRESSES = kind("a list of addresses such as 'tcp://127.0.0.1:5555'", isTexts, true);
const FLAG = optional(kind('true or false', (value) => typeof value === 'boolean'));
const FUNCTION = optional(kind('a function', (value) => typeof value === 'function'));
const OBJECT = optional(kind('an object', isObject));
const FUNCTIONS = optional(kind('an object of functions', isObject));
const CONCURRENCY = optional(
  kind(
    'a whole number from 1 on, or Infinity',
    (value) => isCount(value) || value === Number.POSITIVE_INFINITY,
  ),
);
const TIME = optional(kind('milliseconds above 0', (value) => typeof value === 'number' && value > 0));
const LEVELS = ['debug', 'info', 'warning', 'error', 'silent'];
const LEVEL = optional(
  kind(LEVELS.join(', '), (value) => typeof value === 'string' && LEVELS.includes(value)),
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

const RUNNING = { functions: FUNCTIONS, handleStream: FUNCTION, concurrency: CONCURRENCY } as const;

const DISTRIBUTING = {
  pubAddress: ADDRESS,
  workerPullAddress: ADDRESS,
  workerPushAddress: ADDRESS,
  pipelined: FLAG,
  scatter: FUNCTION,
  gather: FUNCTION,
  handleStream: FUNCTION,
  heartbeat: TIME,
  workerTimeout: TIME,
  maxDeliveries: CONCURRENCY,
} as const;

export const SHAPES: { readonly [R in RoleName]: ShapeOf<R> } = {
  server: { ...SERVING, pullAddress: ADDRESS, pubAddress: ADDRESS, ...RUNNING, pipelined: FLAG },
  pipeline: {
    ...SERVING,
    subAddress: optional(ADDRESS),
    previousDbAddress: optional(ADDRESS),
    previous: TOPIC,
    pubAddress: ADDRESS,
    ...RUNNING,
    toClient: FLAG,
  },
  sink: {
    ...SERVING,
    subAddresses: optional(ADDRESSES),
    previousDbAddresses: optional(ADDRESSES),
    previous: TOPICS,
    pubAddress: ADDRESS,
    ...RUNNING,
    toClient: FLAG,
  },
  master: { ...SERVING, pullAddress: ADDRESS, ...DISTRIBUTING },
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
    concurrency: CONCURRENCY,
    logger: OBJECT,
    includeStack: FLAG,
    timeout: TIME,
  },
};

export const ROLE_NAMES = Object.keys(SHAPES) as readonly RoleName[];

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
