import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GARBAGE_BYTES } from '../../../src/flow-control.ts';

/** Collects what has just become garbage, and nothing that is older. */
export type CollectYoung = () => void;

/**
 * Keeps what servers sent, and nobody needs any more, from lying about. It is outside of V8's heap, where V8 lets 64 MiB be
 * before it looks: by so much a relay would grow that reads for a client that does not. To collect the young is quicker
 * than to fetch new memory.
 */
export class GarbageCollection {
  readonly #collectYoung: CollectYoung | undefined;
  #bytes = 0;

  constructor(collectYoung = youngCollection()) {
    this.#collectYoung = collectYoung;
  }

  /** So many bytes came, and were passed on or thrown away. */
  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < GARBAGE_BYTES) return;
    this.#bytes = 0;
    this.#collectYoung?.();
  }
}

/** That of V8, which only contexts have that are made while it is exposed. Deno's collects everything, and Bun has none. */
function youngCollection(): CollectYoung | undefined {
  if (process.versions['deno'] !== undefined || process.versions['bun'] !== undefined) return undefined;
  setFlagsFromString('--expose-gc');
  const gc: (options: { type: 'minor' }) => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return () => gc({ type: 'minor' });
}
