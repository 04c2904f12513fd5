import { computed, signal } from '@preact/signals';
import type { Connection } from './connection.ts';
import { isFormat } from './formats.ts';
import type { Frames } from './frames.ts';
import { type InputChoice, inputCount, isInputKind } from './inputs.ts';
import { JobRun } from './job-run.ts';
import type { JobView, ResultLine } from './job-view.ts';
import type { Link } from './link.ts';
import type { SeriesData } from './series.ts';
import { unlessAborted } from './unless-aborted.ts';
import { wholeNumber } from './whole-number.ts';

/** What a job uses of the page. */
export interface JobPage {
  readonly link: Link;
  readonly connection: Connection;
  readonly frames: Frames;
}

const NONE: JobView = {
  phase: 'idle',
  path: '',
  wanted: undefined,
  sent: 0,
  received: 0,
  failures: 0,
  lastFailure: undefined,
  elapsed: 0,
  rate: 0,
  frames: { frames: 0, longest: 0, long: 0 },
  error: undefined,
};

/** Milliseconds between two updates of the figures, and of results and charts. */
const REFRESH = 100;
const RESULTS_REFRESH = 200;

/** The job or map in the link's fields, and its run. Its view changes at most once a frame. */
export class JobDesk {
  readonly view = signal<JobView>(NONE);
  readonly phase = computed(() => this.view.value.phase);
  /** Whether a run is under way. It must be stopped before another starts. */
  readonly isUnderWay = computed(() => this.phase.value === 'running' || this.phase.value === 'paused');
  /** The last results, newest first. */
  readonly results = signal<readonly ResultLine[]>([]);
  readonly series = signal<SeriesData>({ times: [], rates: [], p50: [], p95: [] });
  /** Lines that were pasted or dropped. */
  readonly lines = signal<readonly string[]>([]);
  readonly linesFrom = signal('');
  readonly #playground: JobPage;
  #run: JobRun | undefined;
  #stop = new AbortController();

  constructor(playground: JobPage) {
    this.#playground = playground;
  }

  get input(): InputChoice {
    const { input, count } = this.#playground.link.value;
    return { kind: isInputKind(input) ? input : 'numbers', count: Number(count), lines: this.lines.value };
  }

  /** How a map goes about it. */
  get map(): { readonly ordered: boolean; readonly window: number; readonly retries: number } {
    const { ordered, window, retries } = this.#playground.link.value;
    return { ordered: ordered !== 'no', window: Number(window), retries: Number(retries) };
  }

  /** Results to wait for: one for each input, unless the link says another number, or `all`. */
  get messages(): number | undefined {
    const { results, kind } = this.#playground.link.value;
    if (kind === 'map') return inputCount(this.input);
    if (results === 'open') return undefined;
    return results === '' ? inputCount(this.input) : Number(results);
  }

  /** Runs the job in the fields, unless one is under way, which only the user stops. */
  async start(): Promise<void> {
    if (this.isUnderWay.peek()) return;
    const { link, connection, frames } = this.#playground;
    const { fn, session, format, kind } = link.value;
    const stop = new AbortController();
    this.#stop = stop;
    this.#run = undefined;
    this.view.value = { ...NONE, phase: 'running', path: fn, wanted: this.messages };
    this.results.value = [];
    try {
      const timeout = this.#check();
      const { client, stages } = await unlessAborted(connection.clientFor(fn, session), stop.signal);
      const run = new JobRun({
        client,
        stages,
        kind: kind === 'map' ? 'map' : 'job',
        input: this.input,
        format: isFormat(format) ? format : 'text',
        messages: this.messages,
        map: this.map,
        timeout,
        frames,
      });
      this.#run = run;
      stop.signal.addEventListener('abort', () => run.abort());
      await this.#follow(run);
    } catch (error) {
      const phase = stop.signal.aborted ? 'stopped' : 'failed';
      this.view.value = { ...this.view.peek(), phase, error };
    }
  }

  pause(): void {
    this.#run?.pause();
  }

  resume(): void {
    this.#run?.resume();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Milliseconds without a result after which it fails. @throws Error that names the field that is not acceptable. */
  #check(): number {
    const { input, count, kind, results, window, retries, timeout } = this.#playground.link.value;
    if (input !== 'lines') wholeNumber('How many', count, 1);
    if (kind === 'map') {
      wholeNumber('Window', window, 1);
      wholeNumber('Retries', retries, 0);
    } else if (results !== '' && results !== 'open') {
      if (!/^[1-9]\d*$/.test(results))
        throw new Error(
          `“Ends after” takes a whole number from 1 on, or “open”, not “${results.slice(0, 40)}”.`,
        );
    }
    if (inputCount(this.input) === 0)
      throw new Error('There are no lines. Paste some into “Lines”, or choose a file.');
    return wholeNumber('Time-out in ms', timeout, 1);
  }

  async #follow(run: JobRun): Promise<void> {
    const { frames } = this.#playground;
    let looked = 0;
    let listed = 0;
    const show = (now: number) => {
      if (this.#run !== run) return;
      if (now - looked > REFRESH || run.isOver) {
        looked = now;
        this.view.value = run.view;
      }
      if (now - listed > RESULTS_REFRESH || run.isOver) {
        listed = now;
        this.results.value = run.lastResults;
        this.series.value = run.series;
      }
    };
    const stop = frames.each(show);
    await run.done;
    stop();
    show(Number.POSITIVE_INFINITY);
  }
}
