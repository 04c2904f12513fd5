import { invalidCall, show } from '../../src/protocol/errors.ts';
import { isRelayedName } from '../websocket/address.ts';
import type { RelayOptions, Target } from './options.ts';
import { Upstream, type UpstreamContext } from './upstream.ts';

/** Servers that are looked up by name and remembered at once. */
const MOST = 4_096;

/** The servers behind a relay, each made when it is first asked for. */
export class Upstreams {
  readonly #context: UpstreamContext;
  readonly #lookUp: (name: string) => Target | undefined;
  readonly #made = new Map<string, Upstream>();

  /** @throws PalmError `INVALID_CALL` for a name that cannot be one, or an address that the transport cannot read. */
  constructor(servers: RelayOptions['servers'], context: UpstreamContext) {
    this.#context = context;
    if (typeof servers === 'function') {
      this.#lookUp = servers;
      return;
    }
    const known = new Map(Object.entries(servers));
    for (const [name, target] of known) this.#check(name, target);
    this.#lookUp = (name) => known.get(name);
  }

  get(name: string): Upstream | undefined {
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const target = this.#lookUp(name);
    if (target === undefined || this.#made.size >= MOST) return undefined;
    const upstream = new Upstream(name, target, this.#context);
    this.#made.set(name, upstream);
    return upstream;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map((upstream) => upstream.close()));
  }

  #check(name: string, target: Target): void {
    if (!isRelayedName(name)) {
      throw invalidCall(
        `a server behind a relay must have a name without dots, slashes, colons and spaces, not ${show(name)}`,
      );
    }
    const addresses = [
      target.dbAddress,
      target.pushAddress,
      target.subAddress,
      target.workerPushAddress,
      target.workerPullAddress,
    ];
    for (const address of addresses) if (address !== undefined) this.#context.transport.checkAddress(address);
  }
}
