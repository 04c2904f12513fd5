/** A command of frond in a process of its own, started as a user starts it, and what it takes of the machine. */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Child, start } from '../support/command.ts';
import { within } from '../support/wait.ts';

const START = 30_000;
const END = 10_000;
const PAGE = 4_096;
/** Ticks of `/proc/PID/stat` each second. */
const TICKS = 100;
/** Milliseconds between two looks at what it takes. */
const LOOK = 20;
/** Whether everything uses the package zeromq, as FROND_NATIVE=1 has it, and not frond's own ZeroMQ. */
export const IS_NATIVE = process.env['FROND_NATIVE'] === '1';

/** Lines of its log that are kept, from the end. */
const LINES_KEPT = 30;

export interface TargetOptions {
  /** Descriptors that it may have. */
  readonly descriptors?: number;
}

export class Target implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>;
  /** Bytes of stderr. */
  logged = 0;
  /** Lines of stderr with characters that do something to a terminal. */
  unsafe = 0;
  /** The last lines of stderr. */
  readonly log: string[] = [];
  readonly #child: Child;
  readonly #lines: string[] = [];
  #wake = () => {};
  #end: string | undefined;
  #descriptors = 0;
  /** What was seen last: a process that has ended tells nothing. */
  #peak = 0;
  #cpu = 0;

  constructor(args: readonly string[], { descriptors }: TargetOptions = {}) {
    const launcher = descriptors === undefined ? [] : ['prlimit', `--nofile=${descriptors}`];
    this.#child = start(args, IS_NATIVE ? { FROND_NATIVE: '1' } : {}, launcher);
    this.#child.stdin.end();
    this.pid = this.#child.pid ?? 0;
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.logged += chunk.length;
    });
    createInterface({ input: this.#child.stderr }).on('line', (line) => {
      if (UNSAFE.test(line)) this.unsafe++;
      this.log.push(line.slice(0, 500));
      if (this.log.length > LINES_KEPT) this.log.shift();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#end = `it ended with ${signal ?? code}: ${this.#lastWords()}`;
        resolve(this.#end);
        this.#wake();
      });
    });
  }

  /** How it ended, if it has. */
  get end(): string | undefined {
    return this.#end;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The first object of stdout that has a key, once it is there. */
  async said<T>(key: string): Promise<T> {
    const find = async () => {
      for (;;) {
        for (const line of this.#lines) {
          const said: unknown = JSON.parse(line);
          if (typeof said === 'object' && said !== null && key in said) return said as T;
        }
        if (this.#end !== undefined) throw new Error(this.#end);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    return within(START, find(), `the command to say ${key}`);
  }

  /** Objects of stdout so far. */
  get objects(): unknown[] {
    return this.#lines.map((line) => JSON.parse(line) as unknown);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Bytes of memory that it has now. */
  get rss(): number {
    return Number(this.#read('statm').split(' ')[1] ?? 0) * PAGE;
  }

  /** Bytes of memory that it had at most since {@link forgetPeaks}. */
  get peak(): number {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(this.#read('status'))?.[1];
    if (kilobytes !== undefined) this.#peak = Number(kilobytes) * 1_024;
    return this.#peak;
  }

  /** Seconds that it computed since its start. */
  get cpu(): number {
    // Behind the name, which may have spaces.
    const fields = this.#read('stat')
      .replace(/^.*\) /, '')
      .split(' ');
    if (fields.length > 12) this.#cpu = (Number(fields[11]) + Number(fields[12])) / TICKS;
    return this.#cpu;
  }

  get descriptors(): number {
    const now = this.#list().length;
    this.#descriptors = Math.max(this.#descriptors, now);
    return now;
  }

  /** Descriptors that it had at most since {@link forgetPeaks}, as far as was seen. */
  get mostDescriptors(): number {
    return Math.max(this.#descriptors, this.descriptors);
  }

  forgetPeaks(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
    this.#descriptors = this.descriptors;
  }

  /** Looks at what it takes again and again, until the function that it gives is called. */
  watch(): () => void {
    const timer = setInterval(() => [this.descriptors, this.peak, this.cpu], LOOK);
    return () => clearInterval(timer);
  }

  /** TCP ports that it listens at. */
  get ports(): number[] {
    const own = new Set(
      this.#list().flatMap((name) => {
        const link = this.#linkOf(name);
        return link.startsWith('socket:[') ? [link.slice('socket:['.length, -1)] : [];
      }),
    );
    const ports: number[] = [];
    for (const line of this.#read('net/tcp').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [, local = '', , state, , , , , , inode = ''] = fields;
      if (state === LISTENS && own.has(inode)) ports.push(Number.parseInt(local.split(':')[1] ?? '', 16));
    }
    return ports;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await within(END, this.ended, 'the end of the command');
  }

  /** What a process says when nothing has caught an error: the error itself stands above the stack. */
  #lastWords(): string {
    const line = this.log.find((own) => /\w*Error\b.*: |FATAL/.test(own)) ?? this.log.at(-1);
    return (line ?? 'it said nothing').trim().slice(0, 200);
  }

  #read(name: string): string {
    try {
      return readFileSync(`/proc/${this.pid}/${name}`, 'utf8');
    } catch {
      return '';
    }
  }

  #list(): string[] {
    try {
      return readdirSync(`/proc/${this.pid}/fd`);
    } catch {
      return [];
    }
  }

  #linkOf(name: string): string {
    try {
      return readlinkSync(`/proc/${this.pid}/fd/${name}`);
    } catch {
      return '';
    }
  }
}

const LISTENS = '0A';

/** Control characters, C1 among them, and those that turn the direction of a text. */
const UNSAFE = /(?!\t)[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
