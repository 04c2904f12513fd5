/**
 * Every option of every public call, and the test that sees it do something. An option that is added is a type error here until it has one.
 * Whether the test looks at what the option promises is for people to judge: that it is there, and speaks of the option, is held here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type {
  HubOptions,
  MasterOptions,
  MemoryStoreOptions,
  PipelineOptions,
  ServerOptions,
  SinkOptions,
  WorkerOptions,
} from '../../src/cluster/index.ts';
import type { RemoteCallOptions } from '../../src/functions/index.ts';
import type { CallOptions, ConnectOptions, EvalOptions, JobOptions, MapOptions } from '../../src/index.ts';
import type { CloseOptions, SubscribeOptions } from '../../src/transport.ts';
import type { NatsOptions } from '../../transports/nats/index.ts';
import type { RelayLimits, RelayOptions, TokenFileOptions } from '../../transports/relay/index.ts';
import type { WebsocketOptions } from '../../transports/websocket/index.ts';
import type { ZeromqOptions } from '../../transports/zeromq/index.ts';
import type { ZmtpOptions } from '../../transports/zmtp/index.ts';

/** Below test/, and the title of a test or of a group in it. */
type Seen = readonly [file: string, title: string];
type Table<O> = { readonly [K in keyof O]-?: Seen };

const connect: Table<ConnectOptions> = {
  transport: [
    'unit/client/core.test.ts',
    'because its signal has aborted before, in which case it opens none',
  ],
  serverName: ['unit/client/core.test.ts', 'names the server that is there: %j'],
  dbAddress: ['unit/client/connect-options.test.ts', '%j: %s'],
  pushAddress: ['unit/client/core.test.ts', 'is not asked for where an address is given'],
  subAddress: ['unit/client/core.test.ts', 'is not asked for where an address is given'],
  session: [
    'client/suite.ts',
    'puts the session in front of every key, gives keys as they are stored, and takes them so',
  ],
  thisConfig: ['client/suite.ts', 'asks nothing with thisConfig'],
  loggingLevel: [
    'unit/client/connect-options.test.ts',
    'log warnings to the console under the name of the client, or what is wanted to where it is wanted',
  ],
  logger: [
    'unit/client/connect-options.test.ts',
    'log warnings to the console under the name of the client, or what is wanted to where it is wanted',
  ],
  id: ['client/suite.ts', 'keeps clients on one server apart, also when one id begins with the other'],
  timeout: ['unit/client/client.test.ts', 'is asked within its own time, or the client’s'],
  signal: ['unit/client/core.test.ts', 'because its signal has aborted before, in which case it opens none'],
  errorSentinel: ['client/suite.ts', 'takes an answer of 0 for a failure only when told to'],
  metadata: ['unit/client/client.test.ts', 'has its metadata, on top of the client’s'],
  interceptors: [
    'unit/client/elaborate.test.ts',
    'is seen by the interceptors, the first one outermost, and may be changed by them',
  ],
  tap: ['unit/client/call-link.test.ts', 'shows the tap the topic and the size of each frame'],
};

const evaluate: Table<EvalOptions> = {
  signal: ['unit/client/call.test.ts', 'when it is aborted, with its id and the reason'],
  timeout: ['unit/client/client.test.ts', 'is asked within its own time, or the client’s'],
  messages: ['client/several-answers.test.ts', 'waits for the good ones that come behind one that failed'],
  cache: ['client/suite.ts', 'hands the cache field and the session to the function untouched'],
  metadata: ['unit/client/client.test.ts', 'has its metadata, on top of the client’s'],
  priority: ['unit/client/client.test.ts', 'has its priority, and is not sent with a bad one'],
  onProgress: ['cluster/progress.test.ts', 'reaches the caller of eval while the function runs'],
  detached: ['cluster/cancel.test.ts', 'that are detached run on, and so do those that want no answer'],
};

/** Of the cache. */
const call: Table<CallOptions> = {
  signal: ['unit/cache-client.test.ts', 'is asked nothing more when the caller gives up'],
  timeout: ['unit/client/client.test.ts', 'is asked within its own time, or the client’s'],
};

const job: Table<JobOptions> = {
  cache: ['client/job-suite.ts', 'carries the cache field'],
  metadata: [
    'unit/client/stream/job.test.ts',
    'a job with metadata of its own, or within interceptors, is opened with them',
  ],
  priority: ['unit/client/client.test.ts', 'has its priority, and is not sent with a bad one'],
  onProgress: ['cluster/progress.test.ts', 'of a map names its input, and of a job is told before its end'],
  signal: ['client/job-suite.ts', 'ends at once with the reason of its signal, and sends no more'],
  detached: ['unit/client/client.test.ts', 'with %j has these features: %i'],
  messages: ['client/job-suite.ts', 'that is to give none sends its input and ends, as in pylm'],
  window: ['client/job-suite.ts', 'takes no more input while its results lie unread'],
  idleTimeout: ['unit/client/stream/job.test.ts', 'with %j is up after %i ms without a result'],
  untilEnd: ['unit/client/stream/job.test.ts', 'by its function, which says that it has given all'],
  onRemoteError: [
    'unit/client/stream/job.test.ts',
    'is given to onRemoteError, counts as a result, and the job goes on',
  ],
};

const map: Table<MapOptions> = {
  cache: ['client/map-suite.ts', 'carry the cache field'],
  metadata: [
    'unit/client/stream/map.test.ts',
    'a map with metadata of its own, or within interceptors, is opened with them',
  ],
  priority: ['unit/client/client.test.ts', 'has its priority, and is not sent with a bad one'],
  onProgress: ['cluster/progress.test.ts', 'of a map names its input, and of a job is told before its end'],
  signal: [
    'client/map-suite.ts',
    'at once with the reason of its signal, sends no more, and lets go of everything',
  ],
  detached: ['unit/client/client.test.ts', 'of a map, too'],
  ordered: [
    'unit/client/stream/map.test.ts',
    'numbers its inputs, and gives their results in their order, or as they come',
  ],
  window: ['client/map-suite.ts', 'that is endless gives no more than are read and window %i'],
  timeout: [
    'unit/client/stream/map.test.ts',
    'sends what has no answer in time, under its number, and takes the first answer',
  ],
  deadline: ['unit/client/stream/map.test.ts', 'is up at the deadline for all of it'],
  retries: [
    'unit/client/stream/attempts.test.ts',
    'an input fails for good after as many retries as are allowed',
  ],
  retryDelay: [
    'unit/client/stream/map.test.ts',
    'sends what has no answer in time, under its number, and takes the first answer',
  ],
  total: ['client/map-suite.ts', 'knows what remains of a list, or of what it is told'],
};

const remoteCall: Table<RemoteCallOptions> = {
  cache: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  metadata: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  priority: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  onProgress: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  signal: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  detached: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
  timeout: ['unit/functions/remote.test.ts', 'pass the options of a call on'],
};

type RoleOptions = ServerOptions & PipelineOptions & SinkOptions & MasterOptions & HubOptions;
const role: Table<RoleOptions> = {
  transport: ['cluster/free-addresses.test.ts', 'a role of %s has all addresses of its own, on loopback'],
  name: ['cluster/life-suite.ts', 'publish their role, their functions and their counters'],
  dbAddress: ['cluster/life-suite.ts', 'publish their role, their functions and their counters'],
  loggingLevel: ['cluster/logging-levels.test.ts', '%s with the level %s'],
  logger: ['cluster/logging-levels.test.ts', '%s with the level %s'],
  store: ['cluster/functions.test.ts', 'share the store with clients'],
  includeStack: [
    'cluster/functions.test.ts',
    'send their stack with the failure if the owner of the server wants that',
  ],
  maxWaiting: ['cluster/counters.test.ts', 'tells its %s'],
  functions: ['cluster/life-suite.ts', 'publish their role, their functions and their counters'],
  interceptors: ['client/interceptors.test.ts', 'stand around its functions, in order, and know the path'],
  handleStream: ['cluster/roles-suite.ts', 'takes what several servers publish'],
  concurrency: [
    'cluster/functions.test.ts',
    'of a server may give several results, and go on while others run',
  ],
  module: ['cluster/threads/threads.test.ts', 'a module that %s'],
  threads: ['cluster/threads/threads.test.ts', 'uses as many threads as there are calls'],
  threadMemory: ['cluster/threads/threads.test.ts', 'because it needs more memory than it may'],
  threadGrace: [
    'cluster/threads/threads.test.ts',
    'gives calls in threads their time, tells them, and ends them then',
  ],
  pullAddress: ['cluster/life-suite.ts', 'publish their role, their functions and their counters'],
  pubAddress: ['cluster/life-suite.ts', 'publish their role, their functions and their counters'],
  pipelined: [
    'cluster/function-results.test.ts',
    'ends the message in a pipeline if it is undefined or null',
  ],
  subAddress: [
    'cluster/functions.test.ts',
    'of a pipeline are not given what is published under a longer topic',
  ],
  subAddresses: ['cluster/roles-suite.ts', 'takes what several servers publish'],
  previous: ['cluster/roles-suite.ts', 'has workers run what a previous server publishes'],
  previousDbAddress: [
    'cluster/pipeline-end.test.ts',
    'a client of the first of three servers hears the last',
  ],
  previousDbAddresses: [
    'cluster/pipeline-end.test.ts',
    'is one place behind branches that come together, and behind a Master and a Hub',
  ],
  toClient: ['cluster/pipeline-end.test.ts', 'a client of the first of three servers hears the last'],
  workerPullAddress: [
    'cluster/life-suite.ts',
    'of a worker that %s wait for their Master, and for the next one at the same address',
  ],
  workerPushAddress: [
    'cluster/life-suite.ts',
    'of a worker that %s wait for their Master, and for the next one at the same address',
  ],
  scatter: ['cluster/functions.test.ts', 'get the same context as scatter, gather and handleStream'],
  gather: ['cluster/functions.test.ts', 'get the same context as scatter, gather and handleStream'],
  heartbeat: [
    'cluster/deaths.long.test.ts',
    'waits for a worker that computes for longer than it may be silent, and has the call run once',
  ],
  workerTimeout: [
    'cluster/deaths.long.test.ts',
    'gives what a stopped worker held to another, even where a worker may be silent for ever',
  ],
  maxDeliveries: ['cluster/deaths.long.test.ts', 'answers a message that kills its workers, and goes on'],
};

const worker: Table<WorkerOptions> = {
  transport: ['cluster/worker-suite.ts', 'works with an infinite concurrency'],
  name: ['cluster/counters.test.ts', 'tells its %s'],
  dbAddress: ['cluster/worker-suite.ts', 'works with an infinite concurrency'],
  pushAddress: [
    'unit/cluster/worker-link/find-work.test.ts',
    'is pushed to where one of its addresses was given',
  ],
  pullAddress: [
    'unit/cluster/worker-link/find-work.test.ts',
    'is pushed to where one of its addresses was given',
  ],
  loggingLevel: ['cluster/logging-levels.test.ts', '%s with the level %s'],
  functions: ['cluster/roles-suite.ts', 'runs as many async functions at once as the worker’s concurrency'],
  interceptors: [
    'client/interceptors.test.ts',
    'stand around generators, and around the functions of workers',
  ],
  concurrency: ['cluster/roles-suite.ts', 'runs as many async functions at once as the worker’s concurrency'],
  logger: ['cluster/logging-levels.test.ts', '%s with the level %s'],
  includeStack: [
    'cluster/functions.test.ts',
    'send their stack with the failure if the owner of the server wants that',
  ],
  timeout: ['cluster/leaks.long.test.ts', 'leave nothing when a worker finds no Master in time'],
  module: ['cluster/threads/threads.test.ts', 'a module that %s'],
  threads: ['cluster/threads/threads.test.ts', 'uses as many threads as there are calls'],
  threadMemory: ['cluster/threads/threads.test.ts', 'because it needs more memory than it may'],
  threadGrace: [
    'cluster/threads/threads.test.ts',
    'gives calls in threads their time, tells them, and ends them then',
  ],
};

const store: Table<MemoryStoreOptions> = {
  maxBytes: ['unit/cluster/runtime/store.test.ts', 'counts each key, even one with an empty value'],
};

const close: Table<CloseOptions> = {
  timeout: ['conformance/closing.ts', 'waits no longer for a server that takes nothing than it is told'],
};

const subscribe: Table<SubscribeOptions> = {
  shared: ['nats/stages.test.ts', 'a %s that is killed in the middle of a job of 2,000 inputs loses none'],
  proofTimeout: ['zmtp/libzmq.long.test.ts', 'SUB that dials, to %s'],
  maxUnread: [
    'conformance/readers.ts',
    'that reads nothing does not hold up the publisher, nor another reader',
  ],
  once: ['zmtp/read-once.test.ts', 'that reads frames once gets views of what was read together'],
  awaited: [
    'zmtp/read-pauses.test.ts',
    'reads them several at once where it knows of many more, each once and in order',
  ],
  from: ['conformance/stored.ts', 'is read from its beginning, and goes on with what comes'],
};

const websocket: Table<WebsocketOptions> = {
  token: ['relay/life/platform.test.ts', 'is asked for again when the provider %s'],
  connectTimeout: [
    'relay/life/platform.test.ts',
    '%s is given up: the next one follows, and what it says later is not heard',
  ],
  maxDelay: ['relay/life/backoff.test.ts', 'are never beyond maxDelay: %s'],
  WebSocket: ['unit/transports/websocket/options.test.ts', 'need a WebSocket'],
};

const nats: Table<NatsOptions> = {
  cacheBytes: ['nats/cache.test.ts', 'refuses a value that is larger than cacheBytes'],
  cacheAge: ['nats/cache.test.ts', 'forgets what is older than cacheAge'],
  maxDeliveries: [
    'nats/sharing.test.ts',
    'a call that every server dies of is answered after maxDeliveries, and gone from the queue',
  ],
  servers: [
    'nats/refusals.test.ts',
    'NATS that is not there: binding fails at once, and dialling waits and says why',
  ],
  cluster: ['nats/names.test.ts', 'clusters of other names on the same NATS do not see each other'],
  user: ['nats/refusals.test.ts', 'the wrong %s, and not the right one'],
  pass: ['nats/refusals.test.ts', 'the wrong %s, and not the right one'],
  token: ['nats/refusals.test.ts', 'the wrong %s, and not the right one'],
  creds: ['nats/refusals.test.ts', 'credentials that another operator signed, and not those of its own'],
  tls: ['nats/tls.test.ts', 'a NATS that verifies clients takes one with the right certificates'],
  replicas: ['nats/refusals.test.ts', 'more copies than there are servers'],
  storage: [
    'nats/streams.test.ts',
    'are made as the options say, and keep that when another says something else',
  ],
  queueBytes: [
    'nats/streams.test.ts',
    'are made as the options say, and keep that when another says something else',
  ],
  queueAge: [
    'nats/streams.test.ts',
    'are made as the options say, and keep that when another says something else',
  ],
  resultBytes: [
    'nats/streams.test.ts',
    'are made as the options say, and keep that when another says something else',
  ],
  resultAge: [
    'nats/streams.test.ts',
    'are made as the options say, and keep that when another says something else',
  ],
  heartbeat: [
    'nats/processes.test.ts',
    'the death of a server is told within seconds, and the next one at its address is found',
  ],
};

const zeromq: Table<ZeromqOptions> = {
  heartbeatInterval: [
    'zeromq/zeromq.test.ts',
    'that freezes is noticed by requests within two heartbeats, by calls a second later, and works again',
  ],
  reconnectInterval: [
    'zeromq/options.test.ts',
    'reconnectMaxInterval is how long zeromq() waits before it dials again, after many times too',
  ],
  reconnectMaxInterval: [
    'zeromq/options.test.ts',
    'reconnectMaxInterval is how long zeromq() waits before it dials again, after many times too',
  ],
  sendHighWaterMark: [
    'zeromq/options.test.ts',
    'sendHighWaterMark is how many messages zeromq() holds for a server that reads nothing',
  ],
  maxOwed: [
    'zeromq/slow-subscribers.long.test.ts',
    'a server says in its log and its counters who lost results',
  ],
  receiveHighWaterMark: [
    'zeromq/slow-subscribers.long.test.ts',
    'a server says in its log and its counters who lost results',
  ],
  maxMessageSize: [
    'zeromq/walls.long.test.ts',
    'that is sent is refused before it leaves, and one at the limit arrives',
  ],
  subscriptionMargin: [
    'zeromq/options.test.ts',
    'waits for subscriptionMargin before it uses a subscription that nobody confirms',
  ],
  curve: ['zeromq/zeromq.test.ts', 'with the right key works, with a pair of one’s own or a fresh one'],
  curveServer: ['zeromq/walls-keys.test.ts', 'is what keeps clients out: without it any key will do'],
};

const zmtp: Table<ZmtpOptions> = {
  heartbeatInterval: [
    'unit/transports/zmtp/link.test.ts',
    'that is silent is asked, and then counts as gone',
  ],
  busyTimeout: ['zmtp/life.long.test.ts', 'stays for as long as the peer said that it may compute'],
  reconnectInterval: ['zmtp/life.long.test.ts', 'backs off, and goes on until there is a server'],
  reconnectMaxInterval: ['zmtp/life.long.test.ts', 'backs off, and goes on until there is a server'],
  connectTimeout: [
    'zeromq/options.test.ts',
    'connectTimeout is how long zmtp() waits for a server that does not accept',
  ],
  handshakeTimeout: ['zmtp/life.long.test.ts', 'goes on behind a server that accepts and says nothing'],
  sendHighWaterBytes: [
    'unit/transports/zmtp/requester.test.ts',
    'refuses a peer that leaves its replies unread',
  ],
  sendHighWaterBytesTotal: [
    'unit/transports/zmtp/bound-publish.test.ts',
    'is bounded: the one with the most is refused, and what waited for one that is gone counts no more',
  ],
  receiveHighWaterMark: [
    'zmtp/read-turns.test.ts',
    'a link that is held up while it waits for its turn loses nothing and keeps the order',
  ],
  maxMessageSize: [
    'unit/transports/zmtp/requester.test.ts',
    'takes messages of so many parts and bytes, and refuses a peer that sends one more',
  ],
  maxMessageParts: [
    'unit/transports/zmtp/requester.test.ts',
    'takes messages of so many parts and bytes, and refuses a peer that sends one more',
  ],
  maxTopicBytes: [
    'unit/transports/zmtp/bound-publish.test.ts',
    'counts its topic and some bytes more until it is cancelled, up to the limit of one peer',
  ],
  maxTopicBytesTotal: [
    'unit/transports/zmtp/bound-publish.test.ts',
    'of the peer with the most ends when all together are over their limit, and gives its bytes back',
  ],
  maxPeers: ['zmtp/hostile.long.test.ts', 'peers beyond maxPeers are turned away'],
  maxPeersPerAddress: [
    'zmtp/peers.test.ts',
    'one address cannot take the places of others, and gets back a place that it leaves',
  ],
  subscriptionMargin: [
    'zeromq/options.test.ts',
    'waits for subscriptionMargin before it uses a subscription that nobody confirms',
  ],
  curve: ['zmtp/curve.test.ts', 'holds for native clients'],
  curveServer: [
    'zmtp/curve.test.ts',
    'refuses where a function never decides, within the time of a handshake',
  ],
};

const relay: Table<RelayOptions> = {
  transport: [
    'relay/check-input.test.ts',
    'refuses a call over WebSocket with the issues, and the server sees none of it',
  ],
  servers: ['relay/life/health.test.ts', 'does not start with grants to a server that there is not'],
  authenticate: [
    'unit/transports/relay/http/admission.test.ts',
    'is what the hook says, or anonymous without a token, and nobody with a wrong one',
  ],
  anonymous: [
    'unit/transports/relay/http/admission.test.ts',
    'is what the hook says, or anonymous without a token, and nobody with a wrong one',
  ],
  origins: ['relay/http/calls.test.ts', 'is by pages of origins that may connect'],
  http: ['relay/life/health.test.ts', 'with %s'],
  checkInput: [
    'relay/check-input.test.ts',
    'refuses a call over WebSocket with the issues, and the server sees none of it',
  ],
  peers: [
    'relay/peers/passing.test.ts',
    'goes on at the other relay with what is under way, and keeps its id',
  ],
  path: [
    'relay/life/health.test.ts',
    'are answered below the path of the WebSocket too, and nothing else is',
  ],
  trustProxy: [
    'relay/life/proxied.test.ts',
    'believes proxies in the networks that are listed, and nobody else',
  ],
  addressOf: [
    'unit/transports/relay/http/upgrade-handler.test.ts',
    'is what addressOf says, up to 128 characters, whatever it is',
  ],
  metrics: ['relay/life/health.test.ts', 'with %s'],
  limits: [
    'relay/attacks/frames.test.ts',
    'takes a frame that is exactly at the limit, and closes with 1009 at one byte more',
  ],
  logger: ['cluster/logging-levels.test.ts', '%s with the level %s'],
  loggingLevel: ['cluster/logging-levels.test.ts', '%s with the level %s'],
};

const limits: Table<RelayLimits> = {
  maxFrame: [
    'relay/attacks/frames.test.ts',
    'takes a frame that is exactly at the limit, and closes with 1009 at one byte more',
  ],
  window: ['relay/attacks/kept.long.test.ts', 'the window is for a server, over all channels to it'],
  maxHeld: ['relay/http/calls.test.ts', 'are not kept for a caller that does not read them'],
  maxHeldTotal: [
    'relay/attacks/together.test.ts',
    'ends those that the most is held for, and serves the others',
  ],
  maxConnections: ['relay/attacks/floods.long.test.ts', 'counts the places of all addresses together'],
  maxConnectionsPerAddress: [
    'relay/attacks/http.test.ts',
    'counts callers that send nothing, and refuses more of their address',
  ],
  maxChannels: ['relay/attacks/order.test.ts', 'closes with 4400 who has more channels than it may'],
  maxRequests: [
    'relay/attacks/order.test.ts',
    'closes with 4400 who has more requests under way than it may, or two of one number',
  ],
  greetingTimeout: [
    'relay/attacks/authenticate.test.ts',
    'closes with 4408 who it hangs for, after the time for the greeting, and lets nobody in later',
  ],
  heartbeat: [
    'relay/attacks/silence.long.test.ts',
    'lets go of who sends half a frame and then nothing, before a greeting and after',
  ],
  resumeWindow: [
    'relay/attacks/restless.long.test.ts',
    'remembers only so many who vanished, only for so long, and keeps nothing of them',
  ],
};

const tokenFile: Table<TokenFileOptions> = {
  name: [
    'unit/transports/relay/auth/token-file.test.ts',
    'is read again when it has changed, and counts on while the new one is no good',
  ],
  logger: [
    'unit/transports/relay/auth/token-file.test.ts',
    'is read again when it has changed, and counts on while the new one is no good',
  ],
  interval: [
    'relay/token-file-changes.test.ts',
    'is looked at when a token is checked, an interval after the last time',
  ],
};

const TABLES: Readonly<Record<string, Readonly<Record<string, Seen>>>> = {
  'Client.connect': connect,
  eval: evaluate,
  'calls of the cache': call,
  job,
  map,
  'functions of remote': remoteCall,
  'Server, Pipeline, Sink, Master and Hub': role,
  Worker: worker,
  MemoryStore: store,
  close,
  subscribe,
  websocket,
  nats,
  zeromq,
  zmtp,
  createRelay: relay,
  'limits of a relay': limits,
  openTokenFile: tokenFile,
};

const tests = fileURLToPath(new URL('..', import.meta.url));

describe.each(Object.entries(TABLES))('of %s', (_what, table) => {
  it.each(Object.entries(table))('%s is seen to do something', (option, [file, title]) => {
    const source = readFileSync(join(tests, file), 'utf8');
    expect(source).toContain(title);
    expect(source).toMatch(new RegExp(`\\b${option}\\b`));
  });
});
