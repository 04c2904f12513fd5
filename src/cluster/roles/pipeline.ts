import { type Downstream, type DownstreamOptions, openDownstream } from '../runtime/downstream.ts';
import { Role } from '../runtime/role.ts';

/** What a pipeline is: pylm's `Pipeline(…)` arguments in camel case, and frond's own. */
export interface PipelineOptions extends DownstreamOptions {
  /** Where the previous server publishes; dialled. Left out, the server at `previousDbAddress` is asked. */
  readonly subAddress?: string | undefined;
  /**
   * `dbAddress` of the previous server, which may come later. It is asked where it publishes, and again after each break: it may
   * be started anew at other addresses. Left out, it is expected at `subAddress` for ever.
   */
  readonly previousDbAddress?: string | undefined;
  /** Name of the previous server, or a topic that its `handleStream` gives. Nothing under longer topics is taken. */
  readonly previous: string;
}

/**
 * Runs functions on what a previous server publishes, and answers the client or feeds the next server. A function that
 * gives nothing ends the message.
 *
 * @example
 * await using pipeline = await Pipeline.start({
 *   transport: zeromq(),
 *   name: 'second',
 *   dbAddress: 'tcp://127.0.0.1:5560',
 *   subAddress: 'tcp://127.0.0.1:5557',    // pubAddress of the server called first
 *   pubAddress: 'tcp://127.0.0.1:5561',
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
   * Binds its addresses, dials the previous server, which may come later, and serves until closed.
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
    return openDownstream('Pipeline', options, [source], (made) => new Pipeline(made));
  }

  /** Where the previous server publishes; undefined until it has said so. */
  get subAddress(): string | undefined {
    return this.#downstream.previousServers[0]?.address;
  }

  /** Resolves once nothing that the previous server publishes can be missed. Rejects with `CLOSED` when closed before. */
  ready(): Promise<void> {
    return this.#downstream.ready();
  }
}
