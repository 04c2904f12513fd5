import { type Downstream, type DownstreamOptions, openDownstream } from '../runtime/downstream.ts';
import { Role } from '../runtime/role.ts';

/** Options of a pipeline: pylm's `Pipeline(…)` arguments in camel case, and frond's own. */
export interface PipelineOptions extends DownstreamOptions {
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
 * Runs functions on what a previous server publishes, and answers the client or feeds the next server. A function that
 * returns nothing ends the message.
 *
 * @example
 * await using pipeline = await Pipeline.start({
 *   transport: zmtp(),
 *   name: 'second',
 *   dbAddress: 'tcp://127.0.0.1:5560',
 *   subAddress: 'tcp://127.0.0.1:5557',    // pubAddress of the server called first
 *   previous: 'first',
 *   functions: { count: (payload) => new Uint8Array([payload.length]) },
 * });
 */
export class Pipeline extends Role {
  /** Where results are published. */
  readonly pubAddress: string;
  readonly #downstream: Downstream;

  private constructor(downstream: Downstream) {
    super(downstream);
    this.pubAddress = downstream.pubAddress;
    this.#downstream = downstream;
  }

  /**
   * Binds its addresses, dials the previous server, which may start later, and serves until it is closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: PipelineOptions): Promise<Pipeline> {
    const { subAddress, previousDbAddress, previous } = options;
    const source = {
      key: 'sub_address',
      address: subAddress,
      dbAddress: previousDbAddress,
      topic: previous,
    };
    return openDownstream('Pipeline', options, [source], (downstream) => new Pipeline(downstream));
  }

  /** Address where the previous server publishes; undefined until it is known. */
  get subAddress(): string | undefined {
    return this.#downstream.previousServers[0]?.address;
  }

  /** Resolves once nothing that the previous server publishes can be missed. Rejects with `CLOSED` when it is closed before. */
  ready(): Promise<void> {
    return this.#downstream.ready();
  }
}
