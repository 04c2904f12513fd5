/** Requests in a worker's name that come over another link than its own. */

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
  /** Budget that waiting requests take from. */
  readonly budget: ByteBudget;
  readonly logger: Logger;
  /** Milliseconds that a request without results waits. */
  readonly heartbeat: number;
  /** Milliseconds that a request with results waits. */
  readonly workerTimeout: number;
}

/**
 * The link tells who a worker is, since anybody can use its id. A request in its name over another link comes either from the worker,
 * which is back before this side knows the end of its old link, or from a stranger. The transport shows which: it ends a link
 * whose peer is gone. Until then such a request changes nothing.
 */
export class LinkMoves {
  readonly #settings: LinkMovesSettings;
  readonly #codec = new EnvelopeCodec();

  constructor(settings: LinkMovesSettings) {
    this.#settings = settings;
  }

  /**
   * Holds a request until the worker's old link ends, or the time is over.
   * @param answer - answers a request that may be the worker's own by then.
   * @throws PalmError `TOO_LARGE` when too many wait.
   */
  take(
    worker: LeasedWorker,
    request: Pick<WorkRequest, 'isAway' | 'leaves' | 'items'>,
    from: RequestOrigin | undefined,
    answer: () => Bytes | Promise<Bytes>,
  ): Bytes | Promise<Bytes> {
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
    // A request for work may get no work, and comes again. Results are refused, or they would count as taken.
    const expire = () => (hasResults ? this.#refuse('this worker has another link') : nothing);
    const stops = [
      worker.onMove(() => end(answer)),
      startTimer(hasResults ? workerTimeout : heartbeat, () => end(expire)),
      from?.onGone(() => end(() => nothing)) ?? (() => {}),
    ];
    return reply.promise;
  }

  #refuse(reason: string): Bytes {
    return encodeWorkRefusal(this.#codec, reason);
  }
}
