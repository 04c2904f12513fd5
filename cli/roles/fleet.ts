/** The roles of one process, from the start of the first to the end of the last. */
import { deferred } from '../../src/async/deferred.ts';
import { type RoleDefinition, type RunningRole, startRole } from '../../src/cluster/roles/start-role.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { unlessAborted } from '../ending.ts';
import { grouped } from '../terminal/progress.ts';
import { titleOf } from './definition.ts';
import { closingOrder, type RunningEntry, upstreamOf } from './entry.ts';

/** Starts and ends the roles of one process, and notices when one of them ends by itself. */
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
   * Starts a role; resolves when it runs and is connected to those of the others that send to it.
   * @throws what its `start` throws, with the role in the message; the signal's reason.
   */
  async start(definition: RoleDefinition): Promise<RunningEntry> {
    const starting = startRole(definition, this.#transport);
    let entry: RunningEntry;
    try {
      entry = { definition, running: await unlessAborted(this.#signal, starting) };
    } catch (error) {
      // A role that starts after the signal is closed.
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

  /** Rejects with the signal's reason, or with the error of the first role that ends before. */
  serve(): Promise<never> {
    return unlessAborted(this.#signal, this.#failed.promise);
  }

  /**
   * Closes all roles, and gives them `timeout` milliseconds together to finish what is under way.
   * @throws PalmError `LOST` when that was not enough.
   */
  async close(timeout: number): Promise<void> {
    const order = closingOrder(this.#entries);
    // A worker whose Master is closed already has nobody to send results to.
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

  /** Waits until a role is connected to those roles of this process that publish to it. */
  async #subscribed(entry: RunningEntry): Promise<void> {
    const { running } = entry;
    if (!('ready' in running)) return;
    const isHere = upstreamOf(entry, this.#entries).length > 0;
    if (isHere) await unlessAborted(this.#signal, running.ready());
  }
}

/**
 * Closes one role after another, within `timeout` milliseconds for all of them; 0 closes them at once.
 * @throws PalmError `LOST` when messages that were under way are lost.
 */
export async function closeWithin(timeout: number, roles: readonly RunningRole[]): Promise<void> {
  const deadline = performance.now() + timeout;
  let left = 0;
  for (const role of roles) {
    await role.close({ timeout: Math.max(0, deadline - performance.now()) });
    left += role.counters.inFlight;
  }
  if (left === 0 || timeout === 0) return;
  const text = `not everything was finished within ${timeout} ms: ${grouped(left)} under way, and those that waited, were given up`;
  throw new PalmError('LOST', text);
}
