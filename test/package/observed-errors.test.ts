/**
 * Every place that makes an error with a code, and the test that sees it; and each value of `sent` that docs/guide/errors.md claims. A place
 * that is added fails here until it has a test. Whether a test looks at what the error promises is for people to judge.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Below test/, and the title of a test or of a group in it. */
type Seen = readonly [file: string, title: string];

/** The code of an error that is made with that of another, or with what a peer says. */
const GIVEN = 'as given';

/** The codes that a file makes, and who sees each; or why nobody does. */
const PLACES: Readonly<Record<string, Readonly<Record<string, Seen | string>>>> = {
  'src/async/open-calls.ts': {
    CLOSED: ['unit/async/open-calls.test.ts', 'are refused after closing, and nothing was sent'],
  },
  'src/cache-client.ts': {
    PROTOCOL: ['unit/cache-client.test.ts', 'that says another key is not believed'],
    TIMEOUT: ['unit/cache-client.test.ts', 'that does not answer is given up in time'],
    'as given': ['unit/cache-client.test.ts', 'that answers with the status %i gives %s'],
  },
  'src/checks.ts': {
    INVALID_CALL: ['unit/checks.test.ts', 'refuse the time-out %s'],
  },
  'src/client/call-link.ts': {
    PROTOCOL: [
      'unit/client/call-link.test.ts',
      'reads all frames of a delivery, beyond one that it cannot read',
    ],
    TIMEOUT: ['unit/client/call-link.test.ts', 'is told with what is known: %s, %s'],
    'as given': [
      'unit/client/call-link.test.ts',
      'sends each call once it is ready, and tells the outcome that a plain model says',
    ],
  },
  'src/client/call.ts': {
    INVALID_CALL: ['unit/client/call.test.ts', 'is refused for %s'],
    REMOTE: ['unit/client/call.test.ts', "of one byte, '0', is a failure only where the caller says so"],
    'as given': ['unit/client/call.test.ts', 'when the function failed'],
  },
  'src/client/client.ts': {
    INVALID_CALL: ['unit/client/client.test.ts', 'of %j is refused, and nothing is sent'],
    PROTOCOL: ['unit/client/client.test.ts', 'whose answer is of another format fails with its name'],
  },
  'src/client/connect-options.ts': {
    INVALID_CALL: ['unit/client/connect-options.test.ts', '%j: %s'],
  },
  'src/client/core.ts': {
    INVALID_CALL: ['unit/client/core.test.ts', 'a server without addresses for calls takes none'],
    TIMEOUT: ['unit/client/core.test.ts', 'to a server that does not answer'],
    WRONG_SERVER: ['unit/client/core.test.ts', 'to a server of another name'],
  },
  'src/client/elaborate.ts': {
    INVALID_CALL: ['unit/client/elaborate.test.ts', 'are refused when they are not acceptable: %j'],
  },
  'src/client/follow.ts': {
    DISCONNECTED: [
      'unit/client/follow.test.ts',
      'tells calls under way at the old address that they are lost',
    ],
    PROTOCOL: [
      'unit/client/follow.test.ts',
      'is asked again at once when the connection to its cache breaks',
    ],
    'as given': ['unit/client/follow.test.ts', 'gets no calls: they fail until the right one is back'],
  },
  'src/client/loader.ts': {
    DISCONNECTED: [
      'unit/client/lazy.test.ts',
      'say what failed when it cannot be loaded, and try again when they are read again',
    ],
  },
  'src/client/stream/job-sender.ts': {
    INVALID_CALL: [
      'unit/client/stream/job.test.ts',
      'a job names the input that cannot be sent, after the results before it',
    ],
  },
  'src/client/stream/job.ts': {
    PROTOCOL: ['unit/client/stream/job.test.ts', 'is a result of another format: what is unread is dropped'],
  },
  'src/client/stream/reading.ts': {
    INVALID_CALL: ['unit/client/stream/reading.test.ts', '%j is no place'],
  },
  'src/client/stream/resumed-link.ts': {
    CANCELLED: [
      'nats/jobs.test.ts',
      'an input that throws ends the job behind the results of those before, for the next reader too',
    ],
    CLOSED: [
      'nats/jobs.test.ts',
      'closing the client that reads a job ends it with CLOSED, and that of the sender lets others read',
    ],
    DISCONNECTED: [
      'nats/jobs.test.ts',
      'a job whose process is killed before all its inputs were sent gives what there is, and then says so',
    ],
    INVALID_CALL: [
      'nats/jobs.test.ts',
      'ids of nothing, of another server, of other calls, and places that are not, are told within seconds',
    ],
    LOST: ['nats/jobs.test.ts', 'what NATS has dropped is LOST, from the start and behind a position'],
    PROTOCOL: [
      'nats/jobs.test.ts',
      'what a stranger stores under the topic of a job is PROTOCOL, and among its records nothing',
    ],
    TIMEOUT: ['nats/jobs.test.ts', 'a result that does not come is a TIMEOUT, and says how many came'],
    'as given': ['nats/jobs.test.ts', 'what NATS has dropped is LOST, from the start and behind a position'],
  },
  'src/client/stream/stored-job.ts': {
    INVALID_CALL: [
      'unit/client/detached.test.ts',
      'a job has its id at once, another one each time, and no transport stores what it would need',
    ],
  },
  'src/protocol/job-id.ts': {
    INVALID_CALL: ['unit/protocol/job-id.test.ts', '%j is not an id of a job'],
    WRONG_SERVER: ['unit/protocol/job-id.test.ts', 'a job of another server is refused by its name'],
  },
  'transports/nats/store.ts': {
    CLOSED: ['conformance/stored.ts', 'adds nothing once its connection is closed'],
    INVALID_CALL: ['nats/losses.test.ts', 'a topic that is too long for a subject cannot be stored'],
  },
  'src/client/stream/map-results.ts': {
    'as given': ['unit/client/stream/map-results.test.ts', 'names the input, and how often it was tried'],
  },
  'src/client/stream/map.ts': {
    DISCONNECTED: ['unit/client/stream/map.test.ts', 'what it refuses alone fails, and the others go on'],
    INVALID_CALL: ['unit/client/stream/map.test.ts', 'says which answer or input is of another format'],
    PROTOCOL: ['unit/client/stream/map.test.ts', 'fails at an answer that does not say which input it is to'],
    TIMEOUT: ['unit/client/stream/map.test.ts', 'is up at the deadline for all of it'],
  },
  'src/client/stream/options.ts': {
    INVALID_CALL: ['unit/client/stream/options.test.ts', 'are anything that can be iterated, or read'],
  },
  'src/cluster/dispatch/dispatcher.ts': {
    PROTOCOL: ['unit/cluster/dispatch/dispatcher.test.ts', 'does not come back, and is told why'],
    TOO_LARGE: [
      'unit/cluster/dispatch/dispatcher.test.ts',
      'of so many requests may wait to be gathered, and signs of life need no room',
    ],
  },
  'src/cluster/dispatch/link-moves.ts': {
    TOO_LARGE: ['unit/cluster/dispatch/link-moves.test.ts', 'are those for which the budget has no room'],
  },
  'src/cluster/dispatch/pushed-offers.ts': {
    TOO_LARGE: ['cluster/error-codes.test.ts', 'is TOO_LARGE of more workers than a Master knows'],
  },
  'src/cluster/dispatch/scatter-gather.ts': {
    INVALID_CALL: [
      'unit/cluster/dispatch/scatter-gather.test.ts',
      'that gives %s fails, and the caller hears of it',
    ],
  },
  'src/cluster/dispatch/worker-offers.ts': {
    TOO_LARGE: [
      'unit/cluster/dispatch/worker-offers.test.ts',
      'has a limit, and a worker that says too much has said nothing',
    ],
  },
  'src/cluster/roles/sink.ts': {
    INVALID_CALL: ['cluster/life-suite.ts', 'refuse options that are not valid, and leave nothing bound'],
  },
  'src/cluster/roles/start-role.ts': {
    INVALID_CALL: [
      'unit/cluster/roles/start-role.test.ts',
      'starts the role that a definition names, and refuses any other',
    ],
  },
  'src/cluster/roles/worker.ts': {
    CLOSED: ['cluster/error-codes.test.ts', 'aborts with CLOSED when its worker closes'],
    INVALID_CALL: ['unit/cluster/roles/worker.test.ts', 'says how long a name may be'],
    TIMEOUT: ['unit/cluster/roles/worker.test.ts', 'gives up after its time when there is no Master'],
  },
  'src/cluster/runtime/engine.ts': {
    INVALID_CALL: ['unit/cluster/runtime/engine.test.ts', 'refuses functions that no call can name'],
  },
  'src/cluster/runtime/functions.ts': {
    INVALID_CALL: [
      'cluster/functions.test.ts',
      'cannot write the configuration, or values that are not bytes',
    ],
  },
  'src/cluster/runtime/next-servers.ts': {
    PROTOCOL: ['unit/cluster/runtime/next-servers.test.ts', 'that says %j and %j is refused'],
    TOO_LARGE: [
      'unit/cluster/runtime/next-servers.test.ts',
      'is one of 256 at most; those that are there may go on',
    ],
  },
  'src/cluster/runtime/previous-server.ts': {
    CLOSED: [
      'unit/cluster/runtime/previous-server.test.ts',
      'fails when it is closed before, and when the server refuses',
    ],
    INVALID_CALL: ['unit/cluster/runtime/previous-server.test.ts', 'must name an address'],
  },
  'src/cluster/runtime/publisher.ts': {
    INVALID_CALL: [
      'unit/cluster/runtime/publisher.test.ts',
      'that %s fails the call, once, and its client hears of it',
    ],
  },
  'src/cluster/runtime/role.ts': {
    CLOSED: ['cluster/error-codes.test.ts', 'aborts with CLOSED when its server closes'],
    INVALID_CALL: [
      'unit/cluster/roles/master.test.ts',
      'refuses interceptors: its workers have the functions',
    ],
  },
  'src/cluster/runtime/serving-options.ts': {
    INVALID_CALL: ['unit/cluster/runtime/serving-options.test.ts', 'are refused on a transport %s'],
  },
  'src/cluster/runtime/store.ts': {
    TOO_LARGE: ['unit/cluster/runtime/store.test.ts', 'takes a value %s, or not'],
  },
  'src/cluster/runtime/threads/options.ts': {
    INVALID_CALL: ['unit/cluster/runtime/threads/options.test.ts', '%j is refused'],
  },
  'src/cluster/runtime/threads/platform-thread.ts': {
    INVALID_CALL: [
      'unit/cluster/runtime/threads/platform-thread.test.ts',
      'a platform without threads says so, and what to leave out',
    ],
  },
  'src/cluster/runtime/threads/thread-pool.ts': {
    CLOSED: [
      'unit/cluster/runtime/threads/thread-pool.test.ts',
      'rejects calls when it is closed, and takes no more',
    ],
    INVALID_CALL: ['cluster/threads/threads.test.ts', 'a module that %s'],
  },
  'src/cluster/worker-link/find-work.ts': {
    WRONG_SERVER: [
      'unit/cluster/worker-link/find-work.test.ts',
      'is refused at a server without workers: %j',
    ],
  },
  'src/cluster/worker-link/work-link.ts': {
    CANCELLED: [
      'unit/cluster/worker-link/work-link.test.ts',
      'answers a message that is done without a result as cancelled: the Master counts results',
    ],
  },
  'src/functions/contract/read-descriptions.ts': {
    PROTOCOL: ['unit/functions/contract/read-descriptions.test.ts', 'is refused when it is not JSON'],
  },
  'src/functions/fn.ts': {
    INVALID_CALL: ['unit/functions/fn.test.ts', 'refuses %s'],
  },
  'src/functions/remote-calls.ts': {
    INVALID_CALL: [
      'unit/functions/remote.test.ts',
      'is refused with its issues before anything is sent, at once or when the schema has looked',
    ],
  },
  'src/functions/remote.ts': {
    INVALID_CALL: [
      'unit/functions/remote.test.ts',
      'is refused with its issues before anything is sent, at once or when the schema has looked',
    ],
  },
  'src/interceptor.ts': {
    INVALID_CALL: ['unit/client/elaborate.test.ts', 'are refused when they are not acceptable: %j'],
  },
  'src/logging.ts': {
    INVALID_CALL: ['unit/client/connect-options.test.ts', '%j: %s'],
  },
  'src/protocol/bytes.ts': {
    INVALID_CALL: [
      'unit/protocol/bytes.test.ts',
      'of %i characters with half of a surrogate pair are refused',
    ],
    PROTOCOL: ['unit/protocol/bytes.test.ts', 'of %i bytes that are not UTF-8 are refused'],
  },
  'src/protocol/cache-keys.ts': {
    INVALID_CALL: ['unit/protocol.test.ts', '%s is reserved'],
  },
  'src/protocol/cache-request.ts': {
    PROTOCOL: ['unit/protocol/cache-request.test.ts', 'that are envelopes of something else are refused'],
  },
  'src/protocol/cancel.ts': {
    PROTOCOL: ['unit/protocol/cancel.test.ts', 'names a client in 1 to 1,024 characters'],
    TOO_LARGE: ['unit/protocol/cancel.test.ts', 'names 1,024 calls at most, each in 1,024 characters'],
    'as given': ['unit/protocol/cancel.test.ts', 'is what the signals of the functions abort with'],
  },
  'src/protocol/envelope.ts': {
    INVALID_CALL: ['unit/protocol/envelope.test.ts', 'refuses a bad %s'],
  },
  'src/protocol/errors.ts': {
    CLOSED: ['unit/async/open-calls.test.ts', 'are refused after closing, and nothing was sent'],
    INVALID_CALL: [
      'unit/protocol/errors.test.ts',
      'for a refused call says that nothing was sent, unless more is known',
    ],
    'as given': [
      'unit/protocol/errors.test.ts',
      'is made of anything else that was thrown, and is what it is otherwise',
    ],
  },
  'src/protocol/function-path.ts': {
    INVALID_CALL: ['unit/protocol/function-path.test.ts', 'is not %j'],
  },
  'src/protocol/ids.ts': {
    INVALID_CALL: ['unit/protocol.test.ts', 'are refused when they are %j'],
  },
  'src/protocol/metadata.ts': {
    INVALID_CALL: ['unit/protocol/metadata.test.ts', '%s is refused before anything is sent'],
    PROTOCOL: ['unit/protocol/metadata.test.ts', '%s is refused by readers'],
  },
  'src/protocol/priority.ts': {
    INVALID_CALL: ['unit/protocol/priority.test.ts', 'is not %j'],
  },
  'src/protocol/progress.ts': {
    PROTOCOL: ['unit/protocol/progress.test.ts', 'with the name %j is refused'],
  },
  'src/protocol/topics.ts': {
    INVALID_CALL: ['unit/protocol/topics.test.ts', 'are not empty'],
  },
  'src/protocol/wire.ts': {
    PROTOCOL: ['unit/protocol/wire.test.ts', 'have at most 10 bytes'],
  },
  'src/protocol/work-request.ts': {
    PROTOCOL: ['unit/protocol/work-request.test.ts', 'have no number %j'],
    TOO_LARGE: ['unit/protocol/work-request.test.ts', 'say what is too much or unknown in them'],
  },
  'transports/memory/bound.ts': {
    CLOSED: [
      'conformance/closing.ts',
      'of a bound end gives its address back, and rejects what waits there and what comes',
    ],
  },
  'transports/memory/dialled.ts': {
    CLOSED: ['conformance/closing.ts', 'says of a request that it may have been sent where it was'],
    LOST: ['limits/memory.test.ts', 'is lost from 256 MiB on, where a delivery counts 256 bytes more'],
    PROTOCOL: ['conformance/suite.ts', 'that are bound for something else are an error, not a time-out'],
  },
  'transports/memory/network.ts': {
    DISCONNECTED: [
      'conformance/suite.ts',
      'rejects with DISCONNECTED when the server goes, and works with the next one',
    ],
    INVALID_CALL: ['conformance/suite.ts', 'that are taken cannot be bound again'],
  },
  'transports/nats/bound.ts': {
    CLOSED: [
      'conformance/closing.ts',
      'of a bound end gives its address back, and rejects what waits there and what comes',
    ],
    INVALID_CALL: ['conformance/suite.ts', 'that are taken cannot be bound again'],
  },
  'transports/nats/dialled.ts': {
    CLOSED: ['conformance/closing.ts', 'says of a request that it may have been sent where it was'],
    DISCONNECTED: [
      'nats/losses.test.ts',
      'a server that goes between being found and being asked for work is tried again, with why',
    ],
  },
  'transports/nats/finder.ts': {
    DISCONNECTED: [
      'conformance/suite.ts',
      'rejects with DISCONNECTED when the server goes, and works with the next one',
    ],
    FORBIDDEN: ['nats/refusals.test.ts', 'what NATS does not permit'],
    PROTOCOL: ['conformance/suite.ts', 'that are bound for something else are an error, not a time-out'],
  },
  'transports/nats/frames.ts': {
    DISCONNECTED: [
      'unit/transports/nats/frames.test.ts',
      'that NATS does not give, or does not store, says why',
    ],
    LOST: [
      'unit/transports/nats/frames.test.ts',
      'of which a piece is gone is lost, after two seconds in which it may come',
    ],
    PROTOCOL: ['unit/transports/nats/frames.test.ts', 'that is said to be %j is refused'],
  },
  'transports/nats/link.ts': {
    CLOSED: [
      'unit/transports/nats/link.test.ts',
      'that is closed while it is sought ends with CLOSED, and closes what comes of it',
    ],
    DISCONNECTED: [
      'unit/transports/nats/link.test.ts',
      'says DISCONNECTED of a failure that is none of its own, and tries again',
    ],
  },
  'transports/nats/names.ts': {
    INVALID_CALL: ['conformance/suite.ts', 'that it cannot read are refused by every verb'],
  },
  'transports/nats/options.ts': {
    INVALID_CALL: ['nats/refusals.test.ts', 'an option that is not acceptable: %s'],
  },
  'transports/nats/sender.ts': {
    DISCONNECTED: [
      'unit/transports/nats/sender.test.ts',
      'that came back after their server was gone are rejected: NATS has nothing of them',
    ],
  },
  'transports/nats/session.ts': {
    DISCONNECTED: [
      'nats/refusals.test.ts',
      'NATS that is not there: binding fails at once, and dialling waits and says why',
    ],
    FORBIDDEN: ['nats/refusals.test.ts', 'the wrong %s, and not the right one'],
    INVALID_CALL: ['nats/refusals.test.ts', 'NATS without JetStream'],
    TIMEOUT: ['unit/transports/nats/session.test.ts', 'gets its reply within its time, and TIMEOUT at it'],
  },
  'transports/nats/streams.ts': {
    'as given': ['nats/refusals.test.ts', 'more copies than there are servers'],
  },
  'transports/nats/shared-subscription.ts': {
    INVALID_CALL: ['nats/stages.test.ts', 'a topic that is too long to be shared is refused'],
  },
  'transports/nats/shared-store.ts': {
    DISCONNECTED: ['unit/transports/nats/shared-store.test.ts', 'that NATS does not store says why'],
    LOST: ['unit/transports/nats/shared-store.test.ts', 'of which a piece is gone is lost'],
    TOO_LARGE: ['nats/cache.test.ts', 'refuses a value that is larger than cacheBytes'],
  },
  'transports/nats/subscription.ts': {
    LOST: ['nats/losses.test.ts', 'what NATS has dropped before a slow reader read it is LOST'],
  },
  'transports/relay-protocol/load-ws.ts': {
    INVALID_CALL: [
      'unit/transports/relay-protocol/load-ws.test.ts',
      'is refused where it does not bound fragments, as before 8.21',
    ],
  },
  'transports/relay-protocol/msgpack.ts': {
    PROTOCOL: ['unit/transports/relay-protocol/msgpack.test.ts', 'by %s says so'],
  },
  'transports/relay-protocol/server-address.ts': {
    INVALID_CALL: [
      'unit/transports/relay-protocol/server-address.test.ts',
      'is the name of a server, or where workers push results to',
    ],
  },
  'transports/relay/auth/call-guard.ts': {
    FORBIDDEN: ['unit/transports/relay/auth/call-guard.test.ts', 'with the client id %j ends the session'],
    PROTOCOL: ['unit/transports/relay/auth/call-guard.test.ts', 'has a topic of at most 1,024 characters'],
  },
  'transports/relay/auth/request-guard.ts': {
    FORBIDDEN: [
      'unit/transports/relay/auth/request-guard.test.ts',
      "has the id of its client, or one of its topics, and nobody else's",
    ],
  },
  'transports/relay/auth/schema.ts': {
    INVALID_CALL: [
      'unit/transports/relay/auth/schema.test.ts',
      'with an error in it is refused with the line, and nothing of it is quoted',
    ],
  },
  'transports/relay/auth/token-file.ts': {
    INVALID_CALL: [
      'unit/transports/relay/auth/token-file.test.ts',
      'is read again when it has changed, and counts on while the new one is no good',
    ],
  },
  'transports/relay/http/proxies.ts': {
    INVALID_CALL: ['unit/transports/relay/http/proxies.test.ts', 'is refused: %j'],
  },
  'transports/relay/http/upgrade-router.ts': {
    INVALID_CALL: ['unit/transports/relay/http/upgrade-router.test.ts', 'of one path are for one relay'],
  },
  'transports/relay/peers/peer-entrance.ts': {
    FORBIDDEN: ['relay/peers/refusals.test.ts', 'with the id of the relay that it dials is refused'],
  },
  'transports/relay/peers/peer-key.ts': {
    INVALID_CALL: [
      'unit/transports/relay/peers/peer-key.test.ts',
      '%j is no key, and the error does not show it',
    ],
  },
  'transports/relay/peers/peer-messages.ts': {
    PROTOCOL: ['relay/peers/refusals.test.ts', 'and begins with %s is refused'],
  },
  'transports/relay/peers/peers.ts': {
    INVALID_CALL: ['relay/peers/refusals.test.ts', 'a relay does not start with peers %j'],
  },
  'transports/relay/relay.ts': {
    INVALID_CALL: ['relay/life/reconfigure.test.ts', 'refuses %j, and changes nothing'],
  },
  'transports/relay/session/channels.ts': {
    FORBIDDEN: [
      'unit/transports/relay/session/channels.test.ts',
      "subscribes to its client's topics, of up to 1,024 characters",
    ],
    PROTOCOL: ['unit/transports/relay/session/channels.test.ts', 'is one of as many as a client may have'],
  },
  'transports/relay/session/requests.ts': {
    CLOSED: [
      'unit/transports/relay/session/requests.test.ts',
      'that its client gives up is given up at the server, and its answer is for nobody',
    ],
    FORBIDDEN: [
      'unit/transports/relay/session/requests.test.ts',
      'are as many as a client may have, with names of up to 1,024 characters',
    ],
  },
  'transports/relay/session/session.ts': {
    PROTOCOL: [
      'unit/transports/relay/session/session.test.ts',
      'is disconnected for good with the code for it',
    ],
    TOO_LARGE: [
      'unit/transports/relay/session/session.test.ts',
      'with replies of up to maxFrame get them, and larger ones are TOO_LARGE',
    ],
  },
  'transports/relay/session/socket.ts': {
    PROTOCOL: ['unit/transports/relay/session/socket.test.ts', 'comes first, alone, and as a binary message'],
  },
  'transports/relay/upstream/upstream-channel.ts': {
    DISCONNECTED: [
      'unit/transports/relay/upstream/upstream-channel.test.ts',
      'follows the server to another address with all of its users, and stays where the server stays',
    ],
    PROTOCOL: [
      'unit/transports/relay/upstream/upstream-channel.test.ts',
      'tries the same address again when it could not be opened',
    ],
  },
  'transports/relay/upstream/upstream.ts': {
    CLOSED: ['unit/transports/relay/upstream/upstream.test.ts', 'that are waited for in vain say why'],
    INVALID_CALL: [
      'unit/transports/relay/upstream/upstream.test.ts',
      'is not asked where there is no address for it',
    ],
    PROTOCOL: [
      'unit/transports/relay/upstream/upstream.test.ts',
      'names the server where it had one of its addresses',
    ],
    WRONG_SERVER: [
      'unit/transports/relay/upstream/upstream.test.ts',
      'is pulled from the address that was given, or that the server gives',
    ],
    'as given': [
      'unit/transports/relay/upstream/upstream.test.ts',
      'says of what it was, and whether it was sent where that is known',
    ],
  },
  'transports/relay/upstream/upstreams.ts': {
    INVALID_CALL: ['relay/life/health.test.ts', 'does not start with grants to a server that there is not'],
  },
  'transports/shared/base-connection.ts': {
    CLOSED: ['conformance/closing.ts', 'is the end of every verb'],
  },
  'transports/shared/bridge.ts': {
    INVALID_CALL: [
      'unit/transports/shared/bridge.test.ts',
      'that none reads are refused in the words of each',
    ],
  },
  'transports/shared/curve-keys.ts': {
    INVALID_CALL: ['zeromq/zeromq.test.ts', 'and options that are not acceptable are refused by name: %j'],
  },
  'transports/shared/peer-package.ts': {
    INVALID_CALL: [
      'unit/transports/shared/peer-package.test.ts',
      'one that is not installed, as %s says it: the command that installs it',
    ],
  },
  'transports/shared/zeromq-address.ts': {
    INVALID_CALL: ['limits/texts.test.ts', 'an address of ZeroMQ has 512 characters at most'],
  },
  'transports/websocket/channel.ts': {
    CLOSED: ['unit/transports/websocket/channel.test.ts', 'is closed once, at the relay too, and forgotten'],
    TOO_LARGE: [
      'unit/transports/websocket/channel.test.ts',
      'takes frames up to the limit, and none of a call with one above',
    ],
    'as given': ['unit/transports/websocket/channel.test.ts', 'with the code %j has %j'],
  },
  'transports/websocket/connection.ts': {
    CLOSED: [
      'unit/transports/websocket/connection.test.ts',
      'fails what is under way when it is closed, and says what was sent',
    ],
    INVALID_CALL: [
      'unit/transports/websocket/connection.test.ts',
      'has the id and the prefix that the relay gives, and takes no other',
    ],
  },
  'transports/websocket/options.ts': {
    INVALID_CALL: ['unit/transports/websocket/options.test.ts', 'as %j are refused'],
  },
  'transports/websocket/pusher.ts': {
    CLOSED: [
      'unit/transports/websocket/channel.test.ts',
      'that is closed hears no more of the shared window, and takes no more',
    ],
  },
  'transports/websocket/relay-session.ts': {
    FORBIDDEN: [
      'unit/transports/websocket/relay-session.test.ts',
      'a platform that refuses the URL ends it with FORBIDDEN',
    ],
    LOST: [
      'unit/transports/websocket/relay-session.test.ts',
      'is given up when the relay has forgotten it, not before',
    ],
    'as given': [
      'unit/transports/websocket/relay-session.test.ts',
      'name the URL and the reason when there will be no more',
    ],
  },
  'transports/websocket/requester.ts': {
    'as given': [
      'unit/transports/websocket/requester.test.ts',
      'for good fails all: those that were not sent say so',
    ],
  },
  'transports/zeromq/bound.ts': {
    CLOSED: [
      'conformance/closing.ts',
      'of a bound end gives its address back, and rejects what waits there and what comes',
    ],
    INVALID_CALL: ['conformance/suite.ts', 'that are taken cannot be bound again'],
  },
  'transports/zeromq/connection.ts': {
    INVALID_CALL: ['limits/texts.test.ts', 'that is subscribed to has 1,024 bytes at most: %s'],
  },
  'transports/zeromq/descriptors.ts': {
    INVALID_CALL: ['zeromq/walls-descriptors.long.test.ts', 'a process with few descriptors'],
  },
  'transports/zeromq/dialled.ts': {
    CLOSED: ['conformance/closing.ts', 'of a channel leaves it to be refused from then on'],
    DISCONNECTED: [
      'zeromq/zeromq.test.ts',
      'that freezes is noticed by requests within two heartbeats, by calls a second later, and works again',
    ],
    INVALID_CALL: [
      'zeromq/cannot-dial.test.ts',
      'a path that is too long for a Unix socket is refused at once, with the reason and nothing sent',
    ],
    TOO_LARGE: [
      'zeromq/walls.long.test.ts',
      'that is sent is refused before it leaves, and one at the limit arrives',
    ],
  },
  'transports/zeromq/monitor.ts': {
    FORBIDDEN: ['zeromq/zeromq.test.ts', 'with a wrong key is FORBIDDEN within two seconds, not a time-out'],
    PROTOCOL: [
      'zeromq/zeromq.test.ts',
      'that is no PALM server at all is a PROTOCOL error or a TIMEOUT, in time',
    ],
  },
  'transports/zeromq/options.ts': {
    INVALID_CALL: ['zeromq/zeromq.test.ts', 'and options that are not acceptable are refused by name: %j'],
  },
  'transports/zeromq/requester.ts': {
    CLOSED: ['conformance/closing.ts', 'says of a request that it may have been sent where it was'],
  },
  'transports/zeromq/sockets.ts': {
    INVALID_CALL: ['zeromq/zeromq.test.ts', 'on Bun is told before the addon aborts it'],
  },
  'transports/zeromq/writer.ts': {
    CLOSED: [
      'unit/transports/zeromq/writer.test.ts',
      'to a socket that was closed meanwhile fails with CLOSED, and nothing was sent',
    ],
    DISCONNECTED: [
      'unit/transports/zeromq/writer.test.ts',
      'that the socket refuses fails with its reason, and so does all that waits',
    ],
  },
  'transports/zmtp/address.ts': {
    INVALID_CALL: [
      'zmtp/dialling.test.ts',
      'too long for a Unix socket is refused, by who binds and by who dials',
    ],
  },
  'transports/zmtp/bound.ts': {
    CLOSED: [
      'conformance/closing.ts',
      'of a bound end gives its address back, and rejects what waits there and what comes',
    ],
    INVALID_CALL: ['conformance/suite.ts', 'that are taken cannot be bound again'],
  },
  'transports/zmtp/connection.ts': {
    INVALID_CALL: ['limits/texts.test.ts', 'that is subscribed to has 1,024 bytes at most: %s'],
  },
  'transports/zmtp/dialled.ts': {
    CLOSED: ['conformance/closing.ts', 'of a channel leaves it to be refused from then on'],
    DISCONNECTED: [
      'conformance/suite.ts',
      'rejects with DISCONNECTED when the server goes, and works with the next one',
    ],
    TOO_LARGE: [
      'unit/transports/zmtp/bound-push.test.ts',
      'refuses a frame for which its peer would hang up, and sends none of the others with it',
    ],
    'as given': [
      'unit/transports/zmtp/dialled.test.ts',
      'once is dialled again; one that greets and hangs up twice counts as another service, and is left alone for a while',
    ],
  },
  'transports/zmtp/options.ts': {
    INVALID_CALL: ['zmtp/life.long.test.ts', 'and options that are not acceptable are refused by name: %j'],
  },
  'transports/zmtp/pusher.ts': {
    DISCONNECTED: [
      'unit/transports/zmtp/bound-push.test.ts',
      'drops what waits when its link breaks, says what may have left, and sends none of it over the next link',
    ],
  },
  'transports/zmtp/requester.ts': {
    CLOSED: [
      'unit/transports/zmtp/requester.test.ts',
      'gives each request its own reply, in whatever order they come, and passes over what is not one',
    ],
  },
};

/** What docs/guide/errors.md says of `sent`, by code. */
const SENT: Readonly<Record<string, Readonly<Record<string, Seen>>>> = {
  INVALID_CALL: {
    false: ['unit/client/client.test.ts', 'of %j is refused, and nothing is sent'],
    true: ['unit/client/call.test.ts', 'of status %i is an error of code %s'],
  },
  TIMEOUT: {
    false: [
      'unit/client/call.test.ts',
      'is not sent when its time is up before, and leaves nothing when the link is there',
    ],
    "'unknown'": ['unit/client/call.test.ts', 'when no answer comes in time'],
  },
  DISCONNECTED: {
    "'unknown'": [
      'unit/client/call-link.test.ts',
      'says which calls a break has lost, in the log and to each',
    ],
    false: ['unit/client/loader.test.ts', 'fails those that wait for it, and is loaded again for the next'],
  },
  CLOSED: {
    false: ['unit/async/open-calls.test.ts', 'are refused after closing, and nothing was sent'],
    "'unknown'": ['unit/client/call.test.ts', 'when the client closes'],
  },
  WRONG_SERVER: {
    true: ['unit/client/core.test.ts', 'to a server of another name'],
    false: ['unit/client/follow.test.ts', 'gets no calls: they fail until the right one is back'],
  },
  REMOTE: { true: ['unit/client/call.test.ts', 'when the function failed'] },
  PROTOCOL: {
    true: ['unit/client/call.test.ts', 'when an answer cannot be read'],
    false: ['zmtp/hostile.long.test.ts', '%s gets a clear error, at once'],
  },
  FORBIDDEN: {
    false: [
      'zmtp/curve.test.ts',
      'with a wrong key of the server is FORBIDDEN, and the error names the option',
    ],
    true: ['unit/client/call.test.ts', 'of status %i is an error of code %s'],
    "'unknown'": ['unit/transports/websocket/channel.test.ts', 'with the code %j has %j'],
  },
  TOO_LARGE: {
    false: [
      'zeromq/walls.long.test.ts',
      'that is sent is refused before it leaves, and one at the limit arrives',
    ],
    "'unknown'": ['unit/transports/websocket/channel.test.ts', 'with the code %j has %j'],
  },
  LOST: {
    "'unknown'": [
      'unit/transports/websocket/relay-session.test.ts',
      'is given up when the relay has forgotten it, not before',
    ],
    true: ['limits/memory.test.ts', 'is lost from 256 MiB on, where a delivery counts 256 bytes more'],
  },
  CANCELLED: {},
};

const tests = fileURLToPath(new URL('..', import.meta.url));
const root = join(tests, '..');

/** Code without comments. */
const codeOf = (file: string) =>
  readFileSync(join(root, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');

/** The codes of the errors that a file makes. */
function codesOf(file: string): string[] {
  const code = codeOf(file);
  const codes = new Set<string>();
  for (const [, , own] of code.matchAll(/new PalmError\(\s*('(\w+)'|[\w.]+)/g)) codes.add(own ?? GIVEN);
  for (const [, own = GIVEN] of code.matchAll(/PalmError\.from\([^;]*?'([A-Z_]+)'/g)) codes.add(own);
  if (/(?<!function )\b(invalidCall|mustBe)\(/.test(code)) codes.add('INVALID_CALL');
  if (/(?<!function |get )\bisClosed\(/.test(code)) codes.add('CLOSED');
  return [...codes].sort();
}

const files = ['src', 'transports'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${folder}/${path}`),
);

/** Whether a file has a test or group of that title, in whatever quotes. `%v` stands for a value that is put in. */
function hasTitle([file, title]: Seen): boolean {
  const source = readFileSync(join(tests, file), 'utf8')
    .replaceAll('\\', '')
    .replace(/\$\{\w+\}/g, '%v');
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}

describe('errors', () => {
  it('are made in these files, with these codes', () => {
    const made = files.map((file) => [file, codesOf(file)] as const).filter(([, codes]) => codes.length > 0);
    const listed = Object.entries(PLACES).map(([file, codes]) => [file, Object.keys(codes).sort()]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(made));
  });

  it.each(
    Object.entries(PLACES).flatMap(([file, codes]) =>
      Object.entries(codes).map(([code, seen]) => [file, code, seen] as const),
    ),
  )('of %s with the code %s are seen', (_file, _code, seen) => {
    if (typeof seen === 'string') expect(seen.length).toBeGreaterThan(20);
    else expect(hasTitle(seen), seen.join(': ')).toBe(true);
  });
});

describe('the guide to errors', () => {
  const rows = readFileSync(join(root, 'docs/guide/errors.md'), 'utf8').matchAll(
    /^\| `([A-Z_]+)` \|([^|]*)\|/gm,
  );
  const claimed = Object.fromEntries(
    [...rows].map(([, code = '', cell = '']) => [
      code,
      [...cell.matchAll(/`([^`]+)`/g)].map(([, own = '']) => own).sort(),
    ]),
  );

  it('has a row for each code, with the values of `sent` that tests see', () => {
    const [, union = ''] = /export type PalmErrorCode =([^;]*);/.exec(codeOf('src/protocol/errors.ts')) ?? [];
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
    expect(Object.keys(claimed).sort()).toEqual(codes.sort());
    const seen = Object.entries(SENT).map(([code, values]) => [code, Object.keys(values).sort()]);
    expect(Object.fromEntries(seen)).toEqual(claimed);
  });

  it.each(
    Object.entries(SENT).flatMap(([code, values]) =>
      Object.entries(values).map(([value, seen]) => [code, value, seen] as const),
    ),
  )('says of %s that `sent` is %s, which is seen', (code, value, seen) => {
    expect(hasTitle(seen), seen.join(': ')).toBe(true);
    const source = readFileSync(join(tests, seen[0]), 'utf8');
    expect(source).toContain(`'${code}'`);
    expect(source).toContain(value);
  });
});
