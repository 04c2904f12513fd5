import { Fifo } from '../../../src/async/fifo.ts';
import { startTimer } from '../../../src/async/timers.ts';
import { BATCH, CREDIT_BYTES, CREDIT_WAIT, FIRST_PUSH_WINDOW } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import type { Pusher } from '../../../src/transport.ts';
import { Type } from '../../relay-protocol/frames.ts';
import type { CallVerdict } from '../auth/call-guard.ts';
import type { SharedSendQueue } from '../upstream/send-queue.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type ChannelContext, ForwardingChannel } from './channel.ts';
import type { RetainedMessage } from './retained-message.ts';

/** Frames that came together. */
interface Batch {
  readonly frames: readonly Bytes[];
  /** Which of the times that the channel was ready they are for. */
  readonly generation: number;
  /** The message that they came in. */
  readonly message: RetainedMessage;
}

/** Passes on what a client sends, as fast as the server takes it. */
export class PushChannel extends ForwardingChannel<Pusher> {
  /** Calls are judged, and only so many are on their way; results of workers count for what those were given. */
  readonly #carriesCalls: boolean;
  readonly #credit: CreditAccount;
  readonly backlog: PushBacklog;
  readonly #queue: SharedSendQueue;
  readonly #came = new Fifo<Batch>();
  #isPassing = false;
  /** This channel's part of the backlog: bytes that came and that the server has not taken, and frames that wait. */
  #outstanding = 0;
  #waiting = 0;
  /** What goes next, the bytes that came for it and what they count for, the messages that end with it, and places that were taken for more. */
  #outgoing: Bytes[] = [];
  #outgoingBytes = 0;
  #outgoingCredit = 0;
  #outgoingMessages: RetainedMessage[] = [];
  #places = 0;
  /** Gives up the wait for a turn. */
  #stopWaiting = () => {};
  /** Whether it had to wait for its places. */
  #hasWaited = false;

  constructor(
    number: number,
    context: ChannelContext,
    upstream: Upstream,
    carriesCalls: boolean,
    backlog: PushBacklog,
  ) {
    super(number, context, upstream);
    this.#carriesCalls = carriesCalls;
    this.backlog = backlog;
    this.#queue = carriesCalls ? upstream.callQueue : upstream.resultQueue;
    this.#credit = new CreditAccount(context.window, (bytes) => context.post([Type.taken, number, bytes]));
  }

  override get isForWork(): boolean {
    return !this.#carriesCalls;
  }

  /** @param generation - which of the times that the channel was ready the client sends for; earlier ones are over. */
  take(generation: number, frames: readonly Bytes[], message: RetainedMessage): void {
    if (this.#isOver(generation)) return;
    let bytes = 0;
    for (const frame of frames) bytes += this.context.counted(frame);
    this.#came.push({ frames, generation, message });
    message.retain();
    this.#count(bytes, frames.length);
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
    this.#end();
    super.broke(error);
  }

  override close(): void {
    this.#end();
    super.close();
  }

  /** Nothing that came so far goes on. */
  #end(): void {
    this.#count(-this.#outstanding, 0);
    this.#credit.forget();
    this.#stopWaiting();
    this.#giveUp();
  }

  #count(bytes: number, frames: number): void {
    this.#outstanding += bytes;
    this.#waiting += frames;
    this.backlog.outstanding += bytes;
    this.backlog.waiting += frames;
  }

  async #passAll(): Promise<void> {
    for (let next = this.#came.shift(); next !== undefined; next = this.#came.shift()) {
      this.#count(0, -next.frames.length);
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

  async #passResults({ frames, generation, message }: Batch): Promise<void> {
    this.#outgoingMessages.push(message);
    const given = this.context.assignments.of(this.upstream);
    for (const frame of this.#isOver(generation) ? [] : frames) {
      this.#add(frame);
      const result = given.judge(frame);
      if (result !== undefined) this.#outgoing.push(result);
    }
    await this.#send(generation);
  }

  /** They leave when as many as travel together are there, there are no places for more, or no more have come. */
  async #passCalls({ frames, generation, message }: Batch): Promise<void> {
    try {
      await this.#gather(frames, generation);
    } finally {
      // Those of its frames that have not left are in the turn.
      this.#outgoingMessages.push(message);
    }
    if (this.#came.size === 0 || this.#isOver(generation)) await this.#send(generation);
  }

  async #gather(frames: readonly Bytes[], generation: number): Promise<void> {
    for (const [index, frame] of frames.entries()) {
      if (this.#isOver(generation)) break;
      const judging = this.#judge(frame);
      let verdict = judging instanceof Promise ? await judging : judging;
      if (!verdict.passes) {
        this.#refuse(frame, verdict);
        continue;
      }
      if (this.#places === 0) {
        const left = frames.length - index + this.#waiting;
        this.#places = this.#takePlaces(Math.min(left, BATCH - this.#outgoing.length));
        if (this.#places === 0) {
          await this.#send(generation);
          this.#hasWaited = true;
          this.#places = await this.#waitForPlaces(Math.min(left, BATCH));
          if (this.#isOver(generation)) break;
          // What the client may do may have changed while the call waited.
          verdict = await this.#judge(frame);
          if (this.#isOver(generation)) break;
          if (!verdict.passes) {
            this.#refuse(frame, verdict);
            continue;
          }
        }
      }
      this.#places--;
      this.#add(frame);
      // A new list: one that was empty since the last turn would be old by now, and make old what is put in.
      if (this.#outgoing.length === 0) this.#outgoing = [verdict.frame];
      else this.#outgoing.push(verdict.frame);
      if (this.#outgoing.length === BATCH) await this.#send(generation);
    }
  }

  /** @throws PalmError for what ends the connection. */
  #judge(frame: Bytes): CallVerdict | Promise<CallVerdict> {
    return this.context.callGuard.judge(this.context, this.upstream, frame);
  }

  #refuse(frame: Bytes, { topic, answer }: CallVerdict & { readonly passes: false }): void {
    this.#add(frame);
    this.context.answer(topic, answer);
  }

  #add(frame: Bytes): void {
    this.#outgoingBytes += frame.length;
    this.#outgoingCredit += this.context.counted(frame);
  }

  /** Up to so many places, both among the client's calls and among all that are on their way to the server. */
  #takePlaces(most: number): number {
    const { callBudget } = this.context;
    const own = callBudget.take(most);
    if (own === 0) return 0;
    const places = this.upstream.inFlight.take(own);
    callBudget.release(own - places);
    return places;
  }

  async #waitForPlaces(most: number): Promise<number> {
    const { callBudget } = this.context;
    const own = await callBudget.wait(most);
    let places = 0;
    try {
      places = await this.upstream.inFlight.wait(own);
    } finally {
      callBudget.release(own - places);
    }
    return places;
  }

  /** The turn leaves; those that were refused needed no places. */
  async #send(generation: number): Promise<void> {
    const bytes = this.#outgoingBytes;
    const credit = this.#outgoingCredit;
    if (this.#outgoing.length > 0 && !this.#isOver(generation)) {
      const entering = this.#queue.enter(bytes, (giveUp) => {
        this.#stopWaiting = giveUp;
      });
      if (entering === true || (await entering)) await this.#handOver(generation, bytes);
    }
    if (this.#isOver(generation)) {
      this.#giveUp();
      return;
    }
    const hasWaited = this.#hasWaited;
    this.#giveUp();
    this.#count(-credit, 0);
    this.#credit.add(credit, hasWaited);
  }

  /** Its turn has come. What is in the hands of the transport counts until it has left, also when its client is gone. */
  async #handOver(generation: number, bytes: number): Promise<void> {
    const frames = this.#outgoing;
    const messages = this.#outgoingMessages;
    if (this.#isOver(generation) || this.shared === undefined) {
      this.#queue.leave(bytes);
      return;
    }
    this.#outgoing = [];
    this.#outgoingMessages = [];
    if (this.#carriesCalls) this.context.called(frames.length);
    // The places of those that are refused or were taken for more are others' meanwhile.
    this.#givePlacesBack();
    try {
      await this.shared.channel.send(frames);
    } finally {
      this.#queue.leave(bytes);
      for (const message of messages) message.release();
    }
  }

  /** Nothing is about to leave, and the places for it are others'. */
  #giveUp(): void {
    if (this.#carriesCalls) this.#places += this.#outgoing.length;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#outgoingCredit = 0;
    this.#hasWaited = false;
    this.#givePlacesBack();
    const messages = this.#outgoingMessages;
    this.#outgoingMessages = [];
    for (const message of messages) message.release();
  }

  #givePlacesBack(): void {
    const places = this.#places;
    this.#places = 0;
    if (places === 0) return;
    this.upstream.inFlight.release(places);
    this.context.callBudget.release(places);
  }

  #isOver(generation: number): boolean {
    return !this.isReady || generation !== this.generation;
  }
}

/**
 * Credit that is owed to a client: told when it is much, with the answers that go to the client anyway, or after a while.
 * A message for each batch of calls would cost as much as its answers do.
 */
export class CreditAccount {
  readonly #largest: number;
  /** What the client allows itself by now. */
  #window = FIRST_PUSH_WINDOW;
  readonly #tell: (bytes: number) => void;
  #owed = 0;
  #stopTimer: (() => void) | undefined;

  /** @param window - bytes that the client may have out: it is not to wait for what is owed. */
  constructor(window: number, tell: (bytes: number) => void) {
    this.#largest = window;
    this.#tell = tell;
  }

  /** @param hasWaited - whether they had to wait for their turn: then what comes early only waits, too, and the client is told late. */
  add(bytes: number, hasWaited: boolean): void {
    this.#owed += bytes;
    const most = hasWaited ? CREDIT_BYTES : Math.min(CREDIT_BYTES, this.#window / 4);
    if (this.#owed >= Math.min(most, this.#largest / 4)) this.pay();
    else this.#stopTimer ??= startTimer(CREDIT_WAIT, () => this.pay());
  }

  /** Nothing is owed any more. */
  forget(): void {
    this.#owed = 0;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Tells of what is owed. */
  pay(): void {
    const owed = this.#owed;
    this.forget();
    this.#window += owed;
    if (owed > 0) this.#tell(owed);
  }
}

/** What one client has sent to one address of a server and the server has not taken, over all of its channels. */
export class PushBacklog {
  /** Bytes that came. */
  outstanding = 0;
  /** Frames that came and were not looked into. */
  waiting = 0;
}
