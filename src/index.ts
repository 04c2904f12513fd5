/** `frond`: a client for PALM clusters. */

export type { FunctionPath } from './client/call.ts';
export type { CallProgress } from './client/call-progress.ts';
export {
  type Answers,
  type CallOptions,
  Client,
  type ClientStatus,
  type EvalOptions,
} from './client/client.ts';
export type { ConnectOptions } from './client/connect-options.ts';
export { type DetachedJobOptions, detachedJob, type ResumeOptions, resumeJob } from './client/detached.ts';
export type { Payloads } from './client/stream/input.ts';
export type { DetachedJob, DetachedProgress, Job, JobProgress } from './client/stream/job-results.ts';
export type { MapOutcome, MapProgress, MapResults } from './client/stream/map-results.ts';
export type { JobOptions, MapOptions } from './client/stream/options.ts';
export { readable } from './client/stream/readable.ts';
export type { CallHandler, InterceptedCall, Interceptor } from './interceptor.ts';
export type { LogFields, Logger, LoggingLevel } from './logging.ts';
export type { Bytes } from './protocol/bytes.ts';
export { PalmError, type PalmErrorCode, type PalmErrorDetails } from './protocol/errors.ts';
export type { PalmMessage } from './protocol/message.ts';
export type { Metadata } from './protocol/metadata.ts';
export { msgpack } from './protocol/msgpack.ts';
export { bytes, json, type PayloadCodec, text } from './protocol/payload.ts';
export type { Progress } from './protocol/progress.ts';
export type { Tap, TapEvent } from './tap.ts';
export type * from './transport.ts';
/** @deprecated {@link BatchSource}; the name of 0.1, until 0.3. */
export type { BatchSource as Batches } from './transport.ts';
