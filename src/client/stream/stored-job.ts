/**
 * Jobs that outlive their clients: how one is stored while it is sent, and how its results are read in another process. Loaded with the first
 * of either. It gets what opens a job, which is in a part that is loaded before, because a bundler would cut both apart if it imported that.
 */
import { invalidCall } from '../../protocol/errors.ts';
import type { CallSpec } from '../call.ts';
import { DetachedLink } from './detached-link.ts';
import type { OpenedJob, OpenJob, StoredClient, StoredOptions } from './job-link.ts';
import { JobLog } from './job-log.ts';
import type { DetachedProgress, Job } from './job-results.ts';
import type { JobOptions } from './options.ts';
import { type Place, placeOf, Reading } from './reading.ts';
import { ResumedLink } from './resumed-link.ts';

/** Results that may wait for the reader of a resumed job before no more are read. */
const WINDOW = 1_024;

/**
 * Starts a job that is stored, or reads one that was.
 * @param open - opens a job.
 * @throws PalmError `INVALID_CALL` where nothing is stored, or for an id or place that is not one; `WRONG_SERVER` for a job of another server.
 */
export async function start<Out>(
  client: StoredClient,
  spec: CallSpec,
  payloads: unknown,
  options: JobOptions & StoredOptions,
  open: OpenJob<Out>,
): Promise<Job<Out>> {
  const { connection, settings } = client;
  if (connection.store === undefined)
    throw invalidCall(
      `over ${settings.transport.name} results are not stored, so that a job ends with its client: connect with nats(), or use client.job`,
    );
  const { stored } = options;
  if (stored === undefined) return open(spec, payloads, options.signal);
  return 'id' in stored
    ? resume(client, stored.id, placeOf(stored.after), spec, options, open)
    : send(client, stored.secret, spec, payloads, options, open);
}

/** Sends a job and stores what others need who read it. */
async function send<Out>(
  client: StoredClient,
  secret: string,
  spec: CallSpec,
  payloads: unknown,
  options: JobOptions,
  open: OpenJob<Out>,
): Promise<Job<Out>> {
  const { calls, signals, settings } = client;
  const { window = WINDOW, onRemoteError, metadata, priority, onProgress, signal } = options;
  const openStored: OpenJob<Out> = (call, input, own) => {
    const link = client.callLink();
    const reading = new Reading(placeOf(0), window, onRemoteError !== undefined);
    const log = JobLog.of(client, link, secret);
    const front = new DetachedLink(link, log, reading, calls, settings.errorSentinel, options);
    // Each input owes a result, or as many as the options say.
    const more = { idleTimeout: options.idleTimeout ?? settings.timeout };
    const job = open(call, input, own, { calls, signals, settings, callLink: () => front }, more);
    job.onEnd(() => front.over());
    return new StoredJob(job, reading, () => undefined);
  };
  if ((onProgress ?? client.interceptors[0] ?? metadata ?? priority) === undefined)
    return openStored(spec, payloads, signal);
  const { elaborateResults } = await import('../elaborate.ts');
  const extras = { metadata, priority, onProgress, signal };
  return elaborateResults(client, 'job', spec, payloads, extras, openStored) as Promise<Job<Out>>;
}

/** Reads a job that was sent. */
function resume<Out>(
  client: StoredClient,
  id: string,
  place: Place,
  spec: CallSpec,
  options: JobOptions,
  open: OpenJob<Out>,
): Job<Out> {
  const { signals, settings } = client;
  const { window = WINDOW, onRemoteError, idleTimeout = settings.timeout } = options;
  const log = JobLog.resumed(client, client.callLink(), id);
  const reading = new Reading(place, window, onRemoteError !== undefined);
  const front = new ResumedLink(client, log, reading, place, { ...options, idleTimeout });
  const calls = { begin: () => client.calls.begin(() => front.closed()) };
  // The link in front knows when it is idle and when it is over.
  const more = { messages: undefined, untilEnd: false, idleTimeout: Number.POSITIVE_INFINITY };
  const job = open(spec, [], options.signal, { calls, signals, settings, callLink: () => front }, more);
  job.onEnd(() => front.over());
  return new StoredJob(job, reading, () => front.inputs ?? 0);
}

/** A job whose reader is followed. */
class StoredJob<Out> implements OpenedJob<Out> {
  readonly #job: OpenedJob<Out>;
  readonly #reading: Reading;
  readonly #inputs: () => number | undefined;

  /** @param inputs - how many inputs there were, where another process has sent them. */
  constructor(job: OpenedJob<Out>, reading: Reading, inputs: () => number | undefined) {
    this.#job = job;
    this.#reading = reading;
    this.#inputs = inputs;
  }

  get progress(): DetachedProgress {
    const { sent, received, started } = this.#job.progress;
    const inputs = this.#inputs();
    const { came, position } = this.#reading;
    return { sent: inputs ?? sent, received: inputs === undefined ? received : came, started, position };
  }

  async next(): Promise<IteratorResult<Out, undefined>> {
    try {
      const result = await this.#job.next();
      if (!result.done) this.#reading.read();
      return result;
    } catch (error) {
      this.#reading.failed();
      throw error;
    }
  }

  return(): Promise<IteratorResult<Out, undefined>> {
    return this.#job.return();
  }

  onEnd(listener: () => void): void {
    this.#job.onEnd(listener);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
