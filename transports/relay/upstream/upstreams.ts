import { harmless } from '../../../src/async/harmless.ts';
import { inspectValue, invalidCall, messageOf } from '../../../src/protocol/errors.ts';
import { isRelayedName } from '../../relay-protocol/server-address.ts';
import { strangerIn } from '../name-patterns.ts';
import { Upstream, type UpstreamContext, type UpstreamTarget } from './upstream.ts';

/** The most servers that a look-up by name may make. */
const MOST = 4_096;

/** The servers by name, or the function that looks a name up: undefined for a name without a server. */
export type UpstreamTargets =
  | Readonly<Record<string, UpstreamTarget>>
  | ((name: string) => UpstreamTarget | undefined);

/** The servers behind a relay, each made when it is first asked for. */
export class Upstreams {
  readonly #context: UpstreamContext;
  #lookUp: (name: string) => UpstreamTarget | undefined;
  readonly #made = new Map<string, Upstream>();
  /** Names of all servers; undefined where a function looks them up. */
  #names: readonly string[] | undefined;

  /** @throws PalmError `INVALID_CALL` for a name or an address that is malformed. */
  constructor(servers: UpstreamTargets, context: UpstreamContext) {
    this.#context = context;
    if (typeof servers === 'function') {
      this.#lookUp = servers;
      return;
    }
    const known = new Map(Object.entries(servers));
    this.#names = [...known.keys()];
    for (const [name, target] of known) this.#check(name, target);
    this.#lookUp = (name) => known.get(name);
  }

  get(name: string): Upstream | undefined {
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const target = this.#made.size < MOST ? this.#find(name) : undefined;
    if (target === undefined) return undefined;
    const upstream = new Upstream(name, target, this.#context);
    this.#made.set(name, upstream);
    return upstream;
  }

  /** Adds servers. Those that are there stay as they are. @throws PalmError `INVALID_CALL`; then none is added. */
  join(servers: Readonly<Record<string, UpstreamTarget>>): void {
    const added = new Map(Object.entries(servers));
    for (const [name, target] of added) this.#check(name, target);
    const before = this.#lookUp;
    this.#lookUp = (name) => before(name) ?? added.get(name);
    this.#names &&= [...new Set([...this.#names, ...added.keys()])];
  }

  /** Names of all servers or, where a function looks them up, of those that were looked up so far. */
  get names(): readonly string[] {
    return this.#names ?? [...this.#made.keys()];
  }

  /** Whether each server answers: all whose names are known, or all that were looked up so far. */
  answering(): Promise<{ readonly name: string; readonly answers: boolean }[]> {
    return Promise.all(
      this.names.map(async (name) => ({ name, answers: (await this.get(name)?.isAnswering()) ?? false })),
    );
  }

  /**
   * @param granted - the servers, or patterns of them, that clients without a token may use.
   * @param joining - servers that are about to join.
   * @throws PalmError `INVALID_CALL` for one that matches no server.
   */
  checkNamed(granted: readonly string[] | undefined, joining: object = {}): void {
    if (granted === undefined || this.#names === undefined) return;
    const names = [...this.#names, ...Object.keys(joining)];
    const stranger = strangerIn(granted, names);
    if (stranger === undefined) return;
    throw invalidCall(`anonymous.servers names ${inspectValue(stranger)}, and there is no such server here`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map((upstream) => upstream.close()));
  }

  /** The owner's function may throw or return anything: then there is no such server, and the log says why. */
  #find(name: string): UpstreamTarget | undefined {
    const failed = (error: unknown) =>
      this.#context.logger.error('a server cannot be looked up', { server: name, reason: messageOf(error) });
    let target: UpstreamTarget | undefined;
    harmless(() => {
      const given: unknown = this.#lookUp(name);
      if (given instanceof Promise) {
        failed('the function servers returned a promise; it must return the server itself');
        return given;
      }
      if (given === undefined) return undefined;
      this.#check(name, given as UpstreamTarget);
      target = given as UpstreamTarget;
      return undefined;
    }, failed);
    return target;
  }

  #check(name: string, target: UpstreamTarget): void {
    if (!isRelayedName(name)) {
      throw invalidCall(
        `a server behind a relay must have a name without dots, slashes, colons and spaces, not ${inspectValue(name)}`,
      );
    }
    if (typeof target !== 'object' || target === null)
      throw invalidCall(
        `the server ${inspectValue(name)} must be an object with a dbAddress, not ${inspectValue(target)}`,
      );
    const { dbAddress, pushAddress, subAddress, workerPushAddress, workerPullAddress } = target;
    const addresses = [dbAddress, pushAddress, subAddress, workerPushAddress, workerPullAddress];
    const given = addresses.filter((address) => address !== undefined);
    for (const address of given) this.#context.transport.checkAddress(address);
  }
}
