import { createHash } from 'node:crypto';
import { inspectValue } from '../../../src/protocol/errors.ts';
import { NamePatterns } from '../name-patterns.ts';

/** What may be done with the keys of a server's cache; the server's own can always be read as far as connecting needs. */
export type CacheScope = 'none' | 'read' | 'session' | 'all';

export const CACHE_SCOPES = ['none', 'read', 'session', 'all'] as const satisfies readonly CacheScope[];

/** What an identity may do. Nothing that is not said. */
export interface Grants {
  /** Names of targets, or `*`. */
  readonly servers: readonly string[];
  /** Functions that may be called, as `server.function`; `*` stands for any part of one. Default: none. */
  readonly functions?: readonly string[] | undefined;
  /**
   * `none`, `read` (every key), `session` (keys that begin with the identity's name and a slash, which clients are told
   * and put there by themselves), or `all`. Default `none`.
   */
  readonly cache?: CacheScope | undefined;
  /** Whether it may be a worker of the targets that are Masters or Hubs: it sees and answers other clients' messages. Default false. */
  readonly work?: boolean | undefined;
}

/** Who somebody is. */
export interface RelayIdentity extends Grants {
  /** For logs, and what `session` keys begin with: no slash and no space in it. */
  readonly name: string;
  /** When it ends: the client is asked for a new token then. Milliseconds since 1970, as `Date.now()` gives them. */
  readonly expires?: number | undefined;
}

/** What is known of who wants in. */
export interface ConnectionInfo {
  /** Its network address. */
  readonly address: string;
  /** Its origin; undefined for what is no browser. */
  readonly origin: string | undefined;
}

/**
 * Tells who the bearer of a token is; undefined for nobody. What it throws is logged, and counts as nobody.
 * It is asked again for clients that are connected when {@link onChange} says so, or at `relay.reauthenticate()`; what it
 * throws then changes nothing.
 */
export interface Authenticate {
  /** @param token - undefined when none was given. A token has 8192 characters at most. */
  (
    token: string | undefined,
    info: ConnectionInfo,
  ): RelayIdentity | undefined | Promise<RelayIdentity | undefined>;
  /** Calls `listener` each time that answers may have changed. Gives the function that ends this. */
  readonly onChange?: ((listener: () => void) => () => void) | undefined;
}

const ANONYMOUS = 'anonymous';

/** Who a client is and what it may do, in a form that is quick to ask. */
export class Identity {
  readonly name: string;
  readonly expires: number;
  readonly cache: CacheScope;
  readonly mayWork: boolean;
  /** What it may call, in a few characters: the same for all who may call the same. */
  readonly callGrants: string;
  readonly #servers: NamePatterns;
  readonly #functions: NamePatterns;

  /** @throws Error when it is none, as a hook may give, or the name would let it into another's keys. */
  constructor(identity: RelayIdentity) {
    const { name, expires = Number.POSITIVE_INFINITY, servers, functions = [] } = identity;
    const { cache = 'none', work = false } = identity;
    if (typeof name !== 'string' || !/^[^\s/\p{Cc}]+$/u.test(name))
      throw new Error('the name of an identity must be a text with no slash and no space in it');
    if (typeof expires !== 'number' || !CACHE_SCOPES.includes(cache) || typeof work !== 'boolean')
      throw new Error(`what ${name} may do, or until when, cannot be read`);
    this.name = name;
    this.expires = expires;
    this.cache = cache;
    this.mayWork = work;
    this.callGrants = createHash('sha256').update(JSON.stringify(functions)).digest('base64');
    this.#servers = new NamePatterns(servers);
    this.#functions = new NamePatterns(functions);
  }

  static anonymous(grants: Grants): Identity {
    return new Identity({ ...grants, name: ANONYMOUS });
  }

  /** What its keys begin with. */
  get keyPrefix(): string {
    return this.cache === 'session' ? `${this.name}/` : '';
  }

  /** Why it may not use a server. */
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

/** A client as far as it is judged by: who it is, and what it may do now. */
export interface JudgedClient {
  /** Its id, which the relay gave it. */
  readonly id: string;
  readonly identity: Identity;
}
