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
export type Tally = { -readonly [K in Exclude<keyof Counters, 'inFlight'>]: number };

export function tally(): Tally {
  return { received: 0, answered: 0, failed: 0, ended: 0, dropped: 0 };
}
