import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BatchSource, Settlement, Settler } from '../../src/transport.ts';
import type { NatsHost } from './host.ts';
import type { ServerNames } from './names.ts';
import { Reclaimer } from './reclaim.ts';
import type { Session } from './session.ts';
import { SharedReader } from './shared-reader.ts';

/** Reads the calls of a server that several processes share: those of clients that wait for few beside the others, and lanes beside each other. */
export class SharedCalls implements Settler {
  readonly #calls: SharedReader;
  readonly #prompt: SharedReader;
  readonly #lanes: readonly SharedReader[];
  readonly #readers: readonly SharedReader[];
  readonly #reclaimer: Reclaimer;

  /** @param lost - called for a call that cannot be read any more. */
  constructor(host: NatsHost, { calls, promptCalls, lanes }: ServerNames, lost: () => void) {
    const owed = () => this.#reclaimer.owe();
    this.#calls = new SharedReader(host, calls, lost, owed);
    this.#prompt = new SharedReader(host, promptCalls, lost, owed);
    this.#lanes = lanes.map((lane) => new SharedReader(host, lane, lost, owed));
    this.#readers = [this.#calls, this.#prompt, ...this.#lanes];
    const places = () => this.#readers.flatMap((reader) => reader.places);
    this.#reclaimer = new Reclaimer(host, [calls, promptCalls, ...lanes], places);
  }

  get prompt(): BatchSource<Bytes> {
    return { [Symbol.asyncIterator]: () => this.#prompt.batches() };
  }

  get lanes(): readonly BatchSource<Bytes>[] {
    return this.#lanes.map((lane) => ({ [Symbol.asyncIterator]: () => lane.batches() }));
  }

  batches(): AsyncIterator<Bytes[], undefined> {
    return this.#calls.batches();
  }

  settle(frames: readonly Bytes[], outcome: Settlement): void {
    for (const reader of this.#readers) reader.settle(frames, outcome);
  }

  idOf(frame: Bytes): string {
    for (const reader of this.#readers) {
      const id = reader.idOf(frame);
      if (id !== '') return id;
    }
    return '';
  }

  onGivenUp(listener: (frame: Bytes, deaths: number) => void): void {
    for (const reader of this.#readers) reader.onGivenUp(listener);
  }

  /** The stream was made then: one that is made anew counts from 1 again. */
  madeAt(time: number): void {
    for (const reader of this.#readers) reader.madeAt(time);
  }

  /** Reads over a session, until it or this ends. */
  async read(session: Session): Promise<void> {
    this.#reclaimer.begin(session);
    await Promise.all(this.#readers.map((reader) => reader.read(session)));
  }

  /** The session has ended, or this ends. */
  leave(): void {
    this.#reclaimer.end();
  }

  /** Takes no more: the batches end after what was read. */
  stop(): void {
    for (const reader of this.#readers) reader.stop();
  }

  /** Ends reading. Others get what is not settled. */
  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
  }
}
