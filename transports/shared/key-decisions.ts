import { atMost } from '../../src/async/timers.ts';
import type { AllowKey } from './curve-keys.ts';

/** Milliseconds that a function may take to decide about a key. A handshake of libzmq may last 30 s. */
const DECISION_TIMEOUT = 5_000;

/** Most decisions under way at once. Further clients are refused, and dial again. */
const MOST_DECISIONS = 256;

/** Why a client does not come in: a status as in rfc.zeromq.org/spec/27, and a text. */
export interface KeyRefusal {
  readonly status: '400' | '500';
  readonly text: string;
}

export const NOT_ALLOWED: KeyRefusal = { status: '400', text: 'this key is not allowed' };
const UNDECIDED: KeyRefusal = { status: '500', text: 'nothing was decided about this key' };

/** Decides which client keys may come in. Whatever is not allowed is refused. */
export class KeyDecisions {
  readonly #isAllowed: AllowKey;
  readonly #timeout: number;
  #deciding = 0;

  /** @param handshakeTimeout - milliseconds; a decision takes half of it at most, so that the client hears of it. */
  constructor(allow: readonly string[] | AllowKey, handshakeTimeout: number = Number.POSITIVE_INFINITY) {
    if (typeof allow === 'function') {
      this.#isAllowed = allow;
    } else {
      const keys = new Set(allow);
      this.#isAllowed = (key) => keys.has(key);
    }
    this.#timeout = Math.min(DECISION_TIMEOUT, handshakeTimeout / 2);
  }

  /** Decides. Resolves with undefined when the client may come in. */
  async refusalOf(key: string): Promise<KeyRefusal | undefined> {
    if (this.#deciding >= MOST_DECISIONS) return UNDECIDED;
    this.#deciding++;
    let refusal: KeyRefusal | undefined = UNDECIDED;
    const decided = async () => {
      const isAllowed: unknown = await this.#isAllowed(key);
      refusal = isAllowed === true ? undefined : NOT_ALLOWED;
    };
    // A function that throws has not allowed the key.
    await atMost(
      this.#timeout,
      decided().catch(() => {}),
    );
    this.#deciding--;
    return refusal;
  }
}
