/** Bytes of a message from which on its confirmation comes soon, and tells how fast the link is. */
export const PROBE = 4_096;
/** Bytes that are on their way at the beginning, at least, and at most: what waits for room can be passed, what is on its way cannot. */
const FIRST = 32_768;
const LEAST = 4 * PROBE;
const MOST = 4 * 1_048_576;
/** Milliseconds that what is on its way takes, beyond what one message takes at best. */
const QUEUE = 500;

/**
 * How much is handed to the socket before it is confirmed. A socket takes far more than the link has sent: what is behind that,
 * a ping or a small call, would wait for seconds or minutes on a slow link.
 */
export class Pace {
  /** Bytes that may be on their way. */
  window = Number.POSITIVE_INFINITY;
  #probe: { readonly sequence: number; readonly at: number; readonly bytes: number } | undefined;
  /** Milliseconds until a message was confirmed, at best. */
  #fastest = Number.POSITIVE_INFINITY;

  get isOn(): boolean {
    return this.window < Number.POSITIVE_INFINITY;
  }

  /** Bytes from which on a frame is cut into pieces. */
  get large(): number {
    return this.window / 4;
  }

  /** A link begins, of which nothing is known. */
  begin(isOn: boolean): void {
    this.window = isOn ? FIRST : Number.POSITIVE_INFINITY;
    this.#probe = undefined;
    this.#fastest = Number.POSITIVE_INFINITY;
  }

  /** @param bytes - that are on their way, with those of the message. */
  sent(sequence: number, size: number, bytes: number): void {
    if (size >= PROBE && this.isOn) this.#probe ??= { sequence, at: performance.now(), bytes };
  }

  /** Messages up to `sequence` have arrived. */
  confirmed(sequence: number): void {
    const probe = this.#probe;
    if (probe === undefined || sequence < probe.sequence) return;
    this.#probe = undefined;
    const time = Math.max(1, performance.now() - probe.at);
    this.#fastest = Math.min(this.#fastest, time);
    const fit = (probe.bytes / time) * (this.#fastest + QUEUE);
    this.window = Math.min(MOST, Math.max(LEAST, fit));
  }
}
