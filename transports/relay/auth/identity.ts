import { createHash } from 'node:crypto';
import { inspectValue } from '../../../src/protocol/errors.ts';
import { NamePatterns } from '../name-patterns.ts';
import type { CacheScope, Grants, RelayIdentity } from '../options.ts';
import { CACHE_SCOPES } from './schema.ts';

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
  noServer(server: string): string {
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
export interface Guest {
  /** Its id, which the relay gave it. */
  readonly id: string;
  readonly identity: Identity;
}
