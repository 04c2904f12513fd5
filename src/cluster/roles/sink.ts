import { invalidCall } from '../../protocol/errors.ts';
import { type Downstream, type DownstreamOptions, openDownstream } from '../runtime/downstream.ts';
import { Role } from '../runtime/role.ts';

/** What a sink is: pylm's `Sink(…)` arguments in camel case, and frond's own. */
export interface SinkOptions extends DownstreamOptions {
  /** Where the previous servers publish; dialled. Left out, the servers at `previousDbAddresses` are asked. */
  readonly subAddresses?: readonly string[] | undefined;
  /**
   * `dbAddress` of each previous server, which may come later. They are asked where they publish, and again after each break:
   * one may be started anew at other addresses. Left out, they are expected at `subAddresses` for ever.
   */
  readonly previousDbAddresses?: readonly string[] | undefined;
  /** For each of them the name of the server there, or a topic that its `handleStream` gives. */
  readonly previous: readonly string[];
}

/**
 * Runs functions on what several previous servers publish, and answers the client or feeds the next server. A function
 * that gives nothing ends the message.
 *
 * @example
 * await using sink = await Sink.start({
 *   transport: zeromq(),
 *   name: 'sink',
 *   dbAddress: 'tcp://127.0.0.1:5580',
 *   subAddresses: ['tcp://127.0.0.1:5561', 'tcp://127.0.0.1:5571'],
 *   previous: ['even', 'odd'],
 *   pubAddress: 'tcp://127.0.0.1:5581',
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
   * Binds its addresses, dials the previous servers, which may come later, and serves until closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: SinkOptions): Promise<Sink> {
    const { subAddresses, previousDbAddresses, previous } = options;
    const lists = [subAddresses, previousDbAddresses].filter((list) => list !== undefined);
    const isFine = (list: unknown) => Array.isArray(list) && list.length === previous.length;
    if (!Array.isArray(previous) || lists.length === 0 || !lists.every(isFine)) {
      throw invalidCall(
        'previous must be a list, and subAddresses, or previousDbAddresses, one with an address for each name in it',
      );
    }
    if (previous.length === 0) throw invalidCall('a sink needs at least one previous server');
    const sources = previous.map((topic: string, i) => {
      const dbAddress = previousDbAddresses?.[i];
      return { key: `sub_address_${i}`, address: subAddresses?.[i], dbAddress, topic };
    });
    return openDownstream('Sink', options, sources, (made) => new Sink(made));
  }

  /** Where the previous servers publish; undefined for one that has not said so yet. */
  get subAddresses(): readonly (string | undefined)[] {
    return this.#downstream.previousServers.map(({ address }) => address);
  }

  /** Resolves once nothing that the previous servers publish can be missed. Rejects with `CLOSED` when closed before. */
  ready(): Promise<void> {
    return this.#downstream.ready();
  }
}
