import { invalidCall } from '../protocol/errors.ts';
import { type Downstream, type DownstreamOptions, openDownstream } from './downstream.ts';
import { Role } from './role.ts';

/** What a sink is: pylm's `Sink(…)` arguments in camel case, and frond's own. */
export interface SinkOptions extends DownstreamOptions {
  /** Where the previous servers publish; dialled. */
  readonly subAddresses: readonly string[];
  /** For each of `subAddresses` the name of the server there, or a topic that its `handleStream` gives. */
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
  readonly subAddresses: readonly string[];
  readonly pubAddress: string;
  readonly #ready: () => Promise<void>;

  private constructor(downstream: Downstream, subAddresses: readonly string[]) {
    super(downstream);
    this.subAddresses = subAddresses;
    this.pubAddress = downstream.pubAddress;
    this.#ready = downstream.ready;
  }

  /**
   * Binds its addresses, dials the previous servers, which may come later, and serves until closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: SinkOptions): Promise<Sink> {
    const { subAddresses, previous } = options;
    if (!Array.isArray(subAddresses) || !Array.isArray(previous) || subAddresses.length !== previous.length) {
      throw invalidCall('subAddresses and previous must be lists, with a name in previous for each address');
    }
    if (subAddresses.length === 0) throw invalidCall('a sink needs at least one previous server');
    const sources = subAddresses.map((address: string, i) => {
      return { key: `sub_address_${i}`, address, topic: previous[i] as string };
    });
    return openDownstream('Sink', options, sources, (made) => new Sink(made, [...subAddresses]));
  }

  /** Resolves once nothing that the previous servers publish can be missed. Rejects with `CLOSED` when closed before. */
  ready(): Promise<void> {
    return this.#ready();
  }
}
