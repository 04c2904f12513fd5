/** The roles of the demo: a server, a master with three workers, and a pipeline of three servers. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import type { FunctionContext, PalmFunctions } from '../../src/cluster/runtime/functions.ts';
import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import type { CommandContext } from '../command.ts';
import { CommandError } from '../errors.ts';
import { isNatsAddress } from '../nats-access.ts';
import { type Description, describe, localAddress } from '../roles/entry.ts';
import type { Fleet } from '../roles/fleet.ts';
import { stderrLogger } from '../terminal/screen.ts';
import { quoted } from '../terminal/text.ts';
import { CREW_TYPED, DEMO_TYPED, wordsOf } from './typed.ts';

/** The running cluster of the demo. */
export interface Cluster {
  /** db_address of the server `demo`, as it was bound. */
  readonly boundAt: string;
  /** What it runs over, in words. */
  readonly over: string;
  /** The same, as a client on this machine dials it. */
  readonly dbAddress: string;
  readonly roles: readonly Description[];
}

/**
 * Starts all roles; resolves when they are connected to each other.
 * @param place - an address for a role: its own, or one that binds a free port.
 */
export async function startCluster(
  fleet: Fleet,
  place: (name: string) => string,
  addresses: DemoAddresses,
  { options, screen }: CommandContext,
): Promise<Cluster> {
  const roles: Description[] = [];
  const loggingLevel = options.flag('verbose') ? 'info' : 'error';
  const start = async (definition: RoleDefinition) => {
    const logger = stderrLogger(screen, options.flag('json'), definition.name);
    const description = describe(await fleet.start({ ...definition, logger, loggingLevel }));
    roles.push(description);
    const { db_address: db = '', pub_address: pub = '' } = description.addresses;
    return { db, pub };
  };

  const functions = { ...DEMO, ...DEMO_TYPED };
  const demo = await start({ role: 'server', name: 'demo', ...addresses, functions });

  const bound = (name: string) => ({ name, dbAddress: place(name), pubAddress: place(name) });
  const besides = place('crew/workers');
  const workers = { workerPullAddress: besides, workerPushAddress: besides };
  const crew = await start({ role: 'master', ...bound('crew'), pullAddress: place('crew'), ...workers });
  for (const name of ['ann', 'ben', 'cat'])
    await start({ role: 'worker', name, dbAddress: crew.db, functions: { ...CREW, ...CREW_TYPED } });

  const pipelined = { pullAddress: place('clean'), pipelined: true, functions: CLEAN };
  const clean = await start({ role: 'server', ...bound('clean'), ...pipelined });
  const onward = { subAddress: clean.pub, previous: 'clean', toClient: false, functions: COUNT };
  const count = await start({ role: 'pipeline', ...bound('count'), ...onward });
  const last = { subAddresses: [count.pub], previous: ['count'], functions: TALLY };
  await start({ role: 'sink', ...bound('tally'), ...last });
  const over = isNatsAddress(demo.db) ? 'NATS' : 'TCP';
  return { boundAt: demo.db, over, dbAddress: localAddress(demo.db), roles };
}

/** The db_addresses of the servers that clients can call, by name. */
export function serversOf({ roles }: Cluster): Readonly<Record<string, string>> {
  const servers = roles.filter(({ role }) => role !== 'worker');
  return Object.fromEntries(
    servers.map(({ name, addresses }) => [name, localAddress(addresses['db_address'] ?? '')]),
  );
}

// The functions of bytes of the demo. Each takes UTF-8 and returns UTF-8.

/** Functions of the server `demo`. */
export const DEMO: PalmFunctions = {
  upper: overText((text) => text.toUpperCase()),
  reverse: overText((text) => [...text].reverse().join('')),
  /** The number of words, a tab, and the text, because results of a job do not come with their inputs. */
  words: overText((text) => `${wordsOf(text).length}\t${text}`),
  longest: overText((text) =>
    wordsOf(text).reduce((longest, word) => (word.length > longest.length ? word : longest), ''),
  ),
  /** Throws, to show what a caller gets. */
  fail: overText((text) => {
    throw new RangeError(text === '' ? 'this function always fails' : text);
  }),
};

/** Milliseconds of the longest nap. */
const LONGEST_NAP = 60_000;

/** Functions of the workers of the master `crew`. */
export const CREW: PalmFunctions = {
  who: overText((text, { name }) => `${name}: ${text}`),
  /** Sleeps for as many milliseconds as the text says. */
  nap: overText(async (text, { name, signal }) => {
    const time = Number(text);
    if (text.trim() === '' || !(time >= 0 && time <= LONGEST_NAP))
      throw new RangeError(`a nap must be 0 to ${LONGEST_NAP} milliseconds, not ${JSON.stringify(text)}`);
    await sleep(time, undefined, { signal });
    return `${name} slept ${time} ms`;
  }),
};

/** Functions of the server `clean`, the first stage of the pipeline. */
export const CLEAN: PalmFunctions = {
  lower: overText((text) => text.toLowerCase()),
};

/** Functions of the pipeline `count`. */
export const COUNT: PalmFunctions = {
  words: overText((text) => String(wordsOf(text).length)),
};

/** Functions of the sink `tally`. */
export const TALLY: PalmFunctions = {
  /** Adds to a total that the server keeps for the caller's session. */
  total: overText(async (text, { cache }) => {
    const before = await cache.get('total');
    const total = Number(text) + (before === undefined ? 0 : Number(new TextDecoder().decode(before)));
    await cache.set(encodeUtf8(String(total)), 'total');
    return `${text} words, ${total} in all`;
  }),
};

function overText(
  run: (text: string, context: FunctionContext) => string | Promise<string>,
): PalmFunctions[string] {
  return (payload, context) => {
    // Lenient, because the demo may send the lines of any file.
    const result = run(new TextDecoder().decode(payload), context);
    return typeof result === 'string' ? encodeUtf8(result) : result.then(encodeUtf8);
  };
}

/** Addresses that the server `demo` binds. */
export interface DemoAddresses {
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
}

/**
 * Free addresses, or the db_address that was asked for with two free ones.
 * @param any - an address that binds a free port or name.
 * @throws CommandError `USAGE` for a db_address that no other process can reach.
 */
export function demoAddresses(dbAddress: string | undefined, any: string): DemoAddresses {
  if (dbAddress === undefined) return besides(any, any, any);
  if (dbAddress.startsWith('tcp://')) {
    const free = dbAddress.replace(/:[^:\]]*$/, ':*');
    return besides(dbAddress, free, free);
  }
  if (dbAddress.startsWith('ipc://')) return besides(dbAddress, `${dbAddress}.pull`, `${dbAddress}.pub`);
  if (isNatsAddress(dbAddress)) return besides(dbAddress, dbAddress, dbAddress);
  const text = `--db must be tcp://host:port or ipc://path, so that other processes can reach it, not ${quoted(dbAddress)}`;
  throw new CommandError('USAGE', text);
}

function besides(dbAddress: string, pullAddress: string, pubAddress: string): DemoAddresses {
  return { dbAddress, pullAddress, pubAddress };
}
