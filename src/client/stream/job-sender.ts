import { BATCH } from '../../flow-control.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { invalidCall, messageOf } from '../../protocol/errors.ts';
import type { CallLink } from '../call-link.ts';
import type { Input } from './input.ts';

/** What a sender needs of its job. */
export interface SenderSettings<In> {
  readonly link: CallLink;
  readonly input: Input<In>;
  /** Names the job in errors. */
  readonly what: string;
  /** The frame of an input. @throws whatever says that it is no payload. */
  readonly encode: (value: In) => Bytes;
  /** Resolves when results are read far enough that more input may be taken; undefined when they are. */
  readonly roomForResults: () => Promise<void> | undefined;
  /** Told when the transport has taken charge of so many inputs more. */
  readonly onSent: (count: number) => void;
}

/** Pulls the input of a job and sends it, no faster than results are read, the server keeps up, and the link takes it. */
export class JobSender<In> {
  readonly #settings: SenderSettings<In>;
  #batch: Bytes[] = [];
  #sending: Promise<void> = Promise.resolve();
  /** Places taken for messages on their way. */
  #placed = 0;
  #isStopped = false;
  #waitsForInput = false;

  constructor(settings: SenderSettings<In>) {
    this.#settings = settings;
  }

  /** Inputs that were taken and are payloads. */
  get taken(): number {
    // While it waits, it has a place for what it waits for.
    return this.#placed - Number(this.#waitsForInput);
  }

  /** Whether it is the input that everything waits for. */
  get waitsForInput(): boolean {
    return this.#waitsForInput;
  }

  /**
   * Sends until the input ends, fails, or {@link stop} is called; resolves when all of it has left. An input that fails,
   * or gives what is no payload, is the error it resolves with: what came before it is sent all the same.
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
      if (this.#isStopped) return this.#giveBack(1);
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
        // A new list: one that was empty since the last batch left would be old by now.
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

  /** Takes no more input, and sends what was taken. */
  close(): void {
    this.#settings.input.close();
    // What cannot leave fails the job through its mailbox.
    this.#flush().catch(() => {});
  }

  /** Sends no more; `answered` messages gave their places back themselves. */
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

  /** What an async input gives before other events get their turn travels together; what it gives later does not wait. */
  #flushSoon(): void {
    if (this.#batch.length > 0) return;
    this.#settings.link.later(() => {
      // A batch that cannot leave fails the job through its mailbox.
      if (!this.#isStopped) this.#flush().catch(() => {});
    });
  }

  /**
   * Hands the batch on; resolves when it has left. Nothing here holds on to it until then, and the next is made when there is
   * room for it: with a thousand clients in a process, what waits grows old, and is copied for that.
   */
  #flush(): Promise<void> {
    const { length } = this.#batch;
    if (length > 0) {
      this.#sending = this.#settings.link.send(this.#batch).then(() => this.#settings.onSent(length));
      this.#batch = [];
      // Whoever flushes it soon does not wait for it: its failure is no unhandled one.
      this.#sending.catch(() => {});
    }
    return this.#sending;
  }
}
