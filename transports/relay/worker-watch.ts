import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { encodeWorkRequest } from '../../src/protocol/work.ts';
import type { Upstream } from './upstream.ts';

/** A worker as its requests tell of it. */
interface SeenWorker {
  readonly worker: string;
  readonly name: string;
  readonly sequence: number;
  readonly leaves: boolean;
}

/** Workers of one client: when it vanishes, their Masters are told at once and need not miss them first. */
export class WorkerWatch {
  readonly #workers = new Map<string, { readonly upstream: Upstream; readonly seen: SeenWorker }>();

  saw(upstream: Upstream, seen: SeenWorker): void {
    if (seen.leaves) this.#workers.delete(seen.worker);
    else this.#workers.set(seen.worker, { upstream, seen });
  }

  leave(): void {
    const codec = new EnvelopeCodec();
    for (const { upstream, seen } of this.#workers.values()) {
      const { worker, name, sequence } = seen;
      const request = { worker, name, sequence: sequence + 1, want: 0, leaves: true, items: [] };
      // A Master that is gone has nothing to be told.
      upstream.requestWork(encodeWorkRequest(codec, request)).reply.catch(() => {});
    }
    this.#workers.clear();
  }
}
