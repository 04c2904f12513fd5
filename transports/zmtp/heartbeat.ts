import { Violation } from './violation.ts';

/** How often a link is checked within one heartbeat. */
const LOOKS = 2;
/** Most PINGs of a peer within one heartbeat, or within a second without heartbeats. libzmq sends one. */
const MOST_PINGS = 1_000;
/** Milliseconds in which the system must have sent something again and again: a single packet may get lost. */
const LEAST_REPEATING = 1_000;
/** The longest delay a timer takes. */
const LONGEST_TIMER = 0x7fffffff;

/** How a link is watched. */
export interface HeartbeatSettings {
  /** Milliseconds of silence after which a PING is sent; 0 sends none. */
  readonly interval: number;
  /** Whether the protocol makes peers wait. A silent one may then be alive, unless it announced how long it may be silent. */
  readonly isHeldUp: boolean;
  /** Milliseconds for which the peer may be silent; undefined when it did not announce any. */
  readonly patience: number | undefined;
  /** Whether this end reads: if not, the peer only seems silent. */
  readonly isReading: () => boolean;
  readonly ask: () => void;
  /** Called when this end has sent nothing for a while. */
  readonly rest: () => void;
  /** Whether the peer's system does not acknowledge what was sent to it. */
  readonly isUnacknowledged: () => Promise<boolean>;
  /** Called when the peer was silent for so many milliseconds, or its host has acknowledged nothing in that time. */
  readonly dead: (silence: number, isHostGone: boolean) => void;
}

/** Finds out whether a silent peer is dead. */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;
  #interval = 1_000;
  #received = true;
  #sent = false;
  #silentLooks = 0;
  /** Since when each look found data that is unacknowledged; undefined when the last one found none. */
  #unacknowledgedSince: number | undefined;
  #pings = 0;
  #pingsSince = 0;

  start(settings: HeartbeatSettings): void {
    if (settings.interval === 0) return;
    this.#interval = settings.interval;
    const wait = Math.min(settings.interval / LOOKS, LONGEST_TIMER);
    this.#timer = setInterval(() => this.#look(settings), wait);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  received(): void {
    this.#received = true;
  }

  sent(): void {
    this.#sent = true;
  }

  /**
   * Counts a PING of the peer.
   * @throws Violation when there are too many.
   */
  asked(): void {
    const now = performance.now();
    if (now - this.#pingsSince > this.#interval) {
      this.#pingsSince = now;
      this.#pings = 0;
    }
    if (++this.#pings > MOST_PINGS) throw new Violation(`it sent more than ${MOST_PINGS} heartbeats at once`);
  }

  /** It counts checks and not milliseconds, because time in which this process computed says nothing of the peer. */
  #look(settings: HeartbeatSettings): void {
    const { interval, isHeldUp, patience, isReading, ask, rest, dead } = settings;
    this.#silentLooks = this.#received || !isReading() ? 0 : this.#silentLooks + 1;
    if (this.#silentLooks < LOOKS) this.#unacknowledgedSince = undefined;
    else void this.#askSystem(settings);
    // One direction may be busy while the other is quiet.
    const isQuiet = !this.#received || !this.#sent;
    if (!this.#sent) rest();
    this.#received = false;
    this.#sent = false;
    const limit = LOOKS * (patience === undefined ? 2 : Math.max(2, patience / interval));
    if (
      this.#silentLooks >= 2 * LOOKS &&
      this.#isUnacknowledgedFor(Math.max(LEAST_REPEATING, interval / LOOKS))
    ) {
      dead(Math.round((this.#silentLooks / LOOKS) * interval), true);
    } else if (this.#silentLooks >= limit && (patience !== undefined || !isHeldUp)) {
      dead(Math.round((limit / LOOKS) * interval), false);
    } else if (isQuiet) {
      ask();
      this.#sent = false;
    }
  }

  async #askSystem({ isUnacknowledged }: HeartbeatSettings): Promise<void> {
    this.#unacknowledgedSince = (await isUnacknowledged())
      ? (this.#unacknowledgedSince ?? performance.now())
      : undefined;
  }

  #isUnacknowledgedFor(milliseconds: number): boolean {
    const since = this.#unacknowledgedSince;
    return since !== undefined && performance.now() - since >= milliseconds;
  }
}
