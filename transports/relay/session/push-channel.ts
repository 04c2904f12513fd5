import { Fifo } from '../../../src/async/fifo.ts';
import { startTimer } from '../../../src/async/timers.ts';
import { BATCH, CREDIT_BYTES, CREDIT_WAIT, FIRST_PUSH_WINDOW } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { CancelNotice } from '../../../src/protocol/cancel.ts';
import { CancelledCalls } from '../../../src/protocol/cancelled-calls.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import type { Pusher } from '../../../src/transport.ts';
import { Type } from '../../relay-protocol/frames.ts';
import type { CallVerdict } from '../auth/call-guard.ts';
import type { SharedSendQueue } from '../upstream/send-queue.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type ChannelContext, ForwardingChannel } from './channel.ts';
import type { RetainedMessage } from './retained-message.ts';

/** Frames of one message. */
interface Batch {
  readonly frames: readonly Bytes[];
  /** The number of the first one; undefined where they have none. */
  readonly first: number | undefined;
  /** The generation of the channel that they are for. */
  readonly generation: number;
  /** The message that they came in. */
  readonly message: RetainedMessage;
}

/** Passes a client's frames on to a server, as fast as the server takes them. */
export class PushChannel extends ForwardingChannel<Pusher> {
  /** Whether it carries calls, which are judged and limited in number, or results, which must be for work that was given. */
  readonly #carriesCalls: boolean;
  readonly #credit: CreditAccount;
  readonly backlog: PushBacklog;
  readonly #queue: SharedSendQueue;
  readonly #came = new Fifo<Batch>();
  #isPassing = false;
  /** This channel's part of the backlog: bytes that came and that the server has not taken, and frames that wait. */
  #outstanding = 0;
  #waiting = 0;
  /** Frames to send next, the bytes that they came as, the credit for these, the messages to release then, and free places taken for more. */
  #outgoing: Bytes[] = [];
  /** Names of the frames to send next, where they have numbers, and the numbers of those that were taken on since the last were sent. */
  #outgoingIds: string[] = [];
  #outgoingNumbers: number[] = [];
  #outgoingBytes = 0;
  #outgoingCredit = 0;
  #outgoingMessages: RetainedMessage[] = [];
  #places = 0;
  /** Gives up the wait in the queue. */
  #stopWaiting = () => {};
  /** Calls that were cancelled while some waited; undefined when none were. */
  #cancelled: CancelledCalls | undefined;
  /** Whether calls had to wait for places. */
  #hasWaited = false;
  /** Whether its frames have numbers. */
  readonly isNumbered: boolean;
  /** The frames that are stored, and of which the client is not told yet: the first number of each range, and how many it has. */
  #stored: number[] = [];

  constructor(
    number: number,
    context: ChannelContext,
    upstream: Upstream,
    carriesCalls: boolean,
    backlog: PushBacklog,
    isNumbered = false,
  ) {
    super(number, context, upstream);
    this.#carriesCalls = carriesCalls;
    this.backlog = backlog;
    this.#queue = carriesCalls ? upstream.callQueue : upstream.resultQueue;
    this.isNumbered = isNumbered;
    this.#credit = new CreditAccount(context.window, (bytes) => {
      const stored = this.#stored;
      this.#stored = [];
      context.post(isNumbered ? [Type.stored, number, bytes, stored] : [Type.taken, number, bytes]);
    });
  }

  override get isForWork(): boolean {
    return !this.#carriesCalls;
  }

  /**
   * @param generation - the generation that the client sends for. Frames for an earlier one are dropped.
   * @param first - the number of the first one, where they have numbers.
   */
  take(generation: number, frames: readonly Bytes[], message: RetainedMessage, first?: number): void {
    if (this.#isOver(generation)) return;
    let bytes = 0;
    for (const frame of frames) bytes += this.context.counted(frame);
    this.#came.push({ frames, first, generation, message });
    message.retain();
    this.#count(bytes, frames.length);
    if (this.#isPassing) return;
    this.#isPassing = true;
    // Later frames of the same message are sent together with these.
    queueMicrotask(() => this.#passAll());
  }

  /** Drops calls that have not left, when their turn comes. Nothing waits here long but for places. */
  cancel(notice: CancelNotice): void {
    if (!this.#isPassing || !this.#carriesCalls) return;
    this.#cancelled ??= new CancelledCalls();
    this.#cancelled.add(notice);
  }

  /** Frames are about to go to the client: the credit goes with them. */
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

  /** Drops all frames that have not left. */
  #end(): void {
    this.#count(-this.#outstanding, 0);
    this.#credit.forget();
    this.#stored = [];
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
        // A broken connection reports itself; all other errors are the client's fault.
        if (!(error instanceof PalmError) || (error.code !== 'DISCONNECTED' && error.code !== 'CLOSED')) {
          this.context.violated(error);
        }
      }
    }
    this.#isPassing = false;
    this.#cancelled = undefined;
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

  /** Calls leave when {@link MOST_IN_TURN} are there, when there are no places for more, or when no more have come. */
  async #passCalls(batch: Batch): Promise<void> {
    const { generation, message } = batch;
    try {
      await this.#gather(batch);
    } finally {
      // Its frames that have not left are among the outgoing ones.
      this.#outgoingMessages.push(message);
    }
    if (this.#came.size === 0 || this.#isOver(generation)) await this.#send(generation);
  }

  async #gather({ frames, first, generation }: Batch): Promise<void> {
    for (const [index, frame] of frames.entries()) {
      if (this.#isOver(generation)) break;
      const number = first === undefined ? undefined : first + index;
      const judging = this.#judge(frame);
      let verdict = judging instanceof Promise ? await judging : judging;
      if (!verdict.passes) {
        this.#refuse(frame, number, verdict);
        continue;
      }
      if (this.#isCancelled(verdict.frame)) {
        this.#add(frame, number);
        continue;
      }
      if (this.#places === 0) {
        const left = frames.length - index + this.#waiting;
        this.#places = this.#takePlaces(Math.min(left, BATCH - this.#outgoing.length));
        if (this.#places === 0) {
          await this.#send(generation);
          this.#hasWaited = true;
          this.#places = await this.#waitForPlaces(Math.min(left, BATCH));
          // The client's grants may have changed while the call waited.
          verdict = await this.#judge(frame);
          if (this.#isOver(generation)) break;
          if (verdict.passes && this.#isCancelled(verdict.frame)) {
            this.#add(frame, number);
            continue;
          }
          if (!verdict.passes) {
            this.#refuse(frame, number, verdict);
            continue;
          }
        }
      }
      this.#places--;
      this.#add(frame, number);
      if (number !== undefined) this.#outgoingIds.push(`${this.context.id}.${this.number}.${number}`);
      // A new list: the empty one is in V8's old generation by now, and would move its frames there.
      if (this.#outgoing.length === 0) this.#outgoing = [verdict.frame];
      else this.#outgoing.push(verdict.frame);
      if (this.#outgoing.length === BATCH) await this.#send(generation);
    }
  }

  /** A frame is stored. */
  #note(number: number): void {
    const stored = this.#stored;
    const [first = 0, count = 0] = stored.slice(-2);
    if (count > 0 && first + count === number) stored[stored.length - 1] = count + 1;
    else stored.push(number, 1);
  }

  #isCancelled(frame: Bytes): boolean {
    return this.#cancelled?.find(this.context.callGuard.read(frame)) !== undefined;
  }

  /** @throws PalmError for what ends the connection. */
  #judge(frame: Bytes): CallVerdict | Promise<CallVerdict> {
    return this.context.callGuard.judge(this.context, this.upstream, frame);
  }

  #refuse(
    frame: Bytes,
    number: number | undefined,
    { topic, answer }: CallVerdict & { readonly passes: false },
  ): void {
    this.#add(frame, number);
    this.context.answer(topic, answer);
  }

  #add(frame: Bytes, number?: number): void {
    if (number !== undefined) this.#outgoingNumbers.push(number);
    this.#outgoingBytes += frame.length;
    this.#outgoingCredit += this.context.counted(frame);
  }

  /** Takes up to so many places, both of the client's own and of those that all clients have at the server. */
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

  /** Sends the outgoing frames, and counts refused calls as done: they needed no places. */
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
    for (const number of this.#outgoingNumbers) this.#note(number);
    this.#giveUp();
    this.#count(-credit, 0);
    this.#credit.add(credit, hasWaited);
  }

  /** Hands the frames to the transport. They count until they have left it, also when their client is gone. */
  async #handOver(generation: number, bytes: number): Promise<void> {
    const frames = this.#outgoing;
    const ids = this.#outgoingIds;
    const messages = this.#outgoingMessages;
    if (this.#isOver(generation) || this.shared === undefined) {
      this.#queue.leave(bytes);
      return;
    }
    this.#outgoing = [];
    if (this.isNumbered) this.#outgoingIds = [];
    this.#outgoingMessages = [];
    if (this.#carriesCalls) this.context.called(frames.length, this.upstream);
    // Places that were taken for refused or further calls are free for others meanwhile.
    this.#givePlacesBack();
    try {
      await this.shared.channel.send(frames, ids);
    } finally {
      this.#queue.leave(bytes);
      for (const message of messages) message.release();
    }
  }

  /** Drops the outgoing frames, and frees their places. */
  #giveUp(): void {
    if (this.#carriesCalls) this.#places += this.#outgoing.length;
    this.#outgoing = [];
    if (this.isNumbered) {
      this.#outgoingIds = [];
      this.#outgoingNumbers = [];
    }
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
 * Credit that is owed to a client. It is paid when it is a quarter of the window, with answers that go to the client anyway, or
 * after {@link WAIT}. A message for each batch of calls would cost as much as the batch's answers.
 */
export class CreditAccount {
  readonly #largest: number;
  /** The window that the client has grown to so far. */
  #window = FIRST_PUSH_WINDOW;
  readonly #tell: (bytes: number) => void;
  #owed = 0;
  #stopTimer: (() => void) | undefined;

  /** @param window - bytes that the client may have under way: it must not wait for credit that is owed. */
  constructor(window: number, tell: (bytes: number) => void) {
    this.#largest = window;
    this.#tell = tell;
  }

  /** @param hasWaited - whether the bytes had to wait for places. More would wait too, so the client is paid late. */
  add(bytes: number, hasWaited: boolean): void {
    this.#owed += bytes;
    const most = hasWaited ? CREDIT_BYTES : Math.min(CREDIT_BYTES, this.#window / 4);
    if (this.#owed >= Math.min(most, this.#largest / 4)) this.pay();
    else this.#stopTimer ??= startTimer(CREDIT_WAIT, () => this.pay());
  }

  /** Drops the credit that is owed. */
  forget(): void {
    this.#owed = 0;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Pays the credit that is owed. */
  pay(): void {
    const owed = this.#owed;
    this.forget();
    this.#window += owed;
    if (owed > 0) this.#tell(owed);
  }
}

/** What one client has sent to one address of a server, over all of its channels, and the server has not taken. */
export class PushBacklog {
  /** Bytes of frames. */
  outstanding = 0;
  /** Frames that were not judged yet. */
  waiting = 0;
}
