/**
 * Who is held up, where and by what: the numbers that bound what is under way, what waits and what travels together.
 *
 * Constants only, written as plain numbers so that bundlers put them in their place. Defaults of options stand beside their
 * option. test/unit/flow-control.test.ts holds the relations that these numbers rest on.
 */

// What travels together.

/** Messages of one batch, at most: enough that they share its cost, and few enough that others get a turn. */
export const BATCH = 128;

/** Bytes of one batch, unless its first message alone has more. */
export const BATCH_BYTES = 65_536;

/** Bytes of a Blob that are one input of a job or map: as many as a batch. */
export const BLOB_PIECE = 65_536;

/** Bytes of answers in one message to a relay's client, where small answers may have to pass large ones. */
export const ANSWER_PART_BYTES = 16_384;

/** Bytes of work in one reply to a worker, and of results in one of its requests, but for one alone: links and memory have a limit. */
export const WORK_BYTES = 1_048_576;

/** Calls that must have room before a map reads input again, so that its inputs travel in batches. */
export const MAP_COMPANY = 64;

/** Milliseconds of work after which a server's results leave, though more input waits. */
export const RESULT_HOLD = 5;

/** The same after a frame that is not an envelope: a flood of them has no results that travel together. */
export const BAD_FRAMES_HOLD = 1;

// Turns: how long one thing goes on before others have theirs.

/** Inputs, late results or socket events in a row before other events run: none of them has to wait for any. */
export const RUN = 64;

/** Messages that a Master or Hub passes on before it looks at the clock, where nothing is done with them on the way. */
export const UNTIMED_MESSAGES = 16;

/** Messages read in a row from a ZeroMQ socket before other events run: a busy socket never makes its reader wait. */
export const READ_RUN = 256;

/** Bytes read in a row from a ZeroMQ socket: they are passed on, or dropped, before there are more. */
export const READ_RUN_BYTES = 1_048_576;

/** Frames of one piece that a ZMTP link passes on before it looks at the clock, and between two looks: most pieces have fewer. */
export const UNTIMED_FRAMES = 16;

/** Bytes of a frame after which a ZMTP link looks at the clock at once: what is done with a long one, such as a request, may take as long as with many. */
export const UNTIMED_BYTES = 1_024;

/** Milliseconds that all links of one ZMTP transport read from such pieces in one turn of the event loop. The rest waits for the next turns. */
export const READ_TURN = 1;

/** Milliseconds that all connections of a relay read in one turn of the event loop, and bytes of a piece from which on that is counted. */
export const RELAY_READ_TURN = 2;
export const TIMED_PIECE_BYTES = 4_096;

/** Milliseconds in which a ZMTP link does not read, so that answers gather that come one by one. A timer may take one more. */
export const READ_PAUSE = 1;

/** Such a pause follows no piece of as many answers: they gather by themselves. */
export const GATHERED_ANSWERS = 16;

/** Answers that have to come in such a time, and how many times as many have to be awaited. Otherwise each is read at once. */
export const PAUSE_ANSWERS = 8;
export const AWAITED_ANSWERS = 4;

/** Batches sent in a row to a ZeroMQ socket before other events run: an idle socket never makes its sender wait. */
export const SEND_RUN = 32;

/** Milliseconds that one client's messages are taken before the next client's; each client gets one message at least. */
export const TURN = 1;

/** Turns of which clients whose calls have a priority below 0 have one at least, while others wait. Calls above 0 have every other turn. */
export const BACKGROUND_TURNS = 8;

/**
 * Bytes that one turn of the event loop gathers for one peer over ZMTP. Whoever sends more waits for the next turn. Behind as many no
 * sign of life is asked for or given: the peer does not read, or gets signs of life anyway.
 */
export const GATHERED_BYTES = 65_536;

/** Bytes that one turn of the event loop publishes over ZMTP. Whoever publishes more waits, and subscribers are written to. */
export const PUBLISHED_RUN_BYTES = 262_144;

// Calls under way.

/** Calls under way to one frond server, from one client or from one relay. All of their answers fit what the client reads ahead. */
export const CALLS = 8_192;

/**
 * Calls under way where a stock pylm server may be on the way: its publisher drops answers without a word once 1,000 of them wait
 * for one client. This is half of that, since the count is an estimate.
 */
export const PYLM_CALLS = 500;

/**
 * Bytes of answers that may be under way to one client. A frond publisher keeps over four times as much for one subscriber
 * (`maxOwed`): sizes are estimated from the answers before.
 */
export const ANSWER_BYTES = 60_000_000;

/** Milliseconds without an answer after which calls under way count as slow or dropped, at least and at most. */
export const SHORTEST_STALL = 50;
export const LONGEST_STALL = 200;

/** Such a stall is as many times as long as the usual time between two answers. */
export const STALL_GAPS = 64;

/** Stalls in a row that each double what may be under way: where no answers come, none can be dropped. */
export const STALL_DOUBLINGS = 6;

// Requests and replies.

/** Requests under way to one address over ZeroMQ: a stock REP drops replies past its mark of 1,000. */
export const REQUESTS = 512;

/** Bytes of requests under way to one address over ZeroMQ. What ZeroMQ has, nobody takes back. */
export const REQUEST_BYTES = 16_777_216;

/** Requests under way to one address from which on the next ones leave in bursts. */
export const REQUEST_BURST = 8;

/** Requests under way through one connection to a relay: no more than the relay allows (`maxRequests`). */
export const RELAYED_REQUESTS = 128;

/** Replies that a bound socket owes before it reads no more requests: over ZMTP to one peer, over libzmq to all. */
export const REPLIES = 1_024;

/** Bytes of replies that one peer has not read before a bound ZMTP socket reads no more of its requests. */
export const REPLY_BYTES = 1_048_576;

/** Bytes of cache requests that wait for a store that answers later. The next request is refused. */
export const STORE_BYTES = 67_108_864;

// What was received and not read.

/** Messages that a server or worker has not read before whoever pushes them is held up. */
export const PULLED = 4_096;

/** Bytes of these. */
export const PULLED_BYTES = 4_194_304;

/** Deliveries that a subscriber has not read before the rest waits with the publisher, which drops what it cannot hold. */
export const PUBLISHED = 100_000;

/** Bytes of these over a network. */
export const PUBLISHED_BYTES = 16_777_216;

/** Bytes of these within one process, where nobody else holds them: past it the subscriber has lost deliveries. */
export const PUBLISHED_BYTES_IN_PROCESS = 268_435_456;

/** Deliveries that a relay's client has not read before it confirms no more of them. */
export const RELAYED_DELIVERIES = 10_000;

/** Deliveries of a previous server that wait in the transport: what waits behind it is bounded in bytes (`maxWaiting`). */
export const PREVIOUS_UNREAD = 128;

/**
 * Deliveries of a server that wait for the relay. Few: the relay never stops reading, does not know whose they are before, and one
 * client's must not fill its memory.
 */
export const UPSTREAM_UNREAD = 16;

/** Statuses that a slow reader is behind. The oldest are dropped, since the newest state is what counts. */
export const STATUS_BACKLOG = 256;

// What libzmq holds: its high-water marks.

/** Batches for a slow server. The rest waits in this process, where it can still be given up. */
export const PUSH_MARK = 16;

/** Batches at a slow server. Few, so that one client's job does not bury another's call. */
export const PULL_MARK = 128;

/**
 * Deliveries for a subscriber that stalls, of any size. The rest waits in this process, counted in bytes (`maxOwed`). libzmq tells of
 * what was read by halves of it.
 */
export const PUBLISH_MARK = 1_000;

/**
 * Subscriptions of one peer that are read before JavaScript runs. libzmq takes all that are there at once: with more, a peer that never
 * stops was never stopped, and 20 MiB of topics were 4 s of silence.
 */
export const SUBSCRIPTION_MARK = 2;

// What a publisher holds.

/** Bytes owed to all subscribers of one publisher together, in times of what one subscriber may be owed (`maxOwed`). */
export const OWED_SUBSCRIBERS = 2;

/**
 * Milliseconds that a client's connections wait for one of them that takes nothing. It is dead: the client has another one. Servers that
 * share a topic wait for the slowest, as long as there is room for what they are owed.
 */
export const STANDSTILL = 1_000;

/** Milliseconds that an answer waits for its subscriber. On a busy machine a subscription is tens of milliseconds late. */
export const HELD_TIME = 1_000;

/** Bytes of answers that wait so, under all topics and under one. A pylm client sends a job before it has subscribed. */
export const HELD_BYTES = 16_777_216;
export const HELD_TOPIC_BYTES = 8_388_608;

/** Topics that wait so: all of them are looked through when a subscription comes. */
export const HELD_TOPICS = 1_024;

/** Confirmations of subscriptions that libzmq has not sent before later subscribers wait: results must not wait behind them. */
export const CONFIRMATIONS = 64;

/** Bytes that wait for one ZMTP peer before its subscriptions are no longer confirmed. */
export const CONFIRMATION_BACKLOG_BYTES = 65_536;

// Cancelled calls.

/** Milliseconds, at least, that a server remembers what was cancelled: a notice may overtake the calls that it names. */
export const CANCELLED_FOR = 60_000;

/** Calls and clients that are remembered so, before the older ones are forgotten sooner. */
export const CANCELLED_NAMES = 8_192;

// Progress.

/** Milliseconds between two values of one call's progress: more often than a person sees a change. */
export const PROGRESS_PAUSE = 50;

/** Servers of a pipeline that pass one value on: servers that read each other must not do so for ever. */
export const PROGRESS_HOPS = 32;

/** Clients that are gone whose calls are looked for in one turn of the event loop. One stranger may end thousands of subscriptions. */
export const GONE_AT_ONCE = 128;

// Masters, Hubs and their workers.

/** Messages that wait for a worker before a Master takes in no more of clients that have their part of them. These go on at half of it. */
export const WORKER_QUEUE = 2_048;

/** Messages of one client that a scatter may have given before it waits. Beyond the queue, so that one that gives a few for each never does. */
export const SCATTER_QUEUE = 4_096;

/** Bytes that workers hold, in times of what may wait here (`maxWaiting`): they have work while some waits, and not without end. */
export const WORKERS_SHARE = 4;

/** Requests of one worker whose results wait to be gathered. A frond worker has two under way. */
export const WORKER_RESULTS = 8;

/** Requests in one worker's name that wait for its old link to end. A frond worker has three under way. */
export const WORKER_MOVES = 4;

/** Notices of cancelled calls that wait for one worker's next request. The oldest is dropped. */
export const WORKER_NOTICES = 64;

/** Requests of one worker that are recognised when they come again. A frond worker has three under way. */
export const WORKER_REQUESTS_KNOWN = 8;

/** Results that wait to be gathered before workers' reports wait. */
export const UNGATHERED = 4_096;

/** Bytes of these. */
export const UNGATHERED_BYTES = 16_777_216;

/** Bytes of results that the Master has not confirmed before a worker's functions wait. */
export const UNCONFIRMED_BYTES = 4_194_304;

/** Milliseconds of work that a worker has ahead. It covers the time that asking for more takes. */
export const WORK_AHEAD = 5;

/** Messages that a worker has ahead, at most. */
export const WORK_AHEAD_MESSAGES = 256;

/** Messages that a worker works on at once, where its `concurrency` has no limit. */
export const WORK_AT_ONCE = 1_024;

/** Milliseconds that work may wait behind a slow message. Then it goes back to the Master. */
export const UNBEGUN_TIME = 20;

/** Messages pushed at once. */
export const PUSH_RUN = 64;

/** Messages pushed to each worker while others ask for work. The rest stays with the Master. */
export const PUSHED_EACH = 64;

/** Milliseconds without a result after which pushed messages no longer count as under way, at least. */
export const PUSH_STALL = 1_000;

/** The same while nobody knows how long a message takes. */
export const FIRST_PUSH_STALL = 10_000;

/** The same in times of how long a message usually takes. Each of up to {@link STALL_DOUBLINGS} in a row is twice as long. */
export const PUSH_STALL_TIMES = 4;

/** Calls that a Master remembers to have pushed. The oldest is forgotten, and its late results are dropped. */
export const PUSHED_CALLS = 65_536;

/** UTF-16 units of their names together. */
export const PUSHED_CALL_UNITS = 16_777_216;

/** Workers that a Master knows at once. One that holds nothing is forgotten for a new one. */
export const WORKERS = 4_096;

/** Bytes of what all workers of a Master say of their functions. What several say alike counts once. */
export const WORKERS_OFFERS = 1_048_576;

/** Workers that are remembered though they count as dead, and though they left. The oldest is forgotten. */
export const DEAD_WORKERS = 1_024;

/** Functions of workers that have metrics of their own: each costs a server of metrics some kilobytes. All others share theirs. */
export const MOST_FUNCTION_LABELS = 256;
export const LEFT_WORKERS = 1_024;

// A client of a relay, and its link.

/**
 * Bytes under way on a new channel for calls. Each credit adds as much, up to the relay's `window`, as TCP begins: a client with much to
 * send is soon at full speed, and a crowd that begins at once does not send everything at once.
 */
export const FIRST_PUSH_WINDOW = 8_192;

/** Bytes received before they are confirmed at once. */
export const CONFIRM_BYTES = 65_536;

/** Milliseconds after which fewer are confirmed: when the sender may wait for it, and otherwise. */
export const CONFIRM_SOON = 20;
export const CONFIRM_LATE = 1_000;

/** Bytes on the link that are not confirmed: at first, at least and at most. What waits behind them can be passed by small frames. */
export const FIRST_LINK_WINDOW = 32_768;
export const LEAST_LINK_WINDOW = 16_384;
export const MOST_LINK_WINDOW = 4_194_304;

/** Milliseconds that bytes wait on the link, beyond what one message takes at best. The window follows from it. */
export const LINK_QUEUE = 500;

/** Bytes of the largest request or reply that does not wait behind other frames. */
export const URGENT_BYTES = 1_024;

/** Bytes of the smallest message whose confirmation comes soon and tells how fast the link is. */
export const PROBE_BYTES = 4_096;

/** Frames that travel in pieces at once, each way. The others wait; a sender of more is cut off. */
export const PIECE_STREAMS = 8;

/** Bytes of one message that a client takes in Node. Relays keep to the limit that they announce; the socket ends for others. */
export const RECEIVED_BYTES = 268_435_456;

// NATS.

/** Messages on their way into a stream, and their bytes: NATS has not acknowledged them. The rest waits with its sender. */
export const NATS_STORING = 512;
export const NATS_STORING_BYTES = 4_194_304;

/** Messages that are asked of a stream at once: the reader has less than one batch of them beyond what it takes. */
export const NATS_ASKED = 128;

/**
 * Milliseconds of work that a server reads ahead of where others share its queue. At first it reads {@link NATS_FIRST_READ} messages, and never
 * more than {@link NATS_READ_AHEAD}.
 */
export const NATS_HELD = 100;
export const NATS_FIRST_READ = 4;
export const NATS_READ_AHEAD = 512;

/** Messages of one queue that all its readers together have and have not settled. */
export const NATS_UNSETTLED = 65_536;

/** Bytes that wait between one Master and the workers that it pushes to: as many as wait in a role. */
export const NATS_PUSHED_BYTES = 67_108_864;

/** Subscriptions to all servers of a cluster: one of each client, and one of each session of a relay. */
export const NATS_SUBSCRIPTIONS = 1_000_000;

/** Names of results by which a subscriber knows repeated ones: blocks of 4,096, the oldest of which is forgotten. */
export const NATS_SEEN_BLOCKS = 4_096;

/** Places before the one that a subscription begins at, from which it learns the names of what has come. */
export const NATS_RECALLED = 65_536;

/** Calls of one client that go past what waits at a server, until they are answered. */
export const NATS_PROMPT = 128;

/** Queues in which the calls of a server wait that do not go past others: those of one client in one of them. */
export const NATS_LANES = 4;

/** Clients that one look asks for, whether they are there. */
export const NATS_LOOKED_FOR = 1_000;

// Jobs that outlive their clients.

/** Milliseconds between two questions whether the sender of a resumed job is there, while it has not sent all inputs. */
export const SENDER_ASKED = 2_000;

/** Milliseconds without an answer and without a result after which it is taken for gone. Its input may compute for a while. */
export const SENDER_SILENT = 10_000;

// A relay.

/** Calls under way while the size of their answers is not known: at first, and after {@link CALLS_REST} ms without any. */
export const FIRST_CALLS = 8;
export const FIRST_CALLS_AGAIN = 16;
export const CALLS_REST = 1_000;

/** For each answered call as many more may leave, up to {@link MOST_CALLS}; and in all after {@link CALLS_STALL} ms without an answer. */
export const CALLS_GROWTH = 4;
export const MOST_CALLS = 1_048_576;
export const CALLS_STALL = 250;

/** Bytes of credit that are told at once. Less is told after {@link CREDIT_WAIT} ms, or with the next answers. */
export const CREDIT_BYTES = 65_536;
export const CREDIT_WAIT = 250;

/** Bytes that a call counts at least: a client may have its `window` divided by this many calls waiting. */
export const SMALLEST_CALL = 16;

/**
 * Bytes that all clients together have in the hands of the transport for one address of a server. Others wait for their turn: what
 * the transport has, nobody takes back, even when its client is gone.
 */
export const HANDED_OVER_BYTES = 1_048_576;

/** Messages of work that one client has and has not taken. The server's push waits. */
export const CLIENT_WORK = 16;

/** Bytes of these. */
export const CLIENT_WORK_BYTES = 1_048_576;

/** Messages of work that one client was given and that are remembered: those without a result, and those with one. */
export const GIVEN_WORK = 2_048;

/** Bytes of each of these. The oldest is forgotten, and a later result of it is dropped. */
export const GIVEN_WORK_BYTES = 1_048_576;

/** Bytes of work of clients that are gone, kept for the next worker. The rest is lost and counted. */
export const LEFT_WORK_BYTES = 67_108_864;

/** Workers that one client can be. The next request is refused. */
export const CLIENT_WORKERS = 256;

/** Bytes that a client sends before its greeting is read. More of them end the connection. */
export const GREETING_BYTES = 65_536;

/** Bytes between two collections of garbage. Nobody waits. */
export const GARBAGE_BYTES = 1_048_576;

// Relays side by side.

/** Milliseconds that the relay that owns a session gets to say whether it goes on with it; with the wait for a place among those that are dialled. */
export const PEER_ANSWER = 1_000;

/** Sessions on their way to one other relay at once. A handshake takes some milliseconds, so thousands are passed on in a second. */
export const PEER_DIALS = 16;

/** Bytes that wait for either side of a session that is passed on before nothing more is read from the other. */
export const PASSED_BYTES = 262_144;
