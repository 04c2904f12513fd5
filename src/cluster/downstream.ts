/** Pipelines and sinks: servers that run functions on what previous servers publish. */
import { atMost } from '../async/deadline.ts';
import { checkConcurrency, type FunctionOptions, openGround, type ServingOptions } from './ground.ts';
import { checkPrevious, Previous } from './previous.ts';
import { defaultStream } from './publisher.ts';
import type { RoleParts } from './role.ts';

/** What pipelines and sinks have in common. */
export interface DownstreamOptions extends ServingOptions, FunctionOptions {
  /** Where results are published; bound. */
  readonly pubAddress: string;
  /** Results go to the client, and not to the next server. Default true, as in pylm. */
  readonly toClient?: boolean;
}

/** One previous server. */
export interface Source {
  /** Key of the address in the server's cache. */
  readonly key: string;
  readonly address: string;
  readonly topic: string;
}

export interface Downstream extends RoleParts {
  readonly pubAddress: string;
  readonly ready: () => Promise<void>;
}

export function openDownstream<T>(
  role: string,
  options: DownstreamOptions,
  sources: readonly Source[],
  make: (downstream: Downstream) => T,
): Promise<T> {
  const { name, pubAddress, functions, toClient = true } = options;
  const addresses = sources.map(({ address }) => address);
  return openGround(options, role.toLowerCase(), [pubAddress, ...addresses], async (ground) => {
    for (const { topic } of sources) checkPrevious(topic);
    const engine = ground.engine(functions, true);
    const concurrency = checkConcurrency(options.concurrency);
    const stream = options.handleStream ?? defaultStream(name, !toClient);
    const { publisher, address } = await ground.publisher(pubAddress, stream);
    const previous = sources.map((source) => new Previous(ground, source.address, source.topic));
    const flow = ground.flow(engine.run, publisher, { concurrency });
    const inFlight = () => flow.running;
    const keys = Object.fromEntries(sources.map((source) => [source.key, source.address]));
    const db = await ground.serveCache({ ...keys, pub_address: address }, () => ({
      role,
      ...(options.handleStream === undefined && { pipelined: !toClient }),
      previous: sources.map(({ topic }) => topic),
      functions: engine.offered,
      counters: ground.counters(inFlight()),
    }));
    const serving = flow.serve(ground.intake(previous.map((one) => one.frames())));
    const drain = async (left: () => number) => {
      await Promise.all(previous.map(({ subscription }) => subscription.close({ timeout: left() })));
      await atMost(left(), serving);
    };
    const ready = async () => {
      await Promise.all(previous.map(({ subscription }) => subscription.ready()));
    };
    return make({ ground, dbAddress: db.address, pubAddress: address, inFlight, drain, ready });
  });
}
