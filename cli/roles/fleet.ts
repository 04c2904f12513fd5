/** The roles of one process, from the start of the first to the end of the last. */
import { deferred } from '../../src/async/deferred.ts';
import { type RoleDefinition, type RunningRole, startRole } from '../../src/cluster/roles/start-role.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { unlessAborted } from '../ending.ts';
import { grouped } from '../terminal/progress.ts';
import { titleOf } from './definition.ts';
import { closingOrder, type RunningEntry, upstreamOf } from './entry.ts';

export class Fleet {
  readonly #transport: BindingTransport;
  readonly #signal: AbortSignal;
  readonly #entries: RunningEntry[] = [];
  readonly #failed = deferred<never>();

  /** @param signal - aborts when the roles are to end. */
  constructor(transport: BindingTransport, signal: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
    this.#failed.promise.catch(() => {});
  }

  get entries(): readonly RunningEntry[] {
    return this.#entries;
  }

  /** Messages that are being worked on. */
  get inFlight(): number {
    return this.#entries.reduce((sum, { running }) => sum + running.counters.inFlight, 0);
  }

  /**
   * Starts a role; resolves when it is up and can miss nothing of what the others send it.
   * @throws what its `start` throws, saying which role it was, and the signal's reason.
   */
  async start(definition: RoleDefinition): Promise<RunningEntry> {
    const starting = startRole(definition, this.#transport);
    let entry: RunningEntry;
    try {
      entry = { definition, running: await unlessAborted(this.#signal, starting) };
    } catch (error) {
      // One that comes up after all is closed like the others.
      starting.then((late) => late.close({ timeout: 0 })).catch(() => {});
      if (!(error instanceof PalmError)) throw error;
      const { code, message } = error;
      throw new PalmError(code, `${titleOf(definition.role, definition.name)}: ${message}`, { cause: error });
    }
    this.#entries.push(entry);
    entry.running.closed.then((error) => this.#ended(entry, error));
    for (const one of this.#entries) {
      if (one === entry || upstreamOf(one, this.#entries).includes(entry)) await this.#subscribed(one);
    }
    return entry;
  }

  /** Rejects with the signal's reason, or with the error that a role ended with before. */
  serve(): Promise<never> {
    return unlessAborted(this.#signal, this.#failed.promise);
  }

  /**
   * Ends all of them so that nothing is lost, if `timeout` milliseconds are enough for it.
   * @throws PalmError `LOST` when they were not.
   */
  async close(timeout: number): Promise<void> {
    const order = closingOrder(this.#entries);
    // A worker whose Master was closed before it has nobody left to give results to, or to take leave of.
    const orphans = order.filter((entry) => this.#hasMasterHere(entry));
    const others = order.filter((entry) => !orphans.includes(entry));
    try {
      await closeWithin(
        timeout,
        others.map(({ running }) => running),
      );
    } finally {
      await Promise.all(orphans.map(({ running }) => running.close({ timeout: 0 })));
    }
  }

  #hasMasterHere({ definition }: RunningEntry): boolean {
    if (definition.role !== 'worker') return false;
    return this.#entries.some(
      ({ running }) => 'dbAddress' in running && running.dbAddress === definition.dbAddress,
    );
  }

  #ended({ definition, running }: RunningEntry, error: PalmError | undefined): void {
    if (this.#signal.aborted) return;
    const title = titleOf(definition.role, running.name);
    const { code, message } = error ?? { code: 'CLOSED' as const, message: 'it was closed' };
    this.#failed.reject(new PalmError(code, `${title} ended: ${message}`, { cause: error }));
  }

  /** Waits for what publishes within this process, and for nobody else. */
  async #subscribed(entry: RunningEntry): Promise<void> {
    const { running } = entry;
    if (!('ready' in running)) return;
    const isHere = upstreamOf(entry, this.#entries).length > 0;
    if (isHere) await unlessAborted(this.#signal, running.ready());
  }
}

/**
 * Closes one role after the other, within `timeout` milliseconds for all; 0 for those that need not finish.
 * @throws PalmError `LOST` when that was not enough for what was under way.
 */
export async function closeWithin(timeout: number, roles: readonly RunningRole[]): Promise<void> {
  const deadline = performance.now() + timeout;
  let left = 0;
  for (const role of roles) {
    await role.close({ timeout: Math.max(0, deadline - performance.now()) });
    left += role.counters.inFlight;
  }
  if (left === 0 || timeout === 0) return;
  const text = `not all was finished within ${timeout} ms: ${grouped(left)} under way, and what waited behind, was given up`;
  throw new PalmError('LOST', text);
}
