/** Reads and checks what an interrupted run has written, so that the next run can continue it. Changes nothing. */
import { createReadStream } from 'node:fs';
import { CommandError } from '../errors.ts';
import { unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';

/** The format of the lines: bytes, or as `--json` or `--jsonl` writes them. */
export type LineFormat = 'plain' | 'json' | 'jsonl';

/** Which inputs have their result. */
export interface Done {
  /** How many inputs have a result. */
  readonly count: number;
  /** The number of the last of them, plus 1. */
  readonly end: number;
  /** Whether the input with this number has a result. */
  has(index: number): boolean;
}

/** No input has a result. */
export const NOTHING_DONE: Done = { count: 0, end: 0, has: () => false };

/** What a file of results holds. */
export interface Results {
  readonly done: Done;
  /** Bytes up to the end of the last complete line. */
  readonly whole: number;
  readonly size: number;
}

/**
 * Reads the complete lines of a file. In `jsonl` each line names its input; otherwise line n is the result of input n. Holds
 * at most one line in memory.
 * @throws CommandError `INPUT` when the file cannot be read, or a line is not a result in this format.
 */
export async function readResults(path: string, format: LineFormat): Promise<Results> {
  const name = quoted(path);
  const lines = new LineReader(format, name);
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) lines.read(chunk);
  } catch (error) {
    throw error instanceof CommandError ? error : unreadable(name, error);
  }
  return lines.results;
}

const NEWLINE = 0x0a;
const CLOSING_BRACE = 0x7d;

/** Bytes of the longest line that is parsed. Of a longer line only the beginning and the end are checked. */
const LONGEST_CHECKED = 1024 * 1024;

/** Bytes that are enough for the beginning of a result. */
const HEAD = 80;

const BEGINNINGS: Readonly<Record<LineFormat, readonly string[]>> = {
  plain: [''],
  json: ['{"text":"', '{"base64":"'],
  jsonl: ['{"index":'],
};

const NUMBERED = /^\{"index":(\d{1,16}),"status":"(?:fulfilled|rejected)"[,}]/;

class LineReader {
  readonly #format: LineFormat;
  readonly #name: string;
  readonly #indexes = new IndexSet();
  #lines = 0;
  #size = 0;
  #whole = 0;
  #pieces: Buffer[] = [];
  /** Bytes of the current line so far. */
  #length = 0;

  constructor(format: LineFormat, name: string) {
    this.#format = format;
    this.#name = name;
  }

  get results(): Results {
    const lines = this.#lines;
    const inOrder: Done = { count: lines, end: lines, has: (index) => index < lines };
    return { done: this.#format === 'jsonl' ? this.#indexes : inOrder, whole: this.#whole, size: this.#size };
  }

  read(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, at));
      this.#end();
      from = at + 1;
      this.#whole = this.#size + from;
    }
    this.#take(chunk.subarray(from));
    this.#size += chunk.length;
  }

  #take(piece: Buffer): void {
    if (this.#format === 'plain' || piece.length === 0) return;
    const isBegun = this.#length >= HEAD;
    this.#length += piece.length;
    if (this.#length <= LONGEST_CHECKED) this.#pieces.push(piece);
    else this.#pieces = [this.#head(), piece.subarray(-1)];
    // Stops early in a file of something else, also when it has no newlines.
    if (!isBegun && !this.#begins(this.#head().toString('latin1'))) throw this.#noResult();
  }

  #head(): Buffer {
    return Buffer.concat(this.#pieces).subarray(0, HEAD);
  }

  #begins(head: string): boolean {
    return BEGINNINGS[this.#format].some(
      (beginning) => head.startsWith(beginning) || beginning.startsWith(head),
    );
  }

  #end(): void {
    if (this.#format !== 'plain' && !this.#isResult(Buffer.concat(this.#pieces))) throw this.#noResult();
    this.#lines++;
    this.#pieces = [];
    this.#length = 0;
  }

  #isResult(line: Buffer): boolean {
    if (line.at(-1) !== CLOSING_BRACE) return false;
    const head = line.subarray(0, HEAD).toString('latin1');
    if (!BEGINNINGS[this.#format].some((beginning) => head.startsWith(beginning))) return false;
    if (this.#length <= LONGEST_CHECKED && !isJson(line)) return false;
    return this.#format === 'json' || this.#indexes.add(Number(NUMBERED.exec(head)?.[1] ?? Number.NaN));
  }

  #noResult(): CommandError {
    const option = this.#format === 'plain' ? '' : ` --${this.#format}`;
    return new CommandError(
      'INPUT',
      `line ${this.#lines + 1} of ${this.#name} is not a result of frond map${option}; the file is unchanged`,
      'give --resume the output of the same command line',
    );
  }
}

function isJson(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false;
  }
}

/** Numbers that one page of an {@link IndexSet} holds a bit for. */
const PAGE = 65_536;

/** Largest number of inputs: no file that can be read has more. */
const MOST_INPUTS = 2 ** 40;

/** A set of numbers, with one bit for each: a Set takes 50 times the memory, and holds at most 17 million. */
class IndexSet implements Done {
  readonly #pages = new Map<number, Uint8Array>();
  count = 0;
  end = 0;

  has(index: number): boolean {
    const byte = this.#pages.get(Math.floor(index / PAGE))?.[(index % PAGE) >> 3] ?? 0;
    return (byte & (1 << (index & 7))) !== 0;
  }

  /** Adds a number. Returns false for one that cannot be the number of an input. */
  add(index: number): boolean {
    if (!(index < MOST_INPUTS)) return false;
    if (this.has(index)) return true;
    const number = Math.floor(index / PAGE);
    const page = this.#pages.get(number) ?? new Uint8Array(PAGE / 8);
    this.#pages.set(number, page);
    const at = (index % PAGE) >> 3;
    page[at] = (page[at] ?? 0) | (1 << (index % 8));
    this.count++;
    this.end = Math.max(this.end, index + 1);
    return true;
  }
}
