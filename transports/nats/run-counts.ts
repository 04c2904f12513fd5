/** How often a message was begun that may be what its servers died of. */
import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import type { NatsHost } from './host.ts';
import type { SharedQueue } from './names.ts';
import { ensureBig } from './streams.ts';

/** Times that a message is given like others. Whoever had it then may have died of another one. */
const LIKE_OTHERS = 2;

/** Milliseconds in which NATS stores a number. */
const STORE_TIMEOUT = 5_000;

/** Counts at NATS, where the next process finds it. Only what comes again is counted, so that calls cost nothing for it. */
export class RunCounts {
  readonly #host: NatsHost;
  readonly #queue: SharedQueue;

  constructor(host: NatsHost, queue: SharedQueue) {
    this.#host = host;
    this.#queue = queue;
  }

  /** Times that a message is given without being counted here. */
  get unnoted(): number {
    return Math.min(LIKE_OTHERS, this.#host.link.settings.maxDeliveries - 1);
  }

  /**
   * Notes that a message is about to be begun once more. Returns how often it was begun before, which is how many died with it; undefined
   * when NATS does not answer. Beyond `maxDeliveries` nothing is noted.
   */
  async begin(seq: number): Promise<number | undefined> {
    const { link, names } = this.#host;
    const { session, settings } = link;
    const subject = this.#queue.runs(seq);
    try {
      if (session === undefined) return undefined;
      await ensureBig(session, names, settings);
      const query = { last_by_subj: subject };
      const found = await session.manager.direct.getMessage(names.big.stream, query);
      const noted = found === null ? 0 : Number(new TextDecoder().decode(found.data));
      const before = this.unnoted + noted;
      if (before >= settings.maxDeliveries) return before;
      const ttl = { 'Nats-TTL': `${Math.max(1, Math.ceil(settings.queueAge / 1_000))}s` };
      const stored = await session.ask(subject, encodeUtf8(String(noted + 1)), STORE_TIMEOUT, ttl);
      return stored === undefined ? undefined : before;
    } catch {
      return undefined;
    }
  }

  /** Forgets a message that is settled. */
  end(seq: number): void {
    const { link, names } = this.#host;
    const filter = this.#queue.runs(seq);
    link.session?.manager.streams.purge(names.big.stream, { filter }).catch(() => {});
  }
}
