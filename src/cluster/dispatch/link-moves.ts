/** Requests in the name of a worker that come over another link than its own. */

import type { ByteBudget } from '../../async/byte-budget.ts';
import { deferred } from '../../async/deferred.ts';
import { startTimer } from '../../async/timers.ts';
import { WORKER_MOVES } from '../../flow-control.ts';
import type { Logger } from '../../logging.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { messageOf, PalmError } from '../../protocol/errors.ts';
import { encodeWorkRefusal, encodeWorkReply, type WorkRequest } from '../../protocol/work-request.ts';
import type { RequestOrigin } from '../../transport.ts';
import { costOf } from '../runtime/intake.ts';
import type { LeasedWorker } from './leased-worker.ts';

export interface LinkMovesSettings {
  /** What waits takes from this one. */
  readonly budget: ByteBudget;
  readonly logger: Logger;
  readonly heartbeat: number;
  readonly workerTimeout: number;
  /** Answers a request that may be the worker's own by now. */
  readonly answer: (request: WorkRequest, from: RequestOrigin | undefined) => Bytes | Promise<Bytes>;
}

/**
 * A worker is its link, and its id is only what it calls itself. A request in its name over another link is either the worker's,
 * which is back before the end of its old link is known here, or a stranger's. The transport tells which, since it ends a link
 * whose peer is gone. Until then such a request changes nothing.
 */
export class LinkMoves {
  readonly #settings: LinkMovesSettings;
  readonly #codec = new EnvelopeCodec();

  constructor(settings: LinkMovesSettings) {
    this.#settings = settings;
  }

  /** @throws PalmError `TOO_LARGE` when too much waits. */
  take(worker: LeasedWorker, request: WorkRequest, from: RequestOrigin | undefined): Bytes | Promise<Bytes> {
    const { budget, logger, heartbeat, workerTimeout } = this.#settings;
    const { isAway, leaves, items } = request;
    logger.warning('a request in the name of a worker came over another link', { worker: worker.name });
    const nothing = encodeWorkReply(this.#codec, []);
    const hasResults = items.length > 0;
    if (isAway || (leaves && !hasResults)) return nothing;
    if (worker.moving >= WORKER_MOVES || budget.isFull) {
      const text = 'too many requests in the name of this worker wait for its old link to end';
      throw new PalmError('TOO_LARGE', text);
    }
    const cost = items.reduce((sum, { frame }) => sum + costOf(frame), costOf(nothing));
    budget.take(cost);
    const reply = deferred<Bytes>();
    const end = (answer: () => Bytes | Promise<Bytes>) => {
      for (const stop of stops) stop();
      budget.give(cost);
      try {
        reply.resolve(answer());
      } catch (error) {
        reply.resolve(this.#refuse(messageOf(error)));
      }
    };
    // A wish for work may be told to come again. Results may not: they would count as taken.
    const expire = () => (hasResults ? this.#refuse('the link of this worker is another') : nothing);
    const stops = [
      worker.onMove(() => end(() => this.#settings.answer(request, from))),
      startTimer(hasResults ? workerTimeout : heartbeat, () => end(expire)),
      from?.onGone(() => end(() => nothing)) ?? (() => {}),
    ];
    return reply.promise;
  }

  #refuse(reason: string): Bytes {
    return encodeWorkRefusal(this.#codec, reason);
  }
}
