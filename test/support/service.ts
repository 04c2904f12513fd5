/** Commands that run until they are told to end, and the modules that they run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Child, contentOf, exitOf, start } from './command.ts';
import { within } from './wait.ts';

/** Milliseconds that a line may take. */
const LIMIT = 40_000;

/** What `frond serve --json` and `frond worker --json` say of a role that is up. */
export interface Up {
  readonly role: string;
  readonly name: string;
  readonly addresses: Readonly<Record<string, string>> & { readonly db_address: string };
  readonly functions: readonly string[];
  readonly master?: string;
}

/** A folder of modules that is removed when it is no longer used. */
export class Modules implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Modules> {
    return new Modules(await mkdtemp(join(tmpdir(), 'frond-')));
  }

  /** Writes a module, and gives its path. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** A command that runs, and its lines. Killed at the end of the block, if it still runs. */
export class Service implements AsyncDisposable {
  readonly child: Child;
  readonly stderr: Promise<Buffer>;
  readonly #lines: string[] = [];
  readonly #errors: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], env?: Readonly<Record<string, string>>) {
    this.child = start(args, env);
    this.#collect(this.child.stdout, this.#lines);
    this.#collect(this.child.stderr, this.#errors);
    this.stderr = contentOf(this.child.stderr);
  }

  /** The line of stdout with this number, from 0 on, once it is there. */
  async line(number: number): Promise<string> {
    return this.#until(`line ${number}`, () => this.#lines[number]);
  }

  /** What a role says when it is up: the object in the line with this number. */
  async up(number = 0): Promise<Up> {
    return JSON.parse(await this.line(number)) as Up;
  }

  /** The first line of stderr that fits, from the line with number `from` on. */
  async error(fits: RegExp, from = 0): Promise<string> {
    return this.#until(`an error like ${fits}`, () =>
      this.#errors.slice(from).find((line) => fits.test(line)),
    );
  }

  /** Sends a signal, and gives the exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return exitOf(this.child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await exitOf(this.child);
  }

  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    const found = (async () => {
      for (;;) {
        const value = find();
        if (value !== undefined) return value;
        if (this.child.stdout.readableEnded)
          throw new Error(`it ended without ${what}: ${this.#errors.join('\n')}`);
        await new Promise<void>((resolve) => {
          this.#waiting.add(resolve);
        });
      }
    })();
    return within(LIMIT, found, what);
  }

  #collect(stream: Readable, lines: string[]): void {
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
      this.#changed();
    });
    // Ended for its readers too by then.
    stream.on('end', () => setImmediate(() => this.#changed()));
  }

  #changed(): void {
    for (const look of this.#waiting) look();
    this.#waiting.clear();
  }
}

/** What a module of functions begins with. */
export const TOOLS = `
const encode = (text) => new TextEncoder().encode(text);
const decode = (payload) => new TextDecoder().decode(payload);
const ANY = 'tcp://127.0.0.1:*';
const functions = {
  upper: (payload) => encode(decode(payload).toUpperCase()),
  slow: async (payload, { logger }) => {
    logger.warning('begun');
    await new Promise((resolve) => setTimeout(resolve, 300));
    return payload;
  },
  never: (payload, { logger }) => {
    logger.warning('begun');
    return new Promise(() => {});
  },
  bad: () => {
    throw new RangeError('out of it');
  },
};
`;

/** A module of one server. */
export const SERVER = `${TOOLS}
export default {
  role: 'server', name: 'test', dbAddress: ANY, pullAddress: ANY, pubAddress: ANY, functions,
};
`;

/** The text of a module of a Master, at a given db_address, and others. */
export function masterModule(dbAddress: string, others = ''): string {
  return `${TOOLS}
const db = '${dbAddress}';
export default async () => [
  { role: 'master', name: 'chief', dbAddress: db, pullAddress: ANY, pubAddress: ANY, workerPullAddress: ANY, workerPushAddress: ANY },
  ${others}
];
`;
}
