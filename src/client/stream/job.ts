import { harmless } from '../../async/harmless.ts';
import { IdleTimer } from '../../async/idle-timer.ts';
import { closed, type OpenCalls } from '../../async/open-calls.ts';
import type { SignalHub } from '../../async/signals.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { messageOf, PalmError } from '../../protocol/errors.ts';
import { Feature, type PalmMessage, Status } from '../../protocol/message.ts';
import type { PayloadCodec } from '../../protocol/payload.ts';
import { type CallSpec, callEnvelope, checkInput, nameOf, readAnswer } from '../call.ts';
import type { OpenCall } from '../call-link.ts';
import { openInput, type Payloads } from './input.ts';
import type { JobClient, JobLink, OpenJob, StoredClient, StoredOptions } from './job-link.ts';
import type { Job, JobProgress } from './job-results.ts';
import { JobSender } from './job-sender.ts';
import { checkOptions, type JobOptions } from './options.ts';
import { type Ending, ResultStream } from './result-stream.ts';

/** What a job needs to know: its options, checked, with the defaults of those that were left out, and its client. */
export interface JobSettings<In, Out> extends JobOptions {
  readonly window: number;
  readonly idleTimeout: number;
  readonly spec: CallSpec;
  readonly codec: PayloadCodec<In, Out>;
  /** When it was first read from, as `Date.now()` gave it; undefined when it was left before. */
  readonly started: number | undefined;
  readonly calls: Pick<OpenCalls, 'begin'>;
  readonly signals: SignalHub;
  /** Milliseconds in which results must come that are owed when the input has failed. */
  readonly drainTimeout: number;
  readonly errorSentinel: boolean | undefined;
}

/** @throws PalmError `INVALID_CALL` for an option that is not acceptable, and when the server takes no calls. */
export function startJob<In, Out>(
  client: StoredClient,
  codec: PayloadCodec<In, Out>,
  spec: CallSpec,
  payloads: Payloads<In>,
  options: JobOptions & StoredOptions,
  started: number | undefined,
): Job<Out> | Promise<Job<Out>> {
  checkOptions(options);
  const { metadata, priority, onProgress, signal } = options;
  const open: OpenJob<Out> = (call, input, own, from = client, more?) => {
    checkInput(input);
    return openJob(from, codec, call, input as Payloads<In>, { ...options, signal: own, ...more }, started);
  };
  if (options.stored !== undefined)
    return import('./stored-job.ts').then((own) => own.start(client, spec, payloads, options, open));
  if ((onProgress ?? client.interceptors[0] ?? metadata ?? priority) === undefined)
    return open(spec, payloads, signal);
  return import('../elaborate.ts').then(
    (own) =>
      own.elaborateResults(
        client,
        'job',
        spec,
        payloads,
        { metadata, priority, onProgress, signal },
        open,
      ) as Promise<Job<Out>>,
  );
}

/** Opens one without metadata of its own and without interceptors. */
export function openJob<In, Out>(
  client: JobClient,
  codec: PayloadCodec<In, Out>,
  spec: CallSpec,
  payloads: Payloads<In>,
  options: JobOptions,
  started: number | undefined,
): JobRun<In, Out> {
  const { signal, messages, window = 1_024, untilEnd = false, onRemoteError } = options;
  const { timeout, errorSentinel } = client.settings;
  const { idleTimeout = messages === undefined && !untilEnd ? Number.POSITIVE_INFINITY : timeout } = options;
  return new JobRun(client.callLink(), payloads, {
    spec: untilEnd ? { ...spec, features: spec.features | Feature.ends } : spec,
    codec,
    started,
    messages,
    calls: client.calls,
    signal,
    signals: client.signals,
    window,
    idleTimeout,
    drainTimeout: timeout,
    errorSentinel,
    onRemoteError,
  });
}

/** One job: a sender that takes the input, and the results that arrive. */
export class JobRun<In, Out> extends ResultStream<Bytes, Out> implements Job<Out> {
  readonly #link: JobLink;
  readonly #settings: JobSettings<In, Out>;
  readonly #sender: JobSender<In>;
  readonly #message: PalmMessage;
  #id: string | undefined;
  #sent = 0;
  #received = 0;
  #isInputOver = false;
  /** Whether the function has said that it is over. */
  #isFinished = false;
  /** How the job ends when all inputs that were taken are answered: the input failed, or the client is closing. */
  #ending: Ending | undefined;
  readonly #idle = new IdleTimer(
    () => this.#owes(),
    (timeout) => this.fail(this.#idleError(timeout)),
  );

  constructor(link: JobLink, payloads: Payloads<In>, settings: JobSettings<In, Out>) {
    super(settings);
    this.#link = link;
    this.#settings = settings;
    this.#message = callEnvelope(settings.spec, '');
    this.#sender = new JobSender({
      link,
      input: openInput(payloads),
      what: nameOf(settings.spec.function),
      encode: (value) => {
        this.#message.payload = settings.codec.encode(value);
        return link.encode(this.#message);
      },
      roomForResults: () => (this.results.size < settings.window ? undefined : this.#roomForResults()),
      onSent: (count) => {
        this.#sent += count;
        this.#idle.sign();
      },
    });
  }

  get progress(): JobProgress {
    return { sent: this.#sent, received: this.#received, started: this.started };
  }

  protected give(result: Bytes): Promise<IteratorResult<Out, undefined>> {
    if (this.waitsForReader && this.results.size <= this.#settings.window / 2) this.resume();
    try {
      return Promise.resolve({ done: false, value: this.#settings.codec.decode(result) });
    } catch (cause) {
      const text = `a result is not ${this.#settings.codec.name}: ${messageOf(cause)}`;
      const error = new PalmError('PROTOCOL', text, { cause, sent: true });
      this.abandon(error);
      return Promise.reject(error);
    }
  }

  protected begin(): void {
    this.#idle.watch(this.#settings.idleTimeout);
    this.#send().catch((error) => this.abandon(error));
  }

  /** Registers the job when it can be sent, so that a break of the link before that does not fail it. */
  async #open(): Promise<void> {
    this.releases.push(this.#settings.calls.begin(() => this.#close()));
    if (!this.#link.isReady) await this.#link.ready();
    if (this.isOver) return;
    const call: OpenCall = {
      answer: (message) => this.#answer(message),
      fail: (error) => this.fail(error),
    };
    this.#id = this.#link.mailbox.open(call, this.#settings.spec.id);
    this.#message.client = this.#link.topic(this.#id);
  }

  async #send(): Promise<void> {
    await this.#open();
    const failure = await this.#sender.run();
    await this.#link.sent?.(failure);
    this.#isInputOver = true;
    this.#ending ??= failure;
    this.#idle.sign();
    if (this.#settings.messages === 0) this.end(this.#ending);
    else this.#endWhenAnswered();
  }

  /** Takes no more input. What was taken is sent, and its answers are awaited until the client gives up. */
  #close(): void {
    const sender = this.#sender;
    if (this.#settings.messages === undefined && (this.#isInputOver || sender.waitsForInput))
      this.#ending ??= {};
    else if (!this.#isInputOver) this.#ending ??= { error: closed(sender.taken > 0) };
    sender.close();
    this.resume();
    this.#endWhenAnswered();
  }

  async #roomForResults(): Promise<void> {
    await this.readFurther();
    this.#idle.sign();
  }

  #answer(message: PalmMessage): void {
    if (this.isOver) return;
    if (message.status === Status.ended) {
      this.#isFinished = true;
      this.end();
      return;
    }
    const { messages, errorSentinel, onRemoteError } = this.#settings;
    const answer = readAnswer(message, errorSentinel);
    this.#received++;
    this.#idle.sign();
    if (messages === 0) {
      // The caller wants no results.
    } else if (!(answer instanceof PalmError)) {
      this.results.push(answer);
    } else if (onRemoteError === undefined) {
      this.fail(answer);
      return;
    } else {
      harmless(
        () => onRemoteError(answer),
        (error) => this.abandon(error),
      );
    }
    if (this.#received === messages) this.end();
    else this.#endWhenAnswered();
  }

  /** A failed input ends the job when the inputs before it are answered; so does closing the client. */
  #endWhenAnswered(): void {
    if (this.#ending === undefined || this.isOver) return;
    if (this.#received >= this.#sender.taken) this.end(this.#ending);
    else this.#idle.watch(Math.min(this.#settings.idleTimeout, this.#settings.drainTimeout));
  }

  /** Whether a result or the server is awaited, and not the input or the reader. */
  #owes(): boolean {
    const waitsForInput = this.#sender.waitsForInput && this.#sent <= this.#received;
    return !waitsForInput && !this.waitsForReader;
  }

  #idleError(timeout: number): unknown {
    if (this.#ending?.error !== undefined) return this.#ending.error;
    const { messages, spec } = this.#settings;
    const wanted = messages === undefined ? '' : ` of ${messages}`;
    const came = `no further result (${this.#sent} sent, ${this.#received}${wanted} results came)`;
    return this.#link.timeout(nameOf(spec.function), timeout, this.#id === undefined ? undefined : came);
  }

  protected stop({ error }: Ending): void {
    this.#idle.stop();
    if (this.#id !== undefined) {
      this.#link.mailbox.close(this.#id);
      // What is over is not cancelled, but what other inputs began is.
      if (this.#sender.taken > Number(this.#isFinished) && !this.#isWhole)
        this.#link.cancel(this.#id, this.#settings.spec, error ?? 'the job was left');
    }
    this.#sender.stop(this.#received);
  }

  /** Whether nothing is left to cancel, as far as can be told: each input has one result, and these are all that were wanted. */
  get #isWhole(): boolean {
    const isEnd = this.#ending !== undefined || this.#received === this.#settings.messages;
    return isEnd && this.#received === this.#sender.taken;
  }
}
