/** What a server says of itself under a key of its cache, for `frond inspect` and dashboards. */
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';

/** The key that {@link ServerStatus} is read under, as JSON. A server's own: clients cannot write it. */
export const STATUS_KEY = 'frond_status';

/** What a worker is doing, as `frond inspect` shows it. */
export interface WorkerState {
  /** Name of the worker. */
  readonly name: string;
  /** Messages that it has. */
  readonly holds: number;
  /** Milliseconds since it was heard of: a function that lets nothing else have its turn makes it silent. */
  readonly silent: number;
}

/** What dying workers came to so far. */
export interface WorkerLosses {
  /** Workers that were taken for dead. */
  readonly workers: number;
  /** Times that a message was handed over anew for that. */
  readonly redelivered: number;
  /** Messages that were given up and answered as failed. */
  readonly givenUp: number;
}

/** What a server says of itself, as `frond inspect` shows it. */
export interface ServerStatus {
  /** The role: `server`, `pipeline`, `sink`, `master` or `hub`. */
  readonly role: string;
  /** Name of the server. */
  readonly name: string;
  /** Names of the functions; of a Master or Hub none are known, since its workers have them. */
  readonly functions: readonly string[];
  /**
   * Whether results go on to the next server of a pipeline, and not to the caller: then a call is to name a function of that one,
   * too, and its answer comes from the last. Not there where `handleStream` decides.
   */
  readonly pipelined?: boolean;
  /** Of a Pipeline, Sink or Hub: the previous servers, whose functions come first in a call. */
  readonly previous?: readonly string[];
  /** By their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Milliseconds since it was started. */
  readonly uptime: number;
  /** What it did so far, and is doing. */
  readonly counters: Counters;
  /** What waits for a function or a worker, in bytes with 1 024 more for each message. */
  readonly waiting?: {
    readonly bytes: number;
    /** From which on no more is read (`maxWaiting`); null when there is no limit. */
    readonly maxBytes: number | null;
    /** Times that reading stopped for that. */
    readonly timesFull: number;
  };
  /** Of a Master or Hub: the workers that ask for their work, and how many are pushed to. */
  readonly workers?: readonly WorkerState[];
  /** Of a Master or Hub: what workers that died came to. */
  readonly losses?: WorkerLosses;
  /** Of a Master or Hub: workers that work is pushed to, as pylm's. */
  readonly pushedWorkers?: number;
}

export function encodeStatus(status: ServerStatus): Bytes {
  return encodeUtf8(JSON.stringify(status));
}

/** What a role did so far, and is doing. */
export interface Counters {
  /** Messages that came in: calls, or results of the previous servers. For a worker: work taken. */
  readonly received: number;
  /** Results that went out. */
  readonly answered: number;
  /** Of those, answers of calls that failed here. */
  readonly failed: number;
  /** Messages that ended here, because the function, scatter or gather gave nothing. */
  readonly ended: number;
  /**
   * Frames that were no envelope, calls that named nobody to answer to, requests to the cache that were refused, and
   * results that came too late to be sent.
   */
  readonly dropped: number;
  /** Messages that are being worked on: here or, for a Master and Hub, by workers or on the way to them. */
  readonly inFlight: number;
}

/** The counters while they are counted. */
export type MutableCounters = { -readonly [K in Exclude<keyof Counters, 'inFlight'>]: number };

export function tally(): MutableCounters {
  return { received: 0, answered: 0, failed: 0, ended: 0, dropped: 0 };
}
