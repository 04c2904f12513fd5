import { checkCount, checkLimit } from '../../src/checks.ts';
import { inspectValue, invalidCall, mustBe } from '../../src/protocol/errors.ts';
import { encodeToken } from './names.ts';

/** How the connection to NATS is encrypted. Each is text in PEM form. */
export interface NatsTls {
  /** The certificates that may sign those of NATS. Default: those that Node trusts. */
  readonly ca?: string | undefined;
  /** The certificate that says who this is, with {@link NatsTls.key}, where NATS verifies clients. */
  readonly cert?: string | undefined;
  /** The private key of {@link NatsTls.cert}. */
  readonly key?: string | undefined;
}

/** Options of {@link nats}. Times are in milliseconds. */
export interface NatsOptions {
  /**
   * Where NATS is: an address such as `nats://host:4222`, or those of several servers of its cluster. Default `nats://127.0.0.1:4222`. With
   * `tls://host:4222` for one of them, a NATS that does not encrypt is refused.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** Name of the frond cluster. Clusters of other names on the same NATS do not see each other. At most 64 bytes. Default `palm`. */
  readonly cluster?: string | undefined;
  /** User at NATS, with {@link NatsOptions.pass}. */
  readonly user?: string | undefined;
  /** Password of the user. */
  readonly pass?: string | undefined;
  /** Token, where NATS wants one and no user. */
  readonly token?: string | undefined;
  /** What a credentials file of NATS holds: its text. */
  readonly creds?: string | undefined;
  /** Certificates for the connection. With `{}` or more, a NATS that does not encrypt is refused. */
  readonly tls?: NatsTls | undefined;
  /** How many NATS servers store each message: 1, 3 or 5. Default 1. Streams that exist keep theirs. */
  readonly replicas?: number | undefined;
  /** Where calls wait. Default `file`. Streams that exist keep theirs. */
  readonly storage?: 'file' | 'memory' | undefined;
  /** Bytes of calls that may wait for one server. When there are more, senders wait. Default 1073741824 (1 GiB). */
  readonly queueBytes?: number | undefined;
  /** How long a call may wait before NATS drops it. Default 86400000 (a day). */
  readonly queueAge?: number | undefined;
  /** Bytes of results of all servers that NATS keeps, in memory. Older ones are dropped. Default 268435456 (256 MiB). */
  readonly resultBytes?: number | undefined;
  /** How long NATS keeps a result. Default 300000 (5 minutes). */
  readonly resultAge?: number | undefined;
  /** Bytes of the values that the cache of one server keeps. Those that were set first are dropped. Default 268435456 (256 MiB). */
  readonly cacheBytes?: number | undefined;
  /** How long the cache keeps a value that is not set again. `Infinity`, the default, for ever. */
  readonly cacheAge?: number | undefined;
  /**
   * How many processes may die with one call, at least 2. The next one does not run it, and answers it with a failure, `ServerDied`. Default 4.
   */
  readonly maxDeliveries?: number | undefined;
  /** How often each end of a link looks whether the other is there. Default 1000. */
  readonly heartbeat?: number | undefined;
}

const DEFAULTS = {
  servers: 'nats://127.0.0.1:4222' as string | readonly string[],
  cluster: 'palm',
  replicas: 1,
  storage: 'file' as 'file' | 'memory',
  queueBytes: 1_073_741_824,
  queueAge: 86_400_000,
  resultBytes: 268_435_456,
  resultAge: 300_000,
  cacheBytes: 268_435_456,
  cacheAge: Number.POSITIVE_INFINITY as number,
  maxDeliveries: 4,
  heartbeat: 1_000,
};

type Credentials = Partial<Readonly<Record<'user' | 'pass' | 'token' | 'creds', string>>> & {
  readonly tls?: NatsTls;
};

/** The options, complete. */
export type NatsSettings = Readonly<typeof DEFAULTS> & Credentials;

/** Bytes of a cluster's name in a subject: the names of streams have 255. */
const LONGEST_CLUSTER = 64;

/** @throws PalmError `INVALID_CALL` that names the option which is not acceptable. */
export function resolveOptions(options: NatsOptions): NatsSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: NatsSettings = { ...DEFAULTS, ...Object.fromEntries(given) };
  for (const name of [
    'queueBytes',
    'queueAge',
    'resultBytes',
    'resultAge',
    'cacheBytes',
    'heartbeat',
  ] as const)
    checkCount(name, settings[name]);
  checkLimit('cacheAge', settings.cacheAge);
  const { maxDeliveries } = settings;
  if (!Number.isSafeInteger(maxDeliveries) || maxDeliveries < 2)
    throw mustBe('maxDeliveries', 'a whole number of at least 2', maxDeliveries);
  for (const name of ['user', 'pass', 'token', 'creds'] as const)
    if (settings[name] !== undefined && typeof settings[name] !== 'string')
      throw mustBe(name, 'a string', settings[name]);
  if (![1, 3, 5].includes(settings.replicas)) throw mustBe('replicas', '1, 3 or 5', settings.replicas);
  if (!['file', 'memory'].includes(settings.storage))
    throw mustBe('storage', "'file' or 'memory'", settings.storage);
  const { cluster } = settings;
  if (typeof cluster !== 'string' || cluster === '' || encodeToken(cluster).length > LONGEST_CLUSTER)
    throw mustBe('cluster', `a name of at most ${LONGEST_CLUSTER} bytes`, cluster);
  const servers: readonly unknown[] = Array.isArray(settings.servers) ? settings.servers : [settings.servers];
  for (const server of servers) {
    if (typeof server === 'string' && /^((nats|tls):\/\/)?[^\s/]+$/.test(server)) continue;
    throw invalidCall(`servers must be addresses such as 'nats://host:4222', not ${inspectValue(server)}`);
  }
  if (servers.length === 0) throw mustBe('servers', 'at least one address', settings.servers);
  checkTls(settings.tls);
  const isEncrypted = servers.some((server) => String(server).startsWith('tls://'));
  return isEncrypted ? { tls: {}, ...settings } : settings;
}

function checkTls(tls: unknown): void {
  if (tls === undefined) return;
  if (typeof tls !== 'object' || tls === null)
    throw mustBe('tls', 'an object with ca, or with cert and key', tls);
  const given: Readonly<Record<string, unknown>> = { ...tls };
  for (const name of ['ca', 'cert', 'key'])
    if (given[name] !== undefined && typeof given[name] !== 'string')
      throw mustBe(`tls.${name}`, 'text in PEM form', given[name]);
  if ((given['cert'] === undefined) !== (given['key'] === undefined))
    throw invalidCall('tls.cert and tls.key of nats() belong together: give both, or neither');
}
