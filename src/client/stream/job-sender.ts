import { BATCH } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { invalidCall, messageOf } from '../../protocol/errors.ts';
import { afterEvents } from '../after-events.ts';
import type { Input } from './input.ts';
import type { JobLink } from './job-link.ts';

/** What a sender needs of its job. */
export interface SenderSettings<In> {
  readonly link: JobLink;
  readonly input: Input<In>;
  /** Names the job in errors. */
  readonly what: string;
  /** Encodes an input. @throws an error that says why the input is not a payload. */
  readonly encode: (value: In) => Bytes;
  /** Resolves when enough results are read that more input may be taken; undefined when they are. */
  readonly roomForResults: () => Promise<void> | undefined;
  /** Called with the number of inputs that the transport has accepted. */
  readonly onSent: (count: number) => void;
}

/** Takes the input of a job and sends it, no faster than results are read, the server answers, and the link accepts. */
export class JobSender<In> {
  readonly #settings: SenderSettings<In>;
  #batch: Bytes[] = [];
  #sending: Promise<void> = Promise.resolve();
  /** Places taken for messages under way. */
  #placed = 0;
  #isStopped = false;
  #waitsForInput = false;

  constructor(settings: SenderSettings<In>) {
    this.#settings = settings;
  }

  /** Number of inputs that were taken and are payloads. */
  get taken(): number {
    // While it waits for an input, it has a place for that.
    return this.#placed - Number(this.#waitsForInput);
  }

  /** Whether the next input is awaited. */
  get waitsForInput(): boolean {
    return this.#waitsForInput;
  }

  /**
   * Sends until the input ends or fails, or {@link stop} is called. Resolves when everything has left: with the error of an
   * input that threw or gave something that is not a payload. The inputs before that one are sent.
   */
  async run(): Promise<{ readonly error: unknown } | undefined> {
    const { link, input, roomForResults } = this.#settings;
    for (let index = 0; ; index++) {
      const room = roomForResults();
      if (room !== undefined) {
        await this.#flush();
        await room;
      }
      if (this.#isStopped) return undefined;
      if (!link.inFlight.take()) {
        await this.#flush();
        await link.inFlight.wait();
      }
      this.#placed++;
      // Nothing more, when it was stopped meanwhile.
      let item = input.takeNow();
      if (item === undefined) {
        this.#waitsForInput = true;
        item = await input.take();
        this.#waitsForInput = false;
        if (this.#isStopped) return this.#giveBack(1);
        this.#flushSoon();
      }
      if (item.kind !== 'value') {
        this.#giveBack(1);
        await this.#flush();
        return item.kind === 'failed' ? { error: item.error } : undefined;
      }
      try {
        const frame = this.#settings.encode(item.value);
        // A new array: one that was empty since the last batch left would be old by now.
        if (this.#batch.length === 0) this.#batch = [frame];
        else this.#batch.push(frame);
      } catch (cause) {
        this.#giveBack(1);
        input.close();
        await this.#flush();
        const text = `input ${index} of the job ${this.#settings.what} was not sent: ${messageOf(cause)}`;
        return { error: invalidCall(text, { index, cause }) };
      }
      if (this.#batch.length >= BATCH) {
        await this.#flush();
        await link.room();
      }
    }
  }

  /** Takes no more input, and sends what was gathered. */
  close(): void {
    this.#settings.input.close();
    // A batch that cannot leave fails the job through the mailbox.
    this.#flush().catch(() => {});
  }

  /** Sends no more. The answers of `answered` messages gave their places back. */
  stop(answered: number): void {
    this.#isStopped = true;
    this.#giveBack(Math.max(0, this.#placed - answered));
    this.#settings.input.close();
  }

  #giveBack(count: number): undefined {
    this.#placed -= count;
    this.#settings.link.inFlight.release(count);
    return undefined;
  }

  /** Sends together what an async input gives before other events get their turn. */
  #flushSoon(): void {
    if (this.#batch.length > 0) return;
    afterEvents(this.#settings.link, () => {
      // A batch that cannot leave fails the job through the mailbox.
      if (!this.#isStopped) this.#flush().catch(() => {});
    });
  }

  /**
   * Sends the batch; resolves when it has left. Nothing here keeps it until then, and the next one is made when there is room for
   * it: with a thousand clients in a process, what waits grows old, and the collector copies it.
   */
  #flush(): Promise<void> {
    const { length } = this.#batch;
    if (length > 0) {
      this.#sending = this.#settings.link.send(this.#batch).then(() => this.#settings.onSent(length));
      this.#batch = [];
      // #flushSoon does not await it, so the rejection must not count as unhandled.
      this.#sending.catch(() => {});
    }
    return this.#sending;
  }
}
