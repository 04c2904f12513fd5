/** A call whose thread has ended before it was done, and how it is run again. */

/** The error of a call whose thread has ended. */
export class ThreadDied extends Error {
  override readonly name = 'ThreadDied';
  /** Whether the call may have caused it. A thread also ends when another call in it was cancelled and did not listen. */
  readonly isSuspect: boolean;

  constructor(reason: string, isSuspect: boolean) {
    super(reason);
    this.isSuspect = isSuspect;
  }
}

/** Threads that may end with one call, as the workers of a Master may with one message (`maxDeliveries`). */
export const MOST_DEATHS = 3;

/** What a step resolves with to have its message run again, from the frame that it came in: a payload that went to a thread is lost with it. */
export class Again {
  /** Threads that ended with the message so far. */
  readonly deaths: number;
  /** Results that were passed on. They are passed over in the next run, as a Master does after a worker's death. */
  readonly passed: number;

  constructor(deaths: number, passed: number) {
    this.deaths = deaths;
    this.passed = passed;
  }
}
