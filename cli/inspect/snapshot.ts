/** What a server is, offers and does, as its own keys tell it. */
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
import { replyText } from '../../src/protocol/cache-request.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { ServerKeys } from '../connect.ts';

/** What was seen of a server. Null is what it does not tell, or does not have. */
export interface ServerSnapshot {
  /** Whose server it is, judged by how it answers. */
  readonly implementation: 'frond' | 'pylm';
  readonly role: string | null;
  readonly name: string;
  /** By their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly functions: readonly string[] | null;
  /** Milliseconds since it was started. */
  readonly uptime: number | null;
  readonly counters: Counters | null;
  /** Of a Master or Hub: the workers that ask for their work, and how many are pushed to. */
  readonly workers: readonly WorkerState[] | null;
  readonly pushedWorkers: number | null;
  /** Of a Master or Hub: what workers that died came to. */
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

/** Looks at a server. @throws PalmError `WRONG_SERVER` when what answers has neither name nor addresses. */
export async function inspectServer(keys: ServerKeys): Promise<ServerSnapshot> {
  const name = await keys.read('name');
  const isFrond = name.features !== undefined;
  // pylm logs an error for every key that is missing, so this one it is not asked for.
  const status = isFrond ? readStatus(replyText(await keys.read(STATUS_KEY))) : undefined;
  if (status !== undefined) {
    const { role, functions, addresses, uptime, counters } = status;
    const { workers = null, pushedWorkers = null, losses = null } = status;
    const own = { role, name: status.name, addresses, functions, uptime, counters };
    return { implementation: 'frond', ...own, workers, pushedWorkers, losses };
  }
  const addresses = await readAddresses(keys);
  const own = replyText(name);
  if (own === '' && Object.keys(addresses).length === 0) {
    throw new PalmError(
      'WRONG_SERVER',
      `what answers at ${keys.dbAddress} has no name and no addresses: it is no PALM server`,
    );
  }
  return {
    implementation: isFrond ? 'frond' : 'pylm',
    role: roleOf(addresses),
    name: own,
    addresses,
    functions: null,
    uptime: null,
    counters: null,
    workers: null,
    pushedWorkers: null,
    losses: null,
  };
}

/** Looks at a server that was seen before. What a pylm server tells does not change, and it logs what it is asked. */
export async function inspectAgain(keys: ServerKeys, before: ServerSnapshot): Promise<ServerSnapshot> {
  if (before.implementation !== 'pylm') return inspectServer(keys);
  const name = await keys.read('name');
  const isSame = name.features === undefined && replyText(name) === before.name;
  return isSame ? before : inspectServer(keys);
}

/** Previous servers of a pylm Sink that are asked for: what answers to every key is not one. */
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

/** The role that has these addresses; null for none. */
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

/** What a server did in a second, between two looks. */
export interface Rates {
  readonly received: number;
  readonly answered: number;
  readonly failed: number;
}

/**
 * Null when there is nothing to compare: no counters, or the server was started anew.
 * @param elapsed - milliseconds between the two looks.
 */
export function ratesOf(before: ServerSnapshot, now: ServerSnapshot, elapsed: number): Rates | null {
  const { counters: from, uptime: start } = before;
  const { counters: to, uptime: end } = now;
  if (from === null || to === null || start === null || end === null) return null;
  // One that is up for less time than has passed was not there before.
  if (end < elapsed || end <= start) return null;
  const rate = (key: keyof Rates) => ((to[key] - from[key]) * 1_000) / (end - start);
  return { received: rate('received'), answered: rate('answered'), failed: rate('failed') };
}
