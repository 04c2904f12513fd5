/** Node's end of the control WebSocket to a page: orders go, and what comes of them is told to who gave them. */
import type { WebSocket } from 'ws';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Batcher, decode, type Order, type Report, revive } from './wire.ts';

export type ReportOf<T extends Report[0]> = Extract<Report, readonly [T, ...unknown[]]>;
type Spontaneous = Exclude<Report, readonly ['resolved' | 'rejected', ...unknown[]]>;

export class Control {
  readonly #socket: WebSocket;
  readonly #batcher: Batcher<Order>;
  readonly #calls = new Map<number, Deferred<unknown>>();
  readonly #listeners = new Set<(report: Spontaneous) => void>();
  /** What calls were given up for. */
  readonly #reasons = new Map<number, unknown>();
  #lastNumber = 0;
  #ended: Error | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#batcher = new Batcher((message) => socket.send(message));
    socket.on('message', (data) => this.#take(new Uint8Array(data as Buffer)));
    socket.on('error', () => {});
    socket.on('close', () => this.#end(new Error('the page is gone')));
  }

  /** A number for a call, connection, channel or source, none of which has another's. */
  number(): number {
    return ++this.#lastNumber;
  }

  /** Has something done that has no outcome. */
  order(order: Order): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#batcher.put(order);
  }

  /** Has something done. @param make - gives the order, given the number of the call. */
  async call(make: (call: number) => Order): Promise<unknown> {
    return this.start(make).outcome;
  }

  /** The same, for one that may be given up. */
  start(make: (call: number) => Order): { readonly call: number; readonly outcome: Promise<unknown> } {
    const call = this.number();
    const { promise, resolve, reject } = deferred<unknown>();
    if (this.#ended !== undefined) reject(this.#ended);
    else this.#calls.set(call, { promise, resolve, reject });
    this.order(make(call));
    return { call, outcome: promise };
  }

  cancel(call: number, reason: unknown): void {
    if (!this.#calls.has(call) || this.#reasons.has(call)) return;
    this.#reasons.set(call, reason);
    this.order(['cancel', call, call]);
  }

  /** Calls `listener` for what the page tells unasked. Gives the function that ends this. */
  listen(listener: (report: Spontaneous) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(message: Uint8Array<ArrayBuffer>): void {
    for (const report of decode(message) as readonly Report[]) {
      if (report[0] === 'resolved') this.#settle(report[1])?.resolve(report[2]);
      else if (report[0] === 'rejected') this.#reject(report);
      else for (const listener of [...this.#listeners]) listener(report);
    }
  }

  #reject([, call, failure]: ReportOf<'rejected'>): void {
    const isGivenUp = failure.reason !== undefined && this.#reasons.has(failure.reason);
    const reason = isGivenUp ? this.#reasons.get(call) : revive(failure);
    this.#settle(call)?.reject(reason);
  }

  #settle(call: number): Deferred<unknown> | undefined {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    this.#reasons.delete(call);
    return waiting;
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}
