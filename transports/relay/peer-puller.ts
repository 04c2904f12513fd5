import { atMost } from '../../src/async/deadline.ts';
import { deferred } from '../../src/async/deferred.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Puller } from '../../src/transport.ts';
import { Type } from '../websocket/frames.ts';
import type { PeerChannel, PeerContext } from './peer-channels.ts';
import type { Upstream } from './upstream.ts';
import { WorkSource } from './work-source.ts';

/** Frames of work that one client may have that it has not taken. */
const MOST_WORK = 16;

/** Milliseconds after which a server that is not where it said is asked again. */
const LOOK_AGAIN = 1_000;

/** Gives a client work, a little at a time, and takes back what it has not taken when it vanishes. */
export class PeerPuller implements PeerChannel {
  readonly #number: number;
  readonly #context: PeerContext;
  readonly upstream: Upstream;
  readonly isForWork = true;
  readonly size = 0;
  readonly #onLost: (count: number) => void;
  readonly #closing = deferred<void>();
  /** With the client, oldest first. */
  #given: Bytes[] = [];
  #source: WorkSource | undefined;
  #isClosed = false;
  #stopLooking = () => {};
  #generation = 0;

  constructor(number: number, context: PeerContext, upstream: Upstream, onLost: (count: number) => void) {
    this.#number = number;
    this.#context = context;
    this.upstream = upstream;
    this.#onLost = onLost;
  }

  /** Follows the server, which may come back at another address. */
  async attach(): Promise<void> {
    this.#stopLooking = this.upstream.pool.onWork(() => this.#give());
    this.#give();
    try {
      for (;;) {
        const address = await this.upstream.workAddress();
        if (this.#isClosed) return;
        const { puller } = this.#sourceAt(address);
        await atMost(LOOK_AGAIN, Promise.race([puller.ready(), this.#closing.promise]));
        if (puller.isReady) await this.#use(puller);
        if (this.#isClosed) return;
      }
    } catch (error) {
      if (this.#isClosed) return;
      const { code, message } = this.upstream.told(error);
      this.#context.post([Type.refused, this.#number, code, message]);
    }
  }

  /** @returns whether the client can have had so many. */
  taken(count: number): boolean {
    if (count > this.#given.length) return false;
    this.#given.splice(0, count);
    this.#give();
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopLooking();
    this.#closing.resolve();
    this.#context.given.of(this.upstream).tookBack(this.#given);
    const lost = this.upstream.pool.giveBack(this.#given);
    if (lost > 0) this.#onLost(lost);
    this.#given = [];
    if (this.#source !== undefined) this.upstream.pool.leave(this.#source);
  }

  #sourceAt(address: string): WorkSource {
    const { pool } = this.upstream;
    if (this.#source?.address === address) return this.#source;
    if (this.#source !== undefined) pool.leave(this.#source);
    const inherited = pool.inherit(address);
    const source =
      inherited ??
      new WorkSource(address, this.upstream.pull(address), (frames) => {
        const lost = pool.giveBack(frames);
        if (lost > 0) this.#onLost(lost);
      });
    source.serve(() => this.#give());
    this.#source = source;
    return source;
  }

  /** Resolves when the link breaks. */
  async #use(puller: Puller): Promise<void> {
    this.#context.post([Type.ready, this.#number, ++this.#generation, true]);
    const broke = deferred<void>();
    const stop = puller.onBreak((error) => {
      const { code, message } = this.upstream.told(error);
      this.#context.post([Type.broken, this.#number, code, message]);
      broke.resolve();
    });
    await Promise.race([broke.promise, this.#closing.promise]);
    stop();
  }

  #give(): void {
    if (this.#isClosed) return;
    const room = MOST_WORK - this.#given.length;
    if (room <= 0) return;
    const frames = this.upstream.pool.take(room);
    frames.push(...(this.#source?.take(room - frames.length) ?? []));
    if (frames.length === 0) return;
    this.#given.push(...frames);
    this.#context.given.of(this.upstream).gave(frames);
    this.#context.post([Type.work, this.#number, frames]);
  }
}
