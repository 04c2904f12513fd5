import { EarliestTimer } from '../../async/earliest.ts';
import { closed, type OpenCalls } from '../../async/open-calls.ts';
import type { SignalHub } from '../../async/signals.ts';
import { startTimer } from '../../async/timers.ts';
import { MAP_COMPANY, RUN } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { messageOf, PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { PayloadCodec } from '../../protocol/payload.ts';
import { afterEvents } from '../after-events.ts';
import { type CallSpec, callEnvelope, checkInput, nameOf, readAnswer } from '../call.ts';
import type { CallLink } from '../call-link.ts';
import type { CallSurroundings } from '../elaborate.ts';
import { type Attempt, Attempts } from './attempts.ts';
import { InOrder } from './in-order.ts';
import { type Input, type InputItem, openInput, type Payloads, sizeOf } from './input.ts';
import { failureOf, type MapOutcome, type MapProgress, type MapResults, progressOf } from './map-results.ts';
import { MapSender } from './map-sender.ts';
import { checkOptions, type MapLimits, type MapOptions } from './options.ts';
import { type Ending, ResultStream, type StreamClient } from './result-stream.ts';

/** Milliseconds, whole: a number with a fraction would be an object of its own for each input. */
const whole = (now = performance.now()) => Math.floor(now);

/** @param patience - the client's time-out. */
function resolveOptions(options: MapOptions, patience: number): MapLimits {
  const { ordered = true, window = 2_048, timeout = patience, retries = 0, retryDelay = 100 } = options;
  const { deadline = Number.POSITIVE_INFINITY } = options;
  const isPatient = options.timeout === undefined;
  return { ...options, ordered, window, timeout, isPatient, deadline, retries, retryDelay };
}

/** What a map needs to know. */
export interface MapSettings<In, Out> extends MapLimits {
  readonly spec: CallSpec;
  readonly codec: PayloadCodec<In, Out>;
  readonly signals: SignalHub;
  readonly calls: OpenCalls;
  readonly errorSentinel: boolean | undefined;
  /** Whether a failed input is a result like others. */
  readonly isSettled: boolean;
}

/** One result for each input, whatever else arrives. */
export class MapRun<In, Out>
  extends ResultStream<MapOutcome<Out>, Out | MapOutcome<Out>>
  implements MapResults<Out | MapOutcome<Out>>
{
  readonly #link: CallLink;
  readonly #input: Input<In>;
  readonly #settings: MapSettings<In, Out>;
  readonly #attempts: Attempts;
  readonly #sender: MapSender;
  readonly #order: InOrder<MapOutcome<Out>> | undefined;
  readonly #message: PalmMessage;
  #id = '';
  #taken = 0;
  #answered = 0;
  #failed = 0;
  #duplicates = 0;
  #read = 0;
  #ended: number | undefined;
  /** The input has ended, with an error if it failed. Set at the end of the map, at the latest. */
  #inputEnd: Ending | undefined;
  readonly #alarm = new EarliestTimer(() => afterEvents(this.#link, () => this.#look()));

  constructor(link: CallLink, input: Input<In>, settings: MapSettings<In, Out>) {
    super(settings);
    this.#link = link;
    this.#input = input;
    this.#settings = settings;
    this.#message = callEnvelope(settings.spec, '');
    this.#attempts = new Attempts(settings);
    this.#order = settings.ordered ? new InOrder((outcome) => this.results.push(outcome)) : undefined;
    this.#sender = new MapSender({
      link,
      isWanted: (attempt) => this.#attempts.isOut(attempt),
      send: (batch) => this.#send(batch),
    });
    this.#sender.failure.catch((error) => this.fail(error));
  }

  get progress(): MapProgress {
    const counts = {
      taken: this.#taken,
      answered: this.#answered,
      failed: this.#failed,
      retried: this.#attempts.retried,
      duplicates: this.#duplicates,
      inFlight: this.#attempts.size,
      started: this.started,
    };
    const elapsed = this.started === undefined ? 0 : (this.#ended ?? Date.now()) - this.started;
    return progressOf(counts, elapsed, this.#inputEnd === undefined ? this.#settings.total : this.#taken);
  }

  protected give(outcome: MapOutcome<Out>): Promise<IteratorResult<Out | MapOutcome<Out>, undefined>> {
    this.#read++;
    if (this.waitsForReader && this.#room >= Math.min(MAP_COMPANY, this.#settings.window / 4)) this.resume();
    if (this.#settings.isSettled) return Promise.resolve({ done: false, value: outcome });
    if (outcome.status === 'fulfilled') return Promise.resolve({ done: false, value: outcome.value });
    this.return();
    return Promise.reject(outcome.reason);
  }

  protected begin(): void {
    const { deadline, spec } = this.#settings;
    const overdue = () => {
      const text = `${this.#answered} of ${this.#taken} inputs of ${nameOf(spec.function)} were answered within the deadline of ${deadline} ms`;
      this.fail(new PalmError('TIMEOUT', text, { sent: 'unknown' }));
    };
    this.releases.push(startTimer(deadline, overdue), () => this.#alarm.stop());
    this.#id = this.#link.mailbox.open(this.#call, this.#settings.spec.id);
    this.#take().catch((error) => this.fail(error));
  }

  readonly #call = {
    answer: (message: PalmMessage, _delivery: unknown, now?: number) => this.#answer(message, now),
    fail: (error: PalmError, number?: number) => this.#lose(error, number),
  };

  /** Number of inputs that may be taken now. */
  get #room(): number {
    return this.#settings.window - (this.#taken - this.#read);
  }

  /** Takes the input as the window allows. */
  async #take(): Promise<void> {
    this.releases.push(this.#settings.calls.begin(() => this.#close()));
    for (let run = 1; this.#inputEnd === undefined; run++) {
      if (this.#room <= 0) {
        await this.readFurther();
      } else {
        const taken = this.#input.takeNow() ?? (await this.#input.take());
        if (this.#inputEnd !== undefined) return;
        this.#takeOn(taken);
        if (run % RUN === 0) await this.#sender.handedOn();
      }
    }
  }

  #takeOn(taken: InputItem<In>): void {
    if (taken.kind !== 'value') {
      this.#inputEnd = taken.kind === 'failed' ? { error: taken.error } : {};
      this.#endWhenSettled();
      return;
    }
    const index = this.#taken++;
    let payload: Bytes;
    try {
      payload = this.#settings.codec.encode(taken.value);
    } catch (cause) {
      const text = `input ${index} of ${nameOf(this.#settings.spec.function)} was not sent: ${messageOf(cause)}`;
      this.#finish(index, new PalmError('INVALID_CALL', text, { index, cause, sent: false }));
      return;
    }
    const now = whole();
    this.#sender.add(this.#attempts.begin(index, payload, now));
    this.#alarm.set(now + this.#settings.timeout);
  }

  /** Sends attempts together. What did not leave is tried again, or fails. */
  async #send(batch: readonly Attempt[]): Promise<void> {
    const counts = batch.map(({ count }) => count);
    try {
      await this.#link.send(this.#encode(batch));
    } catch (cause) {
      if (this.isOver) return;
      const error = PalmError.from(cause, 'DISCONNECTED', 'sending failed');
      const unsent = batch.filter((attempt, at) => this.#attempts.isOut(attempt, counts[at]));
      const [first] = unsent;
      // The link broke, or the client closed it.
      if (error.sent !== false || error.code === 'CLOSED') this.#giveUp(unsent, () => error);
      else if (unsent.length === 1 && first !== undefined)
        this.#settle(this.#attempts.settle(first.index), error);
      // One of them is at fault, and the others go on without it.
      else for (const attempt of unsent) this.#send([attempt]);
    }
  }

  #encode(attempts: readonly Attempt[]): Bytes[] {
    const link = this.#link;
    const message = this.#message;
    message.client = link.topic(this.#id);
    return attempts.map((attempt) => {
      attempt.breaks = link.breaks;
      message.ordinal = attempt.index + 1;
      message.payload = attempt.payload;
      return link.encode(message);
    });
  }

  #answer(message: PalmMessage, now?: number): void {
    if (this.isOver) return;
    const { ordinal } = message;
    if (ordinal === 0) {
      this.fail(this.#unnumbered());
      return;
    }
    const attempt = this.#attempts.answered(ordinal - 1, whole(now));
    if (attempt === undefined) {
      this.#duplicates++;
      return;
    }
    // The answer gave the place back.
    attempt.isPlaced = false;
    this.#settle(attempt, readAnswer(message, this.#settings.errorSentinel));
  }

  #unnumbered(): PalmError {
    const text = `an answer of ${nameOf(this.#settings.spec.function)} does not say which input it is to: a server or worker on the way makes messages of its own, or drops fields that it does not know (protobuf for Python before 3.5). Call it by eval, one by one, or as a job`;
    return new PalmError('PROTOCOL', text, { sent: true });
  }

  #settle(attempt: Attempt | undefined, answer: Bytes | PalmError): void {
    if (attempt === undefined) return;
    this.#sender.giveBack(attempt);
    const { index } = attempt;
    if (answer instanceof PalmError) {
      this.#finish(index, failureOf(attempt, answer));
      return;
    }
    try {
      const value = this.#settings.codec.decode(answer);
      this.#finish(index, undefined, value);
    } catch (cause) {
      const { codec, spec } = this.#settings;
      const text = `input ${index}: the answer of ${nameOf(spec.function)} is not ${codec.name}: ${messageOf(cause)}`;
      this.#finish(index, new PalmError('PROTOCOL', text, { index, cause, sent: true }));
    }
  }

  #finish(index: number, reason: PalmError | undefined, value?: Out): void {
    this.#answered++;
    const outcome: MapOutcome<Out> =
      reason === undefined
        ? { index, status: 'fulfilled', value: value as Out }
        : { index, status: 'rejected', reason };
    if (reason !== undefined) {
      this.#failed++;
      // The map ends with this failure, so it takes no more input.
      if (!this.#settings.isSettled) this.#endInput();
    }
    if (this.#order === undefined) this.results.push(outcome);
    else this.#order.add(index, outcome);
    this.#endWhenSettled();
  }

  /** These attempts failed. */
  #giveUp(attempts: readonly Attempt[], errorOf: (attempt: Attempt) => PalmError): void {
    const now = whole();
    for (const attempt of attempts) {
      if (this.isOver) return;
      const error = errorOf(attempt);
      this.#sender.giveBack(attempt);
      if (this.#attempts.giveUp(attempt, now)) continue;
      if (attempt.breaks !== undefined)
        this.#link.cancel(`${this.#id}:${attempt.index + 1}`, this.#settings.spec, error);
      this.#finish(attempt.index, failureOf(attempt, error));
    }
    if (!this.isOver) this.#alarm.set(this.#attempts.next);
  }

  /** The link broke, or an answer could not be read. */
  #lose(error: PalmError, number: number | undefined): void {
    if (number === undefined) {
      this.fail(error);
    } else {
      this.#link.mailbox.open(this.#call, this.#id);
      this.#giveUp(this.#attempts.lost(number), () => error);
    }
  }

  /** Ends attempts whose time is up, and begins those that have rested. Answers that have arrived are read before. */
  #look(): void {
    if (this.isOver) return;
    const now = whole();
    const { spec, timeout } = this.#settings;
    this.#giveUp(this.#attempts.overdue(now), ({ breaks }) =>
      this.#link.timeout(nameOf(spec.function), timeout, breaks === undefined ? undefined : 'no answer'),
    );
    for (const attempt of this.#attempts.rested(now)) this.#sender.add(attempt);
    this.#alarm.set(this.#attempts.next);
  }

  /** Takes no more input, and goes on with what was taken until the client gives up. */
  #close(): void {
    this.#endInput({ error: closed(this.#taken > 0) });
    this.#endWhenSettled();
  }

  #endInput(end: Ending = {}): void {
    this.#inputEnd ??= end;
    this.#input.close();
    this.resume();
  }

  #endWhenSettled(): void {
    const end = this.#inputEnd;
    if (end === undefined || this.#answered < this.#taken || this.isOver) return;
    this.end(end);
  }

  protected stop({ error }: Ending): void {
    this.#ended = Date.now();
    if (this.#attempts.size > 0)
      this.#link.cancel(this.#id, this.#settings.spec, error ?? 'the map was left');
    this.#link.mailbox.close(this.#id);
    this.#sender.stop();
    this.#link.inFlight.release(this.#attempts.clear());
    this.#order?.clear();
    this.#endInput();
  }
}

// `client.map` and `client.mapSettled`: what a page loads when it first uses them.

/**
 * @param isSettled - whether a failed input is a result like others.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable, and when the server takes no calls.
 */
export function startMap<In, Out>(
  client: StreamClient & CallSurroundings,
  codec: PayloadCodec<In, Out>,
  spec: CallSpec,
  payloads: Payloads<In>,
  options: MapOptions,
  isSettled = false,
): AnyMap<Out> | Promise<AnyMap<Out>> {
  checkOptions(options);
  const { metadata, priority, onProgress, signal, ...others } = options;
  if ((onProgress ?? client.interceptors[0] ?? metadata ?? priority) === undefined)
    return openMap(client, codec, spec, payloads, options, isSettled);
  const open = (call: CallSpec, input: unknown, own: AbortSignal | undefined) => {
    checkInput(input);
    return openMap(client, codec, call, input as Payloads<In>, { ...others, signal: own }, isSettled);
  };
  return import('../elaborate.ts').then(
    (own) =>
      own.elaborateResults(
        client,
        'map',
        spec,
        payloads,
        { metadata, priority, onProgress, signal },
        open,
      ) as Promise<AnyMap<Out>>,
  );
}

/** The results of `map` or of `mapSettled`. */
type AnyMap<Out> = MapResults<Out | MapOutcome<Out>>;

/** Opens one without metadata of its own and without interceptors. */
export function openMap<In, Out>(
  client: StreamClient,
  codec: PayloadCodec<In, Out>,
  spec: CallSpec,
  payloads: Payloads<In>,
  options: MapOptions,
  isSettled = false,
): MapRun<In, Out> {
  return new MapRun(client.callLink(), openInput(payloads), {
    ...resolveOptions(options, client.settings.timeout),
    total: options.total ?? sizeOf(payloads),
    spec,
    codec,
    signals: client.signals,
    calls: client.calls,
    errorSentinel: client.settings.errorSentinel,
    isSettled,
  });
}
