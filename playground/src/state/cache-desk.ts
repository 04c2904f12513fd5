import { signal } from '@preact/signals';
import type { Connection } from './connection.ts';
import { decodeAs, encodeAs, type Format, isFormat } from './formats.ts';
import type { Link } from './link.ts';

export type CacheOperation = 'get' | 'set' | 'delete';

/** A key that was seen here. */
export interface SeenKey {
  readonly key: string;
  readonly server: string;
  readonly session: string;
  /** Undefined when it is not there. */
  readonly shown: string | undefined;
  readonly as: Format;
  readonly size: number;
}

export interface CacheOutcome {
  readonly operation: CacheOperation;
  readonly key: string;
  readonly text: string;
}

export type CacheState =
  | { readonly type: 'idle' }
  | { readonly type: 'asking' }
  | { readonly type: 'done'; readonly outcome: CacheOutcome }
  | { readonly type: 'failed'; readonly error: unknown };

/** Characters of a value that are kept for the list of keys. */
const LONGEST_SHOWN = 300;

/** What the cache uses of the page. */
export interface CachePage {
  readonly link: Link;
  readonly connection: Connection;
}

/** The key-value store of a server. A PALM cache cannot list its keys, so the page remembers those that it has used. */
export class CacheDesk {
  readonly state = signal<CacheState>({ type: 'idle' });
  readonly seen = signal<readonly SeenKey[]>([]);
  readonly value = signal('festina lente');
  /** The last operation, which the code shows. */
  readonly last = signal<CacheOperation>('set');
  readonly #page: CachePage;

  constructor(page: CachePage) {
    this.#page = page;
  }

  get format(): Format {
    const { format } = this.#page.link.value;
    return isFormat(format) ? format : 'text';
  }

  /** Runs an operation, unless another one is under way. */
  async run(operation: CacheOperation): Promise<void> {
    if (this.state.peek().type === 'asking') return;
    const { connection, link } = this.#page;
    const { session, key } = link.value;
    const server = this.server;
    this.last.value = operation;
    this.state.value = { type: 'asking' };
    try {
      const client = await connection.client(server, server, session);
      const outcome = await this[operation](client, key);
      this.state.value = { type: 'done', outcome: { operation, ...outcome } };
    } catch (error) {
      this.state.value = { type: 'failed', error };
    }
  }

  /** The server whose cache it is: that of the call's first stage. */
  get server(): string {
    const { fn } = this.#page.link.value;
    return fn.trim().split('.')[0] ?? '';
  }

  private async get(client: Cacheable, key: string) {
    const value = await client.get(key);
    this.#see(key, value);
    return { key, text: value === undefined ? 'There is no such key.' : decodeAs(this.format, value).shown };
  }

  private async set(client: Cacheable, wished: string) {
    const value = encodeAs(this.format, this.value.value);
    const stored = await client.set(value, wished === '' ? undefined : wished);
    // The key as typed, without the session, which is added again.
    const key = wished === '' ? stored : wished;
    this.#see(key, value);
    this.#page.link.set({ key });
    return { key, text: wished === '' ? 'Stored under a key that the client chose.' : 'Stored.' };
  }

  private async delete(client: Cacheable, key: string) {
    const wasThere = await client.delete(key);
    this.#see(key, undefined);
    return { key, text: wasThere ? 'Deleted.' : 'There was no such key.' };
  }

  #see(key: string, value: Uint8Array<ArrayBuffer> | undefined): void {
    const { session } = this.#page.link.value;
    const { server } = this;
    const { shown, as } =
      value === undefined ? { shown: undefined, as: this.format } : decodeAs(this.format, value);
    const others = this.seen
      .peek()
      .filter((one) => one.key !== key || one.server !== server || one.session !== session);
    const one = { key, server, session, shown: shown?.slice(0, LONGEST_SHOWN), as, size: value?.length ?? 0 };
    this.seen.value = [one, ...others].slice(0, 50);
  }
}

interface Cacheable {
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  set(value: Uint8Array, key?: string): Promise<string>;
  delete(key: string): Promise<boolean>;
}
