/** The examples, by the names of their folders, and what each shows. */
export const examples = {
  single: 'A server answers one call.',
  parallel: 'A master shares a stream of calls among its workers.',
  cache: 'Client and worker share a value through the cache of the master.',
  scatter: 'A master makes three messages of each.',
  gather: 'A master sees each result before the client does, and changes the last.',
  pipeline: 'A server feeds a pipeline, which answers the client.',
  'master-pipeline': 'A master feeds a pipeline.',
  tee: 'Two pipelines take the same stream; one of them answers.',
  stream: 'A server chooses which of two pipelines gets a message; one of them answers.',
  sink: 'A sink takes what a server publishes, and answers the client.',
  'stream-sink': 'A server chooses between two pipelines; a sink brings their results together.',
  hub: 'A server feeds a hub, which has its workers do the work.',
  mux: 'A worker gives two results for each message.',
  error: 'A function fails, and the client is told why.',
  logging: 'Functions log, through a logger of our own.',
};
