/** The progress of a job. */
export interface JobProgress {
  /** Number of inputs that the transport has accepted. */
  readonly sent: number;
  /** Number of results that arrived, read or not. */
  readonly received: number;
  /** When the job was first read from, as `Date.now()` gives it; undefined before. */
  readonly started: number | undefined;
}

/** The results of a job, in the order they arrive. The job begins when it is first read from. */
export interface Job<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  /** How far the job is, at the moment it is read. */
  readonly progress: JobProgress;
  /** Ends the job: no more input is taken, and results that still arrive are dropped. Leaving a `for await` calls it. */
  return(): Promise<IteratorResult<T, undefined>>;
}

/** The progress of a job that outlives its client. */
export interface DetachedProgress extends JobProgress {
  /** Number of inputs that the transport has accepted. Of a resumed job: that its sender has sent, and 0 until that is known. */
  readonly sent: number;
  /** Number of results that arrived, read or not. Of a resumed job: with those that `after` says. */
  readonly received: number;
  /** Where the reader is: `after` of `resumeJob` goes on behind it. Undefined before the first result was read. */
  readonly position: string | undefined;
}

/** The results of a job that outlives its client, in the order they arrive. Reading or resuming it again gives each of them again. */
export interface DetachedJob<T> extends Job<T> {
  /** Names the job for `resumeJob`. Who has it may read the results, so treat it as a password. */
  readonly id: string;
  /** How far it is, and where to resume it. */
  readonly progress: DetachedProgress;
}
