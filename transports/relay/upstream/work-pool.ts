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

/** Milliseconds after which a server that is not where it said is asked again. */
const LOOK_AGAIN = 1_000;

/** Where the work of a server comes from. */
export interface WorkOrigin {
  /** Where it is. @throws PalmError when the server has no work to give away, or refuses to. */
  workAddress(): Promise<string>;
  pull(address: string): Puller;
  /** The error as clients are told of it. */
  errorForClients(error: unknown): PalmError;
}

/** A client that works. */
export interface WorkTaker {
  /** Frames that it may have more than it has. */
  readonly room: number;
  /** Bytes of frames that it may have more than it has; 0 or less when {@link room} is 0. */
  readonly roomBytes: number;
  becameReady(): void;
  /** The link that work comes over broke. It may be ready again. */
  broke(error: PalmError): void;
  /** The server gives away no work. It takes none any more. */
  wasRefused(error: PalmError): void;
  give(frames: readonly Bytes[]): void;
  /** Told of frames that could not be kept for anybody, also when the client is gone. */
  readonly lost: (count: number) => void;
}

/**
 * The work of one server, pulled over one link for all clients of the relay that work for it, and shared among those that
 * have room. What one had that vanished goes to the others first. When the last is gone, the link stays for a lull: who
 * pushes does not know, and loses what it pushes to a link that ends.
 */
export class WorkPool {
  readonly #origin: WorkOrigin;
  /** What clients had that vanished, and what comes while nobody is there. */
  readonly #frames = new Fifo<Bytes>();
  #bytes = 0;
  /** The one whose turn is next is first. */
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

  /** The client takes work from now on. */
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

  /** The client takes none any more; what it has and has not done is for others. */
  leave(taker: WorkTaker, frames: readonly Bytes[]): void {
    if (!this.#takers.delete(taker)) return;
    this.#keep(frames);
    this.share();
    if (this.#takers.size > 0) return;
    this.#keep(this.#source?.takeAll() ?? []);
    this.#turn();
  }

  /** Hands out what there is, evenly among those that have room. */
  share(): void {
    let waiting = this.#frames.size + (this.#source?.waiting ?? 0);
    if (waiting === 0) return;
    const takers = [...this.#takers].filter(({ room }) => room > 0);
    for (const [index, taker] of takers.entries()) {
      if (waiting === 0) return;
      // To give may end the session of the one that it is given to, and others share what that had.
      if (!this.#takers.has(taker)) continue;
      const count = Math.min(taker.room, Math.ceil(waiting / (takers.length - index)));
      const frames = this.#take(count, taker.roomBytes);
      waiting -= frames.length;
      if (frames.length === 0) continue;
      // Whoever got less, or nothing, is before it the next time.
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

  /** Follows the server, which may come back at another address, as long as somebody works for it. */
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

  /** Resolves when the link breaks, or nobody works any more. */
  async #use(puller: Puller): Promise<void> {
    const broke = deferred<void>();
    const stop = puller.onBreak((error) => {
      const forClients = this.#origin.errorForClients(error);
      for (const taker of [...this.#takers]) taker.broke(forClients);
      broke.resolve();
    });
    for (const taker of [...this.#takers]) taker.becameReady();
    this.share();
    // Others may join meanwhile; it turns when the last is gone.
    await Promise.race([broke.promise, this.#turned.promise]);
    stop();
  }

  /** Until nothing has come for a while, or somebody works again. With nobody here, workers elsewhere shall get the work. */
  async #lull(): Promise<void> {
    for (let look = 0; look < MOST_LOOKS && !this.#isWanted && !this.#isClosed; look++) {
      if (await this.#source?.wasQuiet(QUIET, this.#turned.promise)) return;
    }
  }

  #came(source: WorkSource): void {
    // What is read of a link that is closed is for those who come, as what comes while nobody is here.
    if (source === this.#source && this.#takers.size > 0) this.share();
    else this.#keep(source.takeAll());
  }

  #refuse(error: unknown): void {
    const forClients = this.#origin.errorForClients(error);
    const takers = [...this.#takers];
    this.#takers.clear();
    for (const taker of takers) taker.wasRefused(forClients);
  }

  /** What was another's first: so many frames and bytes at most, but one at least. */
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

/** Reads what is pushed, no faster than it is taken. */
export class WorkSource {
  readonly address: string;
  readonly puller: Puller;
  readonly #reading: Promise<void>;
  /** Called when there is something to take. */
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

  /** Frames that were read and not taken. */
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

  /** Resolves after so many milliseconds, when it has ended, or with `until`, with whether nothing came meanwhile. */
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
      // Not read on while there is enough: others shall get it.
      if (this.#read.size > 0) await taken;
    }
  }
}
