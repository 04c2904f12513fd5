import { atMost } from '../../async/timers.ts';
import { batchesOf } from '../runtime/open-inputs.ts';
import { defaultStream } from '../runtime/publisher.ts';
import { Role, type RoleParts } from '../runtime/role.ts';
import { openRoleHost } from '../runtime/role-host.ts';
import { addressed, type FunctionOptions, type ServingOptions } from '../runtime/serving-options.ts';

/** Options of a server: pylm's `Server(…)` arguments in camel case, and frond's own. */
export interface ServerOptions extends ServingOptions, FunctionOptions {
  /** Address to bind, where clients push calls. Default: a free one beside `dbAddress`. */
  readonly pullAddress?: string | undefined;
  /** Address to bind, where answers are published. Default: a free one beside `dbAddress`. */
  readonly pubAddress?: string | undefined;
  /** Whether results go to the next server of a pipeline and not to the client. Default false. */
  readonly pipelined?: boolean | undefined;
}

/**
 * Runs functions and answers the client or feeds a pipeline. On the wire it is pylm's `Server`, but nothing that a client
 * sends can stop it: as in pylm, the answer to a call that fails is `0`, with the reason beside it for frond clients.
 *
 * @example
 * await using server = await Server.start({
 *   transport: zmtp(),
 *   name: 'server',
 *   dbAddress: 'tcp://127.0.0.1:5555',
 *   functions: { reverse: (payload) => payload.slice().reverse() },
 * });
 */
export class Server extends Role {
  /** Where clients push their calls. */
  readonly pullAddress: string;
  /** Where results are published. */
  readonly pubAddress: string;

  private constructor(parts: RoleParts, pullAddress: string, pubAddress: string) {
    super(parts);
    this.pullAddress = pullAddress;
    this.pubAddress = pubAddress;
  }

  /**
   * Binds its addresses and serves until it is closed.
   * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const own = addressed(options, 'pullAddress', 'pubAddress');
    const { name, pullAddress, pubAddress, pipelined = false } = own;
    return openRoleHost(own, 'server', [pullAddress, pubAddress], async (host) => {
      const { functions, concurrency } = await host.running(own);
      const engine = host.engine(functions, false, own.interceptors);
      const pull = await host.connection.bindPull(pullAddress, host.sharing);
      const inputs = host.openInputs(pull);
      const stream = options.handleStream ?? defaultStream(name, pipelined);
      const { publisher, address } = await host.publisher(pubAddress, stream);
      const flow = host.flow(engine.run, publisher, { concurrency });
      const inFlight = () => flow.running;
      const db = await host.serveCache({ pull_address: pull.address, pub_address: address }, () => ({
        role: 'Server',
        ...(options.handleStream === undefined && { pipelined }),
        functions: engine.functionNames,
        counters: host.meter.counters(inFlight()),
      }));
      const { sources, prompt } = batchesOf(pull, inputs);
      // Where servers share the work, what waits here would wait for nothing while another one is idle.
      const serving = flow.serve(host.intake(sources, { ahead: inputs && 1 }, prompt));
      const drain = async (left: () => number) => {
        pull.stop();
        // A function that never ends must not keep the server from closing.
        await atMost(left(), serving);
      };
      const parts = { host, role: 'server', engine, dbAddress: db.address, inFlight, drain };
      return new Server(parts, pull.address, address);
    });
  }
}
