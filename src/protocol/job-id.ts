/**
 * The ids of jobs that outlive their clients, and the names of their topics behind the id of the client:
 *
 *     id       = server "/" client "/" secret
 *     results  = client "/job-" secret
 *     records  = client "/log-" secret
 *
 * The secret is random, 126 bits. Other calls have short numbers there, so no id of a job names the answers of one.
 */
import { inspectValue, invalidCall, PalmError } from './errors.ts';

const SECRET = /^[\w-]{21}$/;

/** Characters of the secret that errors show. */
const SHOWN = 4;

/** What follows the client's id and its slash in the topics of a job. */
export interface JobCalls {
  readonly results: string;
  readonly records: string;
}

export function jobCalls(secret: string): JobCalls {
  return { results: `job-${secret}`, records: `log-${secret}` };
}

/** Where a job's results are, and how errors name it: without what would let others read them. */
export interface JobName {
  readonly client: string;
  readonly secret: string;
  readonly shown: string;
}

/**
 * Reads the id of a job of a server.
 * @throws PalmError `INVALID_CALL` when it is not an id, `WRONG_SERVER` when the job is another server's.
 */
export function readJobId(id: unknown, server: string): JobName {
  const [, own, client, secret] = (typeof id === 'string' && /^([^/]+)\/(.+)\/([^/]+)$/u.exec(id)) || [];
  if (own === undefined || client === undefined || secret === undefined || !SECRET.test(secret))
    throw invalidCall(
      `the id of a job is '<server>/<client>/<21 characters>', as detachedJob gives it, not ${inspectValue(id)}`,
    );
  if (own !== server) {
    const text = `the job is one of server ${inspectValue(own)}, and this client is connected to ${inspectValue(server)}`;
    throw new PalmError('WRONG_SERVER', text, { sent: false });
  }
  return { client, secret, shown: shownJob(server, client, secret) };
}

/** How errors name a job. */
export function shownJob(server: string, client: string, secret: string): string {
  return `${server}/${client}/${secret.slice(0, SHOWN)}…`;
}
