import { invalidCall } from '../../protocol/errors.ts';
import { type Downstream, type DownstreamOptions, openDownstream } from '../runtime/downstream.ts';
import { Role } from '../runtime/role.ts';

/** Options of a sink: pylm's `Sink(…)` arguments in camel case, and frond's own. */
export interface SinkOptions extends DownstreamOptions {
  /** Addresses to dial, where the previous servers publish. Default: the servers at `previousDbAddresses` are asked. */
  readonly subAddresses?: readonly string[] | undefined;
  /**
   * `dbAddress` of each previous server, which may start later. They are asked where they publish, again after each break, since they
   * may restart at other addresses. Without them, the servers are expected to stay at `subAddresses`.
   */
  readonly previousDbAddresses?: readonly string[] | undefined;
  /** For each address the name of the server there, or a topic that its `handleStream` chooses. */
  readonly previous: readonly string[];
}

/**
 * Runs functions on what several previous servers publish, and answers the client or feeds the next server. A function
 * that returns nothing ends the message.
 *
 * @example
 * await using sink = await Sink.start({
 *   transport: zmtp(),
 *   name: 'sink',
 *   dbAddress: 'tcp://127.0.0.1:5580',
 *   subAddresses: ['tcp://127.0.0.1:5561', 'tcp://127.0.0.1:5571'],
 *   previous: ['even', 'odd'],
 *   functions: { collect: (payload) => payload },
 * });
 */
export class Sink extends Role {
  /** Where results are published. */
  readonly pubAddress: string;
  readonly #downstream: Downstream;

  private constructor(downstream: Downstream) {
    super(downstream);
    this.pubAddress = downstream.pubAddress;
    this.#downstream = downstream;
  }

  /**
   * Binds its addresses, dials the previous servers, which may start later, and serves until it is closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: SinkOptions): Promise<Sink> {
    const { subAddresses, previousDbAddresses, previous } = options;
    const lists = [subAddresses, previousDbAddresses].filter((list) => list !== undefined);
    const fits = (list: unknown) => Array.isArray(list) && list.length === previous.length;
    if (!Array.isArray(previous) || lists.length === 0 || !lists.every(fits)) {
      throw invalidCall(
        'previous must be a list of names, and subAddresses or previousDbAddresses a list with an address for each of them',
      );
    }
    if (previous.length === 0) throw invalidCall('a sink needs at least one previous server');
    const sources = previous.map((topic: string, i) => {
      const dbAddress = previousDbAddresses?.[i];
      return { key: `sub_address_${i}`, address: subAddresses?.[i], dbAddress, topic };
    });
    return openDownstream('Sink', options, sources, (downstream) => new Sink(downstream));
  }

  /** Addresses where the previous servers publish; undefined for each that is not known yet. */
  get subAddresses(): readonly (string | undefined)[] {
    return this.#downstream.previousServers.map(({ address }) => address);
  }

  /** Resolves once nothing that the previous servers publish can be missed. Rejects with `CLOSED` when it is closed before. */
  ready(): Promise<void> {
    return this.#downstream.ready();
  }
}
