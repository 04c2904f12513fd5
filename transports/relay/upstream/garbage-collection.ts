import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GARBAGE_BYTES } from '../../../src/flow-control.ts';

/** Collects V8's young generation. */
export type CollectYoung = () => void;

/**
 * Frees messages of servers soon after they were passed on. Their bytes are outside of V8's heap, where V8 lets 64 MiB
 * accumulate before it collects: a relay would grow by so much. Collecting the young generation is faster than allocating
 * new memory.
 */
export class GarbageCollection {
  readonly #collectYoung: CollectYoung | undefined;
  #bytes = 0;

  constructor(collectYoung: CollectYoung | undefined = youngCollection()) {
    this.#collectYoung = collectYoung;
  }

  /** So many bytes were received, and passed on or dropped. */
  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < GARBAGE_BYTES) return;
    this.#bytes = 0;
    this.#collectYoung?.();
  }
}

/** V8 gives `gc` only to contexts made while it is exposed. Deno's collects all generations, and Bun has none. */
function youngCollection(): CollectYoung | undefined {
  if (process.versions['deno'] !== undefined || process.versions['bun'] !== undefined) return undefined;
  setFlagsFromString('--expose-gc');
  const gc: (options: { type: 'minor' }) => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return () => gc({ type: 'minor' });
}
