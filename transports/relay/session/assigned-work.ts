import { GIVEN_WORK, GIVEN_WORK_BYTES } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { NO_BYTES, type PalmMessage } from '../../../src/protocol/message.ts';
import { resultOf } from '../../../src/protocol/work-request.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Bytes of one beside its strings. */
const ENTRY = 256;

/** A message of work without its payload. */
interface Assignment {
  readonly head: PalmMessage;
  /** How often it was given: a server may give the same again. */
  times: number;
}

/**
 * The work that one client was given by one server that pushes it. A result is passed on only for such a message: as that message,
 * with the payload and status of the result. A function may give any number of results, so a message is not forgotten with the
 * first one. The messages whose last result is oldest are forgotten first.
 */
export class AssignedWork {
  readonly #codec = new EnvelopeCodec();
  readonly #unanswered = new BoundedAssignments();
  readonly #answered = new BoundedAssignments();
  readonly #onRefused: () => void;

  /** @param onRefused - called for each result without such a message. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  /** An estimate of its bytes. */
  get bytes(): number {
    return this.#unanswered.bytes + this.#answered.bytes;
  }

  /** The client is given this work. */
  assign(frames: readonly Bytes[]): void {
    for (const frame of frames) {
      const message = this.#read(frame);
      if (message === undefined) continue;
      const key = keyOf(message);
      const before = this.#unanswered.take(key) ?? this.#answered.take(key);
      this.#unanswered.put(key, {
        head: { ...message, payload: NO_BYTES },
        times: (before?.times ?? 0) + 1,
      });
    }
  }

  /** The client did not begin this work, and others get it. */
  takeBack(frames: readonly Bytes[]): void {
    for (const frame of frames) {
      const message = this.#read(frame);
      if (message === undefined) continue;
      const key = keyOf(message);
      for (const assignments of [this.#unanswered, this.#answered]) {
        const assignment = assignments.take(key);
        if (assignment !== undefined && --assignment.times > 0) assignments.put(key, assignment);
      }
    }
  }

  /**
   * The result as it goes to the server; undefined for a result of work that the client was not given.
   * @throws PalmError `PROTOCOL` when it is not an envelope.
   */
  judge(frame: Bytes): Bytes | undefined {
    const message = this.#codec.decode(frame);
    const key = keyOf(message);
    const assignment = this.#unanswered.take(key) ?? this.#answered.take(key);
    if (assignment === undefined) {
      this.#onRefused();
      return undefined;
    }
    this.#answered.put(key, assignment);
    return this.#codec.encode({ ...assignment.head, ...resultOf(message) });
  }

  /** Undefined for a frame that is not an envelope, which a server may push. */
  #read(frame: Bytes): PalmMessage | undefined {
    try {
      return this.#codec.decode(frame);
    } catch {
      return undefined;
    }
  }
}

/** The work that one client was given, by server. */
export class WorkAssignments {
  readonly #works = new Map<Upstream, AssignedWork>();
  readonly #onRefused: () => void;

  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  get bytes(): number {
    let bytes = 0;
    for (const work of this.#works.values()) bytes += work.bytes;
    return bytes;
  }

  of(upstream: Upstream): AssignedWork {
    let work = this.#works.get(upstream);
    if (work === undefined) {
      work = new AssignedWork(this.#onRefused);
      this.#works.set(upstream, work);
    }
    return work;
  }
}

/** Messages in order of insertion. The oldest are forgotten when there is no room. */
class BoundedAssignments {
  readonly #byKey = new Map<string, Assignment>();
  bytes = 0;

  put(key: string, assignment: Assignment): void {
    this.#byKey.set(key, assignment);
    this.bytes += sizeOf(key, assignment);
    for (const oldest of this.#byKey.keys()) {
      // The newest stays, however large it is.
      const isRoom = this.#byKey.size <= GIVEN_WORK && this.bytes <= GIVEN_WORK_BYTES;
      if (isRoom || oldest === key) return;
      this.take(oldest);
    }
  }

  take(key: string): Assignment | undefined {
    const assignment = this.#byKey.get(key);
    if (assignment === undefined) return undefined;
    this.#byKey.delete(key);
    this.bytes -= sizeOf(key, assignment);
    return assignment;
  }
}

/** Identifies a message: workers return all of these fields as they came. */
function keyOf({ pipeline, client, stage, function: path, cache, ordinal }: PalmMessage): string {
  return `${stage} ${ordinal} ${pipeline.length} ${client.length} ${path.length} ${pipeline}${client}${path}${cache}`;
}

/** The key holds the strings once more. V8 takes two bytes a character for a string with any character outside of Latin 1. */
function sizeOf(key: string, { head }: Assignment): number {
  return 4 * key.length + 2 * (head.error.length + head.errorName.length) + head.unknown.length + ENTRY;
}
