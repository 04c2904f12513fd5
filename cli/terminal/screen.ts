import type { Writable } from 'node:stream';
import { type LogFields, type Logger, type LoggingLevel, logText } from '../../src/logging.ts';
import { escaped, printableJson } from '../../src/protocol/printable.ts';
import type { Environment, Terminal } from '../io.ts';
import { clip } from './text.ts';

const CLEAR_LINE = '\r\u001b[2K';
const DEFAULT_COLUMNS = 80;

/** Stderr: lines and, on a terminal, a status line below them that is redrawn in place. */
export class Screen {
  readonly #stream: Writable & Terminal;
  readonly #canRedraw: boolean;
  #status: string | undefined;
  #isShown = false;

  /** @param env - with `TERM=dumb` there is no status line. */
  constructor(stream: Writable & Terminal, env: Environment) {
    this.#stream = stream;
    this.#canRedraw = stream.isTTY === true && env.TERM !== 'dumb';
    // A closed stderr must not end the command.
    stream.on('error', () => {});
  }

  /** Whether there is a status line. */
  get canRedraw(): boolean {
    return this.#canRedraw;
  }

  /** Characters of a line. */
  get columns(): number {
    // A terminal that does not know its width reports 0.
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  /** Writes a line above the status line. */
  line(text: string): void {
    this.hide();
    this.#stream.write(`${text}\n`);
    this.show();
  }

  /** Sets the status line, or removes it. */
  status(text: string | undefined): void {
    if (!this.#canRedraw) return;
    this.hide();
    this.#status = text;
    this.show();
  }

  /** Clears the status line, so that another stream can write to the same terminal. */
  hide(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#stream.write(CLEAR_LINE);
  }

  /** Draws the status line again after {@link hide}. */
  show(): void {
    if (this.#isShown || this.#status === undefined) return;
    this.#isShown = true;
    this.#stream.write(clip(this.#status, this.columns - 1));
  }

  /** Resolves when stderr can take more. For commands that write any number of lines to it. */
  async room(): Promise<void> {
    while (this.#stream.writableNeedDrain && !this.#stream.destroyed && this.#stream.errored === null)
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of EVENTS) this.#stream.off(event, done);
          resolve();
        };
        for (const event of EVENTS) this.#stream.on(event, done);
      });
  }

  /** Removes the status line and resolves when everything is written. */
  async finish(): Promise<void> {
    this.status(undefined);
    await new Promise<void>((resolve) => {
      this.#stream.write('', () => resolve());
    });
  }
}

const EVENTS = ['drain', 'close', 'error'] as const;

/** Milliseconds between two updates of a status line. */
const REFRESH = 250;

/**
 * Shows a text on the status line, if there is one, and updates it until the returned function is called.
 * @param refresh - milliseconds between two updates.
 */
export function showStatus(screen: Screen, text: () => string, refresh = REFRESH): () => void {
  if (!screen.canRedraw) return () => {};
  const draw = () => screen.status(text());
  draw();
  const timer = setInterval(draw, refresh);
  return () => {
    clearInterval(timer);
    screen.status(undefined);
  };
}

/**
 * A logger that writes to stderr: the console would write some messages to stdout, among the results.
 * @param from - name of the role that logs, where there are several.
 */
export function stderrLogger(screen: Screen, asJson: boolean, from?: string): Logger {
  const at =
    (level: LoggingLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (asJson) return screen.line(printableJson({ log: { level, from, message, ...fields } }));
      const text = logText(message, fields);
      screen.line(`frond: ${level}: ${from === undefined ? text : `${escaped(from)}: ${text}`}`);
    };
  return { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
}
