import type { Writable } from 'node:stream';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { BATCH_BYTES } from '../../src/flow-control.ts';
import { decodeUtf8, encodeUtf8 } from '../../src/protocol/bytes.ts';
import { escapedLines, printableJson } from '../../src/protocol/printable.ts';
import { CommandError } from '../errors.ts';
import { OutputClosed, type Terminal } from '../io.ts';
import { grouped } from './progress.ts';
import type { Screen } from './screen.ts';

/**
 * Stdout, or a file in its place. What is written in one turn of the event loop is sent together. A slow reader holds up
 * callers that await {@link write}.
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
   * @param screen - hides its status line while the output writes to the same terminal.
   * @param onFailure - called with the {@link OutputClosed} or `OUTPUT` error that ends the output.
   * @param name - name of the output in that error.
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

  /** Writes bytes. Await the result before the next call; it rejects with the error that ended the output. */
  write(part: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes >= BATCH_BYTES) this.#flush();
    else this.#schedule();
    return this.#draining?.promise;
  }

  /** Writes a string and a newline, as {@link write}. */
  line(text: string): Promise<void> | undefined {
    return this.write(Buffer.from(`${text}\n`));
  }

  /** Writes a value as JSON on a line of its own, as {@link write}. */
  json(value: object): Promise<void> | undefined {
    return this.line(printableJson(value));
  }

  /** Resolves when everything is written. Rejects with the error that ended the output. */
  async finish(): Promise<void> {
    this.#flush();
    const written = new Promise<void>((resolve) => {
      this.#stream.write('', () => resolve());
    });
    // A reader that never reads must not keep a command that was told to end.
    await Promise.race([written, this.#abandoned.promise]);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  /** Ends the output: callers that wait for the reader get `reason`, and nothing more is written. */
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

/**
 * How results are written.
 * - `json`: an object on a line of its own.
 * - `lines`: the bytes and a newline.
 * - `exact`: only the bytes.
 *
 * On a terminal, `lines` and `exact` write UTF-8 with a newline at its end and characters that act on a terminal escaped; in
 * place of other bytes they write how many there are.
 */
export type ResultFormat = 'json' | 'lines' | 'exact';

const NEWLINE = Buffer.from('\n');

/** Writes a result. Await the returned promise before the next call. */
export function writeResult(
  output: Output,
  result: Uint8Array,
  format: ResultFormat,
): Promise<void> | undefined {
  if (format === 'json') return output.json(jsonOf(result));
  if (output.isTerminal) {
    const shown = shownOf(result);
    return format === 'exact' && shown.endsWith('\n') ? output.write(encodeUtf8(shown)) : output.line(shown);
  }
  return output.write(format === 'lines' ? Buffer.concat([result, NEWLINE]) : result);
}

function shownOf(result: Uint8Array): string {
  try {
    return escapedLines(decodeUtf8(result));
  } catch {
    return `(${grouped(result.length)} bytes that are not text: save them with > FILE, or use --json for base64)`;
  }
}

/** A payload in JSON: as a string if it is UTF-8, else in base64. */
export function jsonOf(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: decodeUtf8(payload) };
  } catch {
    return { base64: Buffer.from(payload).toString('base64') };
  }
}

const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** Lines on a terminal that are redrawn in place. */
export class Block {
  readonly #output: Output;
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(output: Output, terminal: Terminal) {
    this.#output = output;
    this.#terminal = terminal;
  }

  /** Draws a text in place of the last one. Lines that do not fit the screen are left out. */
  draw(text: string): Promise<void> | undefined {
    const room = Math.max(1, (this.#terminal.rows || DEFAULT_ROWS) - 1);
    const lines = text.split('\n');
    const shown = lines.length > room ? [...lines.slice(0, room - 1), '…'] : lines;
    const back = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    this.#drawn = shown.reduce((rows, line) => rows + this.#rowsOf(line), 0);
    return this.#output.line(`${back}\u001b[J${shown.join('\n')}`);
  }

  /** How many rows a line takes. */
  #rowsOf(line: string): number {
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    return Math.max(1, Math.ceil(line.replace(STYLE, '').length / columns));
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what emphasis begins with
const STYLE = /\u001b\[\d+m/g;
