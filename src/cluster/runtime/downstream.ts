/** Pipelines and sinks: servers that run functions on what previous servers publish. */
import { atMost } from '../../async/timers.ts';
import { checkLimit } from '../../checks.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { inspectValue } from '../../protocol/errors.ts';
import { type PalmMessage, Status } from '../../protocol/message.ts';
import { FAILED_PAYLOAD } from './failures.ts';
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

// What a caller hears at the server that its message went on from: that it failed there, or goes where nothing is to be done.

/**
 * A failure goes on to the end of the pipeline, where its caller listens. One that listens at this server instead would never
 * hear of it: it is told here as well. So is one whose path ends here, although results go on. Nobody hears both, since a client
 * listens at one server. What comes of that path further on is for the servers there: as in pylm, one of the same name runs
 * it once more.
 */
export class PipelineNews {
  readonly #name: string;
  /** Most paths are those of the message before. */
  #recent = { path: '', stages: 1 };

  /** @param name - of the server. */
  constructor(name: string) {
    this.#name = name;
  }

  /** @param result - as it is before its stage is counted up. */
  of(result: PalmMessage): PalmMessage | undefined {
    if (result.status !== Status.ok) return { ...result };
    const stages = this.#stagesOf(result.function);
    // A path of one stage is that stage, whatever the message says.
    if (stages > 1 && result.stage < stages - 1) return undefined;
    const text = `server ${inspectValue(this.#name)} passes its results on to the next server of a pipeline, and ${inspectValue(result.function)} names no function of that one: call '${result.function} <next server>.<function>', and listen at the last server`;
    const payload: Bytes = new Uint8Array([FAILED_PAYLOAD]);
    return { ...result, payload, status: Status.unknownFunction, error: text, errorName: '' };
  }

  #stagesOf(path: string): number {
    if (path !== this.#recent.path) this.#recent = { path, stages: path.split(/\s+/).length };
    return this.#recent.stages;
  }
}
