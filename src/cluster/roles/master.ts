import { type DispatchOptions, type DispatchParts, openDispatch } from '../dispatch/scatter-gather.ts';
import { batchesOf } from '../runtime/open-inputs.ts';
import { Role } from '../runtime/role.ts';
import { openRoleHost } from '../runtime/role-host.ts';
import { addressed } from '../runtime/serving-options.ts';

/** Options of a master: pylm's `Master(…)` arguments in camel case, and frond's own. */
export interface MasterOptions extends DispatchOptions {
  /** Address to bind, where clients push calls. Default: a free one beside `dbAddress`. */
  readonly pullAddress?: string | undefined;
}

/**
 * Gives calls to workers, and their results to the client or the next server. Workers may be frond's, pylm's or both.
 *
 * @example
 * await using master = await Master.start({
 *   transport: zmtp(),
 *   name: 'master',
 *   dbAddress: 'tcp://127.0.0.1:5559',
 *   *scatter(message) {
 *     for (let i = 0; i < 3; i++) yield message;
 *   },
 * });
 */
export class Master extends Role {
  /** Where clients push their calls. */
  readonly pullAddress: string;
  /** Where results are published. */
  readonly pubAddress: string;
  /** Where workers push their results. */
  readonly workerPullAddress: string;
  /** Where the work is: workers pull it, or ask for it. */
  readonly workerPushAddress: string;

  private constructor(parts: DispatchParts, pullAddress: string) {
    super(parts);
    this.pullAddress = pullAddress;
    this.pubAddress = parts.pubAddress;
    this.workerPullAddress = parts.workerPullAddress;
    this.workerPushAddress = parts.workerPushAddress;
  }

  /**
   * Binds its addresses and serves until it is closed. Workers may come and go.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: MasterOptions): Promise<Master> {
    const own = addressed(options, 'pullAddress', 'pubAddress', 'workerPullAddress', 'workerPushAddress');
    const { pullAddress, pubAddress, workerPullAddress, workerPushAddress } = own;
    const addresses = [pullAddress, pubAddress, workerPullAddress, workerPushAddress];
    return openRoleHost(own, 'master', addresses, async (host) => {
      const pull = await host.connection.bindPull(pullAddress, host.sharing);
      const inputs = host.openInputs(pull, own.gather !== undefined);
      const source = {
        ...batchesOf(pull, inputs),
        inputs,
        stop: async () => pull.stop(),
        addresses: { pull_address: pull.address },
      };
      return new Master(await openDispatch('Master', host, own, source), pull.address);
    });
  }
}
