/** `frond/cluster`: the serving side. */

export type { DistributionOptions } from './dispatch/scatter-gather.ts';
export { Hub, type HubOptions } from './roles/hub.ts';
export { Master, type MasterOptions } from './roles/master.ts';
export { Pipeline, type PipelineOptions } from './roles/pipeline.ts';
export { Server, type ServerOptions } from './roles/server.ts';
export { Sink, type SinkOptions } from './roles/sink.ts';
export { type RoleDefinition, type RunningRole, startRole } from './roles/start-role.ts';
export { Worker, type WorkerOptions } from './roles/worker.ts';
export type { DownstreamOptions } from './runtime/downstream.ts';
export type {
  Cache,
  FunctionContext,
  FunctionResult,
  HandleStream,
  PalmFunction,
  PalmFunctions,
  ResultBytes,
  Spread,
  StreamTarget,
} from './runtime/functions.ts';
export type { FunctionOptions, ServingOptions } from './runtime/role-host.ts';
export type { Counters, Losses, ServerStatus, WorkerState } from './runtime/status.ts';
export { MemoryStore, type MemoryStoreOptions, type Store } from './runtime/store.ts';
