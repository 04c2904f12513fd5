import { inspectValue, PalmError } from '../../protocol/errors.ts';
import type { CloseOptions } from '../../transport.ts';
import type { Cache } from './functions.ts';
import { DRAIN_TIMEOUT, type RoleHost } from './role-host.ts';
import type { Counters } from './status.ts';

/** What a role does and has, beside what is its own. */
export interface RoleParts {
  readonly host: RoleHost;
  readonly dbAddress: string;
  readonly inFlight: () => number;
  /** Takes in no more, and finishes and sends what is there; `left` says how many milliseconds remain for it. */
  readonly drain: (left: () => number) => Promise<void>;
}

/** What all servers have in common. */
export abstract class Role implements AsyncDisposable {
  readonly name: string;
  readonly dbAddress: string;
  /** Name of the server, which calls to it begin with. */
  /** The server's key-value store, which clients, functions and workers share. */
  /** Where clients and workers find the cache. */
  readonly cache: Cache;
  readonly #parts: RoleParts;
  #closing: Promise<void> | undefined;

  protected constructor(parts: RoleParts) {
    this.name = parts.host.name;
    this.dbAddress = parts.dbAddress;
    this.cache = parts.host.cache;
    this.#parts = parts;
  }

  /** What the server did so far, and is doing. */
  get counters(): Counters {
    const { host, inFlight } = this.#parts;
    return host.counters(inFlight());
  }

  /** Resolves when the server is closed, with the error that forced it, if one did. */
  get closed(): Promise<PalmError | undefined> {
    return this.#parts.host.connection.closed;
  }

  /**
   * Takes in no more, finishes what is there and sends what that gives, within `timeout` milliseconds (1000). What
   * takes longer is given up; its results are dropped.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ timeout = DRAIN_TIMEOUT }: CloseOptions): Promise<void> {
    const { host, drain } = this.#parts;
    const deadline = performance.now() + timeout;
    const left = () => Math.max(0, deadline - performance.now());
    host.shutdown.abort(new PalmError('CLOSED', `${inspectValue(this.name)} is closing`));
    await drain(left);
    await host.close(left);
  }
}
