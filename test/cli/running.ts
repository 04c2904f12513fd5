/** A command that runs until it is told to end, in the process of the test. */
import { PassThrough, type Readable } from 'node:stream';
import { Interrupted } from '../../cli/io.ts';
import { run } from '../../cli/run.ts';
import { within } from '../support/wait.ts';

/** Milliseconds that a line or the end may take, unless a test says otherwise. */
const LIMIT = 15_000;

/** Told to end at the end of the block, if it still runs. */
export class Running implements AsyncDisposable {
  readonly #code: Promise<number>;
  readonly #interrupts = new AbortController();
  readonly #changes = new EventTarget();
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];
  #isOver = false;

  readonly #limit: number;

  /** @param limit - milliseconds that a line or the end may take. */
  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}, limit: number = LIMIT) {
    this.#limit = limit;
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end();
    this.#collect(stdout, this.#stdout);
    this.#collect(stderr, this.#stderr);
    const { signal } = this.#interrupts;
    const running = run({
      argv,
      stdin,
      stdout,
      stderr,
      env,
      signal,
      invocation: 'frond',
      version: '1.2.3',
    });
    this.#code = running.finally(() => {
      this.#isOver = true;
      this.#changed();
    });
  }

  /** Lines of stdout so far. */
  get lines(): readonly string[] {
    return this.#stdout;
  }

  /** Lines of stderr so far. */
  get errors(): readonly string[] {
    return this.#stderr;
  }

  /** The first line of stdout that fits, once it is there. */
  line(fits: RegExp): Promise<string> {
    return this.#until(this.#stdout, fits);
  }

  /** The first line of stderr that fits, once it is there. */
  error(fits: RegExp): Promise<string> {
    return this.#until(this.#stderr, fits);
  }

  /** The exit code, when it ends by itself. */
  get done(): Promise<number> {
    return within(this.#limit, this.#code, 'the end of the command');
  }

  /** Ends it as a signal does, and gives the exit code. */
  end(): Promise<number> {
    this.#interrupts.abort(new Interrupted('SIGTERM'));
    return within(this.#limit, this.#code, 'the end of the command');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #until(lines: readonly string[], fits: RegExp): Promise<string> {
    const found = (async () => {
      for (;;) {
        const line = lines.find((one) => fits.test(one));
        if (line !== undefined) return line;
        if (this.#isOver) throw new Error(`it ended without ${fits}: ${this.#stderr.join('\n')}`);
        await new Promise((resolve) => this.#changes.addEventListener('change', resolve, { once: true }));
      }
    })();
    return within(this.#limit, found, `a line like ${fits}`);
  }

  #collect(stream: Readable, lines: string[]): void {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
      this.#changed();
    });
  }

  #changed(): void {
    this.#changes.dispatchEvent(new Event('change'));
  }
}
