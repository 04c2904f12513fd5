/** The status of a server, which it tells under a key of its cache, for `frond inspect` and dashboards. */
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';

/** The key of a server's cache that holds its {@link ServerStatus} as JSON. Clients cannot write it. */
export const STATUS_KEY = 'frond_status';

/** What a worker is doing, as `frond inspect` shows it. */
export interface WorkerState {
  /** Name of the worker. */
  readonly name: string;
  /** Messages that the worker holds. */
  readonly holds: number;
  /** Milliseconds since its last sign of life. A function that blocks the event loop makes its worker silent. */
  readonly silent: number;
}

/** What workers that died have cost so far. */
export interface WorkerLosses {
  /** Workers that counted as dead. */
  readonly workers: number;
  /** Messages that went to another worker for that. */
  readonly redelivered: number;
  /** Messages that were given up and answered as failed. */
  readonly givenUp: number;
}

/** What a server says about itself. */
export interface ServerStatus {
  /** Its class: `Server`, `Pipeline`, `Sink`, `Master` or `Hub`. */
  readonly role: string;
  /** Name of the server. */
  readonly name: string;
  /** Names of the functions. Of a Master or Hub: those that its workers say they offer. pylm's say nothing. */
  readonly functions: readonly string[];
  /**
   * Whether results go on to the next server of a pipeline and not to the caller. Then a call must name a function of that server
   * too, and the last server answers. Undefined when `handleStream` decides.
   */
  readonly pipelined?: boolean;
  /** For a Pipeline, Sink or Hub: the previous servers, whose functions come first in a call. */
  readonly previous?: readonly string[];
  /** The servers of frond's that read what this one publishes, as they say themselves. Undefined when there are none. */
  readonly next?: readonly string[];
  /** Its addresses, by their keys in the cache. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Milliseconds since its start. */
  readonly uptime: number;
  /** What it did so far, and is doing. */
  readonly counters: Counters;
  /** What waits for a function or a worker. */
  readonly waiting?: {
    /** Bytes, with 1,024 more for each message. */
    readonly bytes: number;
    /** Bytes at which the server stops reading (`maxWaiting`); null when there is no limit. */
    readonly maxBytes: number | null;
    /** Times that it stopped reading for that. */
    readonly timesFull: number;
  };
  /** For a Master or Hub: the workers that ask for their work. */
  readonly workers?: readonly WorkerState[];
  /** For a Master or Hub: what workers that died have cost. */
  readonly losses?: WorkerLosses;
  /** For a Master or Hub: the number of workers that work is pushed to. */
  readonly pushedWorkers?: number;
}

/** The status as JSON in UTF-8. */
export function encodeStatus(status: ServerStatus): Bytes {
  return encodeUtf8(JSON.stringify(status));
}

/** What a role has done so far, and is doing now. */
export interface Counters {
  /** Messages that came in: calls, results of previous servers or, for a worker, work. */
  readonly received: number;
  /** Results that went out. */
  readonly answered: number;
  /** Answers among those to calls that failed here. */
  readonly failed: number;
  /** Messages that ended here because the function, scatter or gather returned nothing. */
  readonly ended: number;
  /** Messages that were let go of, or whose results were, because their callers cancelled them. Servers of 0.1 do not count these. */
  readonly cancelled?: number;
  /**
   * Frames that were not envelopes, calls that named no client to answer, cache requests that were refused, and results that
   * came too late to be sent.
   */
  readonly dropped: number;
  /** Messages that are being worked on: here or, for a Master or Hub, by workers or on their way to them. */
  readonly inFlight: number;
}

/** Counters that can be changed. {@link Counters.inFlight} is not counted but asked for. */
export type MutableCounters = { -readonly [K in Exclude<keyof Counters, 'inFlight'>]-?: number };

/** New counters, all 0. */
export function tally(): MutableCounters {
  return { received: 0, answered: 0, failed: 0, ended: 0, cancelled: 0, dropped: 0 };
}
