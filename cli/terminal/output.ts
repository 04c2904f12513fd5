import type { Writable } from 'node:stream';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { printableJson } from '../../src/protocol/printable.ts';
import { CommandError } from '../errors.ts';
import { OutputClosed, type Terminal } from '../io.ts';
import type { Screen } from './screen.ts';

/** Bytes gathered before they are written in one go. */
const BATCH_BYTES = 65_536;

/**
 * Stdout, or a file in its place. What is written in one turn of the event loop leaves together; a reader that is slow holds up whoever
 * awaits {@link write}.
 */
export class Output {
  readonly #stream: Writable & Terminal;
  readonly #name: string;
  readonly #screen: Screen;
  readonly #onFailure: (reason: Error) => void;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #isScheduled = false;
  #draining: Deferred<void> | undefined;
  #failure: { readonly reason: unknown } | undefined;
  readonly #abandoned = deferred<void>();

  /**
   * @param screen - shares the terminal, when both are one.
   * @param onFailure - takes the {@link OutputClosed} or `OUTPUT` error that ends the output.
   * @param name - what it is called in that.
   */
  constructor(
    stream: Writable & Terminal,
    screen: Screen,
    onFailure: (reason: Error) => void,
    name = 'stdout',
  ) {
    this.#name = name;
    this.#stream = stream;
    this.#screen = screen;
    this.#onFailure = onFailure;
    stream.on('error', (error) => this.#fail(error));
    stream.on('drain', () => this.#drained());
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Characters of a line, when it is a terminal. */
  get columns(): number | undefined {
    return this.isTerminal ? this.#stream.columns : undefined;
  }

  /** Takes a part; what it gives must be awaited before the next. Rejects with what ended the output. */
  write(part: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes >= BATCH_BYTES) this.#flush();
    else this.#schedule();
    return this.#draining?.promise;
  }

  line(text: string): Promise<void> | undefined {
    return this.write(Buffer.from(`${text}\n`));
  }

  /** A value as JSON on a line of its own. */
  json(value: object): Promise<void> | undefined {
    return this.line(printableJson(value));
  }

  /** Hands everything on and resolves when it is written. Rejects with what ended the output. */
  async finish(): Promise<void> {
    this.#flush();
    const written = new Promise<void>((resolve) => {
      this.#stream.write('', () => resolve());
    });
    // A reader that never reads must not keep a command that was told to end.
    await Promise.race([written, this.#abandoned.promise]);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  /** Lets go of who waits for the reader: they get `reason`, and nothing more is written. */
  abandon(reason: unknown): void {
    this.#failure ??= { reason };
    this.#abandoned.resolve();
    this.#draining?.promise.catch(() => {});
    this.#draining?.reject(this.#failure.reason);
    this.#draining = undefined;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#bytes === 0 || this.#failure !== undefined) return;
    const data = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (this.isTerminal) this.#screen.hide();
    if (!this.#stream.write(data)) this.#draining ??= deferred();
    if (this.isTerminal) this.#screen.show();
  }

  #drained(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
  }

  #fail(error: NodeJS.ErrnoException): void {
    const reason = error instanceof CommandError ? error : this.#reasonOf(error);
    this.abandon(reason);
    this.#onFailure(reason);
  }

  #reasonOf({ code, message }: NodeJS.ErrnoException): Error {
    if (code === 'EPIPE') return new OutputClosed('nobody reads the output any more');
    return new CommandError('OUTPUT', `${this.#name} cannot be written: ${message}`);
  }
}
