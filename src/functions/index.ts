/** `frond/functions`: what functions with types are written with, for server and client alike. */

export type { Issue } from '../protocol/errors.ts';
export { msgpack } from '../protocol/msgpack.ts';
export { bytes, json, type PayloadCodec, text } from '../protocol/payload.ts';
export {
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint16,
  uint32,
  uint64,
} from '../protocol/typed-arrays.ts';
export type {
  Definitions,
  ErrorShapes,
  FunctionContract,
  FunctionDefinition,
  Results,
  StreamDefinition,
} from './contract/definition.ts';
export type {
  FunctionDescription,
  JsonSchema,
  ShapeDescription,
} from './contract/description.ts';
export type { Given, Shape, Taken } from './contract/shape.ts';
export { fn, functions } from './fn.ts';
export {
  type PipelineErrors,
  type PipelineStage,
  pipeline,
  type RemoteCallOptions,
  type RemoteFunction,
  type RemoteFunctions,
  type RemoteStream,
  remote,
} from './remote.ts';
export { isErrorOf, type RemoteError } from './remote-error.ts';
