import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { encodeWorkRequest } from '../../src/protocol/work-request.ts';
import type { Upstream } from './upstream/upstream.ts';

/** A worker as its requests tell of it. */
interface SeenWorker {
  readonly worker: string;
  readonly name: string;
  readonly leaves: boolean;
}

/** Workers that one client can be, and characters that say who each is. */
const MOST = 256;
const LONGEST = 1_024;
/** Bytes that one takes beside its strings. */
const ENTRY = 256;

/** A worker of one server: the same id may be used for several. */
interface WatchedWorker extends Pick<SeenWorker, 'worker' | 'name'> {
  readonly upstream: Upstream;
}

/** Workers of one client: when its link breaks, their Masters are told at once and need not miss them first. */
export class WorkerWatch {
  /** By the name of their server, which has no spaces, and their id. */
  readonly #workers = new Map<string, WatchedWorker>();
  #bytes = 0;

  /** Bytes that they take, as far as that can be told. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws PalmError `FORBIDDEN` when it is more than one client can be. */
  saw(upstream: Upstream, { worker, name, leaves }: SeenWorker): void {
    const key = `${upstream.name} ${worker}`;
    if (leaves) {
      this.#forget(key);
      return;
    }
    const isNew = !this.#workers.has(key);
    if ((isNew && this.#workers.size >= MOST) || worker.length + name.length > LONGEST) {
      throw new PalmError('FORBIDDEN', 'one client cannot be so many workers, or one of such a name');
    }
    this.#forget(key);
    const watched = { upstream, worker, name };
    this.#workers.set(key, watched);
    this.#bytes += sizeOf(watched);
  }

  #forget(key: string): void {
    const known = this.#workers.get(key);
    if (known === undefined) return;
    this.#workers.delete(key);
    this.#bytes -= sizeOf(known);
  }

  /** The link to the client broke. It may be back in time. */
  away(): void {
    if (this.#workers.size === 0) return;
    const codec = new EnvelopeCodec();
    for (const { upstream, worker, name } of this.#workers.values()) {
      const request = { worker, name, sequence: 1, want: 0, leaves: false, isAway: true, items: [] };
      // A Master that is gone has nothing to be told.
      const tell = async () => upstream.requestWork(encodeWorkRequest(codec, request)).reply;
      tell().catch(() => {});
    }
  }

  /** The client is gone for good. */
  leave(): void {
    this.away();
    this.#workers.clear();
    this.#bytes = 0;
  }
}

function sizeOf({ worker, name, upstream }: WatchedWorker): number {
  return 2 * (2 * worker.length + name.length + upstream.name.length) + ENTRY;
}
