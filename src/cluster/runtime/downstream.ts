/** Pipelines and sinks: servers that run functions on what previous servers publish. */
import { atMost } from '../../async/timers.ts';

import { checkLimit } from '../../checks.ts';
import { addressesOf, checkPrevious, PreviousServer, type Source } from './previous-server.ts';
import { defaultStream } from './publisher.ts';
import type { RoleParts } from './role.ts';
import { type FunctionOptions, openGround, type ServingOptions } from './role-host.ts';

/** What pipelines and sinks have in common. */
export interface DownstreamOptions extends ServingOptions, FunctionOptions {
  /** Where results are published; bound. */
  readonly pubAddress: string;
  /** Results go to the client, and not to the next server. Default true, as in pylm. */
  readonly toClient?: boolean | undefined;
}

export interface Downstream extends RoleParts {
  readonly pubAddress: string;
  readonly previous: readonly PreviousServer[];
  readonly ready: () => Promise<void>;
}

export function openDownstream<T>(
  role: string,
  options: DownstreamOptions,
  sources: readonly Source[],
  make: (downstream: Downstream) => T,
): Promise<T> {
  const { name, pubAddress, functions, toClient = true } = options;
  return openGround(
    options,
    role.toLowerCase(),
    [pubAddress, ...sources.flatMap(addressesOf)],
    async (ground) => {
      for (const { topic } of sources) checkPrevious(topic);
      const engine = ground.engine(functions, true);
      const concurrency = checkLimit('concurrency', options.concurrency ?? 1);
      const stream = options.handleStream ?? defaultStream(name, !toClient);
      const { publisher, address } = await ground.publisher(pubAddress, stream);
      const previous = sources.map((source) => new PreviousServer(ground, source));
      const flow = ground.flow(engine.run, publisher, { concurrency });
      const inFlight = () => flow.running;
      const keys = Object.fromEntries(sources.map(({ key, address = '' }) => [key, address]));
      const db = await ground.serveCache({ ...keys, pub_address: address }, () => ({
        role,
        ...(options.handleStream === undefined && { pipelined: !toClient }),
        previous: sources.map(({ topic }) => topic),
        functions: engine.offered,
        counters: ground.counters(inFlight()),
      }));
      const serving = flow.serve(ground.intake(previous.map((one) => one.frames())));
      const drain = async (left: () => number) => {
        await Promise.all(previous.map((one) => one.close({ timeout: left() })));
        await atMost(left(), serving);
      };
      const ready = async () => {
        await Promise.all(previous.map((one) => one.ready()));
      };
      return make({ ground, dbAddress: db.address, pubAddress: address, previous, inFlight, drain, ready });
    },
  );
}
