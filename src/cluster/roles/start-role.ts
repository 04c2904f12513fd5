import { inspectValue, invalidCall } from '../../protocol/errors.ts';
import type { BindingTransport } from '../../transport.ts';
import { Hub, type HubOptions } from './hub.ts';
import { Master, type MasterOptions } from './master.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import { Server, type ServerOptions } from './server.ts';
import { Sink, type SinkOptions } from './sink.ts';
import { Worker, type WorkerOptions } from './worker.ts';

type Defined<R extends string, O> = { readonly role: R } & Omit<O, 'transport'>;

/**
 * A role as a module gives it, for `frond serve` and {@link startRole}: what its `start` takes, without the transport,
 * and which one it is.
 *
 * @example
 * export default {
 *   role: 'server',
 *   name: 'greeter',
 *   dbAddress: 'tcp://127.0.0.1:5555',
 *   pullAddress: 'tcp://127.0.0.1:5556',
 *   pubAddress: 'tcp://127.0.0.1:5557',
 *   functions: { greet: (payload) => payload },
 * } satisfies RoleDefinition;
 */
export type RoleDefinition =
  | Defined<'server', ServerOptions>
  | Defined<'pipeline', PipelineOptions>
  | Defined<'sink', SinkOptions>
  | Defined<'master', MasterOptions>
  | Defined<'hub', HubOptions>
  | Defined<'worker', WorkerOptions>;

export type RunningRole = Server | Pipeline | Sink | Master | Hub | Worker;

/**
 * Starts the role that is defined.
 * @throws PalmError `INVALID_CALL` when there is no such role, and what its `start` throws.
 */
export async function startRole(
  definition: RoleDefinition,
  transport: BindingTransport,
): Promise<RunningRole> {
  switch (definition.role) {
    case 'server':
      return Server.start({ ...definition, transport });
    case 'pipeline':
      return Pipeline.start({ ...definition, transport });
    case 'sink':
      return Sink.start({ ...definition, transport });
    case 'master':
      return Master.start({ ...definition, transport });
    case 'hub':
      return Hub.start({ ...definition, transport });
    case 'worker':
      return Worker.start({ ...definition, transport });
    default: {
      const { role } = definition as { readonly role: unknown };
      throw invalidCall(
        `role must be server, pipeline, sink, master, hub or worker, not ${inspectValue(role)}`,
      );
    }
  }
}
