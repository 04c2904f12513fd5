import { IdleClock } from '../async/idle-clock.ts';
import { AsyncQueue } from '../async/queue.ts';
import type { SignalHub } from '../async/signals.ts';
import { invalidCall, PalmError } from '../protocol/errors.ts';
import type { PalmMessage } from '../protocol/message.ts';
import type { PayloadCodec } from '../protocol/payload.ts';
import type { Bytes } from '../protocol/utf8.ts';
import { type CallSpec, callEnvelope, readAnswer } from './calls.ts';
import { type Input, openInput } from './input.ts';
import type { CallPath } from './path.ts';

/** How far a job is. */
export interface JobProgress {
  /** Inputs handed to the transport. */
  readonly sent: number;
  /** Results that arrived, read or not. */
  readonly received: number;
  /** When the job was first read from, as `Date.now()` gives it; undefined before. */
  readonly started: number | undefined;
}

/** A stream of results, in the order they arrive. Sending begins when it is first read from. */
export interface Job<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly progress: JobProgress;
}

/** A job as it was checked. */
export interface JobSettings<In, Out> {
  readonly spec: CallSpec;
  readonly codec: PayloadCodec<In, Out>;
  /** Results wanted; undefined for as many as come until the reader leaves. */
  readonly messages: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly signals: SignalHub;
  /** Unread results beyond which no more input is taken. */
  readonly window: number;
  /** Milliseconds without a result that is owed, or Infinity. */
  readonly idleTimeout: number;
  /** Milliseconds that results still owed are waited for when the input has failed. */
  readonly drainTimeout: number;
  readonly errorSentinel: boolean;
  readonly onRemoteError: ((error: PalmError) => void) | undefined;
}

/** Inputs gathered before they are handed on, when the input gives them at once. */
const BATCH = 64;

/** One job: a sender that pulls the input, and a queue of results that the reader empties. */
export class JobRun<In, Out> implements Job<Out> {
  readonly #path: CallPath;
  readonly #settings: JobSettings<In, Out>;
  readonly #input: Input<In>;
  readonly #results = new AsyncQueue<Bytes>();
  readonly #message: PalmMessage;
  #id: string | undefined;
  #sent = 0;
  #received = 0;
  #started: number | undefined;
  #isOver = false;
  /** Set when the input gave out or failed: nothing more will be sent. */
  #inputOver: { readonly error?: unknown } | undefined;
  #waitsForInput = false;
  #resumeSending: (() => void) | undefined;
  readonly #idle = new IdleClock(
    () => this.#owes(),
    (timeout) => this.#fail(this.#idleError(timeout)),
  );
  #stopListening = () => {};

  constructor(path: CallPath, payloads: Iterable<In> | AsyncIterable<In>, settings: JobSettings<In, Out>) {
    this.#path = path;
    this.#settings = settings;
    this.#input = openInput(payloads);
    this.#message = callEnvelope(settings.spec, '');
  }

  get progress(): JobProgress {
    return { sent: this.#sent, received: this.#received, started: this.#started };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Out, undefined>> {
    if (this.#started === undefined) this.#start();
    const { done, value } = await this.#results.next();
    if (done) return { done, value: undefined };
    if (this.#resumeSending !== undefined && this.#results.size <= this.#settings.window / 2)
      this.#resumeSending();
    try {
      return { done: false, value: this.#settings.codec.decode(value) };
    } catch (cause) {
      const error = PalmError.from(cause, 'PROTOCOL', `a result is no ${this.#settings.codec.name}`);
      this.#abandon(error);
      throw error;
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#end();
    this.#results.clear();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #start(): void {
    this.#started = Date.now();
    const { signal, signals } = this.#settings;
    if (signal?.aborted) {
      this.#abandon(signal.reason);
      return;
    }
    if (signal !== undefined)
      this.#stopListening = signals.listen(signal, () => this.#abandon(signal.reason));
    this.#idle.watch(this.#settings.idleTimeout);
    this.#send().catch((error) => this.#abandon(error));
  }

  /** Registered only when it can be sent: a break before that does no harm. */
  async #open(): Promise<void> {
    if (!this.#path.isReady) await this.#path.ready();
    if (this.#isOver) return;
    this.#id = this.#path.mailbox.open({
      answer: (message) => this.#answer(message),
      fail: (error) => this.#fail(error),
    });
    this.#message.client = this.#path.topic(this.#id);
  }

  async #send(): Promise<void> {
    await this.#open();
    let batch: Bytes[] = [];
    let sending: Promise<void> = Promise.resolve();
    const flush = async () => {
      const frames = batch;
      batch = [];
      // One batch is made while the one before it is under way.
      const before = sending;
      sending = this.#path.send(frames).then(() => {
        this.#sent += frames.length;
        this.#idle.sign();
      });
      // It is awaited with the next batch, or at the end; until then its failure is no unhandled one.
      sending.catch(() => {});
      await before;
    };
    for (let index = 0; !this.#isOver; index++) {
      if (this.#results.size >= this.#settings.window) {
        await flush();
        await this.#roomForResults();
        if (this.#isOver) break;
      }
      const taken = this.#input.takeNow();
      let item = taken;
      if (item === undefined) {
        if (batch.length > 0) await flush();
        this.#waitsForInput = true;
        item = await this.#input.take();
        this.#waitsForInput = false;
        if (this.#isOver) break;
      }
      if (item.kind === 'done') {
        this.#inputOver = {};
        break;
      }
      if (item.kind === 'failed') {
        this.#inputOver = { error: item.error };
        break;
      }
      try {
        this.#message.payload = this.#settings.codec.encode(item.value);
        batch.push(this.#path.encode(this.#message));
      } catch (cause) {
        const text = `input ${index} of the job ${this.#settings.spec.function} was not sent: ${messageOf(cause)}`;
        this.#inputOver = { error: invalidCall(text, { index, cause }) };
        this.#input.close();
        break;
      }
      if (batch.length >= BATCH || taken === undefined) await flush();
    }
    if (this.#isOver) return;
    await flush();
    await sending;
    this.#idle.sign();
    this.#failWhenAnswered();
  }

  #roomForResults(): Promise<void> {
    return new Promise((resolve) => {
      this.#resumeSending = () => {
        this.#resumeSending = undefined;
        this.#idle.sign();
        resolve();
      };
    });
  }

  #answer(message: PalmMessage): void {
    if (this.#isOver) return;
    const { messages, errorSentinel, onRemoteError } = this.#settings;
    const answer = readAnswer(message, errorSentinel);
    this.#received++;
    this.#idle.sign();
    if (!(answer instanceof PalmError)) {
      this.#results.push(answer);
    } else if (onRemoteError === undefined) {
      this.#fail(answer);
      return;
    } else {
      onRemoteError(answer);
    }
    if (this.#received === messages) this.#end();
    else this.#failWhenAnswered();
  }

  /** An input that failed ends the job, but not before what was sent has its answer. */
  #failWhenAnswered(): void {
    const over = this.#inputOver;
    if (over === undefined || !('error' in over) || this.#isOver) return;
    if (this.#received >= this.#sent) {
      this.#fail(over.error);
      return;
    }
    this.#idle.watch(Math.min(this.#settings.idleTimeout, this.#settings.drainTimeout));
  }

  /** Whether a result or the server is waited for, and not the input or the reader. */
  #owes(): boolean {
    return !(this.#waitsForInput && this.#sent <= this.#received) && this.#resumeSending === undefined;
  }

  #idleError(timeout: number): unknown {
    if (this.#inputOver !== undefined && 'error' in this.#inputOver) return this.#inputOver.error;
    const { pushAddress, subAddress } = this.#path.addresses;
    const { messages, spec } = this.#settings;
    const wanted = messages === undefined ? '' : ` of ${messages}`;
    const text =
      this.#id === undefined
        ? `no connection to ${pushAddress} and ${subAddress} within ${timeout} ms, so nothing was sent; is the server up?`
        : `no result of ${spec.function} for ${timeout} ms (${this.#sent} sent, ${this.#received}${wanted} results came); is there such a function? A stock pylm server stops for good at one it does not have`;
    return new PalmError('TIMEOUT', text, { sent: this.#id === undefined ? false : 'unknown' });
  }

  /** Ends with an error, after the results that are there. */
  #fail(error: unknown): void {
    // A job without an end of its own ends when its client is closed.
    const isEnd =
      error instanceof PalmError && error.code === 'CLOSED' && this.#settings.messages === undefined;
    if (this.#isOver) return;
    this.#release();
    if (isEnd) this.#results.end();
    else this.#results.fail(error);
  }

  /** Ends at once with an error: unread results are dropped. */
  #abandon(error: unknown): void {
    if (this.#isOver) return;
    this.#results.drop();
    this.#fail(error);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#release();
    this.#results.end();
  }

  #release(): void {
    this.#isOver = true;
    this.#idle.stop();
    this.#stopListening();
    if (this.#id !== undefined) this.#path.mailbox.close(this.#id);
    this.#input.close();
    this.#resumeSending?.();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
