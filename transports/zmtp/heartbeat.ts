import { Violation } from './violation.ts';

/** Looks at a silent link within one heartbeat. */
const LOOKS = 2;
/** Signs of life that a peer may ask for within one heartbeat, or a second without heartbeats. libzmq asks for one. */
const MOST_PINGS = 1_000;
/** The longest delay a timer takes. */
const LONGEST_TIMER = 0x7fffffff;

/** How a link is looked at. */
export interface HeartbeatSettings {
  /** Milliseconds of silence, after which a sign of life is asked for; 0: never. */
  readonly interval: number;
  /** Whether peers may be slow on purpose: those that do not say for how long cannot be told from dead ones by their silence. */
  readonly isHeldUp: boolean;
  /** Milliseconds for which the peer may compute without a sign of life; nothing where it did not say so. */
  readonly patience: number | undefined;
  /** Whether this end reads: what it does not read is not the peer's silence. */
  readonly isReading: () => boolean;
  readonly ask: () => void;
  /** The link was quiet this way for a while. */
  readonly rest: () => void;
  /** The peer gave no sign of life for so many milliseconds. */
  readonly dead: (silence: number) => void;
}

/** Tells silent peers from dead ones. */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;
  #interval = 1_000;
  #received = true;
  #sent = false;
  #silentLooks = 0;
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
   * The peer asked for a sign of life.
   * @throws Violation when it does nothing else.
   */
  asked(): void {
    const now = performance.now();
    if (now - this.#pingsSince > this.#interval) {
      this.#pingsSince = now;
      this.#pings = 0;
    }
    if (++this.#pings > MOST_PINGS) throw new Violation(`it sent more than ${MOST_PINGS} heartbeats at once`);
  }

  /** Looks are counted, and not milliseconds: those in which this process computed are not the peer's. */
  #look({ interval, isHeldUp, patience, isReading, ask, rest, dead }: HeartbeatSettings): void {
    this.#silentLooks = this.#received || !isReading() ? 0 : this.#silentLooks + 1;
    // A peer that reads nothing may still hear from this end, and the other way round.
    const isQuiet = !this.#received || !this.#sent;
    if (!this.#sent) rest();
    this.#received = false;
    this.#sent = false;
    const limit = LOOKS * (patience === undefined ? 2 : Math.max(2, patience / interval));
    if (this.#silentLooks >= limit && (patience !== undefined || !isHeldUp)) {
      dead(Math.round((limit / LOOKS) * interval));
    } else if (isQuiet) {
      ask();
      this.#sent = false;
    }
  }
}
