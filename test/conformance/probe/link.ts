/** What two ends of `threads()` say to each other over a MessagePort. */
import type { Bytes, Delivery } from '../../../transports/shared/index.ts';

/** What one frame costs of a link's credit, so that neither many small nor few large ones pile up. */
const cost = (frame: Bytes): number => frame.length + 128;

export const costOf = (frames: readonly Bytes[]): number =>
  frames.reduce((sum, frame) => sum + cost(frame), 0);

/** Frames in one buffer, which changes hands. */
interface Packed {
  readonly buffer: ArrayBuffer;
  readonly lengths: readonly number[];
}

export function pack(frames: readonly Bytes[]): Packed {
  const lengths = frames.map(({ length }) => length);
  const all = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const frame of frames) {
    all.set(frame, offset);
    offset += frame.length;
  }
  return { buffer: all.buffer, lengths };
}

export function unpack({ buffer, lengths }: Packed): Bytes[] {
  let offset = 0;
  return lengths.map((length) => {
    const frame = new Uint8Array(buffer, offset, length);
    offset += length;
    return frame;
  });
}

export type Message =
  | { readonly type: 'frames'; readonly packed: Packed }
  | { readonly type: 'request' | 'reply'; readonly id: number; readonly packed: Packed }
  | {
      readonly type: 'deliveries';
      readonly packed: Packed;
      readonly topics: readonly string[];
      readonly counts: readonly number[];
    }
  /** The subscriber reads too slowly: the publisher dropped deliveries. */
  | { readonly type: 'lost' }
  | { readonly type: 'credit'; readonly amount: number }
  | { readonly type: 'subscribe'; readonly topic: string; readonly amount: number }
  /** The peer counts this end: what it pushes or publishes from now on comes. */
  | { readonly type: 'proved' };

export function packDeliveries(deliveries: readonly Delivery[]): Message {
  return {
    type: 'deliveries',
    packed: pack(deliveries.flatMap(({ frames }) => frames)),
    topics: deliveries.map(({ topic }) => topic),
    counts: deliveries.map(({ frames }) => frames.length),
  };
}

export function unpackDeliveries(message: Message & { type: 'deliveries' }): Delivery[] {
  const frames = unpack(message.packed);
  let start = 0;
  return message.topics.map((topic, i) => {
    const end = start + (message.counts[i] ?? 0);
    const delivery = { topic, frames: frames.slice(start, end) };
    start = end;
    return delivery;
  });
}

/** One end of a MessagePort. */
export class Link {
  readonly #port: MessagePort;
  readonly #gone = new Set<() => void>();
  #isClosed = false;

  constructor(port: MessagePort, take: (message: Message, link: Link) => void) {
    this.#port = port;
    port.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      if (!this.#isClosed) take(data, this);
    });
    port.addEventListener('close', () => this.#end());
    port.start();
  }

  onGone(listener: () => void): () => void {
    const own = () => listener();
    if (this.#isClosed) queueMicrotask(own);
    else this.#gone.add(own);
    return () => this.#gone.delete(own);
  }

  post(message: Message): void {
    if (this.#isClosed) return;
    this.#port.postMessage(message, 'packed' in message ? [message.packed.buffer] : []);
  }

  /** What was posted before arrives all the same. */
  close(): void {
    this.#port.close();
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of [...this.#gone]) listener();
    this.#gone.clear();
  }
}
