/** What a client of the relay may set of the metadata of its calls, and what the relay sets. */
import { inspectValue, messageOf } from '../../../src/protocol/errors.ts';
import type { PalmMessage } from '../../../src/protocol/message.ts';
import {
  encodeMetadata,
  joined,
  type Metadata,
  readMetadata,
  withMetadata,
} from '../../../src/protocol/metadata.ts';
import { encodePriority, readPriority } from '../../../src/protocol/priority.ts';
import { ownProgressField } from '../../../src/protocol/progress.ts';
import { NamePatterns } from '../name-patterns.ts';

/** What an identity may do with the metadata of its calls. */
export interface MetadataGrants {
  /**
   * Names that it may set; `*` stands for any part of one. Default: all but those that say who somebody is, such as `tenant`, `user`, `role` or
   * `authorization`, which must be listed in full.
   */
  readonly set?: readonly string[] | undefined;
  /** What the relay sets in each of its calls, in the place of what the client did. */
  readonly force?: Metadata | undefined;
}

/** Names by which servers may decide what a caller may do. */
const RESERVED =
  /^(auth|authorization|cookie|group|identity|permission|role|scope|session|subject|tenant|user)s?([._-].*)?$/;

/** Judges metadata and the priority, and writes them anew: every reader reads what was judged. */
export class MetadataRules {
  readonly #listed: readonly string[] | undefined;
  readonly #patterns: NamePatterns | undefined;
  readonly #forced: Metadata | undefined;
  readonly #mostPriority: number;

  /**
   * @param mostPriority - the highest priority that a call may have.
   * @throws PalmError `INVALID_CALL` when `force` holds what is not metadata.
   */
  constructor({ set, force }: MetadataGrants = {}, mostPriority = 0) {
    this.#mostPriority = mostPriority;
    this.#listed = set;
    this.#patterns = set && new NamePatterns(set);
    if (force === undefined) return;
    encodeMetadata(force);
    this.#forced = { ...force };
  }

  /** Whether a call passes as it is. */
  passes({ unknown }: PalmMessage): boolean {
    return unknown.length === 0 && this.#forced === undefined;
  }

  /** Writes priority and metadata of a call as they may pass, with the field that asks for progress between them. Returns why it may not; undefined when it may. */
  apply(message: PalmMessage): string | undefined {
    try {
      const given = readMetadata(message.unknown);
      const forced = this.#forced ?? {};
      const denied = Object.keys(given).find((name) => !Object.hasOwn(forced, name) && !this.#maySet(name));
      if (denied !== undefined) return `the name ${inspectValue(denied)} in metadata may not be set here`;
      const priority = readPriority(message.unknown);
      if (priority > this.#mostPriority)
        return `a call may have a priority of ${this.#mostPriority} here at most, not ${priority}`;
      const before = joined(encodePriority(priority), ownProgressField(message.unknown));
      message.unknown = withMetadata(before, encodeMetadata({ ...given, ...forced }));
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  #maySet(name: string): boolean {
    if (RESERVED.test(name)) return this.#listed?.includes(name) ?? false;
    return this.#patterns?.match(name) ?? true;
  }
}
