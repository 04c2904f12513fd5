/** `frond/cluster`: the serving side. */
export type {
  FunctionContext,
  HandleStream,
  PalmFunction,
  PalmFunctions,
  StreamTarget,
} from './functions.ts';
export { Server, type ServerCounters, type ServerOptions } from './server.ts';
export { MemoryStore, type MemoryStoreOptions, type Store } from './store.ts';
