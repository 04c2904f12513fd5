import { createHash } from 'node:crypto';
import { MOST_PRIORITY } from '../../../src/protocol/envelope-head.ts';
import { inspectValue } from '../../../src/protocol/errors.ts';
import { NamePatterns } from '../name-patterns.ts';
import { type MetadataGrants, MetadataRules } from './metadata-rules.ts';

/** Which keys of a server's cache a client may use. The server's own keys that connecting needs can always be read. */
export type CacheScope = 'none' | 'read' | 'session' | 'all';

export const CACHE_SCOPES: readonly ['none', 'read', 'session', 'all'] = [
  'none',
  'read',
  'session',
  'all',
] as const satisfies readonly CacheScope[];

/** What an identity may do. Everything that is not granted is denied. */
export interface Grants {
  /** Names of servers; `*` stands for any part of a name, and alone for all servers. */
  readonly servers: readonly string[];
  /** Functions that may be called, as `server.function`; `*` stands for any part of one. Default: none. */
  readonly functions?: readonly string[] | undefined;
  /**
   * `none`, `read` (reads every key), `session` (reads and writes keys that begin with the identity's name and a slash; the
   * client adds that prefix by itself), or `all`. Default `none`.
   */
  readonly cache?: CacheScope | undefined;
  /** Whether it may work for the servers that are Masters or Hubs. A worker sees and answers other clients' messages. Default false. */
  readonly work?: boolean | undefined;
  /** The highest priority that its calls may have, from 0 to 9. Lower ones may always be given. Default 0. */
  readonly priority?: number | undefined;
  /** What it may set of the metadata of its calls, and what the relay sets. */
  readonly metadata?: MetadataGrants | undefined;
}

/** Who a client is, and what it may do. */
export interface RelayIdentity extends Grants {
  /** Appears in logs and begins `session` keys. It has no slashes and no spaces. */
  readonly name: string;
  /** When it expires, in milliseconds since 1970, as `Date.now()` gives them. The client is asked for a new token then. */
  readonly expires?: number | undefined;
}

/** What the relay knows of a client before it has shown a token. */
export interface ConnectionInfo {
  /** Its network address. */
  readonly address: string;
  /** Origin of its page; undefined for a client that is not a browser. */
  readonly origin: string | undefined;
}

/**
 * Returns the identity that a token belongs to, or undefined to refuse it. An error that it throws is logged and refuses the token.
 * It is asked again for connected clients when {@link onChange} reports a change, and by `relay.reauthenticate()`; an error that it
 * throws then changes nothing.
 */
export interface Authenticate {
  /** @param token - at most 8192 characters; undefined when the client showed none. */
  (
    token: string | undefined,
    info: ConnectionInfo,
  ): RelayIdentity | undefined | Promise<RelayIdentity | undefined>;
  /** Calls `listener` each time that answers may have changed. Returns a function that stops this. */
  readonly onChange?: ((listener: () => void) => () => void) | undefined;
}

const ANONYMOUS = 'anonymous';

/** Whether it can be granted as the highest priority. */
export function isPriorityGrant(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_PRIORITY;
}

/** Who a client is and what it may do, in a form that is quick to ask. */
export class Identity {
  readonly name: string;
  readonly expires: number;
  readonly cache: CacheScope;
  readonly mayWork: boolean;
  readonly metadata: MetadataRules;
  /** A hash of the functions that it may call: the same for all identities that may call the same ones. */
  readonly callGrants: string;
  readonly #servers: NamePatterns;
  readonly #functions: NamePatterns;

  /** @throws Error when it is malformed, as a hook's may be, or its name would give it another identity's keys. */
  constructor(identity: RelayIdentity) {
    const { name, expires = Number.POSITIVE_INFINITY, servers, functions = [] } = identity;
    const { cache = 'none', work = false, priority = 0 } = identity;
    if (typeof name !== 'string' || !/^[^\s/\p{Cc}]+$/u.test(name))
      throw new Error('the name of an identity must be a string without slashes and spaces');
    const isReadable =
      typeof expires === 'number' && CACHE_SCOPES.includes(cache) && typeof work === 'boolean';
    if (!isReadable || !isPriorityGrant(priority))
      throw new Error(`the identity ${name} has an expires, cache, work or priority that cannot be read`);
    this.name = name;
    this.expires = expires;
    this.cache = cache;
    this.mayWork = work;
    this.metadata = new MetadataRules(identity.metadata, priority);
    this.callGrants = createHash('sha256').update(JSON.stringify(functions)).digest('base64');
    this.#servers = new NamePatterns(servers);
    this.#functions = new NamePatterns(functions);
  }

  static anonymous(grants: Grants): Identity {
    return new Identity({ ...grants, name: ANONYMOUS });
  }

  /** The prefix of its keys; empty where it needs none. */
  get keyPrefix(): string {
    return this.cache === 'session' ? `${this.name}/` : '';
  }

  /** The reason given to a client that may not use a server. */
  serverRefusal(server: string): string {
    return `${this.name} may not use a server ${inspectValue(server)} here, or there is none`;
  }

  mayUse(server: string): boolean {
    return this.#servers.match(server);
  }

  mayCall(stage: string): boolean {
    return this.#functions.match(stage);
  }

  mayRead(key: string): boolean {
    if (this.cache === 'session') return key.startsWith(this.keyPrefix);
    return this.cache !== 'none';
  }

  mayWrite(key: string): boolean {
    if (this.cache === 'session') return key.startsWith(this.keyPrefix);
    return this.cache === 'all';
  }
}

/** What the guards need of a client: who it is, and what it may do now. */
export interface JudgedClient {
  /** The id that the relay gave it. */
  readonly id: string;
  readonly identity: Identity;
}
