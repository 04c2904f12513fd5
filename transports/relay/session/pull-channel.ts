import { CLIENT_WORK, CLIENT_WORK_BYTES } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { PalmError } from '../../../src/protocol/errors.ts';
import { Type } from '../../relay-protocol/frames.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { WorkTaker } from '../upstream/work-pool.ts';
import type { ChannelContext, SessionChannel } from './channel.ts';

/** Gives a client its share of a server's work, a little at a time. When the client vanishes, work that it has not begun is taken back. */
export class PullChannel implements SessionChannel, WorkTaker {
  readonly #number: number;
  readonly #context: ChannelContext;
  readonly upstream: Upstream;
  readonly isForWork = true;
  readonly size = 0;
  readonly lost: (count: number) => void;
  /** Frames that the client has and has not begun, oldest first. */
  #given: Bytes[] = [];
  #givenBytes = 0;
  #isReady = false;
  #generation = 0;

  constructor(number: number, context: ChannelContext, upstream: Upstream, onLost: (count: number) => void) {
    this.#number = number;
    this.#context = context;
    this.upstream = upstream;
    this.lost = onLost;
  }

  /** Separate from the constructor, because `becameReady` may be called at once. */
  attach(): void {
    this.upstream.pool.join(this);
  }

  get room(): number {
    return this.roomBytes > 0 ? CLIENT_WORK - this.#given.length : 0;
  }

  get roomBytes(): number {
    return CLIENT_WORK_BYTES - this.#givenBytes;
  }

  becameReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#context.post([Type.ready, this.#number, ++this.#generation, true]);
  }

  broke({ code, message }: PalmError): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.#context.post([Type.broken, this.#number, code, message]);
  }

  wasRefused({ code, message }: PalmError): void {
    this.#isReady = false;
    this.#context.post([Type.refused, this.#number, code, message]);
  }

  give(frames: readonly Bytes[]): void {
    for (const frame of frames) this.#given.push(frame);
    this.#count(sizeOf(frames));
    this.#context.assignments.of(this.upstream).assign(frames);
    this.#context.post([Type.work, this.#number, frames], () => `${this.#number}`);
  }

  /** @returns whether the client can have had so many. */
  taken(count: number): boolean {
    if (count > this.#given.length) return false;
    this.#count(-sizeOf(this.#given.splice(0, count)));
    this.upstream.pool.share();
    return true;
  }

  close(): void {
    const given = this.#given;
    this.#given = [];
    this.#count(-this.#givenBytes);
    this.#context.assignments.of(this.upstream).takeBack(given);
    this.upstream.pool.leave(this, given);
  }

  #count(bytes: number): void {
    this.#givenBytes += bytes;
    this.#context.holds(bytes);
  }
}

function sizeOf(frames: readonly Bytes[]): number {
  let size = 0;
  for (const { length } of frames) size += length;
  return size;
}
