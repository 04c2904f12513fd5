/** Jobs that outlive their clients. Functions and not methods: a page that has none of them loads nothing for them. */
import { jobId, randomId } from '../protocol/ids.ts';
import type { FunctionPath } from './call.ts';
import type { Client } from './client.ts';
import type { Payloads } from './stream/input.ts';
import type { StoredRequest } from './stream/job-link.ts';
import type { DetachedJob } from './stream/job-results.ts';
import type { JobOptions } from './stream/options.ts';

/** Options of `detachedJob`. It is always detached. */
export type DetachedJobOptions = Omit<JobOptions, 'detached'>;

/** Options of `resumeJob`. */
export interface ResumeOptions
  extends Pick<JobOptions, 'signal' | 'messages' | 'window' | 'idleTimeout' | 'untilEnd' | 'onRemoteError'> {
  /**
   * What the reader has had: a number of results, failures with them, in the order they arrived; or the `position` of a job's progress, which
   * is good for as long as what is behind it is stored. Default 0: all.
   */
  readonly after?: number | string | undefined;
}

/**
 * Does what {@link Client.job} does, and stores the job: its results can be read by `resumeJob` in another process, after this one is gone
 * or beside it, for as long as the transport keeps them. The functions run to their end in any case. It ends after `messages` results, or
 * as many as there were inputs; with 0 `messages` when its input has left. It begins when it is first read from; its `id` is there at once.
 * @throws PalmError what `client.job` does. Reading throws `INVALID_CALL`, before anything is sent, over a transport that stores no results.
 * @example
 * const job = detachedJob(client, 'images.resize', files);
 * await save(job.id);
 * for await (const image of job) use(image);
 */
export function detachedJob<In, Out>(
  client: Client<In, Out>,
  path: FunctionPath,
  payloads: Payloads<In>,
  options: DetachedJobOptions = {},
): DetachedJob<Out> {
  const secret = randomId();
  const id = jobId(client.serverName, client.id, secret);
  return named(client, path, payloads, { ...options, detached: true }, id, { secret });
}

/**
 * The results of a job that {@link detachedJob} has begun, in this process or another: those that came meanwhile, and those that still come, as
 * the job itself gives them. Several may read one job; each gets all.
 * @param id - of the job. Its server is the client's.
 * @returns Reading throws what reading a job does, and: `INVALID_CALL` for what is not an id, `WRONG_SERVER` for a job of another server;
 * `LOST` when what it should give is no longer stored, or there was no such job; `CANCELLED` behind the results of a job whose sender has left
 * it or whose input threw; `DISCONNECTED` behind the results that there are, when the sender is gone before all inputs were sent.
 * @example for await (const image of resumeJob(client, id, { after: 400 })) use(image);
 */
export function resumeJob<In, Out>(
  client: Client<In, Out>,
  id: string,
  options: ResumeOptions = {},
): DetachedJob<Out> {
  const { after = 0, ...others } = options;
  // Nothing is called, so the name of the function is never seen.
  return named(client, `${client.serverName}.job`, [], others, id, { id, after });
}

function named<In, Out>(
  client: Client<In, Out>,
  path: FunctionPath,
  payloads: Payloads<In>,
  options: JobOptions,
  id: string,
  stored: StoredRequest,
): DetachedJob<Out> {
  // What opens jobs is loaded with the first, and finds this among its options.
  const own = { ...options, stored };
  return Object.assign(client.job(path, payloads, own), { id }) as DetachedJob<Out>;
}
