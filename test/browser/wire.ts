/** What Node and the page tell each other over the control WebSocket. Runs on both sides. */

import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError, type PalmErrorCode } from '../../src/protocol/errors.ts';

/** From Node: what the page is to do. `call`, `connection` and `source` are numbers that Node gives. */
export type Order =
  | readonly [
      type: 'open',
      call: number,
      connection: number,
      url: string,
      token: string | null,
      maxDelay: number | null,
    ]
  | readonly [type: 'identify', call: number, connection: number, wished: string | null]
  | readonly [type: 'request', call: number, connection: number, address: string, frame: Bytes]
  | readonly [type: 'cancel', call: number, reason: number]
  | readonly [
      type: 'dial',
      channel: number,
      connection: number,
      verb: 'push' | 'pull' | 'subscribe',
      address: string,
      topic: string,
      proofTimeout: number | null,
    ]
  | readonly [type: 'status', source: number, connection: number]
  | readonly [type: 'ready', call: number, channel: number]
  | readonly [type: 'send', call: number, channel: number, frames: readonly Bytes[]]
  | readonly [type: 'next', call: number, source: number]
  | readonly [type: 'leave', source: number]
  | readonly [type: 'shut', call: number, channel: number, timeout: number | null]
  | readonly [type: 'close', call: number, connection: number, timeout: number | null]
  | readonly [type: 'run', call: number, scene: string, input: unknown];

/** From the page: what came of it. */
export type Report =
  | readonly [type: 'resolved', call: number, value: unknown]
  | readonly [type: 'rejected', call: number, failure: Failure]
  | readonly [type: 'state', channel: number, isReady: boolean, isProved: boolean]
  | readonly [type: 'broke', channel: number, failure: Failure]
  | readonly [type: 'identity', connection: number, id: string, keyPrefix: string]
  | readonly [type: 'closed', connection: number, failure: Failure | null]
  /** Something that a scene has to tell while it runs. */
  | readonly [type: 'told', what: string];

/** An error in words. `code` is that of a PalmError; `reason` is the number of what Node cancelled with. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly sent?: boolean | 'unknown';
  readonly reason?: number;
}

/** Stands in the page for what Node cancelled with. */
export class Reason {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** @param Known - the PalmError of the bundle that is tested; an error of any other class has no code. */
export function describe(error: unknown, Known: typeof PalmError): Failure {
  if (error instanceof Reason) return { name: 'Reason', message: '', reason: error.number };
  if (!(error instanceof Error)) return { name: 'no Error', message: String(error) };
  const { name, message } = error;
  if (!(error instanceof Known)) return { name, message: `${message}\n${error.stack}` };
  return { name, message, code: error.code, ...(error.sent !== undefined && { sent: error.sent }) };
}

export function revive({ name, message, code, sent }: Failure): PalmError | Error {
  if (code === undefined) return new Error(`in the page, ${name}: ${message}`);
  return new PalmError(code as PalmErrorCode, message, sent === undefined ? {} : { sent });
}

/** JSON with bytes in it: the length of the JSON, the JSON, and the bytes. Those that come several times are written once. */
export function encode(value: unknown): Bytes {
  const starts = new Map<Uint8Array, number>();
  let size = 0;
  const json = JSON.stringify(value, (_key, item: unknown) => {
    if (!(item instanceof Uint8Array)) return item;
    const start = starts.get(item) ?? size;
    if (start === size) {
      starts.set(item, start);
      size += item.length;
    }
    return { '#': [start, item.length] };
  });
  const head = new TextEncoder().encode(json);
  const message = new Uint8Array(4 + head.length + size);
  new DataView(message.buffer).setUint32(0, head.length);
  message.set(head, 4);
  for (const [blob, start] of starts) message.set(blob, 4 + head.length + start);
  return message;
}

/** What {@link encode} wrote. Bytes are copies; those that came several times are one. */
export function decode(message: Bytes): unknown {
  const begin = 4 + new DataView(message.buffer, message.byteOffset).getUint32(0);
  const copies = new Map<number, Bytes>();
  return JSON.parse(new TextDecoder().decode(message.subarray(4, begin)), (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || !('#' in item)) return item;
    const [start, length] = item['#'] as [number, number];
    const copy = copies.get(start) ?? message.slice(begin + start, begin + start + length);
    copies.set(start, copy);
    return copy;
  });
}

/** Sends what is put in during one turn as one message. */
export class Batcher<T> {
  readonly #send: (message: Bytes) => void;
  #items: T[] = [];

  constructor(send: (message: Bytes) => void) {
    this.#send = send;
  }

  put(item: T): void {
    this.#items.push(item);
    if (this.#items.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const items = this.#items;
    this.#items = [];
    this.#send(encode(items));
  }
}
