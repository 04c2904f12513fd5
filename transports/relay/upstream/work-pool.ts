import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { Fifo } from '../../../src/async/fifo.ts';
import { atMost } from '../../../src/async/timers.ts';
import { LEFT_WORK_BYTES } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { PalmError } from '../../../src/protocol/errors.ts';
import type { Puller } from '../../../src/transport.ts';

/** Milliseconds without work after which no more is on its way, and how often they are waited for when nobody would take it. */
const QUIET = 1_000;
const MOST_LOOKS = 4;

/** Milliseconds after which a server is asked again for its address, when it is not there. */
const LOOK_AGAIN = 1_000;

/** Where the work of a server comes from. */
export interface WorkOrigin {
  /** Its address. @throws PalmError when the server gives away no work. */
  workAddress(): Promise<string>;
  pull(address: string): Puller;
  /** The error as clients may see it. */
  errorForClients(error: unknown): PalmError;
}

/** A client that takes work. */
export interface WorkTaker {
  /** How many more frames it may have. */
  readonly room: number;
  /** How many more bytes of frames it may have; 0 or less when {@link room} is 0. */
  readonly roomBytes: number;
  becameReady(): void;
  /** The connection that work comes over broke. It may become ready again. */
  broke(error: PalmError): void;
  /** The server gives away no work. The client is no longer in the pool. */
  wasRefused(error: PalmError): void;
  give(frames: readonly Bytes[]): void;
  /** Called with the number of frames that could not be kept for any client, also when this one is gone. */
  readonly lost: (count: number) => void;
}

/**
 * The work of one server, pulled over one connection for all clients of the relay that work for it, and shared among those
 * that have room. Work of a client that vanished goes to the others first. When the last is gone, the connection stays until
 * no work has come for a while: the server does not know, and would lose what it pushes to a connection that ends.
 */
export class WorkPool {
  readonly #origin: WorkOrigin;
  /** Work of clients that vanished, and work that came while there were no clients. */
  readonly #frames = new Fifo<Bytes>();
  #bytes = 0;
  /** In the order of their turns. */
  readonly #takers = new Set<WorkTaker>();
  #source: WorkSource | undefined;
  #isFollowing = false;
  /** Resolves when the first client comes, or the last is gone. */
  #turned: Deferred<void> = deferred();
  #lost: (count: number) => void = () => {};
  #isClosed = false;

  constructor(origin: WorkOrigin) {
    this.#origin = origin;
  }

  /** Adds a client. */
  join(taker: WorkTaker): void {
    this.#takers.add(taker);
    this.#lost = taker.lost;
    if (this.#takers.size === 1) this.#turn();
    if (this.#source?.puller.isReady === true) taker.becameReady();
    this.share();
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#follow();
  }

  /** Removes a client. The frames that it has not begun go to others. */
  leave(taker: WorkTaker, frames: readonly Bytes[]): void {
    if (!this.#takers.delete(taker)) return;
    this.#keep(frames);
    this.share();
    if (this.#takers.size > 0) return;
    this.#keep(this.#source?.takeAll() ?? []);
    this.#turn();
  }

  /** Hands out the work that is there, evenly among the clients that have room. */
  share(): void {
    let waiting = this.#frames.size + (this.#source?.waiting ?? 0);
    if (waiting === 0) return;
    const takers = [...this.#takers].filter(({ room }) => room > 0);
    for (const [index, taker] of takers.entries()) {
      if (waiting === 0) return;
      // Giving work may end that client's session, and others then share what it had.
      if (!this.#takers.has(taker)) continue;
      const count = Math.min(taker.room, Math.ceil(waiting / (takers.length - index)));
      const frames = this.#take(count, taker.roomBytes);
      waiting -= frames.length;
      if (frames.length === 0) continue;
      // Clients that got less, or nothing, are first the next time.
      this.#takers.delete(taker);
      this.#takers.add(taker);
      taker.give(frames);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#turn();
    await this.#closeSource();
  }

  /** Follows the server, which may come back at another address, as long as a client works for it. */
  async #follow(): Promise<void> {
    try {
      while (this.#isWanted) {
        const address = await this.#origin.workAddress();
        if (!this.#isWanted) break;
        const { puller } = await this.#sourceAt(address);
        await Promise.race([atMost(LOOK_AGAIN, puller.ready()), this.#turned.promise]);
        if (puller.isReady && this.#isWanted) await this.#use(puller);
        if (!this.#isWanted) await this.#lull();
      }
    } catch (error) {
      this.#refuse(error);
    }
    this.#isFollowing = false;
    await this.#closeSource();
  }

  get #isWanted(): boolean {
    return this.#takers.size > 0 && !this.#isClosed;
  }

  #turn(): void {
    this.#turned.resolve();
    this.#turned = deferred();
  }

  async #sourceAt(address: string): Promise<WorkSource> {
    if (this.#source?.address === address) return this.#source;
    await this.#closeSource();
    const source = new WorkSource(address, this.#origin.pull(address), (own) => this.#came(own));
    this.#source = source;
    return source;
  }

  async #closeSource(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    if (source === undefined) return;
    this.#keep(source.takeAll());
    await source.puller.close();
  }

  /** Resolves when the connection breaks, or no client works any more. */
  async #use(puller: Puller): Promise<void> {
    const broke = deferred<void>();
    const stop = puller.onBreak((error) => {
      const forClients = this.#origin.errorForClients(error);
      for (const taker of [...this.#takers]) taker.broke(forClients);
      broke.resolve();
    });
    for (const taker of [...this.#takers]) taker.becameReady();
    this.share();
    // Others may join meanwhile; this resolves when the last is gone.
    await Promise.race([broke.promise, this.#turned.promise]);
    stop();
  }

  /** Resolves when no work has come for a while, or a client works again. Without clients here, workers elsewhere must get the work. */
  async #lull(): Promise<void> {
    for (let look = 0; look < MOST_LOOKS && !this.#isWanted && !this.#isClosed; look++) {
      if (await this.#source?.wasQuiet(QUIET, this.#turned.promise)) return;
    }
  }

  #came(source: WorkSource): void {
    // Work of a connection that is being closed is kept for the next client, as is work that comes while there is none.
    if (source === this.#source && this.#takers.size > 0) this.share();
    else this.#keep(source.takeAll());
  }

  #refuse(error: unknown): void {
    const forClients = this.#origin.errorForClients(error);
    const takers = [...this.#takers];
    this.#takers.clear();
    for (const taker of takers) taker.wasRefused(forClients);
  }

  /** Takes up to so many frames and bytes, but at least one frame. Work of clients that vanished comes first. */
  #take(count: number, bytes: number): Bytes[] {
    const taken: Bytes[] = [];
    for (let size = 0; taken.length < count && size < bytes; ) {
      const frame = this.#frames.size > 0 ? this.#takeKept() : this.#source?.take();
      if (frame === undefined) break;
      taken.push(frame);
      size += frame.length;
    }
    return taken;
  }

  #takeKept(): Bytes | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.length ?? 0;
    return frame;
  }

  #keep(frames: readonly Bytes[]): void {
    let lost = 0;
    for (const frame of frames) {
      if (this.#bytes + frame.length > LEFT_WORK_BYTES) {
        lost++;
        continue;
      }
      this.#bytes += frame.length;
      this.#frames.push(frame);
    }
    if (lost > 0) this.#lost(lost);
  }
}

/** Reads work from a server, no faster than it is taken. */
export class WorkSource {
  readonly address: string;
  readonly puller: Puller;
  readonly #reading: Promise<void>;
  /** Called when there is work to take. */
  readonly #onWork: (source: WorkSource) => void;
  readonly #read = new Fifo<Bytes>();
  #resume = () => {};
  #isQuiet = true;

  constructor(address: string, puller: Puller, onWork: (source: WorkSource) => void) {
    this.address = address;
    this.puller = puller;
    this.#onWork = onWork;
    this.#reading = this.#pull();
  }

  /** How many frames were read and not taken. */
  get waiting(): number {
    return this.#read.size;
  }

  /** The next frame, if there is one. */
  take(): Bytes | undefined {
    const frame = this.#read.shift();
    if (this.#read.size === 0) this.#resume();
    return frame;
  }

  takeAll(): Bytes[] {
    const taken: Bytes[] = [];
    for (let frame = this.#read.shift(); frame !== undefined; frame = this.#read.shift()) taken.push(frame);
    this.#resume();
    return taken;
  }

  /** Resolves after so many milliseconds, at the end of the source, or with `until`. @returns whether nothing came meanwhile. */
  async wasQuiet(time: number, until: Promise<void>): Promise<boolean> {
    this.#isQuiet = true;
    await atMost(time, Promise.race([this.#reading, until]));
    return this.#isQuiet;
  }

  async #pull(): Promise<void> {
    const batches = { [Symbol.asyncIterator]: () => this.puller[Symbol.asyncIterator]() };
    for await (const frames of batches) {
      this.#isQuiet = false;
      for (const frame of frames) this.#read.push(frame);
      const taken = new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
      this.#onWork(this);
      // Stops reading while there is enough, so that other workers of the server get the rest.
      if (this.#read.size > 0) await taken;
    }
  }
}
