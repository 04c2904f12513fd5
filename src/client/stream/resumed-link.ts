import { startTimer } from '../../async/timers.ts';
import { SENDER_ASKED, SENDER_SILENT } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { invalidCall, isClosed, PalmError } from '../../protocol/errors.ts';
import { randomId } from '../../protocol/ids.ts';
import type { JobExtent, JobRecord } from '../../protocol/job-record.ts';
import { Status } from '../../protocol/message.ts';
import type { Delivery, Subscription } from '../../transport.ts';
import type { OpenCall } from '../call-link.ts';
import { ENDED, isFailedAnswer } from './detached-link.ts';
import type { JobLink, StoredClient } from './job-link.ts';
import type { JobLog } from './job-log.ts';
import type { JobOptions } from './options.ts';
import type { Place, Reading } from './reading.ts';

/**
 * The link of a job that another process has sent: it gives the job what is stored of its results and what comes, and sends nothing. It knows
 * from the job's records when that is all.
 */
export class ResumedLink implements JobLink {
  readonly isReady = true;
  readonly mailbox: JobLink['mailbox'] = {
    open: (call) => {
      this.#call = call;
      this.#run(call).catch((error) => call.fail(PalmError.from(error, 'PROTOCOL', `reading ${this.#what}`)));
      return '';
    },
    close: () => {},
  };
  readonly inFlight: JobLink['inFlight'] = { take: () => 1, wait: async () => 1, release: () => {} };
  readonly cancel: JobLink['cancel'] = () => {};
  /** How many inputs there were, once that is known. */
  inputs: number | undefined;
  readonly #client: StoredClient;
  readonly #log: JobLog;
  readonly #reading: Reading;
  readonly #place: Place;
  readonly #options: JobOptions & { readonly idleTimeout: number };
  /** Results that the reader has had, of those that are read from the start. */
  #skip: number;
  readonly #subscriptions: Subscription[] = [];
  /** What to call at the end. */
  readonly #releases: (() => void)[] = [];
  #call: OpenCall | undefined;
  #isOver = false;
  /** Names the questions of this reader. */
  readonly #own = randomId();
  #begun: JobExtent | undefined;
  #sent: Extract<JobRecord, { readonly kind: 'sent' }> | undefined;
  /** Called when the log is read up to this reader's first question. */
  #onRead = () => {};
  #isRead = false;
  /** When something last came: of the job, and of its sender. */
  #sign = performance.now();
  #heard = performance.now();
  #stopTimer = () => {};

  constructor(
    client: StoredClient,
    log: JobLog,
    reading: Reading,
    place: Place,
    options: JobOptions & { readonly idleTimeout: number },
  ) {
    this.#client = client;
    this.#log = log;
    this.#reading = reading;
    this.#place = place;
    this.#options = options;
    this.#skip = place.position === undefined ? place.count : 0;
    if (this.#skip > 0) reading.came = 0;
  }

  async ready(): Promise<void> {}

  topic(): string {
    return '';
  }

  encode(): Bytes {
    return new Uint8Array(0);
  }

  async send(): Promise<void> {}

  room(): undefined {
    return undefined;
  }

  timeout(): PalmError {
    return this.#lateError();
  }

  /** The client is being closed: what the job has is given, and no more. */
  closed(): void {
    this.#call?.fail(isClosed('the client', 'unknown'));
  }

  /** The job has ended. */
  over(): void {
    this.#isOver = true;
    this.#stopTimer();
    this.#reading.end();
    this.#onRead();
    for (const release of this.#releases) release();
    for (const subscription of this.#subscriptions) subscription.close().catch(() => {});
  }

  async #run(call: OpenCall): Promise<void> {
    const link = this.#client.callLink();
    this.#watch();
    if (!link.isReady) await link.ready();
    if (this.#isOver) return;
    // It hears when the link breaks or the client is closed.
    const fail = (error: PalmError) => call.fail(error);
    const watch = link.mailbox.open({ answer: () => {}, fail }, `read-${this.#own}`);
    this.#releases.push(() => link.mailbox.close(watch));
    const { position, frames } = this.#place;
    // The results first: while the first record is stored, nothing that they begin with is gone.
    const from = position === undefined ? 'start' : position - Number(frames > 0);
    const results = this.#subscribe(this.#log.calls.results, from);
    await results.ready();
    if (this.#isOver) return;
    const records = this.#subscribe(this.#log.calls.records, 'start');
    const isRead = new Promise<void>((resolve) => {
      this.#onRead = resolve;
    });
    this.#readRecords(records).catch((error) => call.fail(error));
    await this.#log.store({ kind: 'asked', by: this.#own });
    await isRead;
    this.#isRead = true;
    if (this.#isOver) return;
    if (position === undefined && this.#begun === undefined) throw this.#dropped();
    this.#heard = performance.now();
    this.#endWhenRead();
    await this.#readResults(results, call);
  }

  #subscribe(call: string, from: 'start' | number): Subscription {
    const { connection } = this.#client;
    const subscription = connection.subscribe(this.#log.address, this.#log.topic(call), { from });
    this.#subscriptions.push(subscription);
    subscription.onBreak((error) => {
      const text =
        error.code === 'LOST' ? `results of ${this.#what} are lost: ${error.message}` : error.message;
      this.#call?.fail(new PalmError(error.code, text, { cause: error, sent: error.sent }));
    });
    return subscription;
  }

  async #readRecords(records: Subscription): Promise<void> {
    const topic = this.#log.topic(this.#log.calls.records);
    for await (const deliveries of records)
      for (const delivery of deliveries) {
        if (delivery.topic !== topic) continue;
        for (const frame of delivery.frames) this.#take(this.#log.recordIn(frame));
      }
  }

  #take(record: JobRecord | undefined): void {
    switch (record?.kind) {
      case 'begun':
        this.#begun ??= record;
        break;
      case 'sent':
        this.#sent ??= record;
        this.inputs = this.#sent.inputs;
        this.#endWhenRead();
        break;
      case 'asked':
        if (record.by === this.#own) this.#onRead();
        break;
      case 'here':
        this.#heard = performance.now();
        // While the sender waits for its input, no result is owed.
        this.#sign = this.#heard;
        break;
      case undefined:
    }
  }

  async #readResults(results: Subscription, call: OpenCall): Promise<void> {
    const topic = this.#log.topic(this.#log.calls.results);
    const { position, frames } = this.#place;
    for await (const deliveries of results) {
      for (const delivery of deliveries) {
        if (delivery.topic !== topic) continue;
        // The reader has had some of the frames of this one.
        this.#deliver(delivery, delivery.position === position ? frames : 0, call);
      }
      const room = this.#reading.room();
      if (room !== undefined) await room;
      if (this.#isOver) return;
    }
  }

  #deliver(delivery: Delivery, had: number, call: OpenCall): void {
    this.#sign = performance.now();
    this.#heard = this.#sign;
    for (const [index, frame] of delivery.frames.entries()) {
      if (this.#isOver) return;
      this.#reading.frame(delivery);
      if (index < had) continue;
      const message = this.#log.decode(frame);
      if (message.status !== Status.ended) {
        if (this.#skip > 0) {
          this.#skip--;
          this.#reading.came++;
          this.#endWhenRead();
          continue;
        }
        this.#reading.add(isFailedAnswer(message, this.#client.settings.errorSentinel));
      }
      call.answer(message, delivery);
      this.#endWhenRead();
    }
  }

  /** Ends the job when all that it has was read. */
  #endWhenRead(): void {
    if (this.#isOver || !this.#isRead) return;
    const { messages = this.#extent?.messages, untilEnd = this.#extent?.untilEnd === true } = this.#options;
    const total = messages ?? (untilEnd ? undefined : this.inputs);
    const { came } = this.#reading;
    if (total !== undefined && came >= total && this.#skip > 0) this.#call?.fail(this.#beyond(total));
    else if (messages !== undefined && came >= messages) this.#call?.answer(...ENDED);
    else if (this.#sent === undefined || untilEnd || came < this.#sent.inputs) return;
    else if (this.#sent.cut !== undefined)
      this.#call?.fail(this.#cutError({ inputs: this.#sent.inputs, cut: this.#sent.cut }));
    else if (messages === undefined) this.#call?.answer(...ENDED);
  }

  get #extent(): JobExtent | undefined {
    return this.#begun ?? this.#sent;
  }

  get #what(): string {
    return `job ${this.#log.shown}`;
  }

  /** Looks again and again whether something comes, and whether the sender is there while not all inputs are sent. */
  #watch(): void {
    const { idleTimeout } = this.#options;
    this.#stopTimer = startTimer(Math.min(SENDER_ASKED, idleTimeout), () => {
      const now = performance.now();
      // What waits for the reader is not awaited.
      if (this.#reading.room() !== undefined) {
        this.#sign = now;
        this.#heard = now;
      }
      const isSenderAsked = this.#isRead && this.#sent === undefined;
      if (now - this.#sign >= idleTimeout) this.#call?.fail(this.#lateError());
      else if (isSenderAsked && now - this.#heard >= SENDER_SILENT) this.#call?.fail(this.#goneError());
      else {
        // A broken link is told otherwise.
        if (isSenderAsked) this.#log.store({ kind: 'asked', by: this.#own }).catch(() => {});
        this.#watch();
      }
    });
  }

  /** The first record is not there, and with it what came before the first result that is. */
  #dropped(): PalmError {
    const { address } = this.#log;
    const text =
      this.#sent === undefined
        ? `nothing of ${this.#what} is stored at ${address}: it was dropped, since results are kept for a while, or there was no such job`
        : `the first results of ${this.#what} are no longer stored at ${address}; give the position of its progress as after, if you have one`;
    return new PalmError('LOST', text, { sent: true });
  }

  #beyond(total: number): PalmError {
    return invalidCall(`after is ${this.#place.count}, and ${this.#what} has ${total} results`);
  }

  #cutError({ inputs, cut }: { readonly inputs: number; readonly cut: string }): PalmError {
    const text = `${this.#what} ended after ${inputs} inputs, and there were more: ${cut}`;
    return new PalmError('CANCELLED', text);
  }

  #goneError(): PalmError {
    const text = `the sender of ${this.#what} is gone and had not sent all inputs: it has said nothing for ${SENDER_SILENT} ms. ${this.#reading.came} results came; what it had sent may still be answered: resume behind them`;
    return new PalmError('DISCONNECTED', text, { sent: 'unknown' });
  }

  #lateError(): PalmError {
    const of = this.inputs === undefined ? '' : ` of ${this.inputs}`;
    const text = `no further result of ${this.#what} within ${this.#options.idleTimeout} ms (${this.#reading.came}${of} came)${this.#client.connection.trouble}; it may need longer: resume behind them`;
    return new PalmError('TIMEOUT', text, { sent: 'unknown' });
  }
}
