import { GIVEN_WORK, GIVEN_WORK_BYTES } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { NO_BYTES, type PalmMessage } from '../../../src/protocol/message.ts';
import { resultOf } from '../../../src/protocol/work-request.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Bytes that one takes beside its strings. */
const ENTRY = 256;

/** A message that was given, without its payload. */
interface Assignment {
  readonly head: PalmMessage;
  /** How often: nothing keeps a server from giving the same again. */
  times: number;
}

/**
 * The work that one client was given by one server that pushes it. A result counts for such a message alone: what is passed
 * on is that message as the server gave it, with the payload and status of the result. How many results one has is for its
 * function to say, so a message is not forgotten with the first; those go first whose last result is the longest ago.
 */
export class AssignedWork {
  readonly #codec = new EnvelopeCodec();
  readonly #unanswered = new BoundedAssignments();
  readonly #answered = new BoundedAssignments();
  readonly #onRefused: () => void;

  /** @param onRefused - called for each result of what was not given. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  /** Bytes that it takes, as far as that can be told. */
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

  /** Work that the client had not begun is others' again. */
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
   * The result as it goes to the server; undefined for one of nothing that the client was given.
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

  /** What a server gives need not be an envelope. */
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

/** Messages in the order in which they were put, of which the oldest are forgotten when there is no room. */
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

/** Whose result it is: a worker gives all of this back as it came. */
function keyOf({ pipeline, client, stage, function: path, cache, ordinal }: PalmMessage): string {
  return `${stage} ${ordinal} ${pipeline.length} ${client.length} ${path.length} ${pipeline}${client}${path}${cache}`;
}

/** The key holds the strings once more; two bytes a character, since one beyond Latin 1 makes all of them so. */
function sizeOf(key: string, { head }: Assignment): number {
  return 4 * key.length + 2 * (head.error.length + head.errorName.length) + head.unknown.length + ENTRY;
}
