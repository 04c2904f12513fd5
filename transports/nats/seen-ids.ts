import { NATS_SEEN_BLOCKS } from '../../src/flow-control.ts';
import { keepNewest } from './keep-newest.ts';

/** Names in one block: a bit for each. */
const BLOCK = 4_096;

/**
 * Knows frames that come again by their names: what their input is called, its place in its queue, and which of its results they are. Places
 * are close together, so a name is a bit. The oldest names are forgotten.
 */
export class SeenIds {
  readonly #blocks = new Map<string, Uint8Array>();

  /** Whether a name comes for the first time. It is known from then on. `''` is no name, and always new. */
  isNew(id: string): boolean {
    if (id === '') return true;
    const [source, place = '', ...rest] = id.split('/');
    const number = Number(place);
    const index = number % BLOCK;
    const key = `${source}/${(number - index) / BLOCK}/${rest.join('/')}`;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = new Uint8Array(BLOCK / 8);
      this.#blocks.set(key, block);
      keepNewest(this.#blocks, NATS_SEEN_BLOCKS);
    }
    const [byte, bit] = [index >> 3, 1 << (index & 7)];
    const before = block[byte] ?? 0;
    block[byte] = before | bit;
    return (before & bit) === 0;
  }
}
