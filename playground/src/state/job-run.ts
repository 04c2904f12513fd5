import type { Client, MapOptions, PalmError, PayloadCodec } from 'frond';
import { decodeAs, encodeAs, type Format } from './formats.ts';
import type { Frames } from './frames.ts';
import { type InputChoice, inputsOf } from './inputs.ts';
import type { JobPhase, JobView, ResultLine } from './job-view.ts';
import { Latencies } from './latencies.ts';
import { Series, type SeriesData } from './series.ts';
import { Turns } from './turns.ts';

export interface JobOrder {
  readonly client: Client;
  readonly stages: readonly string[];
  readonly kind: 'job' | 'map';
  readonly input: InputChoice;
  readonly format: Format;
  readonly messages: number | undefined;
  readonly timeout: number;
  readonly map: Pick<MapOptions, 'ordered' | 'window' | 'retries'>;
  readonly frames: Frames;
}

/** Milliseconds of a frame for reading results. The rest is for the cluster in the page and for drawing. */
const SLICE = 6;

/** Milliseconds without a read that end a slice. */
const PAUSE = 1;

/** Milliseconds of a turn for giving inputs, which would otherwise be taken without a pause. */
const TURN = 2;

/** Most inputs under way. With more, results come in lumps that take longer than a frame to read. */
const MOST_UNDER_WAY = 1_024;

/** Milliseconds after which inputs go on without results: a pipeline may drop messages. */
const LONGEST_WAIT = 50;

/** Results that may be unread: as many as a frame can read. */
const WINDOW = 4_096;

const KEPT = 100;
/** Characters of a result that a line of the list has room for. */
const LONGEST_SHOWN = 300;

/** One run of a job or map, from its first input to its end. */
export class JobRun {
  /** Resolves when it is over, however it ended. */
  readonly done: Promise<void>;
  readonly #order: JobOrder;
  readonly #abort = new AbortController();
  readonly #series = new Series();
  readonly #latencies = new Latencies();
  readonly #started = performance.now();
  readonly #measure: ReturnType<Frames['measure']>;
  readonly #turns = new Turns();
  readonly #last: ResultLine[] = [];
  #phase: JobPhase = 'running';
  #ended = 0;
  #sent = 0;
  #received = 0;
  #failures = 0;
  #lastFailure: PalmError | undefined;
  #error: unknown;
  #resume: (() => void) | undefined;
  #hasRoom = () => {};
  #sliceBegan = this.#started;
  #lastRead = this.#started;

  constructor(order: JobOrder) {
    this.#order = order;
    this.#measure = order.frames.measure();
    this.done = this.#run();
  }

  get isOver(): boolean {
    return this.#phase !== 'running' && this.#phase !== 'paused';
  }

  get view(): JobView {
    const elapsed = ((this.isOver ? this.#ended : performance.now()) - this.#started) / 1_000;
    return {
      phase: this.#phase,
      path: this.#order.stages.join(' '),
      wanted: this.#order.messages,
      sent: this.#sent,
      received: this.#received,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
      elapsed,
      rate: elapsed === 0 ? 0 : this.#received / elapsed,
      frames: { ...this.#measure.measure },
      error: this.#error,
    };
  }

  get lastResults(): readonly ResultLine[] {
    return this.#last.toReversed();
  }

  get series(): SeriesData {
    if (!this.isOver) this.#series.advance(performance.now() - this.#started);
    return this.#series.data(this.isOver);
  }

  /** Stops reading for now. With results unread, frond takes no more input. */
  pause(): void {
    if (this.#phase === 'running') this.#phase = 'paused';
  }

  resume(): void {
    if (this.#phase === 'paused') this.#phase = 'running';
    this.#resume?.();
  }

  abort(): void {
    this.#abort.abort(new DOMException('you stopped it', 'AbortError'));
    this.#resume?.();
  }

  async #run(): Promise<void> {
    try {
      await (this.#order.kind === 'map' ? this.#readMap() : this.#readJob());
      this.#end('done');
    } catch (error) {
      this.#error = this.#abort.signal.aborted ? undefined : error;
      this.#end(this.#abort.signal.aborted ? 'stopped' : 'failed');
    }
  }

  async #readJob(): Promise<void> {
    const { client, stages, format, messages, timeout } = this.#order;
    const results = client.with(writtenAs(format)).job(stages, this.#inputs(), {
      window: WINDOW,
      idleTimeout: timeout,
      signal: this.#abort.signal,
      ...(messages !== undefined && { messages }),
      onRemoteError: (error) => this.#fail(error, this.#latencies.received(performance.now())),
    });
    for await (const shown of results) {
      const latency = this.#latencies.received(performance.now());
      await this.#pace();
      this.#take(shown, latency);
    }
  }

  async #readMap(): Promise<void> {
    const { client, stages, format, timeout, map } = this.#order;
    const outcomes = client.with(writtenAs(format)).mapSettled(stages, this.#inputs(), {
      ...map,
      timeout,
      signal: this.#abort.signal,
    });
    for await (const outcome of outcomes) {
      const latency = this.#latencies.of(outcome.index, performance.now());
      await this.#pace();
      if (outcome.status === 'fulfilled') this.#take(outcome.value, latency);
      else this.#fail(outcome.reason, latency);
    }
  }

  /** Resolves when the next result may be read: at once, unless the run is paused or has used its time of the frame. */
  async #pace(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastRead > PAUSE) this.#sliceBegan = now;
    if (now - this.#sliceBegan > SLICE) {
      await this.#order.frames.next();
      this.#sliceBegan = performance.now();
    }
    // Last, because it may have been paused meanwhile.
    if (this.#phase === 'paused') await this.#resumed();
    this.#lastRead = performance.now();
  }

  /** Gives the inputs, with pauses for drawing. */
  async *#inputs(): AsyncGenerator<string> {
    let turnBegan = performance.now();
    for (const input of inputsOf(this.#order.input, this.#order.format)) {
      if (performance.now() - turnBegan > TURN) {
        await this.#turns.next();
        turnBegan = performance.now();
      }
      if (this.#sent - this.#received >= MOST_UNDER_WAY) await this.#room();
      this.#sent++;
      this.#latencies.sent(performance.now());
      yield input;
    }
  }

  #take(shown: string, latency: number | undefined): void {
    this.#series.add(performance.now() - this.#started, latency);
    this.#last.push({ number: ++this.#received, shown: shown.slice(0, LONGEST_SHOWN) });
    if (this.#last.length > KEPT) this.#last.shift();
    if (this.#sent - this.#received <= MOST_UNDER_WAY / 2) this.#hasRoom();
  }

  /** Resolves when enough results have come, or after a while. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#hasRoom(), LONGEST_WAIT);
      this.#hasRoom = () => {
        clearTimeout(timer);
        this.#hasRoom = () => {};
        resolve();
      };
    });
  }

  #fail(error: PalmError, latency: number | undefined): void {
    this.#failures++;
    this.#lastFailure = error;
    this.#take(`${error.remoteName ?? error.code}: ${error.message}`, latency);
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  #end(phase: JobPhase): void {
    this.#phase = phase;
    this.#ended = performance.now();
    this.#measure.stop();
    this.#turns.close();
    this.#hasRoom();
  }
}

/** A payload codec of the page: its values are texts as the page shows them. */
function writtenAs(format: Format): PayloadCodec<string> {
  return {
    name: format,
    encode: (value) => encodeAs(format, value),
    decode: (payload) => decodeAs(format, payload).shown,
  };
}
