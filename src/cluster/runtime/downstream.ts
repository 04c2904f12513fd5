/** What Pipeline and Sink share: they run functions on what previous servers publish. */
import { atMost } from '../../async/timers.ts';
import {
  addressesOf,
  checkPrevious,
  PreviousServer,
  type PreviousServerSettings,
} from './previous-server.ts';
import { defaultStream } from './publisher.ts';
import type { RoleParts } from './role.ts';
import { openRoleHost } from './role-host.ts';
import { addressed, type FunctionOptions, type ServingOptions } from './serving-options.ts';

/** Options that pipelines and sinks share. */
export interface DownstreamOptions extends ServingOptions, FunctionOptions {
  /** Address to bind, where results are published. Default: a free one beside `dbAddress`. */
  readonly pubAddress?: string | undefined;
  /** Whether results go to the client and not to the next server. Default true, as in pylm. */
  readonly toClient?: boolean | undefined;
}

/** The opened parts of a pipeline or sink. */
export interface Downstream extends RoleParts {
  readonly pubAddress: string;
  readonly previousServers: readonly PreviousServer[];
  /** Resolves once nothing that the previous servers publish can be missed. */
  readonly ready: () => Promise<void>;
}

/**
 * Opens a pipeline or sink and has it made; closes everything again when that fails.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable or an address that is taken.
 */
export async function openDownstream<T>(
  role: string,
  options: DownstreamOptions,
  sources: readonly PreviousServerSettings[],
  make: (downstream: Downstream) => T,
): Promise<T> {
  const own = addressed(options, 'pubAddress');
  const { name, pubAddress, toClient = true } = own;
  return openRoleHost(
    own,
    role.toLowerCase(),
    [pubAddress, ...sources.flatMap(addressesOf)],
    async (host) => {
      for (const { topic } of sources) checkPrevious(topic);
      const { functions, concurrency } = await host.running(options);
      const inputs = host.openPublished([pubAddress, ...sources.flatMap(addressesOf)]);
      const engine = host.engine(functions, true, options.interceptors);
      const stream = options.handleStream ?? defaultStream(name, !toClient);
      const { publisher, address } = await host.publisher(pubAddress, stream);
      const previousServers = sources.map((source) => new PreviousServer(host, { ...source, inputs }));
      const flow = host.flow(engine.run, publisher, { concurrency });
      const inFlight = () => flow.running;
      const keys = Object.fromEntries(sources.map(({ key, address = '' }) => [key, address]));
      const db = await host.serveCache({ ...keys, pub_address: address }, () => ({
        role,
        ...(options.handleStream === undefined && { pipelined: !toClient }),
        previous: sources.map(({ topic }) => topic),
        functions: engine.functionNames,
        counters: host.meter.counters(inFlight()),
      }));
      const ahead = inputs && 1;
      const serving = flow.serve(
        host.intake(
          previousServers.map((server) => server.frames()),
          { ahead },
        ),
      );
      const drain = async (left: () => number) => {
        await Promise.all(previousServers.map((server) => server.close({ timeout: left() })));
        await atMost(left(), serving);
      };
      const ready = async () => {
        await Promise.all(previousServers.map((server) => server.ready()));
      };
      return make({
        host,
        role: role.toLowerCase(),
        engine,
        dbAddress: db.address,
        pubAddress: address,
        previousServers,
        inFlight,
        missing: () => previousServers.flatMap(({ missing }) => missing ?? []),
        drain,
        ready,
      });
    },
  );
}
