/** `frond/cluster`: the serving side. */
export type { Cache } from './cache.ts';
export type { Counters } from './counters.ts';
export type { DistributionOptions } from './distribution.ts';
export type { DownstreamOptions } from './downstream.ts';
export type {
  FunctionContext,
  FunctionResult,
  HandleStream,
  PalmFunction,
  PalmFunctions,
  ResultBytes,
  Spread,
  StreamTarget,
} from './functions.ts';
export type { FunctionOptions, ServingOptions } from './ground.ts';
export { Hub, type HubOptions } from './hub.ts';
export { Master, type MasterOptions } from './master.ts';
export { Pipeline, type PipelineOptions } from './pipeline.ts';
export { Server, type ServerOptions } from './server.ts';
export { Sink, type SinkOptions } from './sink.ts';
export { type RoleDefinition, type RunningRole, startRole } from './start-role.ts';
export type { Losses, ServerStatus, WorkerState } from './status.ts';
export { MemoryStore, type MemoryStoreOptions, type Store } from './store.ts';
export { Worker, type WorkerOptions } from './worker.ts';
