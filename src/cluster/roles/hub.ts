import { type DispatchOptions, type DispatchParts, openDispatch } from '../dispatch/scatter-gather.ts';
import { addressesOf, checkPrevious, PreviousServer } from '../runtime/previous-server.ts';
import { Role } from '../runtime/role.ts';
import { openRoleHost } from '../runtime/role-host.ts';
import { addressed } from '../runtime/serving-options.ts';

/** Options of a hub: pylm's `Hub(…)` arguments in camel case, and frond's own. */
export interface HubOptions extends DispatchOptions {
  /** Address to dial, where the previous server publishes. Default: the server at `previousDbAddress` is asked. */
  readonly subAddress?: string | undefined;
  /**
   * `dbAddress` of the previous server, which may start later. It is asked where it publishes, again after each break, since it may
   * restart at other addresses. Without it, the server is expected to stay at `subAddress`.
   */
  readonly previousDbAddress?: string | undefined;
  /** Name of the previous server, or a topic that its `handleStream` chooses. Messages under longer topics are ignored. */
  readonly previous: string;
}

/**
 * A Master within a pipeline: gives what a previous server publishes to workers, and their results to the client or the next
 * server.
 */
export class Hub extends Role {
  /** Where results are published. */
  readonly pubAddress: string;
  /** Where workers push their results. */
  readonly workerPullAddress: string;
  /** Where the work is: workers pull it, or ask for it. */
  readonly workerPushAddress: string;
  readonly #previousServer: PreviousServer;

  private constructor(parts: DispatchParts, previousServer: PreviousServer) {
    super(parts);
    this.pubAddress = parts.pubAddress;
    this.workerPullAddress = parts.workerPullAddress;
    this.workerPushAddress = parts.workerPushAddress;
    this.#previousServer = previousServer;
  }

  /**
   * Binds its addresses, dials the previous server, which may start later, and serves until it is closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: HubOptions): Promise<Hub> {
    const own = addressed(options, 'pubAddress', 'workerPullAddress', 'workerPushAddress');
    const { subAddress, previousDbAddress, pubAddress, workerPullAddress, workerPushAddress } = own;
    const source = {
      key: 'sub_address',
      address: subAddress,
      dbAddress: previousDbAddress,
      topic: options.previous,
    };
    const shared = [...addressesOf(source), pubAddress];
    const addresses = [...shared, workerPullAddress, workerPushAddress];
    return openRoleHost(own, 'hub', addresses, async (host) => {
      checkPrevious(options.previous);
      const inputs = host.openPublished(shared, options.gather !== undefined);
      const previousServer = new PreviousServer(host, { ...source, inputs });
      const dispatchSource = {
        sources: [previousServer.frames()],
        inputs,
        stop: (left: () => number) => previousServer.close({ timeout: left() }),
        addresses: { sub_address: subAddress ?? '' },
        previous: options.previous,
        missing: () => [previousServer.missing ?? []].flat(),
      };
      return new Hub(await openDispatch('Hub', host, own, dispatchSource), previousServer);
    });
  }

  /** Resolves once nothing that the previous server publishes can be missed. Rejects with `CLOSED` when it is closed before. */
  ready(): Promise<void> {
    return this.#previousServer.ready();
  }

  /** Address where the previous server publishes; undefined until it is known. */
  get subAddress(): string | undefined {
    return this.#previousServer.address;
  }
}
