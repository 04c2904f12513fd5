import { Fifo } from '../../src/async/fifo.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Pusher } from '../../src/transport.ts';
import { Type } from '../websocket/frames.ts';
import { Credit } from './credit.ts';
import { type PeerContext, SharedUser } from './peer-channels.ts';
import type { Upstream } from './upstream.ts';

/**
 * Calls that one client sends when its turn comes and others wait: as many as travel together, so that their answers do too.
 * Fewer would cost each of a thousand clients a message for every few answers.
 */
const MOST_IN_TURN = 128;

/** Frames that came together. */
interface Batch {
  readonly frames: readonly Bytes[];
  /** Which of the times that the channel was ready they are for. */
  readonly generation: number;
}

/** Passes on what a client sends, as fast as the server takes it. */
export class PeerPusher extends SharedUser<Pusher> {
  /** Calls are looked into, and only so many are on their way; results of workers are not calls. */
  readonly #carriesCalls: boolean;
  readonly #credit: Credit;
  readonly #came = new Fifo<Batch>();
  #isPassing = false;
  /** Bytes that came and that the server has not taken. */
  outstanding = 0;
  /** Frames that came and were not looked into. */
  waiting = 0;
  /** What goes next, the bytes that came for it, and places that were taken for more. */
  #turn: Bytes[] = [];
  #turnBytes = 0;
  #places = 0;
  /** Whether it had to wait for its places. */
  #hasWaited = false;

  constructor(number: number, context: PeerContext, upstream: Upstream, carriesCalls: boolean) {
    super(number, context, upstream);
    this.#carriesCalls = carriesCalls;
    this.#credit = new Credit(context.window, (bytes) => context.post([Type.taken, number, bytes]));
  }

  override get isForWork(): boolean {
    return !this.#carriesCalls;
  }

  /** @param generation - which of the times that the channel was ready the client sends for; earlier ones are over. */
  take(generation: number, frames: readonly Bytes[]): void {
    if (this.#isOver(generation)) return;
    for (const { length } of frames) this.outstanding += length;
    this.waiting += frames.length;
    this.#came.push({ frames, generation });
    if (this.#isPassing) return;
    this.#isPassing = true;
    // What else comes in this message of the WebSocket goes along.
    queueMicrotask(() => this.#passAll());
  }

  /** Something goes to the client: the credit goes with it. */
  payCredit(): void {
    this.#credit.pay();
  }

  override broke(error: PalmError): void {
    this.outstanding = 0;
    this.#credit.forget();
    this.#giveUp();
    super.broke(error);
  }

  override close(): void {
    this.#credit.forget();
    this.#giveUp();
    super.close();
  }

  async #passAll(): Promise<void> {
    for (let next = this.#came.shift(); next !== undefined; next = this.#came.shift()) {
      this.waiting -= next.frames.length;
      try {
        await (this.#carriesCalls ? this.#passCalls(next) : this.#passResults(next));
      } catch (error) {
        this.#giveUp();
        // What the link lost it tells of itself; the rest the client has brought about.
        if (!(error instanceof PalmError) || (error.code !== 'DISCONNECTED' && error.code !== 'CLOSED')) {
          this.context.violated(error);
        }
      }
    }
    this.#isPassing = false;
  }

  async #passResults({ frames, generation }: Batch): Promise<void> {
    if (this.#isOver(generation)) return;
    this.#turn = [...frames];
    for (const { length } of frames) this.#turnBytes += length;
    await this.#send(generation);
  }

  /** They leave when as many as travel together are there, there are no places for more, or no more have come. */
  async #passCalls({ frames, generation }: Batch): Promise<void> {
    for (const [index, frame] of frames.entries()) {
      if (this.#isOver(generation)) break;
      const judging = this.context.judge(this.upstream, frame);
      const verdict = judging instanceof Promise ? await judging : judging;
      if (!verdict.passes) {
        this.#turnBytes += frame.length;
        this.context.answer(verdict.topic, verdict.answer);
        continue;
      }
      if (this.#places === 0) {
        const left = frames.length - index + this.waiting;
        this.#places = this.#takePlaces(Math.min(left, MOST_IN_TURN - this.#turn.length));
        if (this.#places === 0) {
          await this.#send(generation);
          this.#hasWaited = true;
          this.#places = await this.#waitForPlaces(Math.min(left, MOST_IN_TURN));
          if (this.#isOver(generation)) break;
        }
      }
      this.#places--;
      this.#turnBytes += frame.length;
      // A new list: one that was empty since the last turn would be old by now, and make old what is put in.
      if (this.#turn.length === 0) this.#turn = [verdict.frame];
      else this.#turn.push(verdict.frame);
      if (this.#turn.length === MOST_IN_TURN) await this.#send(generation);
    }
    if (this.#came.size === 0 || this.#isOver(generation)) await this.#send(generation);
  }

  /** Up to so many places, both among the client's calls and among all that are on their way to the server. */
  #takePlaces(most: number): number {
    const { callRoom } = this.context;
    const own = callRoom.take(most);
    if (own === 0) return 0;
    const places = this.upstream.inFlight.take(own);
    callRoom.release(own - places);
    return places;
  }

  async #waitForPlaces(most: number): Promise<number> {
    const { callRoom } = this.context;
    const own = await callRoom.wait(most);
    let places = 0;
    try {
      places = await this.upstream.inFlight.wait(own);
    } finally {
      callRoom.release(own - places);
    }
    return places;
  }

  /** The turn leaves; those that were refused needed no places. */
  async #send(generation: number): Promise<void> {
    if (this.#isOver(generation)) {
      this.#giveUp();
      return;
    }
    const frames = this.#turn;
    const bytes = this.#turnBytes;
    const hasWaited = this.#hasWaited;
    this.#turn = [];
    this.#giveUp();
    if (frames.length > 0) {
      if (this.#carriesCalls) this.context.called(frames.length);
      await this.shared?.channel.send(frames);
    }
    if (this.#isOver(generation)) return;
    this.outstanding -= bytes;
    this.#credit.add(bytes, hasWaited);
  }

  /** Nothing is about to leave, and the places for it are others'. */
  #giveUp(): void {
    const places = this.#places + (this.#carriesCalls ? this.#turn.length : 0);
    this.#turn = [];
    this.#turnBytes = 0;
    this.#places = 0;
    this.#hasWaited = false;
    if (places === 0) return;
    this.upstream.inFlight.release(places);
    this.context.callRoom.release(places);
  }

  #isOver(generation: number): boolean {
    return !this.isReady || generation !== this.generation;
  }
}
