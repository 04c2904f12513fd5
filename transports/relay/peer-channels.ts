/** The channels that a client has, on the relay's side. */
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Delivery, Pusher, Subscription } from '../../src/transport.ts';
import { type Frame, Type } from '../websocket/frames.ts';
import type { AnswerRoom } from './answer-room.ts';
import type { Verdict } from './call-guard.ts';
import { Credit } from './credit.ts';
import type { ChannelUser, SharedChannel } from './shared-channel.ts';
import type { Upstream } from './upstream.ts';
import type { Way } from './way.ts';

/** What a channel needs of its client. */
export interface PeerContext {
  /** Bytes that the client may have out on a channel. */
  readonly window: number;
  /** Where its calls get places by what it can take of answers. */
  readonly callRoom: AnswerRoom;
  post(frame: Frame): void;
  /** Whether the call may pass. @throws PalmError for what ends the connection. */
  judge(upstream: Upstream, frame: Bytes): Verdict | Promise<Verdict>;
  /** Answers a call in the server's place. */
  answer(topic: string, answer: Bytes): void;
  /** So many calls left for a server. */
  called(count: number): void;
  /** The client did what no well-behaved one does. */
  violated(error: unknown): void;
}

/** A client's channel of any kind. */
export interface PeerChannel {
  readonly upstream: Upstream;
  /** Whether only workers may have it. */
  readonly isForWork: boolean;
  close(): void;
}

abstract class SharedUser<C extends Pusher | Subscription> implements PeerChannel, ChannelUser<C> {
  readonly number: number;
  readonly upstream: Upstream;
  protected readonly context: PeerContext;
  protected shared: SharedChannel<C> | undefined;
  /** How often the client was told that the channel is ready. */
  protected generation = 0;
  protected isReady = false;
  #way: Way<C> | undefined;

  constructor(number: number, context: PeerContext, upstream: Upstream) {
    this.number = number;
    this.context = context;
    this.upstream = upstream;
  }

  /** Separate from the constructor, because `becameReady` may be called at once. */
  attach(way: Way<C>): void {
    this.#way = way;
    way.add(this);
  }

  joined(shared: SharedChannel<C>): void {
    this.shared = shared;
  }

  becameReady(): void {
    if (this.isReady) return;
    this.isReady = true;
    this.generation++;
    this.context.post([Type.ready, this.number, this.generation, this.isProved]);
  }

  broke(error: PalmError): void {
    if (!this.isReady) return;
    this.isReady = false;
    const { code, message } = this.upstream.told(error);
    this.context.post([Type.broken, this.number, code, message]);
  }

  wasRefused(error: PalmError): void {
    this.isReady = false;
    const { code, message } = this.upstream.told(error);
    this.context.post([Type.refused, this.number, code, message]);
  }

  close(): void {
    this.isReady = false;
    this.#way?.remove(this);
  }

  get isForWork(): boolean {
    return false;
  }

  protected get isProved(): boolean {
    return true;
  }
}

/** Takes what a client publishes for: deliveries under its topics. */
export class PeerSubscription extends SharedUser<Subscription> {
  readonly topic: string;

  constructor(number: number, context: PeerContext, upstream: Upstream, topic: string) {
    super(number, context, upstream);
    this.topic = topic;
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.context.post([Type.results, this.number, deliveries]);
  }

  protected override get isProved(): boolean {
    return this.shared?.channel.isProved ?? false;
  }
}

/**
 * Calls that one client sends when its turn comes and others wait: as many as travel together, so that their answers do too.
 * Fewer would cost each of a thousand clients a message for every few answers.
 */
const MOST_IN_TURN = 128;

/** Passes on what a client sends, as fast as the server takes it. */
export class PeerPusher extends SharedUser<Pusher> {
  /** Calls are looked into, and only so many are on their way; results of workers are not calls. */
  readonly #carriesCalls: boolean;
  readonly #credit: Credit;
  #queue: Promise<void> = Promise.resolve();
  /** Bytes that came and that the server has not taken. */
  outstanding = 0;
  /** Frames that came and were not looked into. */
  waiting = 0;
  /** Whether those that were passed last had to wait for their turn. */
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
    if (!this.isReady || generation !== this.generation) return;
    let size = 0;
    for (const { length } of frames) size += length;
    this.outstanding += size;
    this.waiting += frames.length;
    this.#queue = this.#queue.then(async () => {
      this.waiting -= frames.length;
      this.#hasWaited = false;
      if (generation !== this.generation || !this.isReady) return;
      try {
        await this.#pass(frames, generation);
      } catch (error) {
        // What the link lost it tells of itself; the rest the client has brought about.
        if (!(error instanceof PalmError) || (error.code !== 'DISCONNECTED' && error.code !== 'CLOSED')) {
          this.context.violated(error);
          return;
        }
      }
      if (generation !== this.generation) return;
      this.outstanding -= size;
      this.#credit.add(size, this.#hasWaited);
    });
  }

  /** Something goes to the client: the credit goes with it. */
  payCredit(): void {
    this.#credit.pay();
  }

  override broke(error: PalmError): void {
    this.outstanding = 0;
    this.#credit.forget();
    super.broke(error);
  }

  override close(): void {
    this.#credit.forget();
    super.close();
  }

  async #pass(frames: readonly Bytes[], generation: number): Promise<void> {
    if (!this.#carriesCalls) {
      await this.shared?.channel.send(frames);
      return;
    }
    const passed: Bytes[] = [];
    try {
      await this.#passCalls(frames, passed, generation);
    } catch (error) {
      // The places of those that have passed and will not leave.
      this.#release(passed.length);
      throw error;
    }
  }

  /** @param passed - those that are let through and have not left. */
  async #passCalls(frames: readonly Bytes[], passed: Bytes[], generation: number): Promise<void> {
    let places = 0;
    try {
      for (const [index, frame] of frames.entries()) {
        const judging = this.context.judge(this.upstream, frame);
        const verdict = judging instanceof Promise ? await judging : judging;
        if (!verdict.passes) {
          this.context.answer(verdict.topic, verdict.answer);
          continue;
        }
        if (places === 0) {
          const most = Math.min(frames.length - index, MOST_IN_TURN);
          places = this.#takePlaces(most);
          if (places === 0) {
            await this.#send(passed.splice(0), generation);
            this.#hasWaited = true;
            places = await this.#waitForPlaces(most);
          }
        }
        places--;
        passed.push(verdict.frame);
      }
    } finally {
      // Those that were refused needed none.
      this.#release(places);
    }
    await this.#send(passed.splice(0), generation);
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

  #release(places: number): void {
    this.upstream.inFlight.release(places);
    this.context.callRoom.release(places);
  }

  async #send(frames: readonly Bytes[], generation: number): Promise<void> {
    if (frames.length === 0) return;
    if (generation !== this.generation || !this.isReady) {
      this.#release(frames.length);
      return;
    }
    this.context.called(frames.length);
    await this.shared?.channel.send(frames);
  }
}
