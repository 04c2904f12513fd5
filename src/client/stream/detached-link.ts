import type { Macrotasks } from '../../async/macrotask.ts';
import type { OpenCalls } from '../../async/open-calls.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { messageOf } from '../../protocol/errors.ts';
import { type JobExtent, readRecord } from '../../protocol/job-record.ts';
import { EMPTY_MESSAGE, type PalmMessage, Status } from '../../protocol/message.ts';
import type { CallLink, OpenCall } from '../call-link.ts';
import type { JobLink } from './job-link.ts';
import type { JobLog } from './job-log.ts';
import type { JobOptions } from './options.ts';
import type { Reading } from './reading.ts';
import type { Ending } from './result-stream.ts';

/** Milliseconds between two answers to those who ask whether the sender is there. */
const ANSWER_PAUSE = 1_000;

/** What a function of pylm answers when it raised, as a byte. */
const SENTINEL = 0x30;

/** What ends a job, as its function would say it. */
export const ENDED: Parameters<OpenCall['answer']> = [
  { ...EMPTY_MESSAGE, status: Status.ended },
  { topic: '', frames: [] },
];

/** Whether an answer is a failure. */
export function isFailedAnswer(
  { status, payload }: PalmMessage,
  errorSentinel: boolean | undefined,
): boolean {
  return status !== Status.ok || (errorSentinel === true && payload.length === 1 && payload[0] === SENTINEL);
}

/** The link of a job that is stored while it is sent, in front of its client's: it writes the job's records, and follows its results. */
export class DetachedLink implements JobLink {
  readonly mailbox: JobLink['mailbox'];
  readonly #link: CallLink;
  readonly #log: JobLog;
  readonly #reading: Reading;
  readonly #calls: Pick<OpenCalls, 'begin'>;
  readonly #errorSentinel: boolean | undefined;
  readonly #options: JobOptions;
  /** Lets the client close. */
  #release: (() => void) | undefined;
  #begun: Promise<void> | undefined;
  #hasBegun = false;
  #sealing: Promise<void> | undefined;
  #isClosing = false;
  /** Inputs that were handed to the transport. */
  #sent = 0;
  #received = 0;
  /** Results that the job ends after; undefined while that is not known, and when something else ends it. */
  #wanted: number | undefined;
  #call: OpenCall | undefined;
  #cut = 'the job was left';
  #answered = Number.NEGATIVE_INFINITY;

  constructor(
    link: CallLink,
    log: JobLog,
    reading: Reading,
    calls: Pick<OpenCalls, 'begin'>,
    errorSentinel: boolean | undefined,
    options: JobOptions,
  ) {
    this.#link = link;
    this.#log = log;
    this.#reading = reading;
    this.#calls = calls;
    this.#errorSentinel = errorSentinel;
    this.#options = options;
    const { results, records } = log.calls;
    this.mailbox = {
      open: (call) => {
        this.#call = call;
        link.mailbox.open({ answer: (message) => this.#recorded(message), fail: () => {} }, records);
        const answer: OpenCall['answer'] = (message, delivery) => {
          this.#came(message, () => reading.frame(delivery));
          call.answer(message, delivery);
          this.#endWhenAnswered();
        };
        return link.mailbox.open({ answer, fail: (error) => call.fail(error) }, results);
      },
      close: () => {
        link.mailbox.close(results);
        link.mailbox.close(records);
      },
    };
  }

  get isReady(): boolean {
    return this.#hasBegun && this.#link.isReady;
  }

  async ready(): Promise<void> {
    this.#release ??= this.#calls.begin(() => {
      this.#isClosing = true;
    });
    while (!this.isReady) {
      await this.#link.ready();
      this.#begun ??= this.#log.store({ kind: 'begun', ...this.#extent });
      await this.#begun;
      this.#hasBegun = true;
    }
  }

  get inFlight(): CallLink['inFlight'] {
    return this.#link.inFlight;
  }

  get macrotasks(): Macrotasks | undefined {
    return this.#link.macrotasks;
  }

  set macrotasks(own: Macrotasks) {
    this.#link.macrotasks = own;
  }

  topic(call: string): string {
    return this.#link.topic(call);
  }

  encode(message: PalmMessage): Bytes {
    return this.#link.encode(message);
  }

  send(frames: readonly Bytes[]): Promise<void> {
    this.#sent += frames.length;
    return this.#link.send(frames);
  }

  room(): Promise<void> | undefined {
    return this.#link.room();
  }

  timeout: CallLink['timeout'] = (...what) => this.#link.timeout(...what);

  /** Nothing is cancelled, but who resumes the job hears why no more was sent. */
  cancel: CallLink['cancel'] = (_call, _spec, reason) => {
    this.#cut = messageOf(reason);
  };

  async sent(failed: Ending | undefined): Promise<void> {
    const { messages, untilEnd } = this.#options;
    const cut = failed === undefined ? undefined : messageOf(failed.error);
    await this.#seal(this.#isClosing ? 'its client was closed' : cut);
    if (messages === undefined && untilEnd !== true && cut === undefined) this.#wanted = this.#sent;
    this.#endWhenAnswered();
  }

  /** The job has ended. */
  over(): void {
    this.#reading.end();
    // First it says why.
    queueMicrotask(() => {
      // A client that is closed at once stores nothing more.
      if (this.#hasBegun) this.#seal(this.#cut).catch(() => {});
      else this.#release?.();
    });
  }

  /** What ends the job for who reads it. That this process reads nothing does not. */
  get #extent(): JobExtent {
    const { messages, untilEnd } = this.#options;
    return { messages: messages === 0 ? undefined : messages, untilEnd };
  }

  /** Stores how many inputs there were, once. */
  #seal(cut: string | undefined): Promise<void> {
    this.#sealing ??= this.#log
      .store({ kind: 'sent', inputs: this.#sent, cut, ...this.#extent })
      .finally(() => this.#release?.());
    return this.#sealing;
  }

  #came(message: PalmMessage, note: () => void): void {
    // Nobody reads them.
    if (this.#options.messages === 0) return;
    note();
    if (message.status === Status.ended) return;
    this.#received++;
    this.#reading.add(isFailedAnswer(message, this.#errorSentinel));
  }

  #endWhenAnswered(): void {
    if (this.#wanted !== undefined && this.#received >= this.#wanted) this.#call?.answer(...ENDED);
  }

  #recorded({ payload }: PalmMessage): void {
    if (this.#sealing !== undefined || readRecord(payload)?.kind !== 'asked') return;
    const now = performance.now();
    if (now - this.#answered < ANSWER_PAUSE) return;
    this.#answered = now;
    this.#log.store({ kind: 'here' }).catch(() => {});
  }
}
