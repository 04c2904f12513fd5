import type { WireEntry, WireLog } from './wire-log.ts';

export type Way = 'all' | 'out' | 'in';

/** Most rows in the table. The filter finds the others. */
const MOST_ROWS = 200;

/** The envelopes that match a filter. Each envelope is tested once. */
export class WireView {
  readonly #wire: WireLog;
  #rows: readonly WireEntry[] = [];
  #key = '';
  #next = 0;

  constructor(wire: WireLog) {
    this.#wire = wire;
  }

  /** The last that fit, newest first. */
  rows(filter: string, way: Way): readonly WireEntry[] {
    const wanted = filter.trim().toLowerCase();
    const key = `${this.#wire.epoch} ${way} ${wanted}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#rows = [];
      this.#next = 0;
    }
    const fresh: WireEntry[] = [];
    let next = this.#next;
    for (const entry of this.#wire.newest(this.#next)) {
      next = Math.max(next, entry.number + 1);
      if (way !== 'all' && entry.direction !== way) continue;
      if (wanted !== '' && !fits(entry, wanted)) continue;
      fresh.push(entry);
      if (fresh.length === MOST_ROWS) break;
    }
    this.#next = next;
    if (fresh.length > 0) this.#rows = [...fresh, ...this.#rows].slice(0, MOST_ROWS);
    return this.#rows;
  }
}

/** Tests the payload last, because it has to be decoded. */
function fits(entry: WireEntry, wanted: string): boolean {
  const { message, address, topic = '', client } = entry;
  return (
    [message?.function, message?.client, message?.pipeline, address, topic, client].some((text) =>
      text?.toLowerCase().includes(wanted),
    ) || previewOf(entry).toLowerCase().includes(wanted)
  );
}

const decoder = new TextDecoder();

/** Of a payload as much as a row has room for. */
export function previewOf({ message }: WireEntry): string {
  if (message === undefined) return '';
  if (message.status !== 0) return `${message.errorName || 'failed'}: ${message.error}`.slice(0, 200);
  return decoder.decode(message.payload.subarray(0, 60)).replace(/\p{Cc}/gu, '·');
}
