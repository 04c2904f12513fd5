/** `frond/serve`: runs roles until the process is told to end, in Node, Deno and Bun. */
import process from 'node:process';
import { deferred } from '../src/async/deferred.ts';
import { checkTimeout } from '../src/checks.ts';
import { inspectValue, invalidCall, PalmError } from '../src/protocol/errors.ts';
import type { CloseOptions } from '../src/transport.ts';

/** What {@link serve} runs: a role of `frond/cluster`, a client, or anything that closes as they do. */
export interface Served {
  /** Finishes what is under way within the time-out, and closes. */
  close(options?: CloseOptions): Promise<void>;
  /** Resolves once it is closed, with the error that closed it, if there was one. */
  readonly closed: Promise<PalmError | undefined>;
  /** What it is doing. Roles have it. */
  readonly counters?: { readonly inFlight: number };
}

/** Options of {@link serve}. */
export interface ServeOptions {
  /** Milliseconds in which all roles together finish what is under way. Default 5000: container runtimes kill after 10 s. */
  readonly timeout?: number | undefined;
}

export { type Measured, type MetricsOptions, type MetricsServer, serveMetrics } from './metrics-server.ts';

const TIMEOUT = 5_000;

/** What a terminal sends for Ctrl-C, and what process managers send. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Waits for SIGINT or SIGTERM, and then closes the roles one after another. Resolves when they are closed, so a program that does nothing
 * else ends with exit code 0. A second signal ends the process at once.
 * @param roles - each before those that it sends to, and a Master before its workers: so no message is lost on its way.
 * @throws PalmError what one of the roles ended with: then the others are closed, too. `LOST` when `timeout` was not enough,
 * `INVALID_CALL` for something that is not a role. Not caught, each ends the process with exit code 1.
 * @example
 * import { Server } from 'frond/cluster';
 * await serve(await Server.start({ transport, name: 'greeter', functions }));
 */
export async function serve(roles: Served | readonly Served[], options: ServeOptions = {}): Promise<void> {
  const all = [roles].flat() as readonly Served[];
  const timeout = checkTimeout('timeout', options.timeout ?? TIMEOUT);
  for (const role of all) checkRole(role);
  if (all.length === 0) throw invalidCall('serve needs a role, or a list of them');
  const told = deferred<void>();
  let isTold = false;
  const stop = () => {
    // From now on the system ends the process at a signal.
    for (const signal of SIGNALS) process.removeListener(signal, stop);
    told.resolve();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  for (const role of all) {
    role.closed.then((error) => {
      if (error !== undefined && !isTold) told.reject(error);
    });
  }
  const ended = Promise.all(all.map(({ closed }) => closed));
  try {
    await Promise.race([told.promise, ended]);
  } finally {
    isTold = true;
    stop();
    await closeAll(all, timeout);
  }
}

async function closeAll(roles: readonly Served[], timeout: number): Promise<void> {
  const deadline = performance.now() + timeout;
  let lost = 0;
  for (const role of roles) {
    await role.close({ timeout: Math.max(0, deadline - performance.now()) });
    lost += role.counters?.inFlight ?? 0;
  }
  if (lost === 0) return;
  throw new PalmError(
    'LOST',
    `${lost} messages were not done within ${timeout} ms; give serve a longer timeout`,
  );
}

function checkRole(role: unknown): void {
  if (role instanceof Promise) {
    role.catch(() => {});
    throw invalidCall('serve takes roles that have started: await each start');
  }
  const { close, closed } = Object(role) as Partial<Served>;
  if (typeof close !== 'function' || typeof closed?.then !== 'function')
    throw invalidCall(`serve takes roles, such as Server.start gives, not ${inspectValue(role)}`);
}
