/** The streams of this transport. They are made at their first use; one that exists keeps its settings. */
import { NATS_PUSHED_BYTES, NATS_SUBSCRIPTIONS, NATS_UNSETTLED, PULLED } from '../../src/flow-control.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { isLeaderless, NoLeader } from './leader.ts';
import { type ClusterNames, READERS, type ServerNames, type SharedQueue, type StreamName } from './names.ts';
import type { NatsSettings } from './options.ts';
import type { StreamInfo, StreamSettings } from './packages.ts';
import type { Session } from './session.ts';

const NANOSECONDS = 1_000_000;

/** Milliseconds in which NATS knows a message that comes again by its id. */
const REPEATS = 120_000;

/** How a queue is read. */
export interface Reading {
  /** Messages that its readers together may have and not have acknowledged. */
  readonly most: number;
  /** Milliseconds after which what was not acknowledged is given again. */
  readonly acknowledge: number;
  /** Bytes that may wait, where `queueBytes` are more. NATS sets aside disk for all of them when the stream is made. */
  readonly bytes: number;
}

/** By one reader, which acknowledges what it has taken: a Master or its workers, to whom it pushes. Each Master has two such queues. */
export const BY_ONE: Reading = { most: PULLED, acknowledge: 10_000, bytes: NATS_PUSHED_BYTES };

/**
 * By several, each of which acknowledges what it has done. What a dead one had its neighbours give again long before: a process that computes
 * for 20 s, and says nothing meanwhile, keeps what it has.
 */
export const BY_SEVERAL: Reading = {
  most: NATS_UNSETTLED,
  acknowledge: 30_000,
  bytes: Number.POSITIVE_INFINITY,
};

/** Milliseconds between two signs that what was given to a reader is being worked at: one may come late. */
export const HOLD: number = BY_SEVERAL.acknowledge / 4;

const common = ({ stream, subject }: StreamName, settings: NatsSettings) => ({
  name: stream,
  subjects: [subject],
  num_replicas: settings.replicas,
});

const repeats = (age: number) => NANOSECONDS * Math.min(REPEATS, age);

/** Has a stream whose messages wait until they are read by one, and the consumer that reads it. A full one refuses. */
export async function ensureQueue(
  session: Session,
  name: StreamName,
  settings: NatsSettings,
): Promise<StreamInfo> {
  const made = await ensureWork(session, name, [name.subject], settings, BY_ONE);
  await ensureReader(session, name.stream, READERS, name.subject, BY_ONE);
  return made;
}

/** The same for the calls of a server, which several may read: in several queues, each with the consumer that reads it. */
export async function ensureCalls(
  session: Session,
  { pull, calls, promptCalls, lanes }: ServerNames,
  settings: NatsSettings,
): Promise<StreamInfo> {
  const queues = [calls, promptCalls, ...lanes];
  const subjects = queues.map(({ subject }) => subject);
  const made = await ensureWork(session, pull, subjects, settings, BY_SEVERAL);
  // It was made for a reader that shares it with nobody.
  if (!subjects.every((subject) => made.config.subjects.includes(subject)))
    await tell(
      session.manager.streams.update(pull.stream, { subjects }),
      `changing the stream ${pull.stream}`,
    );
  const having = queues.map(({ stream, consumer, subject }) =>
    ensureReader(session, stream, consumer, subject, BY_SEVERAL),
  );
  await Promise.all(having);
  return made;
}

function ensureWork(
  session: Session,
  name: StreamName,
  subjects: string[],
  settings: NatsSettings,
  { bytes }: Reading,
): Promise<StreamInfo> {
  return ensure(session, {
    ...common(name, settings),
    subjects,
    retention: 'workqueue',
    storage: settings.storage,
    discard: 'new',
    max_bytes: Math.min(settings.queueBytes, bytes),
    max_age: NANOSECONDS * settings.queueAge,
    duplicate_window: repeats(settings.queueAge),
  });
}

async function ensureReader(
  { manager: { consumers } }: Session,
  stream: string,
  reader: string,
  subject: string,
  { most, acknowledge }: Reading,
): Promise<void> {
  const wanted = {
    durable_name: reader,
    filter_subject: subject,
    ack_policy: 'explicit',
    ack_wait: NANOSECONDS * acknowledge,
    max_ack_pending: most,
  } as const;
  const kept = (error: unknown) => orElse(() => consumers.info(stream, reader), error);
  await tell(
    // One that was made with other settings keeps them.
    consumers.add(stream, wanted).catch(kept),
    `making the consumer ${reader} of ${stream}`,
  );
}

/** Has the stream of publications. A full one drops what is oldest. */
export function ensureOut(
  session: Session,
  names: ClusterNames,
  settings: NatsSettings,
): Promise<StreamInfo> {
  return ensure(session, {
    ...common(names.out, settings),
    retention: 'limits',
    storage: 'memory',
    discard: 'old',
    max_bytes: settings.resultBytes,
    max_age: NANOSECONDS * settings.resultAge,
    duplicate_window: repeats(settings.resultAge),
    // From nats-server 2.15 on a stream that does not say it has 1,000.
    max_consumers: NATS_SUBSCRIPTIONS,
  });
}

/**
 * Has the consumer by which several ends share what is published under a subject, from now on. It goes when nobody has read by it for as long as
 * calls may wait.
 * @param isNew - whether the stream may have been made anew since one of them read there: then all that is there is new to them.
 */
export async function ensurePublished(
  session: Session,
  { stream, consumer }: SharedQueue,
  subject: string,
  settings: NatsSettings,
  isNew: boolean,
): Promise<void> {
  const { consumers } = session.manager;
  if ((await consumers.info(stream, consumer).catch(() => undefined)) !== undefined) return;
  const { most, acknowledge } = BY_SEVERAL;
  const wanted = {
    durable_name: consumer,
    filter_subject: subject,
    deliver_policy: isNew ? 'all' : 'new',
    ack_policy: 'explicit',
    ack_wait: NANOSECONDS * acknowledge,
    max_ack_pending: most,
    inactive_threshold: NANOSECONDS * settings.queueAge,
  } as const;
  await tell(
    // Another process may have made it in between.
    consumers.add(stream, wanted).catch((error) => orElse(() => consumers.info(stream, consumer), error)),
    `making the consumer ${consumer} of ${stream}`,
  );
}

/** Has the stream of the pieces of large frames. A full one refuses. */
export function ensureBig(
  session: Session,
  names: ClusterNames,
  settings: NatsSettings,
): Promise<StreamInfo> {
  return ensure(session, {
    ...common(names.big, settings),
    retention: 'limits',
    storage: settings.storage,
    discard: 'new',
    max_bytes: settings.queueBytes,
    max_age: NANOSECONDS * settings.queueAge,
    duplicate_window: repeats(settings.queueAge),
    allow_direct: true,
    allow_msg_ttl: true,
  });
}

/** Has the stream of a server's values: the last of each key. A full one drops what was set first. */
export function ensureCache(session: Session, name: StreamName, settings: NatsSettings): Promise<StreamInfo> {
  const { cacheAge } = settings;
  return ensure(session, {
    ...common(name, settings),
    retention: 'limits',
    storage: settings.storage,
    discard: 'old',
    max_bytes: settings.cacheBytes,
    max_age: Number.isFinite(cacheAge) ? NANOSECONDS * cacheAge : 0,
    duplicate_window: repeats(cacheAge),
    max_msgs_per_subject: 1,
  });
}

async function ensure({ manager: { streams } }: Session, settings: StreamSettings): Promise<StreamInfo> {
  const { name } = settings;
  const found = await tell(
    streams.info(name).catch((error) => (isLeaderless(error) ? Promise.reject(error) : undefined)),
    `looking at the stream ${name}`,
  );
  if (found !== undefined) return found;
  // Another process may have made it in between.
  return tell(
    streams.add(settings).catch((error) => orElse(() => streams.info(name), error)),
    `making the stream ${name}`,
  );
}

/**
 * Gives what is there although it could not be made. Rejects with why not, or with why nobody can say whether it is there. Without a leader each
 * question takes 5 s, so nothing more is asked then.
 */
function orElse<T>(info: () => Promise<T>, error: unknown): Promise<T> {
  if (isLeaderless(error)) return Promise.reject(error);
  return info().catch((other) => Promise.reject(isLeaderless(other) ? other : error));
}

/** Rejects with an error that says what was being done at NATS. */
export async function tell<T>(doing: Promise<T>, what: string): Promise<T> {
  try {
    return await doing;
  } catch (cause) {
    const text = messageOf(cause);
    if (isLeaderless(cause)) throw new NoLeader(`${what} at NATS failed: ${text}`, { cause, sent: false });
    const isSetting = /replicas|insufficient|exceed|no suitable peers/i.test(text);
    const hint = isSetting ? '; try other replicas, storage, queueBytes or resultBytes in nats()' : '';
    const code = isSetting ? 'INVALID_CALL' : /permission/i.test(text) ? 'FORBIDDEN' : 'DISCONNECTED';
    throw new PalmError(code, `${what} at NATS failed: ${text}${hint}`, { cause, sent: false });
  }
}
