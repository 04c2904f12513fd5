/** What a role counts: messages, bytes, failures by code, and the times of its functions. */
import { MOST_FUNCTION_LABELS } from '../../flow-control.ts';
import { Histogram } from '../../metrics.ts';
import { currentStage } from '../../protocol/function-path.ts';
import { Status } from '../../protocol/message.ts';
import { type Counters, type MutableCounters, tally } from './status.ts';

/** Upper bounds of the times of functions, in seconds. */
const SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Failures by their code, with the number of each status beside it. */
const CODES = {
  failed: Status.failed,
  unknownFunction: Status.unknownFunction,
  missing: Status.missing,
  refused: Status.refused,
  cancelled: Status.cancelled,
  invalid: Status.invalid,
} as const;

/** The times of one function. */
export class FunctionMeter {
  readonly seconds: Histogram = new Histogram(SECONDS);
  #failed = 0;

  /** Calls that failed in the function. */
  get failed(): number {
    return this.#failed;
  }

  /** A call failed in the function. */
  fail(): void {
    this.#failed++;
  }

  /** @param milliseconds - from its beginning to its last result. */
  took(milliseconds: number): void {
    this.seconds.observe(milliseconds / 1_000);
  }
}

/** Counts for one role. Its parts share it. */
export class Meter {
  readonly tally: MutableCounters = tally();
  /** Bytes of envelopes that came in. */
  received = 0;
  /** Bytes of envelopes that went out. */
  sent = 0;
  /** Times that reading stopped because too much waited. */
  timesFull = 0;
  /**
   * The clock as it was read last. One reading ends a message and begins the next, so whoever has waited in between reads it
   * again.
   */
  now: number = performance.now();
  readonly #started = performance.now();
  /** By status. */
  readonly #failures = new Float64Array(Math.max(...Object.values(CODES)) + 1);
  /** The function that ran in its message's own turn, until its time is noted. */
  #ran: FunctionMeter | undefined;

  /** Milliseconds since its start. */
  get uptime(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** The counters as they are now. */
  counters(inFlight: number): Counters {
    return { ...this.tally, inFlight };
  }

  /** A message came in. */
  came(bytes: number): void {
    this.tally.received++;
    this.received += bytes;
  }

  /** A result of this status goes out. */
  answered(status: number): void {
    this.tally.answered++;
    if (Status.isFailure(status)) this.failed(status);
  }

  /** An answer is a failure of this status. */
  failed(status: number): void {
    this.tally.failed++;
    // For a status beyond these, a typed array has no place, and keeps nothing.
    this.#failures[status] = (this.#failures[status] as number) + 1;
  }

  /** Failed answers by code. A code of later versions, and what a stranger made up, is `other`. */
  get failures(): readonly (readonly [code: string, count: number])[] {
    const known = Object.entries(CODES).map(([code, status]) => [code, this.#failures[status] ?? 0] as const);
    const counted = known.reduce((sum, [, count]) => sum + count, 0);
    return [...known, ['other', this.tally.failed - counted]];
  }

  /** Notes that a function ran in its message's own turn. Its time ends with the next {@link tick}. */
  ran(meter: FunctionMeter): void {
    this.#ran = meter;
  }

  /** Notes that the turn of a message is over. */
  tick(now: number): void {
    if (this.#ran !== undefined) {
      this.#ran.took(now - this.now);
      this.#ran = undefined;
    }
    this.now = now;
  }
}

/** What calls that name none of the known functions count under. No function has this name, since names have no spaces. */
const OTHERS = 'all others';

/**
 * The meters of functions that others run, by the names in calls. Only known names have one of their own, so callers cannot fill
 * the memory with names; and no more than {@link MOST_FUNCTION_LABELS}, so workers cannot either.
 */
export class FunctionMeters {
  readonly #list: () => readonly { readonly name: string }[];
  readonly #meters = new Map<string, FunctionMeter>();
  readonly #others = new FunctionMeter();
  #known: ReadonlySet<string> = new Set();
  /** What was found last, which most messages share. */
  #recent: {
    readonly path: string;
    readonly stage: number;
    readonly list: unknown;
    readonly meter: FunctionMeter;
  };

  /** @param list - returns the functions that are known: the same list until that changes. */
  constructor(list: () => readonly { readonly name: string }[]) {
    this.#list = list;
    this.#recent = { path: '', stage: 0, list: undefined, meter: this.#others };
  }

  /** The meter of the function that a path names at a stage. */
  of(path: string, stage: number): FunctionMeter {
    const recent = this.#recent;
    const list = this.#list();
    if (path === recent.path && stage === recent.stage && list === recent.list) return recent.meter;
    if (list !== recent.list) this.#known = new Set(list.map(({ name }) => name));
    const name = currentStage(path, stage)?.function;
    const meter = name !== undefined && this.#known.has(name) ? this.#named(name) : this.#others;
    this.#recent = { path, stage, list, meter };
    return meter;
  }

  #named(name: string): FunctionMeter {
    let meter = this.#meters.get(name);
    if (meter === undefined) {
      if (this.#meters.size >= MOST_FUNCTION_LABELS) return this.#others;
      meter = new FunctionMeter();
      this.#meters.set(name, meter);
    }
    return meter;
  }

  /** The meters by name, with the one of all other functions. */
  get entries(): readonly (readonly [name: string, meter: FunctionMeter])[] {
    return [...this.#meters, [OTHERS, this.#others]];
  }
}
