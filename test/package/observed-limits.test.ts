/**
 * Every row of docs/guide/limits.md, and the tests that meet its bound at its value, below it and above. A row that is added fails here until
 * it has one. Where a bound cannot be met to the unit, the reason stands beside the test that sees it do something. Whether a test looks at
 * what the row promises is for people to judge: that there is one, and that it is there, is held here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Below test/, and the title of a test or of a group in it. */
type Seen = readonly [file: string, title: string];

interface Row {
  readonly seen: readonly Seen[];
  /** Why the bound is not met at its value, below and above. */
  readonly about?: string;
}

/** A bound that is met at its value, below it and above. */
const met = (...seen: readonly Seen[]): Row => ({ seen });
/** One that is not, and why. */
const about = (reason: string, ...seen: readonly Seen[]): Row => ({ seen, about: reason });

/** The rows below one heading, by what the page calls them. */
type Section = Readonly<Record<string, Row>>;

const session = 'unit/transports/relay/session';
const http = 'unit/transports/relay/http';
const upstream = 'unit/transports/relay/upstream';
const log = 'unit/transports/relay-protocol/reliable-log.test.ts';
const dispatch = 'unit/cluster/dispatch';
const peers = 'unit/transports/relay/peers';
const nats = 'unit/transports/nats';
const parts = 'playground/parts.test.ts';
const limits = {
  zmtp: 'limits/zmtp.test.ts',
  zeromq: 'limits/zeromq.test.ts',
  memory: 'limits/memory.test.ts',
  flow: 'limits/flow.test.ts',
  cluster: 'limits/cluster.test.ts',
  relay: 'limits/relay.test.ts',
  texts: 'limits/texts.test.ts',
} as const;

const LIBZMQ = 'libzmq counts it in a thread of its own, and the system holds some more';

const SECTIONS: Readonly<Record<string, Section>> = {
  'The relay: connections': {
    'limits.maxConnections': met(
      [`${http}/admission.test.ts`, 'in all'],
      [
        `${session}/sessions.test.ts`,
        'is made by the one that was away for longest, of the group with the most that are',
      ],
    ),
    'limits.maxConnectionsPerAddress': met(
      [
        `${http}/admission.test.ts`,
        'for an address of IPv4, and for a network of IPv6, up to the limit and again when one has gone',
      ],
      [
        `${session}/sessions.test.ts`,
        'of one group is bounded among those that are away, and pushes out none of another',
      ],
    ),
    'limits.greetingTimeout': met(
      [
        `${session}/socket.test.ts`,
        'is closed when no greeting comes in time, and cut when it does not answer that',
      ],
      [
        `${http}/upgrade-router.test.ts`,
        'is refused when nobody has taken it within the longest time of a relay',
      ],
    ),
    'limits.heartbeat': about(
      'pings are spread over the heartbeat by chance',
      ['relay/attacks/silence.long.test.ts', 'lets go of who answers no pings'],
      [
        `${session}/heartbeats.test.ts`,
        'those of many connections are spread over sixteen turns of a heartbeat',
      ],
    ),
    'limits.resumeWindow': met([
      `${session}/sessions.test.ts`,
      'is resumed by its secret, by the same identity alone, until it is forgotten',
    ]),
    'answer of the relay that owns a session': met(
      [`${peers}/passage.test.ts`, 'it is given up after a second, dialled or not: %s'],
      [
        'relay/peers/refusals.test.ts',
        'also for those that wait for a place among the dialled, while the owner hangs',
      ],
    ),
    'sessions on their way to one other relay': met([
      `${peers}/peers.test.ts`,
      'are 16 at once to one other relay, and one more for each that is answered or over',
    ]),
    'session that is passed on': met(
      [
        `${peers}/passage.test.ts`,
        'takes 262,144 bytes and one message from the %s, and goes on at half of that',
      ],
      [`${peers}/passage.test.ts`, 'holds for one message that is larger than all that may wait'],
    ),
    'bytes of a greeting': met([
      `${session}/socket.test.ts`,
      'may send as many bytes as a greeting has, and no more, in however many chunks',
    ]),
    'characters of a token': met([
      `${http}/admission.test.ts`,
      'is asked for tokens of up to 8,192 characters alone',
    ]),
    'fragments of a message': about(
      'the package ws counts them: what it is told is met, and that it keeps to it is seen from far above',
      [
        `${session}/message-parts.test.ts`,
        'a message has a fragment of at least 1,024 bytes on average, and chunks of 256',
      ],
      [
        'relay/attacks/fragments.long.test.ts',
        'may send a large message in fragments of a kibibyte, with pongs between them',
      ],
    ),
    'bytes without a whole message': met([
      `${session}/socket.test.ts`,
      'is bounded in bytes, of which nothing more is read then',
    ]),
    'characters of an address from addressOf': met([
      `${http}/upgrade-handler.test.ts`,
      'is what addressOf says, up to 128 characters, whatever it is',
    ]),
    'servers asked whether they answer, for /readyz': met(
      [`${upstream}/upstream.test.ts`, 'is asked once in a second'],
      [`${upstream}/upstream.test.ts`, 'is no after a second without an answer'],
    ),
    'refused sockets that wait for the other end to read why': met(
      [
        `${http}/refusals.test.ts`,
        'may wait for its peer together with 63 others; those beyond are closed at once',
      ],
      [`${http}/refusals.test.ts`, 'is closed within a second, and leaves no timer'],
      [
        `${http}/refusals.test.ts`,
        'is closed when its peer is done, when it breaks, or when 65,536 bytes have come',
      ],
    ),
  },
  'The relay: memory': {
    'limits.maxHeld': met(
      [`${session}/session.test.ts`, 'is too much above maxHeld, which ends it'],
      [`${session}/client-memory.test.ts`, 'ends the session when it is more than the limit, and says why'],
    ),
    'limits.maxHeldTotal': met([
      `${session}/memory-budget.test.ts`,
      'takes all that it may, and cuts those that the most is kept for at one byte more',
    ]),
    'limits.window': met(
      [`${session}/channels.test.ts`, 'are taken up to the window, in bytes and in number'],
      [`${session}/session.test.ts`, 'are as many bytes at once as the window, and of up to maxFrame each'],
    ),
    'limits.maxFrame': met(
      [
        'relay/attacks/frames.test.ts',
        'takes a frame that is exactly at the limit, and closes with 1009 at one byte more',
      ],
      [
        `${session}/session.test.ts`,
        'have answers of up to maxFrame, and failures in the place of larger ones',
      ],
      [
        `${session}/session.test.ts`,
        'with replies of up to maxFrame get them, and larger ones are TOO_LARGE',
      ],
    ),
    'limits.maxChannels': met(
      ['relay/attacks/order.test.ts', 'closes with 4400 who has more channels than it may'],
      [`${session}/channels.test.ts`, 'is one of as many as a client may have'],
    ),
    'limits.maxRequests': met(
      [
        'relay/attacks/order.test.ts',
        'closes with 4400 who has more requests under way than it may, or two of one number',
      ],
      [`${session}/session.test.ts`, 'are as many at once as the limit says, each with a number of its own'],
    ),
    'frames in pieces under way': met(
      [
        'unit/transports/relay-protocol/pieces.test.ts',
        'of at most 8 frames are begun; what fits in one piece passes',
      ],
      ['unit/transports/relay-protocol/pieces.test.ts', 'are of nine frames at once at most'],
      ['unit/transports/relay-protocol/pieces.test.ts', 'are of frames of the limit at most'],
    ),
    'on its way to a client, or from it': met(
      [log, 'has a window of bytes under way, and no more'],
      [log, 'is never less or more than its bounds'],
    ),
    topic: met(
      ['relay/attacks/kept.long.test.ts', 'a topic has 1 024 characters at most'],
      [`${session}/channels.test.ts`, "subscribes to its client's topics, of up to 1,024 characters"],
      ['unit/transports/relay/auth/call-guard.test.ts', 'has a topic of at most 1,024 characters'],
    ),
    path: met(['unit/transports/relay/auth/call-guard.test.ts', 'has a path of at most 4,096 characters']),
    'calls that were judged': met(
      ['unit/transports/relay/auth/call-guard.test.ts', 'may take all of 1 MiB'],
      ['unit/transports/relay/auth/call-guard.test.ts', 'has at most 512 characters a call'],
    ),
    'work that a client was given': met(
      [
        limits.relay,
        'is remembered of 2,048 messages without a result: the oldest is forgotten for one more',
      ],
      [limits.relay, 'is remembered of 2,048 messages with a result, too'],
      [limits.relay, 'is remembered up to 1 MiB: the oldest is forgotten for what goes past it'],
    ),
    'work that a client has not taken': met([
      `${session}/pull-channel.test.ts`,
      'is no more than the client may have, in frames and in bytes',
    ]),
    'work of clients that vanished': met([
      `${upstream}/work-pool.test.ts`,
      'is kept for later up to a number of bytes, of which those that are taken are none',
    ]),
    'workers that one client is': met([
      `${session}/requests.test.ts`,
      'are as many as a client may have, with names of up to 1,024 characters',
    ]),
    'handed to the transport': met([
      `${upstream}/send-queue.test.ts`,
      'come at once below the limit, also past it with the last, and are waited for at it',
    ]),
    'requests under way to a server': met(
      [limits.zeromq, 'are 512 at once, and one more for each answer'],
      [limits.zeromq, 'are 16 MiB at once, with the one that reaches it'],
      [limits.zmtp, 'leave while fewer than 16 MiB of others are not answered'],
      [
        'unit/transports/zmtp/requester.test.ts',
        'has %v under way, and sends one more for each that is answered',
      ],
    ),
    'answers of a publisher not read': met([
      `${upstream}/upstream.test.ts`,
      'pass on what is published, and count it',
    ]),
  },
  'Servers, Masters, workers': {
    maxWaiting: met(
      [
        'unit/cluster/runtime/intake.test.ts',
        'goes on up to the limit, stops there, and goes on when there is room',
      ],
      ['unit/cluster/runtime/intake.test.ts', 'is 64 MiB, a whole number from 1 on, or Infinity'],
    ),
    'workers hold': met([
      limits.cluster,
      'has workers hold four times maxWaiting, and gives no more until some of it is done',
    ]),
    'read and not worked on': met(
      [limits.zmtp, 'holds its peer up at 4 MiB'],
      [limits.zmtp, 'holds its publisher up at 16 MiB, with the topics'],
      [limits.memory, 'holds its sender up at %s, and no longer than it is read'],
      [limits.memory, 'is lost from 256 MiB on, where a delivery counts 256 bytes more'],
    ),
    'answers that a client has under way': met(
      ['unit/async/flow-limit.test.ts', 'are no more than the limit while answers come'],
      [limits.flow, 'are as many as 60 MB of answers, of which one more may come'],
    ),
    'results not yet gathered': met([
      limits.cluster,
      'confirms results of workers until %s wait to be gathered',
    ]),
    'id and name of a worker': met([limits.texts, 'of a worker have 256 and 128 characters at most: %s']),
    'workers known; dead ones remembered; ids of those that left': met(
      [
        `${dispatch}/worker-registry.test.ts`,
        'alive: one that holds nothing makes room, and none where all hold something',
      ],
      [`${dispatch}/worker-registry.test.ts`, 'dead: the oldest is forgotten'],
      [`${dispatch}/worker-registry.test.ts`, 'left: the oldest may come again'],
    ),
    "requests in a worker's name over another link than its own": met(
      [`${dispatch}/link-moves.test.ts`, 'are those beyond %v of a worker'],
      [`${dispatch}/link-moves.test.ts`, 'are those for which the budget has no room'],
    ),
    'functions of workers with metrics of their own': met([
      'unit/cluster/runtime/meter.test.ts',
      'are %v at most, and one for all others',
    ]),
    'connections to the metrics of roles': about(
      'how many there are is met; their times are Node’s, which looks at them once in a second, and twice at silence',
      ['serve/metrics-server.test.ts', 'has 32 connections at most, and closes others at once'],
      [
        'serve/metrics-server.long.test.ts',
        'a head that %s after 10 seconds ends its connection, and not before',
      ],
      [
        'serve/metrics-server.long.test.ts',
        'a request that has no end keeps no connection for longer than 20 seconds',
      ],
      [
        'serve/metrics-server.long.test.ts',
        'an answer of which nothing is taken for %i seconds is still there: %s',
      ],
    ),
    workerTimeout: met(
      [`${dispatch}/worker-registry.test.ts`, 'is dropped when it holds nothing, and leaves no timer'],
      [
        `${dispatch}/worker-registry.test.ts`,
        'that holds something is told once while its link is there, and is not awake',
      ],
    ),
    'items of a message of work': met(
      [limits.texts, 'a message of work has 16,384 items at most'],
      ['unit/cluster/worker-link/leased-link.test.ts', 'holds 16,384 items at most'],
    ),
    'requests whose results wait, of one worker': met([
      `${dispatch}/dispatcher.test.ts`,
      'of so many requests may wait to be gathered, and signs of life need no room',
    ]),
    'pushed to a worker while others ask': met(
      [limits.cluster, 'is 64 messages for each worker at most while others ask, however quick it is'],
      [
        `${dispatch}/push-workers.test.ts`,
        'is one message for each worker while others ask and messages are slow',
      ],
      [limits.cluster, 'counts for a second where messages are quick, and no longer'],
      [
        `${dispatch}/push-workers.test.ts`,
        'is forgotten after long without a result, each time after twice as long',
      ],
      [
        `${dispatch}/push-workers.test.ts`,
        'is forgotten after a multiple of the time that messages take, when that is known',
      ],
    ),
    'pushed work remembered': met(
      [limits.cluster, 'are 65,536: the oldest is forgotten for one more'],
      [limits.cluster, 'are 16 Mi characters of their names: the oldest is forgotten for one more'],
    ),
    'text of a cache request or request for work: id, name, path, key': met([
      limits.texts,
      'a text of a request has 16,384 bytes at most, and is not decoded with one more: %s',
    ]),
    key: met(['unit/cluster/runtime/cache-service.test.ts', 'have at most 4,096 characters']),
    'MemoryStore maxBytes': met([
      'unit/cluster/runtime/store.test.ts',
      'says of a value that is too large how large it is, and keeps the old one',
    ]),
    'requests that wait for a slow store': met([
      'unit/cluster/runtime/cache-service.test.ts',
      'that wait for the store count only as long as they wait',
    ]),
  },
  'Clients, Pipelines, Sinks, Hubs: a server that moves': {
    'asking a server for its addresses after a break': met([
      'unit/client/follow.test.ts',
      'is asked each second after a break until the link is there, and stays where it was',
    ]),
    'second link to a server whose cache is gone': met([
      'unit/client/follow.test.ts',
      'has the second pusher take the place of one that does not connect again',
    ]),
  },
  'ZeroMQ sockets': {
    maxMessageSize: met(
      [limits.zmtp, 'has as many bytes as maxMessageSize, and not one more'],
      ['zeromq/walls.long.test.ts', 'that is sent is refused before it leaves, and one at the limit arrives'],
      [
        'unit/transports/zmtp/bound-push.test.ts',
        'refuses a frame for which its peer would hang up, and sends none of the others with it',
      ],
    ),
    'frame of a peer that only subscribes or pulls': met(
      [limits.zmtp, 'of a peer that only subscribes has 1,152 bytes at most: a longer one is not read'],
      ['zeromq/walls.long.test.ts', 'has a default, and ends the connection of a peer that sends it'],
    ),
    topic: met(
      [limits.texts, 'that is subscribed to has 1,024 bytes at most: %s'],
      [limits.zmtp, 'that is %s has a topic of 1,024 bytes at most'],
    ),
    'topics of all peers of a publisher': met([
      limits.zeromq,
      'topics of all subscribers have 262,144 bytes, and 32 more for each; with one byte more all are dropped',
    ]),
    maxOwed: met(
      [limits.zeromq, 'is maxOwed for one, to the last byte'],
      [limits.zeromq, 'is owed to all subscribers twice what one may be owed'],
      [
        'unit/transports/zeromq/owed.test.ts',
        'is bounded in bytes, not in messages: the newest are dropped, counted and named',
      ],
      [
        'unit/transports/zeromq/owed.test.ts',
        'is taken from the one that is owed the most when all are owed too much',
      ],
    ),
    'answers that nobody is subscribed to yet': met(
      [limits.flow, 'are held up to 8 MiB of one topic, to the last byte'],
      [limits.flow, 'are held up to 16 MiB of all topics, to the last byte'],
      [limits.flow, 'are held of 1,024 topics, and of these any number'],
      [
        'unit/transports/shared/held-deliveries.test.ts',
        'are given up after a second, and cost nothing then',
      ],
    ),
    'descriptors left': about('a process opens some of its own accord', [
      'zeromq/walls-descriptors.long.test.ts',
      'a process with few descriptors',
    ]),
    'curveServer.allow as a function': met(
      [
        'unit/transports/shared/key-decisions.test.ts',
        'asks about 256 keys at once, refuses further ones, and asks again later',
      ],
      [limits.texts, 'has 5 s to decide about a key, or half of the handshake'],
    ),
    address: met([limits.texts, 'an address of ZeroMQ has 512 characters at most']),
    'a connection to be there': about('the system says when a connection is there', [
      'zeromq/options.test.ts',
      'connectTimeout is how long zmtp() waits for a server that does not accept',
    ]),
    "a host's name to be looked up again": about(
      'half of each wait is left to chance, and libzmq dials when it likes',
      ['zmtp/life.long.test.ts', 'backs off, and goes on until there is a server'],
      [
        'zeromq/options.test.ts',
        'reconnectMaxInterval is how long zeromq() waits before it dials again, after many times too',
      ],
    ),
  },
  'zmtp()': {
    'maxMessageSize of a whole message': met([
      'unit/transports/zmtp/requester.test.ts',
      'takes messages of so many parts and bytes, and refuses a peer that sends one more',
    ]),
    maxMessageParts: met([
      'unit/transports/zmtp/requester.test.ts',
      'takes messages of so many parts and bytes, and refuses a peer that sends one more',
    ]),
    'parts of a request': met(
      ['zmtp/part-bounds.test.ts', 'answers a request that came by many proxies'],
      ['zmtp/part-bounds.test.ts', 'refuses a request of more than 64 parts at the part that is too many'],
    ),
    'messages pushed as one multipart message': met(
      ['zmtp/part-bounds.test.ts', 'takes batches of 1,024 messages, one after the other'],
      ['zmtp/part-bounds.test.ts', 'refuses a batch of %i messages with %o'],
    ),
    command: met([
      'unit/transports/zmtp/frame-reader.test.ts',
      'has a limit of its own, whatever that of frames is',
    ]),
    'frame before the end of a CURVE handshake': about(
      'it is met where frames are read; a link is seen to have them read so',
      [
        'unit/transports/zmtp/frame-reader.test.ts',
        'may have as many bytes as the limit, %i, and not one more',
      ],
      [
        'zmtp/curve-hostile.long.test.ts',
        'that announces a large frame before it is in is refused before it arrives',
      ],
    ),
    'steps of CURVE handshakes': met([
      'unit/transports/zmtp/curve/handshake-turns.test.ts',
      'lets one step compute in each turn of events, those with a cookie first',
    ]),
    maxTopicBytes: met([limits.zmtp, 'takes its topic and 128 bytes of maxTopicBytes, up to the last byte']),
    maxTopicBytesTotal: met([limits.zmtp, 'takes them of maxTopicBytesTotal, too']),
    sendHighWaterBytes: met(
      [limits.zmtp, 'is lost for a subscriber for which sendHighWaterBytes wait, and not for one byte less'],
      [
        limits.zmtp,
        'of a peer that leaves more of its replies unread than sendHighWaterBytes and the last one end its link',
      ],
    ),
    'next answer to a stock subscriber (one topic, without a slash) that was answered before': about(
      'it is a moment for news of another socket, which the system tells when it can',
      [
        'zmtp/publish.test.ts',
        'waits a moment for news of a stock client that was answered before, which hangs up and subscribes anew',
      ],
    ),
    sendHighWaterBytesTotal: met([
      limits.zmtp,
      'may wait for all subscribers up to sendHighWaterBytesTotal; with one byte more the one with the most is refused',
    ]),
    'replies unread, requests unanswered of one peer': met(
      [limits.zmtp, 'of a peer are read while fewer than 1 MiB of its replies are unread'],
      [
        'unit/transports/zmtp/requester.test.ts',
        'reads no more of a peer that waits for %v replies, until one is there',
      ],
    ),
    receiveHighWaterMark: met(
      [limits.zmtp, 'is as many messages as receiveHighWaterMark says'],
      [limits.zmtp, 'holds its peer up at 4,096 messages, which is told, and no longer than it is read'],
      [limits.zmtp, 'holds its publisher up at 100,000 deliveries'],
      [limits.zmtp, 'is as many deliveries as %s says'],
    ),
    handshakeTimeout: met([
      'unit/transports/zmtp/link.test.ts',
      'that a peer does not end in time is refused by the bound end, which says why',
    ]),
    connectTimeout: about('the system says when a connection is there', [
      'zeromq/options.test.ts',
      'connectTimeout is how long zmtp() waits for a server that does not accept',
    ]),
    busyTimeout: met([
      'unit/transports/zmtp/heartbeat.test.ts',
      'has as long as it announced, though that is longer',
    ]),
    'path of ipc://': met([
      'zmtp/dialling.test.ts',
      'too long for a Unix socket is refused, by who binds and by who dials',
    ]),
    'heartbeats asked for': met([
      'unit/transports/zmtp/heartbeat.test.ts',
      'may come a thousand times within one, and again within the next',
    ]),
    maxPeers: met(['zmtp/hostile.long.test.ts', 'peers beyond maxPeers are turned away']),
    maxPeersPerAddress: met([
      'zmtp/peers.test.ts',
      'one address cannot take the places of others, and gets back a place that it leaves',
    ]),
    'frame that is coming': about('what is set aside does not show but in memory', [
      'zmtp/wire.test.ts',
      'that are announced take no memory before they come',
    ]),
  },
  'Logs, terminals, errors': {
    'events that others can cause': met(
      ['unit/logging.test.ts', 'are logged at powers of two'],
      [
        'unit/logging.test.ts',
        'are logged once a minute while they go on, and anew after a minute without them',
      ],
    ),
    'kinds of events counted apart': met([
      limits.texts,
      'of 64 kinds are counted apart, and the others together',
    ]),
    'field of a log line': met([limits.texts, 'has 200 characters at most in the field of a log line']),
    'what another process says of a failure': met([
      'unit/protocol/printable.test.ts',
      'has at most 16,384 characters, and lines',
    ]),
    'names, keys and paths in an error': met([limits.texts, 'has 60 characters at most in an error']),
    'name of a function or error in an error': met([
      limits.texts,
      'of a function or of an error has 200 characters at most',
    ]),
    'a refusal of the relay': about('how long it is depends on what was refused', [
      'relay/attacks/refusals.test.ts',
      'to %s is not larger than what came',
    ]),
  },
  'The playground': {
    'envelopes of the Wire panel': met([parts, 'keeps so many envelopes, and so many bytes of them']),
    "field in the page's address": met([
      'limits/playground.test.ts',
      'has 2,000 characters at most for a field, and 8,000 for all',
    ]),
    'lines of the status log': met([parts, 'keeps 200 lines of 500 characters']),
    'answers, values, programs that are drawn': about(
      'what a page draws shows in a browser alone, where it is met from above; that a text is cut is met',
      [
        'limits/playground.test.ts',
        'a text that is drawn is cut behind as many characters as it may have, and says how many more there are',
      ],
      ['browser/playground.test.ts', 'is called with, and left out of the address with a word'],
    ),
    'workers drawn of a Master': met([parts, 'shows a few of many workers, and how many more there are']),
    'workers that are gone': met([
      parts,
      'forgets workers that are back, that are gone for long, or that another run of the master had',
    ]),
    'heartbeat of the relay of frond demo': about('a page is told it, and keeps to it as to any', [
      'browser/playground-outage.test.ts',
      'that stops answering is said to be away within two heartbeats',
    ]),
  },
  'Calls and their answers: the client': {
    'window of job': met(
      [limits.flow, 'takes input until 1,024 results are unread, and again once half of them are read'],
      [
        'unit/client/stream/job.test.ts',
        'bounds the results that are unread: no more input is taken, until half of them are read',
      ],
    ),
    'window of map': met(
      [limits.flow, 'takes 2,048 inputs ahead of its reader, and more once 64 were read'],
      ['unit/client/stream/map.test.ts', 'bounds how far the input runs ahead of the reader'],
    ),
    MAP_COMPANY: met([limits.flow, 'takes 2,048 inputs ahead of its reader, and more once 64 were read']),
    CALLS: met(
      ['unit/client/call-link.test.ts', 'has more messages under way where frond answers over a proved link'],
      [`${upstream}/upstream.test.ts`, 'are few until it is known to be no pylm server'],
    ),
    PYLM_CALLS: met(
      ['unit/client/core.test.ts', 'are as many as stock pylm takes where the server is one'],
      [`${upstream}/upstream.test.ts`, 'are few until it is known to be no pylm server'],
    ),
    ANSWER_BYTES: met([limits.flow, 'are as many as 60 MB of answers, of which one more may come']),
    'SHORTEST_STALL, LONGEST_STALL, STALL_GAPS': met(
      [
        limits.flow,
        'no longer count after a silence of 64 gaps between answers, of 50 ms at least and 200 ms at most',
      ],
      [
        'unit/async/flow-limit.test.ts',
        'no longer count after 200 ms without an answer at first, and twice as many may be out each time, up to 64 times',
      ],
    ),
    STALL_DOUBLINGS: met([
      'unit/async/flow-limit.test.ts',
      'no longer count after 200 ms without an answer at first, and twice as many may be out each time, up to 64 times',
    ]),
    STATUS_BACKLOG: met(['unit/async/broadcast.test.ts', 'leaves a reader that does not read the last 256']),
  },
  'What travels together, and turns': {
    'BATCH, BATCH_BYTES': met(
      [limits.zeromq, 'have 128 messages and 65,536 bytes at most'],
      ['unit/cluster/runtime/publisher.test.ts', 'has so many frames and bytes in one delivery at most'],
      ['unit/client/stream/job.test.ts', 'sends what is there together, 128 messages at most'],
      [
        'unit/transports/websocket/channel.test.ts',
        'sends batches of limited bytes, and a larger frame alone',
      ],
    ),
    ANSWER_PART_BYTES: met([
      `${session}/channel.test.ts`,
      'go in parts where it does not, each of one topic and in order with that topic',
    ]),
    WORK_BYTES: met(
      [
        `${dispatch}/work-assigner.test.ts`,
        'get as many bytes at once as fit a reply, and one message of any size',
      ],
      ['unit/cluster/worker-link/leased-link.test.ts', 'holds results of 1 MiB at most, or one of any size'],
    ),
    'RESULT_HOLD, UNTIMED_MESSAGES': met(
      [
        'unit/cluster/runtime/flow.test.ts',
        'leaves the turn to others sooner while frames are not envelopes',
      ],
      [
        'unit/cluster/runtime/flow.test.ts',
        'looks at the clock a few times only where nothing is done with frames',
      ],
    ),
    BAD_FRAMES_HOLD: met([
      'unit/cluster/runtime/flow.test.ts',
      'leaves the turn to others sooner while frames are not envelopes',
    ]),
    TURN: met([
      'unit/async/turns.test.ts',
      'go round between owners when each takes its time, in order for each',
    ]),
    BACKGROUND_TURNS: met([
      'unit/async/turns.test.ts',
      'below 0 give one turn of eight while others wait: %s',
    ]),
    RUN: met(['unit/cluster/runtime/flow.test.ts', 'let other events in at every %vth result']),
    'READ_RUN, READ_RUN_BYTES': met(
      [limits.zeromq, 'are read 256 in a row, then other events have their turn'],
      [limits.zeromq, 'are read up to 1 MiB in a row, with the message that reaches it'],
    ),
    'READ_TURN, UNTIMED_FRAMES, UNTIMED_BYTES': about(
      'how long frames take to be read is the machine’s: when the clock is looked at is met, and what is done then',
      [limits.zmtp, 'is timed at every 16th frame'],
      [limits.zmtp, 'is timed after each frame of more than 1,024 bytes'],
      ['unit/async/read-turns.test.ts', 'all sockets together read for the budget, and no longer'],
      ['zmtp/read-turns.test.ts', 'all floods together take no more of a turn than one'],
    ),
    'READ_PAUSE, GATHERED_ANSWERS, PAUSE_ANSWERS, AWAITED_ANSWERS': about(
      'how many answers come in a millisecond is the server’s: when a pause is taken is met, and what comes of it',
      ['unit/transports/zmtp/read-pace.test.ts', 'but not where %s'],
      [
        'unit/transports/zmtp/read-pace.test.ts',
        'once the time of a pause has shown how many come in it, and then after every other piece',
      ],
      ['unit/transports/zmtp/link.test.ts', 'reads on by itself after it, once'],
      [
        'zmtp/read-pauses.test.ts',
        'reads them several at once where it knows of many more, each once and in order',
      ],
    ),
    'RELAY_READ_TURN, TIMED_PIECE_BYTES': about(
      'how long pieces take to be read is the machine’s: when the clock is looked at is met, and what is done then',
      [`${session}/socket.test.ts`, 'is not timed where they are small'],
      [`${session}/socket.test.ts`, 'waits for its turn when there is none left, in one place of the line'],
      ['unit/async/read-turns.test.ts', 'all sockets together read for the budget, and no longer'],
    ),
    SEND_RUN: met([limits.zeromq, 'leave 32 in a row, then other events have their turn']),
    GATHERED_BYTES: met(
      ['unit/transports/zmtp/link.test.ts', 'that takes nothing gets no PONG once enough waits for it'],
      [
        'unit/transports/zmtp/bound-push.test.ts',
        'passes over a peer without room, waits when none has any, and goes on when one has',
      ],
    ),
    PUBLISHED_RUN_BYTES: met([
      limits.zmtp,
      'in one turn of events is less than 256 KiB, then publish waits for the next',
    ]),
  },
  'Requests and replies (cache, work)': {
    'REQUESTS, REQUEST_BYTES': met(
      [limits.zeromq, 'are 512 at once, and one more for each answer'],
      [limits.zeromq, 'are 16 MiB at once, with the one that reaches it'],
      [
        'unit/transports/zmtp/requester.test.ts',
        'has %v under way, and sends one more for each that is answered',
      ],
      [limits.zmtp, 'leave while fewer than 16 MiB of others are not answered'],
    ),
    REQUEST_BURST: met([
      limits.zeromq,
      'leave at once while fewer than 8 are under way, and with others of their turn from then on',
    ]),
    RELAYED_REQUESTS: met([
      'unit/transports/websocket/requester.test.ts',
      'are no more at once than the relay allows: the next leaves when one is answered',
    ]),
    REPLIES: met([
      'unit/transports/zmtp/requester.test.ts',
      'reads no more of a peer that waits for %v replies, until one is there',
    ]),
    REPLY_BYTES: met([limits.zmtp, 'of a peer are read while fewer than 1 MiB of its replies are unread']),
    STORE_BYTES: met(
      [
        'unit/cluster/runtime/cache-service.test.ts',
        'that wait for the store count only as long as they wait',
      ],
      ['unit/cluster/runtime/store.test.ts', 'refuses requests while 64 MiB of others wait for a slow store'],
    ),
  },
  'What was received and not read': {
    'PULLED, PULLED_BYTES': met(
      [limits.zmtp, 'holds its peer up at 4,096 messages, which is told, and no longer than it is read'],
      [limits.zmtp, 'holds its peer up at 4 MiB'],
      [limits.memory, 'holds its sender up at %s, and no longer than it is read'],
      [limits.memory, 'holds its sender up behind %s, and no longer than it is read'],
      [limits.zeromq, 'a worker has 4,096 messages unread, then whoever pushes waits'],
    ),
    maxWaiting: met([
      'unit/cluster/runtime/intake.test.ts',
      'goes on up to the limit, stops there, and goes on when there is room',
    ]),
    'PUBLISHED, PUBLISHED_BYTES': met(
      [limits.zmtp, 'holds its publisher up at 100,000 deliveries'],
      [limits.zmtp, 'holds its publisher up at 16 MiB, with the topics'],
    ),
    PUBLISHED_BYTES_IN_PROCESS: met([
      limits.memory,
      'is lost from 256 MiB on, where a delivery counts 256 bytes more',
    ]),
    PREVIOUS_UNREAD: met(
      [
        limits.cluster,
        'a Pipeline leaves 128 deliveries of the server before it in the transport, and notices as well',
      ],
      [limits.zmtp, 'is as many deliveries as %s says'],
    ),
    UPSTREAM_UNREAD: met(
      [
        `${upstream}/upstream.test.ts`,
        'to an address that was given is proved also before the server has said what it is',
      ],
      [limits.zmtp, 'is as many deliveries as %s says'],
    ),
    RELAYED_DELIVERIES: met([
      'unit/transports/websocket/channel.test.ts',
      'whose reader is far behind says so, at the limit and not before, and when it has caught up',
    ]),
  },
  'What a publisher and libzmq hold': {
    PUSH_MARK: about(LIBZMQ, [
      'zeromq/options.test.ts',
      'sendHighWaterMark is how many messages zeromq() holds for a server that reads nothing',
    ]),
    PULL_MARK: about(LIBZMQ, ['conformance/suite.ts', 'holds the sender up while nobody reads']),
    PUBLISH_MARK: about(LIBZMQ, [
      'zeromq/slow-subscribers.long.test.ts',
      'loses what is beyond the budget, and is named',
    ]),
    SUBSCRIPTION_MARK: about(LIBZMQ, [
      'zeromq/walls.long.test.ts',
      'bounds what subscriptions take, with topics that are %s',
    ]),
    maxOwed: met([
      'unit/transports/zeromq/owed.test.ts',
      'is bounded in bytes, not in messages: the newest are dropped, counted and named',
    ]),
    OWED_SUBSCRIBERS: met([limits.zeromq, 'is owed to all subscribers twice what one may be owed']),
    STANDSTILL: about('libzmq does not say when a subscriber took something', [
      'zeromq/slow-subscribers.long.test.ts',
      'is passed over for another connection to the same topic, after a second',
    ]),
    'HELD_TIME, HELD_BYTES, HELD_TOPIC_BYTES, HELD_TOPICS': met(
      [
        'unit/transports/shared/held-deliveries.test.ts',
        'are given up after a second, and cost nothing then',
      ],
      [limits.flow, 'are held up to 8 MiB of one topic, to the last byte'],
      [limits.flow, 'are held up to 16 MiB of all topics, to the last byte'],
      [limits.flow, 'are held of 1,024 topics, and of these any number'],
    ),
    CONFIRMATIONS: met([
      limits.zeromq,
      'subscriptions are read while fewer than 64 confirmations of others have not left',
    ]),
    CONFIRMATION_BACKLOG_BYTES: met([
      limits.zmtp,
      'is not confirmed behind more than 65,536 bytes that its peer has not read',
    ]),
  },
  'Masters, Hubs and their workers': {
    WORKER_QUEUE: met(
      [
        `${dispatch}/dispatcher.test.ts`,
        'is told of once a client that was held up with %v has half of them',
      ],
      [
        `${dispatch}/client-shares.test.ts`,
        'are there for another client when one has filled the queue, and as large for both',
      ],
    ),
    SCATTER_QUEUE: met([`${dispatch}/dispatcher.test.ts`, 'is for %v of one client that wait']),
    WORKERS_SHARE: met([
      limits.cluster,
      'has workers hold four times maxWaiting, and gives no more until some of it is done',
    ]),
    'UNGATHERED, UNGATHERED_BYTES': met([
      limits.cluster,
      'confirms results of workers until %s wait to be gathered',
    ]),
    WORKER_RESULTS: met([
      `${dispatch}/dispatcher.test.ts`,
      'of so many requests may wait to be gathered, and signs of life need no room',
    ]),
    WORKER_MOVES: met([`${dispatch}/link-moves.test.ts`, 'are those beyond %v of a worker']),
    WORKER_NOTICES: met([
      `${dispatch}/leased-worker.test.ts`,
      'wait for the next request, the newest 64 of them, and are taken once',
    ]),
    'CANCELLED_FOR, CANCELLED_NAMES': met(
      [
        'unit/cluster/runtime/cancellations.test.ts',
        'is forgotten when it is older than it need be, and not before',
      ],
      [limits.cluster, 'are forgotten in generations of 8,192 names, to the last one'],
    ),
    GONE_AT_ONCE: met([
      'unit/cluster/runtime/role-host.test.ts',
      'clients that go together are told in parts, so that others are served between, and only to roles that take notices',
    ]),
    PROGRESS_PAUSE: met(
      [
        'unit/cluster/runtime/progress-reporter.test.ts',
        'tells the first value at once, and then the newest one after each pause',
      ],
      [
        'unit/cluster/runtime/progress-reporter.test.ts',
        'tells a value at once when the last one was told a pause ago, and waits when it was told later',
      ],
    ),
    PROGRESS_HOPS: met([limits.cluster, 'is passed on by 32 servers, and by no more']),
    WORKER_REQUESTS_KNOWN: met([
      `${dispatch}/leased-worker.test.ts`,
      'are known again as long as so many others have not come since, and no longer',
    ]),
    UNCONFIRMED_BYTES: met([
      'unit/cluster/worker-link/leased-link.test.ts',
      'hold the worker up while too many bytes are not confirmed, and no longer',
    ]),
    'WORK_AHEAD, WORK_AHEAD_MESSAGES': met([
      'unit/cluster/worker-link/leased-link.test.ts',
      'is as much ahead as is done in 5 ms, at most 256, and more once half of that is done',
    ]),
    WORK_AT_ONCE: met([
      'unit/cluster/worker-link/leased-link.test.ts',
      'is what can be begun at once, until it is known how long a message takes',
    ]),
    UNBEGUN_TIME: met([
      'unit/cluster/worker-link/leased-link.test.ts',
      'goes back at the time, and not before; what comes meanwhile has no timer of its own',
    ]),
    PUSH_RUN: met([limits.cluster, 'leaves 64 messages at a time at most']),
    PUSHED_EACH: met([
      limits.cluster,
      'is 64 messages for each worker at most while others ask, however quick it is',
    ]),
    'PUSH_STALL, FIRST_PUSH_STALL, PUSH_STALL_TIMES': met(
      [limits.cluster, 'begins with one message after a second without any, and not before'],
      [limits.cluster, 'counts for a second where messages are quick, and no longer'],
      [
        `${dispatch}/push-workers.test.ts`,
        'is forgotten after long without a result, each time after twice as long',
      ],
      [
        `${dispatch}/push-workers.test.ts`,
        'is forgotten after a multiple of the time that messages take, when that is known',
      ],
    ),
    'PUSHED_CALLS, PUSHED_CALL_UNITS': met(
      [limits.cluster, 'are 65,536: the oldest is forgotten for one more'],
      [limits.cluster, 'are 16 Mi characters of their names: the oldest is forgotten for one more'],
    ),
    WORKERS: met(
      [
        `${dispatch}/worker-registry.test.ts`,
        'alive: one that holds nothing makes room, and none where all hold something',
      ],
      [
        `${dispatch}/pushed-offers.test.ts`,
        'is bounded in workers and in characters, and what is refused is forgotten',
      ],
    ),
    WORKERS_OFFERS: met([
      `${dispatch}/worker-offers.test.ts`,
      'has a limit, and a worker that says too much has said nothing',
    ]),
    'DEAD_WORKERS, LEFT_WORKERS': met(
      [`${dispatch}/worker-registry.test.ts`, 'dead: the oldest is forgotten'],
      [`${dispatch}/worker-registry.test.ts`, 'left: the oldest may come again'],
    ),
    MOST_FUNCTION_LABELS: met([
      'unit/cluster/runtime/meter.test.ts',
      'are %v at most, and one for all others',
    ]),
    'threads of a role': met(['unit/cluster/runtime/threads/options.test.ts', '%d threads are possible']),
    'threads that may end with one call': met([
      'unit/cluster/runtime/engine.test.ts',
      'is run again, until as many threads ended with it as may',
    ]),
    'results of one call on their way from a thread': met([
      'unit/cluster/runtime/threads/thread-code.test.ts',
      'wait while as many as may are on their way',
    ]),
    'concurrency of a role': met([
      'unit/cluster/runtime/flow.test.ts',
      'are worked on as many at a time as is said, and the others wait',
    ]),
  },
  'A client of a relay and its link': {
    FIRST_PUSH_WINDOW: met(
      [
        'unit/transports/websocket/channel.test.ts',
        'has no more under way than the window, which grows with each credit',
      ],
      [
        'relay/life/window.test.ts',
        'begins with 8 KiB, and grows by what is taken until it is the window of the relay',
      ],
    ),
    'CONFIRM_BYTES, CONFIRM_SOON, CONFIRM_LATE': met(
      [log, 'confirms after a while, or at once when much has come'],
      [log, 'of %i bytes takes %i ms'],
    ),
    'FIRST_LINK_WINDOW, LEAST_LINK_WINDOW, MOST_LINK_WINDOW': met(
      [log, 'has a window of bytes under way, and no more'],
      [log, 'is never less or more than its bounds'],
    ),
    LINK_QUEUE: met([log, 'is what the connection takes in its shortest time and half a second']),
    URGENT_BYTES: met([log, 'lets frames pass that are small, and no others']),
    PROBE_BYTES: met([log, 'is measured by messages that are large enough, and by each of them once']),
    PIECE_STREAMS: met(
      [
        'unit/transports/relay-protocol/pieces.test.ts',
        'of at most 8 frames are begun; what fits in one piece passes',
      ],
      ['unit/transports/relay-protocol/pieces.test.ts', 'are of nine frames at once at most'],
    ),
    RECEIVED_BYTES: about('the package ws counts them: what it is told is met', [
      'unit/transports/websocket/node.test.ts',
      'is told the limit of messages, and to compress none',
    ]),
  },
  'A relay': {
    window: met([`${session}/channels.test.ts`, 'are taken up to the window, in bytes and in number']),
    SMALLEST_CALL: met([limits.relay, 'are as many as its window has times 16 bytes']),
    maxHeld: met([`${session}/session.test.ts`, 'is too much above maxHeld, which ends it']),
    maxHeldTotal: met([
      `${session}/memory-budget.test.ts`,
      'takes all that it may, and cuts those that the most is kept for at one byte more',
    ]),
    'bytes in one socket': met([
      `${session}/socket.test.ts`,
      'is cut off for good when it confirms what it cannot have, beyond twice maxHeld',
    ]),
    'size of the answers that one client has under way; calls and requests apart': about(
      'it is met where places are given; that a session gives a quarter of maxHeld is seen from its effect',
      [`${session}/answer-budget.test.ts`, 'has as many out as there is room for their answers'],
      [
        'relay/life/slow-link.long.test.ts',
        'a peer that does not read: no more is asked for it than there is room for, and others are served meanwhile',
      ],
    ),
    'FIRST_CALLS, FIRST_CALLS_AGAIN, CALLS_REST': met(
      [limits.relay, 'are 8 at once at first'],
      [limits.relay, 'are 16 at once after more than a second without any'],
    ),
    'CALLS_GROWTH, MOST_CALLS, CALLS_STALL': met(
      [
        `${session}/answer-budget.test.ts`,
        'has four times as many out each time, however small the answers are',
      ],
      [limits.relay, 'are 1,048,576 at once at most, however many were answered'],
      [limits.relay, 'that are not answered no longer count after 250 ms, and not before'],
    ),
    'CALLS, PYLM_CALLS': met([
      `${upstream}/upstream.test.ts`,
      'are few until it is known to be no pylm server',
    ]),
    'CREDIT_BYTES, CREDIT_WAIT': met(
      [`${session}/push-channel.test.ts`, 'is told at a limit of bytes, however large the window is'],
      [`${session}/push-channel.test.ts`, 'is told at a quarter of the window, which grows with it'],
      [
        `${session}/push-channel.test.ts`,
        'is told after a while, from the first bytes on, and with other frames',
      ],
    ),
    PEER_ANSWER: met([`${peers}/passage.test.ts`, 'it is given up after a second, dialled or not: %s']),
    PEER_DIALS: met([
      `${peers}/peers.test.ts`,
      'are 16 at once to one other relay, and one more for each that is answered or over',
    ]),
    PASSED_BYTES: met([
      `${peers}/passage.test.ts`,
      'takes 262,144 bytes and one message from the %s, and goes on at half of that',
    ]),
    HANDED_OVER_BYTES: met([
      `${upstream}/send-queue.test.ts`,
      'come at once below the limit, also past it with the last, and are waited for at it',
    ]),
    'CLIENT_WORK, CLIENT_WORK_BYTES': met([
      `${session}/pull-channel.test.ts`,
      'is no more than the client may have, in frames and in bytes',
    ]),
    'GIVEN_WORK, GIVEN_WORK_BYTES': met(
      [
        limits.relay,
        'is remembered of 2,048 messages without a result: the oldest is forgotten for one more',
      ],
      [limits.relay, 'is remembered up to 1 MiB: the oldest is forgotten for what goes past it'],
    ),
    LEFT_WORK_BYTES: met([
      `${upstream}/work-pool.test.ts`,
      'is kept for later up to a number of bytes, of which those that are taken are none',
    ]),
    CLIENT_WORKERS: met([
      `${session}/requests.test.ts`,
      'are as many as a client may have, with names of up to 1,024 characters',
    ]),
    'maxChannels, maxRequests': met(
      [`${session}/channels.test.ts`, 'is one of as many as a client may have'],
      [`${session}/session.test.ts`, 'are as many at once as the limit says, each with a number of its own'],
    ),
    maxFrame: met([
      'relay/attacks/frames.test.ts',
      'takes a frame that is exactly at the limit, and closes with 1009 at one byte more',
    ]),
    'lines of a body, each an input, over HTTP': met([`${http}/call-request.test.ts`, 'are at most 10,000']),
    'time for a body over HTTP': met([`${http}/call-request.test.ts`, 'has 30 seconds']),
    'rest of a body that was refused, over HTTP, read so that the caller hears of that': met(
      [`${http}/unwanted-body.test.ts`, 'is read for two seconds'],
      [`${http}/unwanted-body.test.ts`, 'is read up to 16 MiB'],
    ),
    GREETING_BYTES: met([
      `${session}/socket.test.ts`,
      'may send as many bytes as a greeting has, and no more, in however many chunks',
    ]),
    GARBAGE_BYTES: met([
      `${upstream}/garbage-collection.test.ts`,
      'collects once for each MiB that came, in whatever pieces',
    ]),
  },
  NATS: {
    'NATS_STORING, NATS_STORING_BYTES': met(
      [`${nats}/sender.test.ts`, 'are 512 under way at once, and one more for each that is stored'],
      [`${nats}/sender.test.ts`, 'behind %i bytes that are under way there are %i messages'],
      [`${nats}/sender.test.ts`, 'have space until 4 MiB of them wait, and again below'],
    ),
    NATS_ASKED: about('nats.js asks for them, and asks again: what it is told is met', [
      `${nats}/consume.test.ts`,
      'are asked for 128 at a time',
    ]),
    'NATS_HELD, NATS_FIRST_READ, NATS_READ_AHEAD': about(
      'how fast a server is decides: both of two must have work',
      ['nats/sharing.test.ts', 'two servers share 2,000 calls, and both work'],
    ),
    NATS_PUSHED_BYTES: met([
      'nats/streams.test.ts',
      'of a Master and its workers have 64 MiB of the disk at most: 32 Masters share a server that has 8 GB',
    ]),
    NATS_UNSETTLED: about('NATS holds it, and 128 servers that read as much as they may are below it', [
      'nats/sharing.test.ts',
      'two servers share 2,000 calls, and both work',
    ]),
    NATS_SUBSCRIPTIONS: about('NATS holds it, and a test meets the one that NATS would have', [
      'nats/streams.test.ts',
      'of publications take more subscriptions than nats-server allows by default',
    ]),
    NATS_SEEN_BLOCKS: met([
      `${nats}/seen-ids.test.ts`,
      'is forgotten when 4,096 blocks of 4,096 have come after its own',
    ]),
    NATS_RECALLED: met([
      'nats/losses.test.ts',
      'a subscription from a position gives nothing a second time that had come before it',
    ]),
    NATS_PROMPT: met([
      'unit/transports/nats/prompt-calls.test.ts',
      'go past while it waits for fewer than 128, each until it is answered',
    ]),
    NATS_LANES: met([
      'unit/transports/nats/call-lanes.test.ts',
      'is put where least waits, whether it was given to a server or not',
    ]),
    NATS_LOOKED_FOR: met([
      'unit/transports/nats/absences.test.ts',
      '1,000 are asked for in one look, 50 at a time, and one whose topic is too long is never gone',
    ]),
  },
  'Jobs that outlive their clients': {
    SENDER_ASKED: about('a process of its own sends, and each question goes through a nats-server', [
      'nats/jobs.test.ts',
      'a sender that waits for its input is there, and its reader waits with it',
    ]),
    SENDER_SILENT: about('that sender is killed at a time that nobody knows to the millisecond', [
      'nats/jobs.test.ts',
      'a job whose process is killed before all its inputs were sent gives what there is, and then says so',
    ]),
  },
};

/** The rows of the page, by heading: what a limit is called, or the names that a value has, or what it bounds where it has none. */
function rowsOf(page: string): Readonly<Record<string, readonly string[]>> {
  const sections: Record<string, string[]> = {};
  let rows: string[] = [];
  let at = 1;
  for (const line of page.split('\n')) {
    const heading = /^##+ (.*)/.exec(line)?.[1];
    if (heading !== undefined) {
      rows = [];
      sections[heading.replaceAll('`', '')] = rows;
    }
    if (!line.startsWith('| ')) continue;
    const cells = line.split('|').map((cell) => cell.trim());
    const [, first = '', name = '', bounds = ''] = cells;
    if (first === 'limit') at = 1;
    else if (first === 'value') at = 2;
    else rows.push((at === 1 ? first : name.includes('`') ? name : bounds).replaceAll('`', ''));
  }
  return Object.fromEntries(Object.entries(sections).filter(([, own]) => own.length > 0));
}

const tests = fileURLToPath(new URL('..', import.meta.url));
const page = rowsOf(readFileSync(join(tests, '../docs/guide/limits.md'), 'utf8'));

/** Whether a file has a test or group of that title, in whatever quotes. `%v` stands for a value that is put in. */
function hasTitle(file: string, title: string): boolean {
  const source = readFileSync(join(tests, file), 'utf8')
    .replaceAll('\\', '')
    .replace(/\$\{\w+\}/g, '%v');
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}

it('has the headings of the page, and no others', () => {
  expect(Object.keys(SECTIONS).sort()).toEqual(Object.keys(page).sort());
});

describe.each(Object.entries(SECTIONS))('%s', (heading, section) => {
  it('has a test for each row of the page, and rows for no others', () => {
    expect(Object.keys(section).sort()).toEqual([...(page[heading] ?? [])].sort());
  });

  it.each(Object.entries(section))('%s is met where it is said to be', (_row, { seen, about: reason }) => {
    expect(seen.length).toBeGreaterThan(0);
    if (reason !== undefined) expect(reason.length).toBeGreaterThan(20);
    for (const [file, title] of seen) expect(hasTitle(file, title), `${file}: ${title}`).toBe(true);
  });
});
