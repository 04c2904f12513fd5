import { inspectValue, invalidCall } from '../../protocol/errors.ts';
import type { BindingTransport } from '../../transport.ts';
import { Hub, type HubOptions } from './hub.ts';
import { Master, type MasterOptions } from './master.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import { Server, type ServerOptions } from './server.ts';
import { Sink, type SinkOptions } from './sink.ts';
import { Worker, type WorkerOptions } from './worker.ts';

/**
 * A role as a module defines it for `frond serve` and {@link startRole}: its class, and the options of its `start` without the
 * transport.
 *
 * @example
 * export default {
 *   role: 'server',
 *   name: 'greeter',
 *   dbAddress: 'tcp://127.0.0.1:5555',
 *   functions: { greet: (payload) => payload },
 * } satisfies RoleDefinition;
 */
export type RoleDefinition =
  | ({ readonly role: 'server' } & Omit<ServerOptions, 'transport'>)
  | ({ readonly role: 'pipeline' } & Omit<PipelineOptions, 'transport'>)
  | ({ readonly role: 'sink' } & Omit<SinkOptions, 'transport'>)
  | ({ readonly role: 'master' } & Omit<MasterOptions, 'transport'>)
  | ({ readonly role: 'hub' } & Omit<HubOptions, 'transport'>)
  | ({ readonly role: 'worker' } & Omit<WorkerOptions, 'transport'>);

/** A role that {@link startRole} started. */
export type RunningRole = Server | Pipeline | Sink | Master | Hub | Worker;

/**
 * Starts the role of a definition.
 * @throws PalmError `INVALID_CALL` when there is no such role, and all that its `start` throws.
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
