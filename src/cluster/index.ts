/** `frond/cluster`: the serving side. */

export { type Describable, describeFunction } from '../functions/contract/description.ts';
export type { CallHandler, InterceptedCall, Interceptor } from '../interceptor.ts';
export { jsonLogger } from '../logging.ts';
export {
  type Distribution,
  METRICS_TYPE,
  type Metric,
  metricsText,
  type Sample,
} from '../metrics.ts';
export type { Metadata } from '../protocol/metadata.ts';
// Names of 0.1, until 0.3.
/** @deprecated {@link DispatchOptions} */
export type { DispatchOptions, DispatchOptions as DistributionOptions } from './dispatch/scatter-gather.ts';
export { Hub, type HubOptions } from './roles/hub.ts';
export { Master, type MasterOptions } from './roles/master.ts';
export { Pipeline, type PipelineOptions } from './roles/pipeline.ts';
export { Server, type ServerOptions } from './roles/server.ts';
export { Sink, type SinkOptions } from './roles/sink.ts';
export { type RoleDefinition, type RunningRole, startRole } from './roles/start-role.ts';
export { Worker, type WorkerOptions } from './roles/worker.ts';
export type { DownstreamOptions } from './runtime/downstream.ts';
/** @deprecated {@link MessageTransform} */
export type {
  Cache,
  FunctionContext,
  FunctionResult,
  HandleStream,
  MessageTransform,
  MessageTransform as Spread,
  PalmFunction,
  PalmFunctions,
  ResultBytes,
  StreamTarget,
} from './runtime/functions.ts';
export type { FunctionOptions, ServingOptions } from './runtime/serving-options.ts';
/** @deprecated {@link WorkerLosses} */
export type {
  Counters,
  ServerStatus,
  WorkerLosses,
  WorkerLosses as Losses,
  WorkerState,
} from './runtime/status.ts';
export { MemoryStore, type MemoryStoreOptions, type Store } from './runtime/store.ts';
export type { ThreadOptions } from './runtime/threads/options.ts';
export { asPalmFunction, type OfferedFunction, type OfferedFunctions } from './runtime/typed-function.ts';
