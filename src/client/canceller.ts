/** Tells a server which calls nobody waits for any more. Loaded when a client first cancels a call. */

import { deferred } from '../async/deferred.ts';
import type { Macrotasks } from '../async/macrotask.ts';
import { startTimer } from '../async/timers.ts';
import { readReply } from '../protocol/cache-request.ts';
import { cancelMessage, cancelReason, MOST_CANCELLED } from '../protocol/cancel.ts';
import { Feature } from '../protocol/message.ts';
import type { ClientCore } from './core.ts';

/** Milliseconds that a notice may wait for its server. One that is gone has lost the calls. */
const PATIENCE = 5_000;

/** Calls that were cancelled for one reason, until they are told. */
interface Group extends ReturnType<typeof cancelReason> {
  readonly calls: string[];
}

/** The cancelled calls of one client. Those of one turn of the event loop and of one reason travel together. */
export class Canceller {
  readonly #core: ClientCore;
  readonly #afterEvents: Macrotasks;
  readonly #groups = new Map<string, Group>();
  #told: Promise<void> | undefined;

  constructor(core: ClientCore, afterEvents: Macrotasks) {
    this.#core = core;
    this.#afterEvents = afterEvents;
  }

  /** @param call - the id of the call; with a colon and an ordinal, one message of it. */
  cancel(call: string, reason: unknown): Promise<void> {
    const why = cancelReason(reason);
    const key = `${why.code} ${why.reason}`;
    const group = this.#groups.get(key) ?? { ...why, calls: [] };
    this.#groups.set(key, group);
    group.calls.push(call);
    this.#told ??= this.#tellSoon();
    return this.#told;
  }

  async #tellSoon(): Promise<void> {
    const turn = deferred<void>();
    this.#afterEvents(turn.resolve);
    await turn.promise;
    this.#told = undefined;
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    const { cache } = this.#core;
    // With `thisConfig` the server was not asked for anything.
    if (cache.features === undefined) await cache.read('name');
    if (((cache.features ?? 0) & Feature.cancels) === 0) return;
    await Promise.all(groups.map((group) => this.#tell(group)));
  }

  async #tell({ calls, code, reason }: Group): Promise<void> {
    const { cache, connection } = this.#core;
    for (let at = 0; at < calls.length; at += MOST_CANCELLED) {
      const some = calls.slice(at, at + MOST_CANCELLED);
      const { reply, cancel } = cache.ask(
        cancelMessage({ client: connection.id, calls: some, code, reason }),
      );
      const stop = startTimer(PATIENCE, () => cancel(new Error('the server does not answer')));
      try {
        const given = await reply;
        cache.tapReply(readReply(cache.codec, given, false), given.length);
      } finally {
        stop();
      }
    }
  }
}
