/** The servers that read what this one publishes, as they say themselves. */
import { decodeUtf8 } from '../../protocol/bytes.ts';
import { PalmError } from '../../protocol/errors.ts';
import { isName } from '../../protocol/function-path.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import { type PipelineEnd, readEnd, writeEnd } from '../../protocol/pipeline-end.ts';
import type { RequestOrigin } from '../../transport.ts';

/** UTF-16 units of a name and an end together, at most. */
const LONGEST = 1_024;

/** Next servers at most: a server remembers each as long as its link is there. */
const MOST = 256;

interface NextServer {
  readonly name: string;
  /** Where the pipeline ends that begins with it; undefined while it does not know. */
  readonly end: PipelineEnd | undefined;
}

/** Remembers next servers, each as long as the link is there over which it spoke. */
export class NextServers {
  /** By link. */
  readonly #servers = new Map<string | object, NextServer>();
  readonly #changed: () => Promise<void>;

  /** @param changed - called when one comes, goes, or learns of another end. Resolves when others have been told. */
  constructor(changed: () => Promise<void>) {
    this.#changed = changed;
  }

  /** Their names. */
  get names(): string[] {
    return [...new Set([...this.#servers.values()].map(({ name }) => name))];
  }

  /** The end that they lead to; undefined when it is not known, or there are several. */
  get end(): PipelineEnd | undefined {
    const ends = new Map<string, PipelineEnd>();
    for (const { end } of this.#servers.values()) if (end !== undefined) ends.set(end.address, end);
    return ends.size === 1 ? [...ends.values()][0] : undefined;
  }

  /**
   * Notes what a next server says of itself. Resolves when the servers before have been told, so that a client who comes then finds the
   * end.
   * @throws PalmError `PROTOCOL` when it is malformed, `TOO_LARGE` when there are too many.
   */
  note({ cache: name, payload }: PalmMessage, from: RequestOrigin): Promise<void> {
    const { link } = from;
    const text = decodeUtf8(payload);
    const end = readEnd(text);
    if (!isName(name) || name.length + text.length > LONGEST || writeEnd(end) !== text) {
      throw new PalmError('PROTOCOL', 'a next server needs a name, and the end of the pipeline or "?"');
    }
    const isNew = !this.#servers.has(link);
    if (isNew && this.#servers.size >= MOST)
      throw new PalmError('TOO_LARGE', `a server has at most ${MOST} next servers`);
    this.#servers.set(link, { name, end });
    if (isNew) {
      from.onGone(() => {
        if (this.#servers.delete(link)) void this.#changed();
      });
    }
    return this.#changed();
  }
}
