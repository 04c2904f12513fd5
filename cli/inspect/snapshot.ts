/** What a server is and does, read from its own keys. */
import {
  array,
  exactOptional,
  type GenericSchema,
  type InferOutput,
  number,
  object,
  record,
  safeParse,
  string,
} from 'valibot';
import {
  type Counters,
  type ServerStatus,
  STATUS_KEY,
  type WorkerLosses,
  type WorkerState,
} from '../../src/cluster/runtime/status.ts';
import { FUNCTIONS_KEY, type FunctionDescription } from '../../src/functions/contract/description.ts';
import { readDescriptions } from '../../src/functions/contract/read-descriptions.ts';
import { replyText } from '../../src/protocol/cache-request.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { ServerKeys } from '../connect.ts';

/** The state of a server at one time. Null for what it does not tell or does not have. */
export interface ServerSnapshot {
  /** Derived from how the server answers. */
  readonly implementation: 'frond' | 'pylm';
  readonly role: string | null;
  readonly name: string;
  /** By their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Of a Master or Hub: those that its workers say they offer. */
  readonly functions: readonly string[] | null;
  /** What the functions take and give. Of a Master or Hub: those of its workers. */
  readonly offers: readonly FunctionDescription[] | null;
  /** Milliseconds since it was started. */
  readonly uptime: number | null;
  readonly counters: Counters | null;
  /** Of a Master or Hub: the workers that ask for work, and the number of those that get it pushed. */
  readonly workers: readonly WorkerState[] | null;
  readonly pushedWorkers: number | null;
  /** Of a Master or Hub: workers that died, and what happened to their messages. */
  readonly losses: WorkerLosses | null;
}

const ADDRESSES = [
  'db_address',
  'pull_address',
  'sub_address',
  'pub_address',
  'worker_pull_address',
  'worker_push_address',
] as const;

/** Reads the state of a server. @throws PalmError `WRONG_SERVER` when it has neither a name nor addresses. */
export async function inspectServer(keys: ServerKeys): Promise<ServerSnapshot> {
  const name = await keys.read('name');
  const isFrond = name.features !== undefined;
  // Not asked of a pylm server, which logs an error for every missing key.
  const status = isFrond ? readStatus(replyText(await keys.read(STATUS_KEY))) : undefined;
  if (status !== undefined) {
    const { role, functions, addresses, uptime, counters } = status;
    const { workers = null, pushedWorkers = null, losses = null } = status;
    const own = { role, name: status.name, addresses, functions, uptime, counters };
    const offers = readOffers(replyText(await keys.read(FUNCTIONS_KEY)));
    return { implementation: 'frond', ...own, offers, workers, pushedWorkers, losses };
  }
  const addresses = await readAddresses(keys);
  const own = replyText(name);
  if (own === '' && Object.keys(addresses).length === 0) {
    throw new PalmError(
      'WRONG_SERVER',
      `the server at ${keys.dbAddress} has neither a name nor addresses: it is not a PALM server`,
    );
  }
  return {
    implementation: isFrond ? 'frond' : 'pylm',
    role: roleOf(addresses),
    name: own,
    addresses,
    functions: null,
    offers: null,
    uptime: null,
    counters: null,
    workers: null,
    pushedWorkers: null,
    losses: null,
  };
}

/** Reads the state of a known server again. A pylm server is only asked for its name: the rest cannot change. */
export async function inspectAgain(keys: ServerKeys, before: ServerSnapshot): Promise<ServerSnapshot> {
  if (before.implementation !== 'pylm') return inspectServer(keys);
  const name = await keys.read('name');
  const isSame = name.features === undefined && replyText(name) === before.name;
  return isSame ? before : inspectServer(keys);
}

/** How many previous servers a pylm Sink is asked for, in case it answers to every key. */
const MOST_PREVIOUS = 256;

async function readAddresses(keys: ServerKeys): Promise<Record<string, string>> {
  const read = async (key: string) => replyText(await keys.read(key));
  const values = await Promise.all(ADDRESSES.map(read));
  const addresses: Record<string, string> = {};
  for (const [i, key] of ADDRESSES.entries()) if (values[i]) addresses[key] = values[i];
  if ('pull_address' in addresses || 'sub_address' in addresses) return addresses;
  for (let i = 0; i < MOST_PREVIOUS; i++) {
    const key = `sub_address_${i}`;
    const value = await read(key);
    if (value === '') return addresses;
    addresses[key] = value;
  }
  return addresses;
}

/** The role that has these addresses; null when there is none. */
function roleOf(addresses: Readonly<Record<string, string>>): string | null {
  const hasWorkers = 'worker_push_address' in addresses;
  if ('pull_address' in addresses) return hasWorkers ? 'Master' : 'Server';
  if (hasWorkers) return 'Hub';
  if ('sub_address' in addresses) return 'Pipeline';
  return 'sub_address_0' in addresses ? 'Sink' : null;
}

const COUNTERS = object({
  received: number(),
  answered: number(),
  failed: number(),
  ended: number(),
  cancelled: exactOptional(number()),
  dropped: number(),
  inFlight: number(),
});

/** What {@link inspectServer} reads of a status. Keys that are not named here may hold anything, and are left out. */
const STATUS = object({
  role: string(),
  name: string(),
  functions: array(string()),
  addresses: record(string(), string()),
  uptime: number(),
  counters: COUNTERS,
  workers: exactOptional(array(object({ name: string(), holds: number(), silent: number() }))),
  pushedWorkers: exactOptional(number()),
  losses: exactOptional(object({ workers: number(), redelivered: number(), givenUp: number() })),
}) satisfies GenericSchema<unknown, ServerStatus>;

/** Undefined for what is not a status, as from another version of frond. */
function readStatus(text: string): InferOutput<typeof STATUS> | undefined {
  try {
    const { success, output } = safeParse(STATUS, JSON.parse(text), { abortEarly: true });
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}

/** Null for what cannot be read, as of an older version of frond. */
function readOffers(text: string): readonly FunctionDescription[] | null {
  try {
    return readDescriptions(text);
  } catch {
    return null;
  }
}

/** Messages per second between two snapshots. */
export interface Rates {
  readonly received: number;
  readonly answered: number;
  readonly failed: number;
}

/**
 * The rates between two snapshots. Null without counters, or when the server was restarted in between.
 * @param elapsed - milliseconds between the two snapshots.
 */
export function ratesOf(before: ServerSnapshot, now: ServerSnapshot, elapsed: number): Rates | null {
  const { counters: from, uptime: start } = before;
  const { counters: to, uptime: end } = now;
  if (from === null || to === null || start === null || end === null) return null;
  // A server that has been up for less time than that was restarted.
  if (end < elapsed || end <= start) return null;
  const rate = (key: keyof Rates) => ((to[key] - from[key]) * 1_000) / (end - start);
  return { received: rate('received'), answered: rate('answered'), failed: rate('failed') };
}
