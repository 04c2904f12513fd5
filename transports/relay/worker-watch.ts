import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { encodeWorkRequest } from '../../src/protocol/work.ts';
import type { Upstream } from './upstream.ts';

/** A worker as its requests tell of it. */
interface SeenWorker {
  readonly worker: string;
  readonly name: string;
  readonly sequence: number;
  readonly leaves: boolean;
}

/** Workers that one client can be, and characters that say who each is. */
const MOST = 256;
const LONGEST = 1_024;

/** Workers of one client: when it vanishes, their Masters are told at once and need not miss them first. */
export class WorkerWatch {
  readonly #workers = new Map<string, { readonly upstream: Upstream; readonly seen: SeenWorker }>();

  /** @throws PalmError `FORBIDDEN` when it is more than one client can be. */
  saw(upstream: Upstream, seen: SeenWorker): void {
    const { worker, name, sequence, leaves } = seen;
    if (leaves) {
      this.#workers.delete(worker);
      return;
    }
    const isNew = !this.#workers.has(worker);
    if ((isNew && this.#workers.size >= MOST) || worker.length + name.length > LONGEST) {
      throw new PalmError('FORBIDDEN', 'one client cannot be so many workers, or one of such a name');
    }
    this.#workers.set(worker, { upstream, seen: { worker, name, sequence, leaves } });
  }

  leave(): void {
    const codec = new EnvelopeCodec();
    for (const { upstream, seen } of this.#workers.values()) {
      const { worker, name, sequence } = seen;
      const request = { worker, name, sequence: sequence + 1, want: 0, leaves: true, items: [] };
      // A Master that is gone has nothing to be told.
      const tell = async () => upstream.requestWork(encodeWorkRequest(codec, request)).reply;
      tell().catch(() => {});
    }
    this.#workers.clear();
  }
}
